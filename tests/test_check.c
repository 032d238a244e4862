/* test_check.c: the tensor check and the .npy reader must refuse what is wrong, else no other test means anything. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/npy.h"

enum { N = 6 };

static const float want[N] = { 0.5F, -4.0F, 1.25F, 0.0F, 2.0F, -0.75F };
static char message[CHECK_MESSAGE_MAX];

static void expect_message(const char *part)
{
    cr_assert(strstr(message, part), "\"%s\" does not hold \"%s\"", message, part);
}

/* Checks want with element i replaced. */
static bool check_with(size_t i, float x, double tol)
{
    float got[N];
    memcpy(got, want, sizeof got);
    got[i] = x;
    return check_f32(message, "fc1", got, want, N, tol);
}

Test(check, equal_arrays_pass_without_tolerance)
{
    cr_assert(check_f32(message, "fc1", want, want, N, 0), "%s", message);
    expect_message("fc1: largest error 0 ");
}

Test(check, tolerance_grows_with_the_largest_expected_value)
{
    cr_assert(check_with(0, 0.5F + 0x1p-8F, 0x1p-10), "%s", message); /* 2^-8 = 2^-10 * 4 */
    cr_assert_not(check_with(0, 0.5F + 0x1p-7F, 0x1p-10));
    float small[2] = { 0.01F, 0.0F }, near[2] = { 0.01F, 0.001F };
    cr_assert(check_f32(message, "small", near, small, 2, 0.0011), "%s", message);
    cr_assert_not(check_f32(message, "small", near, small, 2, 0.0009));
}

Test(check, one_wrong_element_fails_and_is_named)
{
    for (size_t i = 0; i < N; i++)
        cr_assert_not(check_with(i, want[i] + 0.01F, 1e-4), "element %zu: %s", i, message);
    cr_assert_not(check_with(4, 2.5F, 1e-4));
    expect_message("fc1: largest error 0.5 at [4]: got 2.5, expected 2; tolerance 0.0004");
}

Test(check, zeros_fail)
{
    float zeros[N] = { 0 };
    cr_assert_not(check_f32(message, "fc1", zeros, want, N, 1e-4));
    expect_message("at [1]: got 0, expected -4");
}

Test(check, nan_and_infinity_fail_on_either_side)
{
    for (size_t i = 0; i < N; i++) {
        cr_assert_not(check_with(i, NAN, 1e-4), "%s", message);
        cr_assert_not(check_with(i, NAN, INFINITY), "%s", message);
        cr_assert_not(check_with(i, INFINITY, INFINITY), "%s", message);
    }
    cr_assert_not(check_with(3, NAN, 1e-4));
    expect_message("fc1: not finite at [3]: got nan, expected 0");
    float nan = NAN, infinite = INFINITY, zero = 0;
    cr_assert_not(check_f32(message, "want", &zero, &nan, 1, 1e-4));
    cr_assert_not(check_f32(message, "want", &zero, &infinite, 1, 1e-4));
    cr_assert_not(check_f32(message, "both", &nan, &nan, 1, 1e-4));
    cr_assert_not(check_f32(message, "both", &infinite, &infinite, 1, 1e-4));
}

Test(check, a_tolerance_that_is_not_a_number_fails)
{
    cr_assert_not(check_f32(message, "fc1", want, want, N, (double)NAN));
}

Test(check, nothing_to_compare_fails)
{
    cr_assert_not(check_f32(message, "fc1", want, want, 0, 1e-4));
    expect_message("fc1: nothing to compare");
}

Test(check, bytes)
{
    const uint8_t a[3] = { 0, 255, 7 }, b[3] = { 0, 255, 8 };
    cr_assert(check_u8(message, "pixels", a, a, 3, 0), "%s", message);
    cr_assert_not(check_u8(message, "pixels", a, b, 3, 0));
    expect_message("pixels: largest error 1 at [2]: got 7, expected 8");
}

