/* attention.c: attention by the own kernels: their memory, and which thread does what. */
#include "vit/kernels/attention.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct attention {
    struct vit_kernel base;
    struct vit_attention_problem p;
    const struct vit_attention_isa *isa;
    int threads;
    int blocks;  /* of queries, of one head */
    size_t part; /* of the scratch, for one thread */
};

static struct vit_attention_head head_at(const struct vit_attention_problem *p, const struct vit_buffers *b,
                                         int64_t index)
{
    int64_t HD = p->head_dim, D = p->heads * HD, image = index / p->heads, h = index % p->heads;
    int64_t size = (int64_t)vit_dtype_size(p->type), kv = size * (image * p->tokens * p->kv_step + h * HD);
    return (struct vit_attention_head){.type = p->type,
                                       .q = (const char *)b->in[VIT_Q] +
                                            size * (image * p->queries * p->q_step + h * HD),
                                       .k = (const char *)b->in[VIT_K] + kv,
                                       .v = (const char *)b->in[VIT_V] + kv,
                                       .dst = (char *)b->dst + size * (image * p->queries * D + h * HD),
                                       .tokens = p->tokens,
                                       .head_dim = p->head_dim,
                                       .q_stride = p->q_step,
                                       .kv_stride = p->kv_step,
                                       .dst_stride = D};
}

/* Blocks first to last - 1, counted over images, heads and queries. The rows of a head are cut evenly, for blocks of
 * much the same length. */
static void run_blocks(const struct attention *a, const struct vit_buffers *b, int64_t first, int64_t last,
                       void *scratch)
{
    int Q = a->p.queries;
    int64_t fetched = 0;
    for (int64_t i = first; i < last; i++) {
        int64_t index = i / a->blocks;
        int block = (int)(i % a->blocks);
        struct vit_attention_head head = head_at(&a->p, b, index), next = head_at(&a->p, b, index + 1);
        head.next = index < (last - 1) / a->blocks ? &next : NULL;
        head.fetched = &fetched;
        if (i == first || block == 0) {
            a->isa->pack(&head, scratch);
            fetched = 0;
        }
        int from = (int)((int64_t)Q * block / a->blocks), to = (int)((int64_t)Q * (block + 1) / a->blocks);
        a->isa->attend(&head, scratch, from, to - from);
    }
}

/* Each thread takes one stretch of blocks: the load is even whatever the numbers of images, heads and threads, and a
 * head is packed more than once only where a stretch ends within it. */
static vit_status run_attention(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                                struct vit_error *err)
{
    (void)err;
    const struct attention *a = (struct attention *)base;
    int64_t n = (int64_t)a->p.batch * a->p.heads * a->blocks;
#pragma omp parallel num_threads(a->threads)
    {
        int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        run_blocks(a, buffers, n * thread / threads, n * (thread + 1) / threads,
                   (char *)scratch + (size_t)thread * a->part);
    }
    return VIT_OK;
}

static void free_attention(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_attention_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                const struct vit_problem *problem, struct vit_error *err)
{
    struct attention *a = calloc(1, sizeof *a);
    if (!a)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    const struct vit_attention_problem *p = &problem->attention;
    *a = (struct attention){
        {.run = run_attention, .free = free_attention}, *p, implementation->how, omp_get_max_threads(), 0, 0};
    strcpy(a->base.name, implementation->name);
    int most = a->isa->most_queries(p->tokens);
    a->blocks = (p->queries + most - 1) / most;
    a->part = (a->isa->scratch_size(p->tokens, p->head_dim) + 63) / 64 * 64; /* no two threads share a cache line */
    a->base.scratch_size = a->part * (size_t)a->threads;
    *kernel = &a->base;
    return VIT_OK;
}
