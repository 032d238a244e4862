/* gemm.h: linear layers over rows by own kernels: gemm.c schedules, the inner loops of an instruction set compute
 * (gemm_loops.h).
 *
 * The weight is packed into panels of outputs, each stored row by row: (in, width). A block of a panel, at most
 * VIT_GEMM_DEPTH rows deep, meets all rows, or as many as stay in the second cache with it, while the next block is
 * fetched. What is computed for a row depends neither on the rows beside it nor on the outputs beside its own. */
#ifndef VIT_GEMM_H
#define VIT_GEMM_H

#include "vit/kernels/panels.h"
#include "vit/operators/kernel.h"

enum { VIT_GEMM_DEPTH = 1024 };

/* The output of one panel: dst (rows, stride), of which it is columns 0 to n - 1; what is done to the sums is as in
 * vit_linear_problem. */
struct vit_gemm_output {
    void *dst;
    enum vit_dtype type;
    int64_t stride;
    int n;
    const float *bias; /* (n) or NULL */
    bool add, activate;
    enum vit_act act;
};

/* sums = a weight, or with more, += it; and, when output is set, that is all, and the output is made. */
struct vit_gemm_block {
    const float *a; /* (rows, depth), the rows a_stride apart */
    int64_t a_stride;
    const float *weight; /* (depth, width), one panel */
    float *sums;         /* (rows, TILE_VECS vectors) */
    int rows, depth, width;
    bool more;
    const struct vit_gemm_output *output;
    const char *ahead; /* what is needed next, brought into the second cache */
    size_t ahead_size;
};

/* The inner loops for one instruction set and one type of src and weight. */
struct vit_gemm_isa {
    enum vit_dtype type;
    int lanes; /* floats of a vector */
    /* dst: one panel (in, n rounded up to lanes) of type, from n rows of a weight (.., in). */
    void (*pack_weight)(void *dst, const float *weight, int in, int n);
    void (*widen)(float *dst, const uint16_t *src, int n); /* from type; NULL: that is f32 */
    void (*multiply)(const struct vit_gemm_block *block);
};

extern const struct vit_gemm_isa vit_gemm_avx2, vit_gemm_avx2_bf16, vit_gemm_avx512, vit_gemm_avx512_bf16;

/* Kernels for linear layers from rows to rows; how of the implementation is a struct vit_gemm_isa. */
vit_status vit_gemm_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err);

#endif
