/* plain.h: operators in plain C. */
#ifndef VIT_PLAIN_H
#define VIT_PLAIN_H

#include "vit/operators/kernel.h"

/* What an implementation made by vit_plain_create does, its `how`. */
struct vit_plain {
    void (*run)(const struct vit_problem *problem, const struct vit_buffers *buffers, void *scratch);
    size_t (*scratch_size)(const struct vit_problem *problem); /* NULL: it needs none */
    bool keeps_weight; /* the operator has a weight, which stays (out, in) f32 */
};

/* Norm, linear and attention: the specification, which all others are compared with. Sums are taken in f64. Slow on
 * purpose: nothing is blocked or reordered. Of any types; the weight is f32. */
extern const struct vit_plain vit_plain_norm, vit_plain_linear, vit_plain_attention;

/* The operators that have no other implementation: they only move or round rows, or weigh little beside products. */
extern const struct vit_plain vit_plain_patchify, vit_plain_gate, vit_plain_qk_norm, vit_plain_embed, vit_plain_mean,
    vit_plain_gather, vit_plain_convert, vit_plain_normalize;

vit_status vit_plain_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                            const struct vit_problem *problem, struct vit_error *err);

/* The pieces of the first three, for who wants a sample of a result: output o of row; a row; all HD elements of one
 * head of a query, with T doubles of scratch. */
double vit_plain_linear_at(const struct vit_linear_problem *problem, const struct vit_buffers *buffers, int64_t row,
                           int o);
void vit_plain_norm_row(double *dst, const struct vit_norm_problem *problem, const struct vit_buffers *buffers,
                        int64_t row);
void vit_plain_attend(double *dst, const struct vit_attention_problem *problem, const struct vit_buffers *buffers,
                      int image, int head, int query, double *scratch);

/* dst (n) = src (n) / max(its Euclidean length, 1e-12), the sum taken in f64; dst may be src. */
void vit_plain_normalize_row(float *dst, const float *src, int n);

#endif
