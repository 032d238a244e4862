/* pos_resize.c: resizes position embeddings: one list of taps per axis, applied along the columns, then along the rows.
 *
 * The modes differ in the taps alone. Coordinates are f32 because PyTorch's are: an inexact scale moves all of them. */
#include "vit/network/pos_resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What each output position of an axis reads: the inputs at[], each with its weight. */
struct taps {
    int n_out, n_max; /* output positions; room for taps of each */
    int *count;       /* (n_out) */
    int *at;          /* (n_out, n_max) */
    float *weight;    /* (n_out, n_max) */
};

static void free_taps(struct taps *taps)
{
    free(taps->count);
    free(taps->at);
    free(taps->weight);
}

static vit_status allocate_taps(struct taps *taps, int n_out, int n_max, struct vit_error *err)
{
    size_t n = (size_t)n_out * (size_t)n_max;
    *taps = (struct taps){n_out, n_max, calloc((size_t)n_out, sizeof(int)), calloc(n, sizeof(int)),
                          calloc(n, sizeof(float))};
    if (!taps->count || !taps->at || !taps->weight)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for resizing position embeddings");
    return VIT_OK;
}

/* ---- Kernels ---- */

/* The cubic convolution kernel of parameter a. */
static float cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return (float)(((a + 2) * x - (a + 3)) * x * x + 1);
    if (x < 2)
        return (float)((((x - 5) * x + 8) * x - 4) * a);
    return 0;
}

/* Input positions per output position. */
static float find_scale(int in, int out, enum vit_pos_resize mode)
{
    if (mode == VIT_POS_RESIZE_BICUBIC_CORNERS || mode == VIT_POS_RESIZE_BILINEAR_CORNERS)
        return out > 1 ? (float)(in - 1) / (float)(out - 1) : 0;
    if (mode == VIT_POS_RESIZE_BICUBIC_OFF01)
        return (float)(1 / ((out + 0.1) / in));
    return (float)in / (float)out;
}

