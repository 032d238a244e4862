/* attention.c: attention by the own kernels: their memory, and the order of their blocks. */
#include "vit/kernels/attention.h"

#include <stdlib.h>
#include <string.h>

struct attention {
    struct vit_kernel base;
    struct vit_attention_problem p;
    enum vit_dtype type;
    const struct vit_attention_isa *isa;
    int blocks; /* of queries, of one head */
};

static struct vit_attention_head head_at(const struct attention *a, const struct vit_buffers *b, int64_t index)
{
    const struct vit_attention_problem *p = &a->p;
    int64_t image = index / p->heads, column = index % p->heads * p->head_dim, size = (int64_t)vit_dtype_size(a->type);
    int64_t q = image * p->q_rows, kv = image * p->kv_rows * p->kv_step + column;
    const char *keys = b->in[VIT_KV];
    return (struct vit_attention_head){.type = a->type,
                                       .q = (const char *)b->in[VIT_Q] + size * (q * p->q_step + p->q_column + column),
                                       .k = keys + size * (kv + p->k_column),
                                       .v = keys + size * (kv + p->v_column),
                                       .dst = (char *)b->dst + size * (q * p->dst_step + p->dst_column + column),
                                       .tokens = p->tokens,
                                       .head_dim = p->head_dim,
                                       .seen = vit_keys_seen(p, 0),
                                       .more = p->causal,
                                       .q_stride = p->q_step,
                                       .kv_stride = p->kv_step,
                                       .dst_stride = p->dst_step};
}

/* Head after head, image after image. The queries of a head are cut evenly, for blocks of much the same length. */
static vit_status run_attention(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                                struct vit_error *err)
{
    (void)err;
    const struct attention *a = (struct attention *)base;
    int64_t n = (int64_t)a->p.batch * a->p.heads;
    for (int64_t i = 0; i < n; i++) {
        int64_t fetched = 0;
        struct vit_attention_head head = head_at(a, buffers, i), next = head_at(a, buffers, i + 1);
        head.next = i + 1 < n ? &next : NULL;
        head.fetched = &fetched;
        a->isa->pack(&head, scratch);
        for (int block = 0; block < a->blocks; block++) {
            int from = (int)((int64_t)a->p.queries * block / a->blocks),
                to = (int)((int64_t)a->p.queries * (block + 1) / a->blocks);
            a->isa->attend(&head, scratch, from, to - from);
        }
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
    const struct vit_attention_problem *p = &problem->attention;
    if (vit_format_parts(p->format) > 0)
        return VIT_ERR_UNSUPPORTED;
    struct attention *a = calloc(1, sizeof *a);
    if (!a)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *a =
        (struct attention){.base = {.run = run_attention, .free = free_attention}, .p = *p, .isa = implementation->how};
    a->type = p->format == VIT_ROWS_F32 ? VIT_F32 : VIT_BF16;
    strcpy(a->base.name, implementation->name);
    int most = a->isa->most_queries(p->tokens);
    a->blocks = (p->queries + most - 1) / most;
    a->base.scratch_size = a->isa->scratch_size(p->tokens, p->head_dim);
    *kernel = &a->base;
    return VIT_OK;
}
