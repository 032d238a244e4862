/* rows_loops.h: layer norm and rounding, in terms of a vector (vec.h). Included once by each rows_ISA.c; where there
 * are words for parts (parts.h), for panels, else for rows.
 *
 * A few rows are done together: what one waits for another fills, and in panels they lie side by side. */
#include <math.h>

#include "vit/kernels/rows.h"

enum { TOGETHER = LANES / 2, VECS = VIT_PANEL / LANES };

/* A few rows of a problem, what is done to them, (src - mean) scale gain + shift, and where they go. Where
 * gain is NULL nothing is done. */
struct rows {
    const float *src; /* (n, width) */
    void *dst;
    enum vit_format format;
    int64_t dst_step;
    int n, width;
    const float *gain, *shift; /* (width) */
    float mean[TOGETHER], scale[TOGETHER];
};

/* The first n elements of x, zero after them. */
INLINE vec first(vec x, int n)
{
    float all[LANES];
    v_store(all, x);
    return v_load_some(all, n);
}

/* ---- Mean and variance ---- */

/* Of each row: the sum of src or, with squared, of the squares of src - mean. */
INLINE void add_up(float sums[TOGETHER], const struct rows *r, const bool squared)
{
    vec sum[TOGETHER];
    const float *row[TOGETHER];
#pragma GCC unroll 8
    for (int i = 0; i < TOGETHER; i++) {
        sum[i] = v_zero();
        row[i] = r->src + (int64_t)(i < r->n ? i : 0) * r->width; /* for one that is missing the first again */
    }
    for (int c = 0; c < r->width; c += LANES) {
        int left = r->width - c;
#pragma GCC unroll 8
        for (int i = 0; i < TOGETHER; i++) {
            vec x = left < LANES ? v_load_some(row[i] + c, left) : v_load(row[i] + c);
            if (squared)
                x = v_sub(x, v_set1(r->mean[i]));
            if (squared && left < LANES)
                x = first(x, left);
            sum[i] = squared ? v_fma(x, x, sum[i]) : v_add(x, sum[i]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < TOGETHER; i++)
        sums[i] = v_sum(sum[i]);
}

TARGET static void measure(struct rows *r, float eps)
{
    float sums[TOGETHER];
    add_up(sums, r, false);
    for (int i = 0; i < TOGETHER; i++)
        r->mean[i] = sums[i] / (float)r->width;
    add_up(sums, r, true);
    for (int i = 0; i < TOGETHER; i++)
        r->scale[i] = 1 / sqrtf(sums[i] / (float)r->width + eps);
}

/* ---- Writing ---- */

/* Columns of a row, zero after the last. */
struct columns {
    vec at[VECS];
};

/* How many of n columns are in vector v of them. */
INLINE int columns_in(int n, int v)
{
    int left = n - v * LANES;
    return left < 0 ? 0 : left > LANES ? LANES : left;
}

INLINE struct columns load_columns(const float *p, int n)
{
    struct columns x;
#pragma GCC unroll 4
    for (int v = 0; v < VECS; v++)
        x.at[v] = n == VIT_PANEL ? v_load(p + v * LANES) : v_load_some(p + v * LANES, columns_in(n, v));
    return x;
}

#ifdef VIT_PARTS_H
INLINE void store_columns(const struct rows *r, int row, int column, const enum vit_format format, struct columns x,
                          int n)
{
    const int parts = format == VIT_PANELS_BF16 ? 1 : format == VIT_PANELS_BF16X2 ? 2 : 3;
    int64_t line = column / VIT_PANEL * parts * r->dst_step + row;
#pragma GCC unroll 4
    for (int v = 0; n < VIT_PANEL && v < VECS; v++)
        x.at[v] = first(x.at[v], columns_in(n, v));
    store_parts((char *)r->dst + 64 * line, 64 * r->dst_step, parts, x.at[0], x.at[1]);
}
#else
INLINE void store_columns(const struct rows *r, int row, int column, const enum vit_format format, struct columns x,
                          int n)
{
    const enum vit_dtype type = format == VIT_ROWS_F32 ? VIT_F32 : VIT_BF16;
    const int size = type == VIT_F32 ? 4 : 2;
    char *dst = (char *)r->dst + size * (row * r->dst_step + column);
#pragma GCC unroll 4
    for (int v = 0; v < VECS; v++)
        if (n == VIT_PANEL || columns_in(n, v) > 0)
            store_part(dst + size * v * LANES, type, x.at[v], n == VIT_PANEL ? LANES : columns_in(n, v));
}
#endif

/* n columns of all rows. What is done to them is a constant where this is called, as n is but at the end of a row. */
INLINE void write_columns(const struct rows *r, int column, int n, const enum vit_format format, const bool normed)
{
    struct columns gain, shift;
    if (normed)
        gain = load_columns(r->gain + column, n), shift = load_columns(r->shift + column, n);
    for (int i = 0; i < r->n; i++) {
        struct columns x = load_columns(r->src + (int64_t)i * r->width + column, n);
#pragma GCC unroll 4
        for (int v = 0; normed && v < VECS; v++) {
            vec y = v_mul(v_sub(x.at[v], v_set1(r->mean[i])), v_set1(r->scale[i]));
            x.at[v] = v_fma(y, gain.at[v], shift.at[v]);
        }
        store_columns(r, i, column, format, x, n);
    }
}

INLINE void write_as(const struct rows *r, const enum vit_format format, const bool normed)
{
    int column = 0;
    for (; column + VIT_PANEL <= r->width; column += VIT_PANEL)
        write_columns(r, column, VIT_PANEL, format, normed);
    if (column < r->width)
        write_columns(r, column, r->width - column, format, normed);
}

TARGET static void write_rows(const struct rows *r)
{
#define CASE(format)                                                                                                   \
    case format: r->gain ? write_as(r, format, true) : write_as(r, format, false); break
    switch (r->format) {
#ifdef VIT_PARTS_H
        CASE(VIT_PANELS_BF16);
        CASE(VIT_PANELS_BF16X2);
        CASE(VIT_PANELS_BF16X3);
#else
        CASE(VIT_ROWS_F32);
        CASE(VIT_ROWS_BF16);
#endif
    default: break;
    }
}

/* ---- The operators ---- */

/* All rows of an array, of which r has the first. */
TARGET static void run_rows(struct rows r, int64_t rows, float eps)
{
    for (int64_t row = 0; row < rows; row += TOGETHER) {
        r.n = rows - row < TOGETHER ? (int)(rows - row) : TOGETHER;
        if (r.gain)
            measure(&r, eps);
        write_rows(&r);
        r.src += (int64_t)TOGETHER * r.width;
        r.dst = vit_format_row(r.format, r.dst, r.dst_step, TOGETHER);
    }
}

static void norm(const struct vit_norm_problem *p, const struct vit_buffers *b)
{
    struct rows r = {.src = b->in[VIT_SRC],
                     .dst = b->dst,
                     .format = p->dst,
                     .dst_step = p->dst_step,
                     .width = p->width,
                     .gain = b->in[VIT_GAIN],
                     .shift = b->in[VIT_SHIFT]};
    run_rows(r, p->rows, p->eps);
}

static void convert(const struct vit_convert_problem *p, const struct vit_buffers *b)
{
    struct rows r = {
        .src = b->in[VIT_SRC], .dst = b->dst, .format = p->dst, .dst_step = p->dst_step, .width = p->width};
    run_rows(r, p->rows, 0);
}

#ifndef VIT_PARTS_H
static void qk_norm(const struct vit_qk_norm_problem *p, const struct vit_buffers *b)
{
    for (int64_t i = 0; i < 2 * p->rows; i++) { /* q and k of each row */
        int64_t k = i % 2;
        float *heads = (float *)b->dst + (i / 2 * 3 + k) * p->heads * p->head_dim;
        struct rows r = {.src = heads,
                         .dst = heads,
                         .format = VIT_ROWS_F32,
                         .dst_step = p->head_dim,
                         .width = p->head_dim,
                         .gain = b->in[2 * k],
                         .shift = b->in[2 * k + 1]};
        run_rows(r, p->heads, p->eps);
    }
}
#endif
