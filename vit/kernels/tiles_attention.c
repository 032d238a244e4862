/* tiles_attention.c: attention on tiles: its memory, and the order of heads and queries. */
#include "vit/kernels/tiles_attention.h"

#include <stdlib.h>
#include <string.h>

struct attention {
    struct vit_kernel base;
    struct vit_attention_problem p;
    const struct vit_tiles_attention_isa *isa;
    int parts;
};

enum { LINE = 64 };

static int64_t units(int n)
{
    return (n + VIT_PANEL - 1) / VIT_PANEL;
}

/* ---- Memory ---- */

static char *take(char **free, int64_t size)
{
    char *memory = *free;
    *free += size;
    return memory;
}

/* Where a head begins and ends within a panel, its rows are moved to panels of its own. */
static bool in_place(const struct vit_attention_problem *p)
{
    return (p->q_column | p->k_column | p->v_column | p->dst_column | p->head_dim) % VIT_PANEL == 0;
}

static struct vit_tiles_rows take_rows(char **free, const struct attention *a, int rows)
{
    int64_t size = units(a->p.head_dim) * a->parts * rows * LINE;
    return (struct vit_tiles_rows){take(free, size), rows, 0};
}

/* Lays the memory out from scratch on; *end is where it ends. The scores of a query take an odd number of lines, so
 * that those of a tile's rows do not compete for the same places of the cache. */
static struct vit_tiles_memory lay_out(const struct attention *a, char *scratch, char **end)
{
    int64_t keys = units(a->p.tokens), panels = units(a->p.head_dim), tile = VIT_PANEL * LINE / 2;
    char *free = scratch;
    struct vit_tiles_memory m = {.keys = take(&free, keys * panels * a->parts * 2 * tile)};
    m.values = take(&free, keys * panels * a->parts * 2 * tile);
    m.scores_step = (keys * (a->parts > 2 ? a->parts : 2) | 1) * LINE;
    m.scores = take(&free, VIT_TILES_QUERIES * m.scores_step);
    m.results = (void *)take(&free, panels * VIT_TILES_QUERIES * VIT_PANEL * (int64_t)sizeof(float));
    if (!in_place(&a->p)) {
        m.rows = take_rows(&free, a, (int)keys * VIT_TILES_KEYS);
        m.q = take_rows(&free, a, VIT_TILES_QUERIES);
        m.dst = take_rows(&free, a, VIT_TILES_QUERIES);
    }
    *end = free;
    return m;
}

/* In a block. Half the queries need twice the loads of keys and values, which is worth while where a block's scores
 * would not stay in the first cache; not with several parts, whose products take longer than their loads. */
static int most_queries(const struct attention *a, const struct vit_tiles_memory *m)
{
    const int64_t cache = 64 << 10;
    return a->parts == 1 && VIT_TILES_QUERIES * m->scores_step > cache ? VIT_TILES_QUERIES / 2 : VIT_TILES_QUERIES;
}

/* ---- Running ---- */

/* A head's rows from row on, of the array at data in which it begins with column. */
static struct vit_tiles_rows rows_at(const struct attention *a, const void *data, int64_t step, int64_t row, int column)
{
    int64_t line = column / VIT_PANEL * a->parts * step + row;
    return (struct vit_tiles_rows){(char *)(uintptr_t)data + line * LINE, step, column % VIT_PANEL};
}

static struct vit_tiles_head head_at(const struct attention *a, const struct vit_buffers *b, int image, int h)
{
    const struct vit_attention_problem *p = &a->p;
    int64_t q = image * p->q_rows, kv = image * p->kv_rows;
    int column = h * p->head_dim;
    return (struct vit_tiles_head){.q = rows_at(a, b->in[VIT_Q], p->q_step, q, p->q_column + column),
                                   .k = rows_at(a, b->in[VIT_KV], p->kv_step, kv, p->k_column + column),
                                   .v = rows_at(a, b->in[VIT_KV], p->kv_step, kv, p->v_column + column),
                                   .dst = rows_at(a, b->dst, p->dst_step, q, p->dst_column + column),
                                   .parts = a->parts,
                                   .queries = p->queries,
                                   .tokens = p->tokens,
                                   .head_dim = p->head_dim,
                                   .seen = vit_keys_seen(p, 0),
                                   .more = p->causal,
                                   .in_place = in_place(p),
                                   .ends = h == p->heads - 1};
}

static vit_status run_attention(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                                struct vit_error *err)
{
    (void)err;
    const struct attention *a = (struct attention *)base;
    char *end;
    struct vit_tiles_memory memory = lay_out(a, scratch, &end);
    int most = most_queries(a, &memory);
    a->isa->begin();
    for (int image = 0; image < a->p.batch; image++)
        for (int h = 0; h < a->p.heads; h++) {
            struct vit_tiles_head head = head_at(a, buffers, image, h);
            a->isa->pack(&head, &memory);
            for (int first = 0; first < head.queries; first += most) {
                int left = head.queries - first;
                a->isa->attend(&head, &memory, first, left < most ? left : most);
            }
        }
    a->isa->end();
    return VIT_OK;
}

static void free_attention(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_tiles_attention_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                      const struct vit_problem *problem, struct vit_error *err)
{
    int parts = vit_format_parts(problem->attention.format);
    if (parts == 0)
        return VIT_ERR_UNSUPPORTED;
    struct attention *a = calloc(1, sizeof *a);
    if (!a)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *a = (struct attention){
        {.run = run_attention, .free = free_attention}, problem->attention, implementation->how, parts};
    strcpy(a->base.name, implementation->name);
    char *end;
    lay_out(a, NULL, &end);
    a->base.scratch_size = (size_t)(uintptr_t)end;
    *kernel = &a->base;
    return VIT_OK;
}