Test(check, shapes_and_types_must_be_equal)
{
    float data[N];
    memcpy(data, want, sizeof data);
    const struct npy a = { .type = NPY_F32, .n_dims = 2, .shape = { 2, 3 }, .count = N, .data = data };
    struct npy b = a;
    cr_assert(check_npy(message, "tokens", &a, &b, 0), "%s", message);
    b.shape[0] = 3, b.shape[1] = 2;
    cr_assert_not(check_npy(message, "tokens", &a, &b, 0));
    expect_message("tokens: got f32 (2, 3), expected f32 (3, 2)");
    b = a, b.n_dims = 3, b.shape[2] = 1;
    cr_assert_not(check_npy(message, "tokens", &a, &b, 0));
    b = a, b.type = NPY_U8;
    cr_assert_not(check_npy(message, "tokens", &a, &b, 0));
}

Test(check, places_count_along_the_shape)
{
    float got[N];
    memcpy(got, want, sizeof got);
    got[5] = 3;
    const struct npy a = { .type = NPY_F32, .n_dims = 2, .shape = { 2, 3 }, .count = N, .data = got };
    struct npy b = a;
    b.data = (void *)(uintptr_t)want;
    cr_assert_not(check_npy(message, "tokens", &a, &b, 1e-4));
    expect_message("at [1, 2]: got 3, expected -0.75");
}

/* Writes header and data as a .npy file of version 1 and reads it back. */
static bool read_npy(struct npy *array, const char *header, const void *data, size_t n)
{
    char path[] = "/tmp/vit-npy-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    FILE *f = fdopen(fd, "wb");
    cr_assert_not_null(f);
    fwrite("\x93NUMPY\x01\x00", 1, 8, f);
    const uint8_t length[2] = { (uint8_t)strlen(header), 0 };
    fwrite(length, 1, 2, f);
    fputs(header, f);
    fwrite(data, 1, n, f);
    cr_assert_eq(fclose(f), 0);
    bool pass = npy_read(array, path, message);
    unlink(path);
    return pass;
}

#define HEADER(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

Test(check, npy_is_read_whole)
{
    struct npy a;
    cr_assert(read_npy(&a, HEADER("<f4", "False", "(2, 3)"), want, sizeof want), "%s", message);
    cr_assert(a.type == NPY_F32 && a.n_dims == 2 && a.shape[0] == 2 && a.shape[1] == 3 && a.count == N);
    cr_assert_arr_eq(a.data, want, sizeof want);
    npy_free(&a);
    cr_assert(read_npy(&a, HEADER("|u1", "False", "(3,)"), "abc", 3), "%s", message);
    cr_assert(a.type == NPY_U8 && a.n_dims == 1 && a.count == 3 && memcmp(a.data, "abc", 3) == 0);
    npy_free(&a);
}

Test(check, npy_that_is_wrong_is_refused)
{
    struct npy a;
    cr_assert_not(read_npy(&a, HEADER("<f4", "False", "(2, 3)"), want, sizeof want - 1));
    expect_message("fewer elements than the shape says");
    cr_assert_null(a.data);
    cr_assert_not(read_npy(&a, HEADER("|u1", "False", "(3,)"), "abcd", 4));
    expect_message("more bytes than the shape says");
    cr_assert_not(read_npy(&a, HEADER("<f8", "False", "(3,)"), want, sizeof want));
    cr_assert_not(read_npy(&a, HEADER("<f4", "True", "(2, 3)"), want, sizeof want));
    cr_assert_not(read_npy(&a, HEADER("<f4", "False", "(2, x)"), want, sizeof want));
    cr_assert_not(read_npy(&a, HEADER("<f4", "False", "(99999999999, 99999999999)"), want, sizeof want));
    expect_message("the shape overflows");
    cr_assert_not(npy_read(&a, "/tmp/vit-no-such-file.npy", message));
    expect_message("/tmp/vit-no-such-file.npy: ");
}