/* Where output position i lies among the inputs. */
static float find_source(int i, float scale, enum vit_pos_resize mode)
{
    if (mode == VIT_POS_RESIZE_BICUBIC_CORNERS || mode == VIT_POS_RESIZE_BILINEAR_CORNERS)
        return scale * (float)i;
    return scale * ((float)i + 0.5f) - 0.5f;
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* ---- Taps ---- */

static void fill_bilinear(struct taps *taps, int in, enum vit_pos_resize mode)
{
    float scale = find_scale(in, taps->n_out, mode);
    for (int i = 0; i < taps->n_out; i++) {
        float source = fmaxf(find_source(i, scale, mode), 0);
        int k = clamp((int)source, in), *at = taps->at + 2 * i;
        float t = fminf(source - (float)k, 1);
        taps->count[i] = 2;
        at[0] = k, at[1] = clamp(k + 1, in);
        taps->weight[2 * i] = 1 - t, taps->weight[2 * i + 1] = t;
    }
}

/* Four taps however much the grid shrinks; beyond the border the last input repeats. */
static void fill_bicubic(struct taps *taps, int in, enum vit_pos_resize mode)
{
    float scale = find_scale(in, taps->n_out, mode);
    for (int i = 0; i < taps->n_out; i++) {
        float source = find_source(i, scale, mode), k = floorf(source), t = source - k;
        taps->count[i] = 4;
        for (int j = 0; j < 4; j++) {
            taps->at[4 * i + j] = clamp((int)k + j - 1, in);
            taps->weight[4 * i + j] = cubic(t - (float)(j - 1), -0.75);
        }
    }
}

/* The kernel widens as the grid shrinks; beyond the border it is cut and weighed anew. */
static void fill_antialiased(struct taps *taps, int in)
{
    float scale = find_scale(in, taps->n_out, VIT_POS_RESIZE_BICUBIC_AA), stretch = fmaxf(scale, 1);
    for (int i = 0; i < taps->n_out; i++) {
        float centre = scale * ((float)i + 0.5f), total = 0, *weight = taps->weight + (size_t)i * (size_t)taps->n_max;
        int first = (int)(centre - 2 * stretch + 0.5f), last = (int)(centre + 2 * stretch + 0.5f);
        first = first < 0 ? 0 : first;
        last = last > in ? in : last;
        taps->count[i] = last - first;
        for (int j = 0; j < taps->count[i]; j++) {
            taps->at[i * taps->n_max + j] = first + j;
            weight[j] = cubic(((float)(first + j) - centre + 0.5f) / stretch, -0.5);
            total += weight[j];
        }
        for (int j = 0; j < taps->count[i]; j++)
            weight[j] /= total;
    }
}

static vit_status create_taps(struct taps *taps, int in, int out, enum vit_pos_resize mode, struct vit_error *err)
{
    switch (mode) {
    case VIT_POS_RESIZE_BILINEAR:
    case VIT_POS_RESIZE_BILINEAR_CORNERS:
        VIT_TRY(allocate_taps(taps, out, 2, err));
        fill_bilinear(taps, in, mode);
        return VIT_OK;
    case VIT_POS_RESIZE_BICUBIC_AA:
        VIT_TRY(allocate_taps(taps, out, 4 * (in / out + 1) + 2, err));
        fill_antialiased(taps, in);
        return VIT_OK;
    case VIT_POS_RESIZE_NONE: /* handled by the caller */
    case VIT_POS_RESIZE_BICUBIC:
    case VIT_POS_RESIZE_BICUBIC_OFF01:
    case VIT_POS_RESIZE_BICUBIC_CORNERS:
        break;
    }
    VIT_TRY(allocate_taps(taps, out, 4, err));
    fill_bicubic(taps, in, mode);
    return VIT_OK;
}

/* ---- Resizing ---- */

/* Resizes the middle axis: dst (outer, n_out, inner), src (outer, in, inner). */
static void apply(float *dst, const float *src, int outer, int in, size_t inner, const struct taps *taps)
{
    for (int o = 0; o < outer; o++, src += (size_t)in * inner)
        for (int i = 0; i < taps->n_out; i++, dst += inner) {
            memset(dst, 0, inner * sizeof *dst);
            for (int j = 0; j < taps->count[i]; j++) {
                const float *row = src + (size_t)taps->at[i * taps->n_max + j] * inner;
                float weight = taps->weight[i * taps->n_max + j];
                for (size_t d = 0; d < inner; d++)
                    dst[d] += weight * row[d];
            }
        }
}

vit_status vit_pos_resize(float *dst, const int to[2], const float *src, const int from[2], int width,
                          enum vit_pos_resize mode, struct vit_error *err)
{
    size_t D = (size_t)width;
    if (to[0] == from[0] && to[1] == from[1]) {
        memcpy(dst, src, (size_t)to[0] * (size_t)to[1] * D * sizeof *dst);
        return VIT_OK;
    }
    if (mode == VIT_POS_RESIZE_NONE)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "pos_embed covers %d x %d patches, the image has %d x %d, and pos_resize is none", from[0],
                        from[1], to[0], to[1]);
    struct taps columns = {0}, rows = {0};
    float *wide = malloc((size_t)from[0] * (size_t)to[1] * D * sizeof *wide); /* (from[0], to[1], D) */
    vit_status status = VIT_OK;
    if (!wide)
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for resizing position embeddings");
    if (status == VIT_OK)
        status = create_taps(&columns, from[1], to[1], mode, err);
    if (status == VIT_OK)
        status = create_taps(&rows, from[0], to[0], mode, err);
    if (status == VIT_OK) {
        apply(wide, src, from[0], from[1], D, &columns);
        apply(dst, wide, 1, from[0], (size_t)to[1] * D, &rows);
    }
    free_taps(&columns);
    free_taps(&rows);
    free(wide);
    return status;
}
