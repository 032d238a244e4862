/* test_pos_resize.c: position embeddings on another grid: worked-out vectors along one axis, and PyTorch's interpolate
 * in two dimensions (tests/make_variants.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "vit/network/pos_resize.h"

#define GOLDENS "tests/goldens/pos_resize/"

/* PyTorch's weights are f32, and lose some bits where the terms of the cubic cancel. */
static const double TOL = 1e-6;

static const float squares[7] = {0, 1, 4, 9, 16, 25, 36};

static const struct {
    const char *name;
    enum vit_pos_resize mode;
    float four[4], ten[10];
} vectors[] = {
    {"bicubic", VIT_POS_RESIZE_BICUBIC, {.162598f, 4.666016f, 14.673828f, 32.629395f},
     {-.081281f, .249906f, 1.609375f, 3.714625f, 6.738125f,
      11.347625f, 16.571125f, 22.046875f, 30.800781f, 36.894094f}},
    {"bicubic_off01", VIT_POS_RESIZE_BICUBIC_OFF01, {.155041f, 4.344679f, 13.776692f, 31.081053f},
     {-.082482f, .242900f, 1.573398f, 3.586312f, 6.600105f,
      11.143858f, 16.059113f, 21.590334f, 30.138117f, 36.582361f}},
    {"bicubic_aa", VIT_POS_RESIZE_BICUBIC_AA, {.225720f, 4.422202f, 15.444342f, 31.427328f},
     {-.060570f, .339293f, 1.562500f, 3.802500f, 7.022500f,
      11.222500f, 16.402500f, 22.562500f, 30.720443f, 36.666271f}},
    {"bilinear", VIT_POS_RESIZE_BILINEAR, {.375f, 4.625f, 15.125f, 31.875f},
     {0, .55f, 1.75f, 3.85f, 7.25f, 11.45f, 16.45f, 22.75f, 29.95f, 36}},
    {"bicubic_corners", VIT_POS_RESIZE_BICUBIC_CORNERS, {0, 4, 16, 36},
     {0, .351852f, 1.777778f, 4, 6.814815f, 11.259259f, 16, 21.333333f, 29.462963f, 36}},
    {"bilinear_corners", VIT_POS_RESIZE_BILINEAR_CORNERS, {0, 4, 16, 36},
     {0, .666667f, 2, 4, 7.333333f, 11.333333f, 16, 22, 28.666667f, 36}},
};

enum { N_MODES = sizeof vectors / sizeof *vectors };

static void check(const char *name, const float *got, const float *want, size_t n)
{
    char message[CHECK_MESSAGE_MAX];
    cr_expect(check_f32(message, name, got, want, n, TOL), "%s", message);
}

/* Two rows, or two columns, of squares: what is resized along one axis stays as it is along the other. */
static void check_axis(size_t mode, int n, const float *want)
{
    float rows[14], columns[14], wide[20], tall[20], got[2][10];
    for (int i = 0; i < 7; i++)
        rows[i] = rows[7 + i] = columns[2 * i] = columns[2 * i + 1] = squares[i];
    struct vit_error err;
    cr_assert_eq(vit_pos_resize(wide, (int[]){2, n}, rows, (int[]){2, 7}, 1, vectors[mode].mode, &err), VIT_OK,
                 "%s", err.message);
    cr_assert_eq(vit_pos_resize(tall, (int[]){n, 2}, columns, (int[]){7, 2}, 1, vectors[mode].mode, &err), VIT_OK,
                 "%s", err.message);
    for (int i = 0; i < n; i++) {
        got[0][i] = wide[n + i];
        got[1][i] = tall[2 * i + 1];
    }
    check(vectors[mode].name, got[0], want, (size_t)n);
    check(vectors[mode].name, got[1], want, (size_t)n);
}

Test(pos_resize, one_axis)
{
    for (size_t mode = 0; mode < N_MODES; mode++) {
        check_axis(mode, 4, vectors[mode].four);
        check_axis(mode, 10, vectors[mode].ten);
    }
}

static void check_golden(const char *from_name, const char *name)
{
    struct npy src, want;
    char path[256], message[NPY_MESSAGE_MAX];
    snprintf(path, sizeof path, GOLDENS "%s.npy", from_name);
    cr_assert(npy_read(&src, path, message), "%s", message);
    snprintf(path, sizeof path, GOLDENS "%s.npy", name);
    cr_assert(npy_read(&want, path, message), "%s", message);
    cr_assert(src.n_dims == 3 && want.n_dims == 4 && want.shape[0] == N_MODES && want.shape[3] == src.shape[2]);
    int from[2] = {(int)src.shape[0], (int)src.shape[1]}, to[2] = {(int)want.shape[1], (int)want.shape[2]};
    size_t n = want.count / N_MODES;
    float *got = malloc(n * sizeof *got);
    cr_assert_not_null(got);
    for (size_t mode = 0; mode < N_MODES; mode++) {
        cr_assert_eq(vit_pos_resize(got, to, src.data, from, (int)src.shape[2], vectors[mode].mode, NULL), VIT_OK);
        check(vectors[mode].name, got, (float *)want.data + mode * n, n);
    }
    free(got);
    npy_free(&src);
    npy_free(&want);
}

Test(pos_resize, two_axes_as_pytorch)
{
    check_golden("37x37", "37x37_to_16x16");
    check_golden("5x4", "5x4_to_3x7");
    check_golden("4x6", "4x6_to_9x2");
}

/* An output of one row or column, and an input of one. */
Test(pos_resize, single_positions)
{
    for (size_t mode = 0; mode < N_MODES; mode++) {
        float one, many[3], three = 3;
        cr_assert_eq(vit_pos_resize(&one, (int[]){1, 1}, squares, (int[]){1, 7}, 1, vectors[mode].mode, NULL), VIT_OK);
        cr_expect(isfinite(one), "%s", vectors[mode].name);
        cr_assert_eq(vit_pos_resize(many, (int[]){1, 3}, &three, (int[]){1, 1}, 1, vectors[mode].mode, NULL), VIT_OK);
        check(vectors[mode].name, many, (const float[]){3, 3, 3}, 3);
    }
}

Test(pos_resize, equal_grids_are_copied)
{
    for (int mode = VIT_POS_RESIZE_NONE; mode <= VIT_POS_RESIZE_BILINEAR_CORNERS; mode++) {
        float got[6];
        cr_assert_eq(vit_pos_resize(got, (int[]){2, 1}, squares, (int[]){2, 1}, 3, (enum vit_pos_resize)mode, NULL),
                     VIT_OK);
        cr_expect_arr_eq(got, squares, sizeof got);
    }
}

/* Equal numbers of patches are not equal grids. */
Test(pos_resize, none_refuses_and_names_both_grids)
{
    float got[6];
    struct vit_error err;
    cr_assert_eq(vit_pos_resize(got, (int[]){3, 2}, squares, (int[]){2, 3}, 1, VIT_POS_RESIZE_NONE, &err),
                 VIT_ERR_UNSUPPORTED);
    cr_expect(strstr(err.message, "2 x 3") && strstr(err.message, "3 x 2"), "%s", err.message);
}
