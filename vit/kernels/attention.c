/* attention.c: attention by the own kernels: which one, its memory, and which thread does what. */
#include <omp.h>
#include <stdlib.h>

#include "vit/kernels/attention.h"

struct attention {
    struct vit_kernel base;
    struct vit_attention_op op;
    const struct vit_attention_kernel *kernel;
    int threads;
    int blocks;  /* of queries, of one head */
    size_t part; /* of the scratch, for one thread */
};

static struct vit_attention_head head_at(const struct vit_attention_op *op, int64_t index)
{
    int64_t HD = op->head_dim, D = op->heads * HD, b = index / op->heads, h = index % op->heads;
    int64_t size = op->type == VIT_F32 ? 4 : 2;
    int64_t q = size * (b * op->queries * op->q_step + h * HD), kv = size * (b * op->tokens * op->kv_step + h * HD);
    return (struct vit_attention_head){.type = op->type,
                                       .q = (const char *)op->q + q,
                                       .k = (const char *)op->k + kv,
                                       .v = (const char *)op->v + kv,
                                       .dst = (char *)op->dst + size * (b * op->queries * D + h * HD),
                                       .tokens = op->tokens,
                                       .head_dim = op->head_dim,
                                       .q_stride = op->q_step,
                                       .kv_stride = op->kv_step,
                                       .dst_stride = D};
}

/* Blocks first to last - 1, counted over images, heads and queries. The rows of a head are cut evenly, for blocks of
 * much the same length. */
static void run_blocks(const struct attention *a, int64_t first, int64_t last, void *scratch)
{
    int Q = a->op.queries;
    int64_t fetched = 0;
    for (int64_t i = first; i < last; i++) {
        int64_t index = i / a->blocks;
        int block = (int)(i % a->blocks);
        struct vit_attention_head head = head_at(&a->op, index), next = head_at(&a->op, index + 1);
        head.next = index < (last - 1) / a->blocks ? &next : NULL;
        head.fetched = &fetched;
        if (i == first || block == 0) {
            a->kernel->pack(&head, scratch);
            fetched = 0;
        }
        int from = (int)((int64_t)Q * block / a->blocks), to = (int)((int64_t)Q * (block + 1) / a->blocks);
        a->kernel->attend(&head, scratch, from, to - from);
    }
}

/* Each thread takes one stretch of blocks: the load is even whatever the numbers of images, heads and threads, and a
 * head is packed more than once only where a stretch ends within it. */
static vit_status run_attention(struct vit_kernel *base, void *scratch, struct vit_error *err)
{
    (void)err;
    const struct attention *a = (struct attention *)base;
    int64_t n = (int64_t)a->op.batch * a->op.heads * a->blocks;
#pragma omp parallel num_threads(a->threads)
    {
        int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        run_blocks(a, n * thread / threads, n * (thread + 1) / threads, (char *)scratch + (size_t)thread * a->part);
    }
    return VIT_OK;
}

static void free_attention(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_attention_create(struct vit_kernel **kernel, enum vit_isa_level level, const struct vit_attention_op *op,
                                struct vit_error *err)
{
    struct attention *a = malloc(sizeof *a);
    if (!a)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    const struct vit_attention_kernel *k = level >= VIT_ISA_AVX512 ? &vit_attention_avx512 : &vit_attention_avx2;
    *a = (struct attention){{k->name, 0, run_attention, free_attention}, *op, k, omp_get_max_threads(), 0, 0};
    int most = k->most_queries(op->tokens);
    a->blocks = (op->queries + most - 1) / most;
    a->part = (k->scratch_size(op->tokens, op->head_dim) + 63) / 64 * 64; /* no two threads share a cache line */
    a->base.scratch_size = a->part * (size_t)a->threads;
    *kernel = &a->base;
    return VIT_OK;
}
