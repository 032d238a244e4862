/* attention.h: attention over rows by own kernels: attention.c schedules, the inner loops of an instruction set
 * compute (attention_loops.h).
 *
 * The unit of work is a block of queries of one head of one image. The keys and values of that head are packed into
 * panels first, which serve all its blocks. What is computed for a query does not depend on the block that it falls
 * to. */
#ifndef VIT_ATTENTION_H
#define VIT_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vit/operators/kernel.h"

/* One head of one image, in place: q and dst (Q, HD), k and v (T, HD), all of one type, f32 or bf16; their rows as many
 * elements apart as the strides. */
struct vit_attention_head {
    enum vit_dtype type;
    const void *q, *k, *v;
    void *dst;
    int tokens, head_dim;
    int seen, more; /* keys that the first query sees, and how many more each next one does, at most all */
    int64_t q_stride, kv_stride, dst_stride;
    /* What attend brings into the second cache meanwhile: the keys and values of the head that is packed next, or NULL,
     * and how many cache lines of them are on their way. */
    const struct vit_attention_head *next;
    int64_t *fetched;
};

/* scratch: 64-byte aligned. It holds the keys and values packed last. */
struct vit_attention_isa {
    int (*most_queries)(int tokens); /* in a block */
    size_t (*scratch_size)(int tokens, int head_dim);
    void (*pack)(const struct vit_attention_head *head, void *scratch);
    void (*attend)(const struct vit_attention_head *head, void *scratch, int first, int n_queries);
};

extern const struct vit_attention_isa vit_attention_avx2, vit_attention_avx512;

/* Kernels for attention over rows; how of the implementation is a struct vit_attention_isa. */
vit_status vit_attention_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                const struct vit_problem *problem, struct vit_error *err);

#endif
