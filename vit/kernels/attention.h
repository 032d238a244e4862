/* attention.h: attention by own kernels: attention.c schedules, a kernel for each instruction set computes.
 *
 * The unit of work is a block of queries of one head of one image. The keys and values of that head are packed into
 * panels first, which serve all its blocks that the same thread does. What is computed for a query does not depend on
 * the block or the thread that it falls to. */
#ifndef VIT_ATTENTION_H
#define VIT_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vit/onednn/isa.h"
#include "vit/operators/ops.h"

/* The attention of ops.h. level: at least VIT_ISA_AVX2, at most vit_isa_level(). */
vit_status vit_attention_create(struct vit_kernel **kernel, enum vit_isa_level level, const struct vit_attention_op *op,
                                struct vit_error *err);

/* attention_race.c: kernel 0 is the own one, kernel 1 oneDNN's. Which is to compute op: the one that tuner knows to be faster,
 * the own one without tuner or time, or -1 when a race is to tell. */
enum { VIT_ATTENTION_KERNELS = 2 };
struct vit_tuner;
int vit_attention_known(struct vit_tuner *tuner, const struct vit_attention_op *op);

/* Which is faster; tuner is told. The buffers of op are overwritten. */
vit_status vit_attention_race(int *winner, struct vit_kernel *const kernels[VIT_ATTENTION_KERNELS],
                              struct vit_tuner *tuner, const struct vit_attention_op *op, struct vit_error *err);

/* ---- Between attention.c and its kernels ---- */

/* One head of one image, in place: q and dst (Q, HD), k and v (T, HD), all of one type, f32 or bf16; their rows as many
 * elements apart as the strides. */
struct vit_attention_head {
    enum vit_dtype type;
    const void *q, *k, *v;
    void *dst;
    int tokens, head_dim;
    int64_t q_stride, kv_stride, dst_stride;
    /* What attend brings into the second cache meanwhile: the keys and values of the head that is packed next, or NULL, and
     * how many cache lines of them are on their way. */
    const struct vit_attention_head *next;
    int64_t *fetched;
};

/* scratch: what one thread uses, 64-byte aligned. It holds the keys and values packed last. */
struct vit_attention_kernel {
    const char *name;
    int (*most_queries)(int tokens); /* in a block */
    size_t (*scratch_size)(int tokens, int head_dim);
    void (*pack)(const struct vit_attention_head *head, void *scratch);
    void (*attend)(const struct vit_attention_head *head, void *scratch, int first, int n_queries);
};

extern const struct vit_attention_kernel vit_attention_avx2, vit_attention_avx512;

#endif
