/* gemm.c: a linear layer by the own kernels: how its weight is packed, and in which order it is worked off. */
#include "vit/kernels/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gemm {
    struct vit_kernel base;
    struct vit_linear_problem p;
    const struct vit_gemm_isa *isa;
    size_t element;               /* bytes of one of src and of the weight */
    int depth;                    /* of a block */
    int64_t rows;                 /* that meet it while it is in the cache, at most */
    size_t wide_rows, wide_block; /* places in the scratch, in floats; it begins with the sums (rows, panel) */
};

/* ---- Packing the weight ---- */

struct columns {
    int first, n, width; /* width: n filled up to whole vectors */
};

/* Those of panel i. Panels follow each other. */
static struct columns columns(const struct gemm *g, int i)
{
    int out = g->p.out, first = vit_panel_start(out, g->isa->lanes, i),
        end = vit_panel_start(out, g->isa->lanes, i + 1);
    return (struct columns){first, (end < out ? end : out) - first, end - first};
}

static vit_status pack_weight(struct vit_kernel *base, void *dst, const float *weight, struct vit_error *err)
{
    (void)err;
    const struct gemm *g = (struct gemm *)base;
    int in = g->p.in, n = vit_n_panels(g->p.out, g->isa->lanes);
    for (int i = 0; i < n; i++) {
        struct columns c = columns(g, i);
        g->isa->pack_weight((char *)dst + (size_t)c.first * (size_t)in * g->element, weight + (int64_t)c.first * in, in,
                            c.n);
    }
    return VIT_OK;
}

static struct vit_packing packing(const struct gemm *g)
{
    int lanes = g->isa->lanes, width = vit_panel_start(g->p.out, lanes, vit_n_panels(g->p.out, lanes));
    struct vit_packing packing = {.size = (size_t)g->p.in * (size_t)width * g->element};
    snprintf(packing.key, sizeof packing.key, "own %s, vectors of %d", vit_dtype_name(g->isa->type), lanes);
    return packing;
}

/* ---- Order and memory ---- */

static void lay_out(struct gemm *g)
{
    const size_t cache = (size_t)1 << 20; /* what a block's rows may take of the second one */
    size_t in = (size_t)g->p.in, panel = (size_t)(TILE_VECS * g->isa->lanes);
    int blocks = (g->p.in + VIT_GEMM_DEPTH - 1) / VIT_GEMM_DEPTH;
    bool widen = g->isa->widen != NULL;
    g->depth = (g->p.in + blocks - 1) / blocks;
    int64_t most = (int64_t)(cache / sizeof(float)) / g->depth, pieces = (g->p.rows + most - 1) / most;
    g->rows = (g->p.rows + pieces - 1) / pieces;
    g->wide_rows = (size_t)g->rows * panel;
    g->wide_block = g->wide_rows + (widen ? (size_t)g->rows * in : 0);
    g->base.scratch_size = (g->wide_block + (widen ? (size_t)g->depth * panel : 0)) * sizeof(float);
}

/* ---- Running ---- */

/* What a panel makes of n rows a (n, in), of which the first is number first of the output. */
static void run_panel(const struct gemm *g, const struct vit_buffers *b, float *scratch, const float *a, int64_t first,
                      int n, int panel)
{
    const struct vit_linear_problem *p = &g->p;
    struct columns c = columns(g, panel);
    const float *bias = b->in[VIT_BIAS];
    enum vit_dtype type = p->dst == VIT_ROWS_F32 ? VIT_F32 : VIT_BF16;
    struct vit_gemm_output output = {.dst = (char *)b->dst +
                                            (size_t)(first * p->dst_step + c.first) * vit_dtype_size(type),
                                     .type = type,
                                     .stride = p->dst_step,
                                     .n = c.n,
                                     .bias = p->bias ? bias + c.first : NULL,
                                     .add = p->add,
                                     .activate = p->activate,
                                     .act = p->act};
    const char *weight = (const char *)b->in[VIT_WEIGHT] + (size_t)c.first * (size_t)p->in * g->element;
    for (int k = 0; k < p->in; k += g->depth) {
        int depth = p->in - k < g->depth ? p->in - k : g->depth;
        size_t size = (size_t)(depth * c.width) * g->element;
        bool last = panel + 1 == vit_n_panels(p->out, g->isa->lanes) && k + depth == p->in;
        struct vit_gemm_block block = {.a = a + k,
                                       .a_stride = g->isa->widen ? p->in : p->src_step,
                                       .weight = (const float *)(const void *)weight,
                                       .sums = scratch,
                                       .rows = n,
                                       .depth = depth,
                                       .width = c.width,
                                       .more = k > 0,
                                       .output = k + depth == p->in ? &output : NULL,
                                       .ahead = last && b->ahead_size > 0 ? b->ahead : weight + size,
                                       .ahead_size =
                                           last && b->ahead_size > 0 && b->ahead_size < size ? b->ahead_size : size};
        if (g->isa->widen) {
            g->isa->widen(scratch + g->wide_block, (const uint16_t *)(const void *)weight, depth * c.width);
            block.weight = scratch + g->wide_block;
        }
        g->isa->multiply(&block);
        weight += size;
    }
}

/* Rows first to first + n - 1 of the input: in place, or widened into the scratch. */
static const float *rows_of(const struct gemm *g, const void *src, float *scratch, int64_t first, int n)
{
    int in = g->p.in;
    if (!g->isa->widen)
        return (const float *)src + first * g->p.src_step;
    for (int i = 0; i < n; i++)
        g->isa->widen(scratch + g->wide_rows + i * in, (const uint16_t *)src + (first + i) * g->p.src_step, in);
    return scratch + g->wide_rows;
}

static vit_status run_gemm(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                           struct vit_error *err)
{
    (void)err;
    const struct gemm *g = (struct gemm *)base;
    int panels = vit_n_panels(g->p.out, g->isa->lanes);
    for (int64_t row = 0; row < g->p.rows; row += g->rows) {
        int n = (int)(g->p.rows - row < g->rows ? g->p.rows - row : g->rows);
        const float *a = rows_of(g, buffers->in[VIT_SRC], scratch, row, n);
        for (int p = 0; p < panels; p++)
            run_panel(g, buffers, scratch, a, row, n, p);
    }
    return VIT_OK;
}

static void free_gemm(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_gemm_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err)
{
    const struct vit_linear_problem *p = &problem->linear;
    if (vit_format_parts(p->src) > 0 || vit_format_parts(p->dst) > 0)
        return VIT_ERR_UNSUPPORTED;
    struct gemm *g = calloc(1, sizeof *g);
    if (!g)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *g = (struct gemm){.base = {.pack = pack_weight, .run = run_gemm, .free = free_gemm}};
    g->p = *p;
    g->isa = implementation->how;
    strcpy(g->base.name, implementation->name);
    g->element = vit_dtype_size(g->isa->type);
    lay_out(g);
    g->base.packing = packing(g);
    *kernel = &g->base;
    return VIT_OK;
}
