/* resize.c: Pillow's resampling (libImaging/Resample.c) in integers, so that every pixel is Pillow's.
 *
 * Per axis, each pixel of the result is a weighted sum of a window of source pixels. The weights are computed in
 * double and rounded to multiples of 2^-22; a fused multiply-add there could move one, so that this file is to be
 * compiled with -ffp-contract=off. Each pass rounds to bytes, so that their order matters too. */
#include "patches/patches.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRECISION = 32 - 8 - 2, /* 8 bits for the pixel, 2 for overshoot */
    MAX_SIDE = 1 << 28      /* of the source; six of them, the longest window, fit an int */
};

/* ---- Filters, with Pillow's formulas ---- */

static double box_filter(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear_filter(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double hamming_filter(double x)
{
    x = fabs(x);
    if (x == 0.0)
        return 1.0;
    if (x >= 1.0)
        return 0.0;
    x = x * M_PI;
    return sin(x) / x * ((double)0.54f + (double)0.46f * cos(x));
}

static double bicubic_filter(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x = x * M_PI;
    return sin(x) / x;
}

static double lanczos_filter(double x)
{
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

struct filter {
    double (*weight)(double x);
    double support;
};

static const struct filter filters[] = {
    [VIT_FILTER_LANCZOS] = {lanczos_filter, 3.0},   [VIT_FILTER_BILINEAR] = {bilinear_filter, 1.0},
    [VIT_FILTER_BICUBIC] = {bicubic_filter, 2.0},   [VIT_FILTER_BOX] = {box_filter, 0.5},
    [VIT_FILTER_HAMMING] = {hamming_filter, 1.0},
};

/* ---- One axis: windows and weights of the pixels begin..begin+count-1 of a result `out` long ---- */

struct axis {
    int count;
    int window;       /* the room for weights of each pixel */
    int *first, *n;   /* (count): the first source pixel, and how many */
    int32_t *weights; /* (count, window) */
};

static void axis_free(struct axis *a)
{
    free(a->first);
    free(a->n);
    free(a->weights);
}

static int32_t quantise(double weight)
{
    const double one = 1 << PRECISION;
    return (int32_t)(weight < 0 ? weight * one - 0.5 : weight * one + 0.5);
}

/* The weights of pixel i of the result. raw has room for a window. */
static void fill_window(struct axis *a, int i, int pixel, int in, double scale, const struct filter *f, double *raw)
{
    double stretch = scale < 1.0 ? 1.0 : scale, inverse = 1.0 / stretch;
    double support = f->support * stretch, centre = (pixel + 0.5) * scale, sum = 0.0;
    int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > in ? in : end;
    for (int j = first; j < end; j++) {
        raw[j - first] = f->weight((j - centre + 0.5) * inverse);
        sum += raw[j - first];
    }
    int32_t *weights = a->weights + (size_t)i * (size_t)a->window;
    for (int j = 0; j < end - first; j++)
        weights[j] = quantise(sum != 0.0 ? raw[j] / sum : raw[j]);
    a->first[i] = first;
    a->n[i] = end - first;
}

/* On failure everything that was allocated is still the caller's to free. */
static vit_status axis_fill(struct axis *a, int in, int out, int begin, int count, const struct filter *f,
                            struct vit_error *err)
{
    double scale = (double)in / out, window = ceil(f->support * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
    a->count = count;
    a->window = (int)window;
    a->first = malloc((size_t)count * sizeof *a->first);
    a->n = malloc((size_t)count * sizeof *a->n);
    a->weights = malloc((size_t)count * (size_t)a->window * sizeof *a->weights);
    double *raw = malloc((size_t)a->window * sizeof *raw);
    vit_status status = VIT_OK;
    if (!a->first || !a->n || !a->weights || !raw)
        status = vit_fail(err, VIT_ERR_MEMORY, "resize: no memory for %d weights of %d pixels", a->window, count);
    for (int i = 0; i < count && status == VIT_OK; i++)
        fill_window(a, i, begin + i, in, scale, f, raw);
    free(raw);
    return status;
}

/* ---- The two passes ---- */

static uint8_t clip(int32_t sum)
{
    sum >>= PRECISION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* One row (a->count, 3) from the source row that starts at src. */
static void resize_row(uint8_t *restrict dst, const uint8_t *restrict src, const struct axis *a)
{
    for (int x = 0; x < a->count; x++, dst += 3) {
        const uint8_t *p = src + (size_t)a->first[x] * 3;
        const int32_t *w = a->weights + (size_t)x * (size_t)a->window;
        int32_t r = 1 << (PRECISION - 1), g = r, b = r;
        for (int j = 0; j < a->n[x]; j++, p += 3) {
            r += p[0] * w[j];
            g += p[1] * w[j];
            b += p[2] * w[j];
        }
        dst[0] = clip(r);
        dst[1] = clip(g);
        dst[2] = clip(b);
    }
}

/* Sums n rows, stride bytes apart, into one of `bytes` bytes. Blocks of a fixed length become vector instructions. */
static void resize_columns(uint8_t *restrict dst, const uint8_t *restrict src, size_t stride, size_t bytes,
                           const int32_t *restrict weights, int n)
{
    enum { BLOCK = 64 };
    for (size_t at = 0; at < bytes; at += BLOCK) {
        size_t m = bytes - at < BLOCK ? bytes - at : BLOCK;
        int32_t sums[BLOCK];
        for (int i = 0; i < BLOCK; i++)
            sums[i] = 1 << (PRECISION - 1);
        for (int j = 0; j < n; j++) {
            const uint8_t *row = src + (size_t)j * stride + at;
            if (m == BLOCK) {
                for (int i = 0; i < BLOCK; i++)
                    sums[i] += row[i] * weights[j];
            } else {
                for (size_t i = 0; i < m; i++)
                    sums[i] += row[i] * weights[j];
            }
        }
        for (size_t i = 0; i < m; i++)
            dst[at + i] = clip(sums[i]);
    }
}

/* Rows first..first+count-1 of src, resized along x. */
static vit_status horizontal_pass(struct vit_image *dst, const struct vit_image *src, int first, int count,
                                  const struct axis *a, struct vit_error *err)
{
    VIT_TRY(vit_image_create(dst, a->count, count, err));
    for (int y = 0; y < count; y++) {
        resize_row(dst->rgb + (size_t)y * (size_t)dst->width * 3,
                   src->rgb + ((size_t)first + (size_t)y) * (size_t)src->width * 3, a);
    }
    return VIT_OK;
}

/* Columns first..first+count-1 of src, resized along y. Row 0 of src is row y0 of the picture that a speaks of. */
static vit_status vertical_pass(struct vit_image *dst, const struct vit_image *src, int first, int count, int y0,
                                const struct axis *a, struct vit_error *err)
{
    size_t stride = (size_t)src->width * 3, bytes = (size_t)count * 3;
    VIT_TRY(vit_image_create(dst, count, a->count, err));
    for (int y = 0; y < a->count; y++) {
        resize_columns(dst->rgb + (size_t)y * bytes, src->rgb + (size_t)(a->first[y] - y0) * stride + (size_t)first * 3,
                       stride, bytes, a->weights + (size_t)y * (size_t)a->window, a->n[y]);
    }
    return VIT_OK;
}

static vit_status crop(struct vit_image *dst, const struct vit_image *src, struct vit_box box, struct vit_error *err)
{
    size_t bytes = (size_t)box.width * 3;
    VIT_TRY(vit_image_create(dst, box.width, box.height, err));
    for (int y = 0; y < box.height; y++) {
        size_t from = ((size_t)box.top + (size_t)y) * (size_t)src->width + (size_t)box.left;
        memcpy(dst->rgb + (size_t)y * bytes, src->rgb + from * 3, bytes);
    }
    return VIT_OK;
}

/* Both passes; the first computes only what the second reads. */
static vit_status two_passes(struct vit_image *dst, const struct vit_image *src, bool vertical_first,
                             const struct axis *across, const struct axis *down, struct vit_error *err)
{
    struct vit_image middle;
    vit_status status;
    if (vertical_first) {
        VIT_TRY(vertical_pass(&middle, src, 0, src->width, 0, down, err));
        status = horizontal_pass(dst, &middle, 0, down->count, across, err);
    } else {
        int begin = down->first[0], end = down->first[down->count - 1] + down->n[down->count - 1];
        VIT_TRY(horizontal_pass(&middle, src, begin, end - begin, across, err));
        status = vertical_pass(dst, &middle, 0, across->count, begin, down, err);
    }
    vit_image_free(&middle);
    return status;
}

static vit_status resample(struct vit_image *dst, const struct vit_image *src, int width, int height,
                           struct vit_box box, const struct filter *f, struct vit_error *err)
{
    struct axis across = {0}, down = {0};
    bool resize_x = width != src->width, resize_y = height != src->height;
    /* As Pillow 13 decides: when the height loses more than twice the pixels that the width does. */
    int64_t loss_y = (int64_t)src->height - height, loss_x = (int64_t)src->width - width;
    bool vertical_first = loss_y > 0 && loss_y > 2 * loss_x;

    vit_status status = VIT_OK;
    if (resize_x)
        status = axis_fill(&across, src->width, width, box.left, box.width, f, err);
    if (resize_y && status == VIT_OK)
        status = axis_fill(&down, src->height, height, box.top, box.height, f, err);
    if (status != VIT_OK)
        goto end;
    if (resize_x && resize_y)
        status = two_passes(dst, src, vertical_first, &across, &down, err);
    else if (resize_x)
        status = horizontal_pass(dst, src, box.top, box.height, &across, err);
    else
        status = vertical_pass(dst, src, box.left, box.width, 0, &down, err);
end:
    axis_free(&across);
    axis_free(&down);
    return status;
}

/* ---- Nearest: Pillow's affine transform, which adds up the scale step by step ---- */

/* The source index of pixels begin..begin+count-1. Rounding could carry the sum out of the picture, hence the limit. */
static void nearest_indices(int *index, int in, int out, int begin, int count)
{
    double scale = (double)in / out, at = scale * 0.5;
    for (int i = 0; i < begin + count; i++, at += scale) {
        if (i >= begin)
            index[i - begin] = at < in ? (int)at : in - 1;
    }
}

static vit_status nearest(struct vit_image *dst, const struct vit_image *src, int width, int height,
                          struct vit_box box, struct vit_error *err)
{
    VIT_TRY(vit_image_create(dst, box.width, box.height, err));
    int *across = malloc((size_t)box.width * sizeof *across), *down = malloc((size_t)box.height * sizeof *down);
    vit_status status = VIT_OK;
    if (!across || !down) {
        status = vit_fail(err, VIT_ERR_MEMORY, "resize: no memory for %d + %d indices", box.width, box.height);
        vit_image_free(dst);
        goto end;
    }
    nearest_indices(across, src->width, width, box.left, box.width);
    nearest_indices(down, src->height, height, box.top, box.height);
    uint8_t *to = dst->rgb;
    for (int y = 0; y < box.height; y++) {
        for (int x = 0; x < box.width; x++, to += 3)
            memcpy(to, src->rgb + ((size_t)down[y] * (size_t)src->width + (size_t)across[x]) * 3, 3);
    }
end:
    free(across);
    free(down);
    return status;
}

/* ---- Entry ---- */

vit_status vit_resize_part(struct vit_image *dst, const struct vit_image *src, int width, int height,
                           struct vit_box box, enum vit_filter filter, struct vit_error *err)
{
    *dst = (struct vit_image){0};
    if (width < 1 || height < 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "resize: to %d x %d pixels", width, height);
    if (src->width > MAX_SIDE || src->height > MAX_SIDE)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "resize: from %d x %d pixels; a side may have %d", src->width,
                        src->height, MAX_SIDE);
    if ((unsigned)filter >= sizeof filters / sizeof *filters)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "resize: filter %d does not exist", (int)filter);
    if (width == src->width && height == src->height)
        return crop(dst, src, box, err);
    if (filter == VIT_FILTER_NEAREST)
        return nearest(dst, src, width, height, box, err);
    return resample(dst, src, width, height, box, &filters[filter], err);
}

vit_status vit_resize(struct vit_image *dst, const struct vit_image *src, int width, int height,
                      enum vit_filter filter, struct vit_error *err)
{
    return vit_resize_part(dst, src, width, height, (struct vit_box){0, 0, width, height}, filter, err);
}
