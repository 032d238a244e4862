/* gemm.c: a linear layer by the own kernels: how its weight is packed, which thread does what, and in which order. */
#include "vit/kernels/gemm.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gemm {
    struct vit_kernel base;
    struct vit_linear_problem p;
    const struct vit_gemm_isa *isa;
    size_t element;              /* bytes of one of src and of the weight */
    int row_parts, column_parts; /* stretches; a thread for each pair of them */
    int depth;                   /* of a block */
    int64_t rows;                /* that meet it while it is in the cache, at most */
    /* The scratch of a thread, in floats. It begins with the sums (rows, panel). */
    size_t wide_rows, wide_block, part;
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
#pragma omp parallel for
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

/* ---- Dividing the work ---- */

/* Into how many stretches of rows and of panels to cut, so that the slowest thread has the least to do: its share of
 * the products; its rows, which other threads have written; and its panels, whose fetching hides behind the products of
 * enough rows, while their widening does not. Costs are in multiply-adds, for an element of a row or a panel. */
static void cut(struct gemm *g, int threads)
{
    const int row_cost = 25, enough_rows = 18, panel_cost = g->isa->widen ? 12 : 0;
    int lanes = g->isa->lanes, panels = vit_n_panels(g->p.out, lanes);
    int64_t least = INT64_MAX;
    for (int c = 1; c <= threads && c <= panels; c++) {
        int64_t r = g->p.rows < threads / c ? g->p.rows : threads / c, rows = (g->p.rows + r - 1) / r;
        int64_t width = (int64_t)((panels + c - 1) / c) * TILE_VECS * lanes;
        int64_t cost = ((rows > enough_rows ? rows : enough_rows) + panel_cost) * width + row_cost * rows;
        if (cost < least) {
            least = cost;
            g->row_parts = (int)r;
            g->column_parts = c;
        }
    }
}

static void lay_out(struct gemm *g)
{
    const size_t cache = (size_t)1 << 20; /* what a block's rows may take of the second one */
    size_t in = (size_t)g->p.in, panel = (size_t)(TILE_VECS * g->isa->lanes);
    int blocks = (g->p.in + VIT_GEMM_DEPTH - 1) / VIT_GEMM_DEPTH;
    bool widen = g->isa->widen != NULL;
    g->depth = (g->p.in + blocks - 1) / blocks;
    int64_t most = (int64_t)(cache / sizeof(float)) / g->depth, mine = (g->p.rows + g->row_parts - 1) / g->row_parts;
    int64_t pieces = (mine + most - 1) / most;
    g->rows = (mine + pieces - 1) / pieces;
    g->wide_rows = (size_t)g->rows * panel;
    g->wide_block = g->wide_rows + (widen ? (size_t)g->rows * in : 0);
    g->part = g->wide_block + (widen ? (size_t)g->depth * panel : 0);
    g->part = (g->part + 15) / 16 * 16; /* no two threads share a cache line */
}

/* ---- Running ---- */

/* What a panel makes of n rows a (n, in), of which the first is number first of the output. */
static void run_panel(const struct gemm *g, const struct vit_buffers *b, float *scratch, const float *a, int64_t first,
                      int n, int panel)
{
    const struct vit_linear_problem *p = &g->p;
    struct columns c = columns(g, panel);
    const float *bias = b->in[VIT_BIAS];
    struct vit_gemm_output output = {.dst = (char *)b->dst +
                                            (size_t)(first * p->out + c.first) * vit_dtype_size(p->dst),
                                     .type = p->dst,
                                     .stride = p->out,
                                     .n = c.n,
                                     .bias = p->bias ? bias + c.first : NULL,
                                     .add = p->add,
                                     .activate = p->activate,
                                     .act = p->act};
    const char *weight = (const char *)b->in[VIT_WEIGHT] + (size_t)c.first * (size_t)p->in * g->element;
    for (int k = 0; k < p->in; k += g->depth) {
        int depth = p->in - k < g->depth ? p->in - k : g->depth;
        size_t size = (size_t)(depth * c.width) * g->element;
        struct vit_gemm_block block = {.a = a + k,
                                       .a_stride = p->in,
                                       .weight = (const float *)(const void *)weight,
                                       .sums = scratch,
                                       .rows = n,
                                       .depth = depth,
                                       .width = c.width,
                                       .more = k > 0,
                                       .output = k + depth == p->in ? &output : NULL,
                                       .ahead = weight + size,
                                       .ahead_size = size};
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
        return (const float *)src + first * in;
    g->isa->widen(scratch + g->wide_rows, (const uint16_t *)src + first * in, n * in);
    return scratch + g->wide_rows;
}

/* One thread's share: part is the number of a pair of stretches. */
static void run_part(const struct gemm *g, const struct vit_buffers *b, float *scratch, int part)
{
    int panels = vit_n_panels(g->p.out, g->isa->lanes), r = part / g->column_parts, c = part % g->column_parts;
    int64_t row = g->p.rows * r / g->row_parts, end = g->p.rows * (r + 1) / g->row_parts;
    for (; row < end; row += g->rows) {
        int n = (int)(end - row < g->rows ? end - row : g->rows);
        const float *a = rows_of(g, b->in[VIT_SRC], scratch, row, n);
        for (int p = panels * c / g->column_parts; p < panels * (c + 1) / g->column_parts; p++)
            run_panel(g, b, scratch, a, row, n, p);
    }
}

static vit_status run_gemm(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                           struct vit_error *err)
{
    (void)err;
    const struct gemm *g = (struct gemm *)base;
    int parts = g->row_parts * g->column_parts;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int part = 0; part < parts; part++)
        run_part(g, buffers, (float *)scratch + (size_t)omp_get_thread_num() * g->part, part);
    return VIT_OK;
}

static void free_gemm(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_gemm_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err)
{
    struct gemm *g = calloc(1, sizeof *g);
    if (!g)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *g = (struct gemm){.base = {.pack = pack_weight, .run = run_gemm, .free = free_gemm}};
    g->p = problem->linear;
    g->isa = implementation->how;
    strcpy(g->base.name, implementation->name);
    g->element = vit_dtype_size(g->isa->type);
    cut(g, omp_get_max_threads());
    lay_out(g);
    g->base.packing = packing(g);
    g->base.scratch_size = (size_t)(g->row_parts * g->column_parts) * g->part * sizeof(float);
    *kernel = &g->base;
    return VIT_OK;
}
