/* gemm.c: a linear layer by the own kernels: how its weight is packed, which thread does what, and in which order. */
#include "vit/kernels/gemm.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "vit/choice/linear.h"

/* ---- Packing the weight ---- */

/* The implementations for an op, and which of them is at hand. */
struct list {
    const struct vit_linear_op *op;
    const float *bias;
    const struct vit_gemm_kernel *kernel;
};

struct columns {
    int first, n, width; /* width: n filled up to whole vectors */
};

/* Those of panel p. Panels follow each other. */
static struct columns columns(const struct vit_gemm_kernel *kernel, int out, int p)
{
    int first = vit_panel_start(out, kernel->lanes, p), end = vit_panel_start(out, kernel->lanes, p + 1);
    return (struct columns){first, (end < out ? end : out) - first, end - first};
}

static vit_status pack_weight(const struct vit_packing *packing, const float *weight, void *dst, struct vit_error *err)
{
    (void)err;
    const struct list *list = packing->context;
    const struct vit_gemm_kernel *kernel = list->kernel;
    enum vit_dtype type = list->op->src.type;
    int in = list->op->linear->in, out = list->op->linear->out, n = vit_n_panels(out, kernel->lanes);
#pragma omp parallel for
    for (int p = 0; p < n; p++) {
        struct columns c = columns(list->kernel, out, p);
        kernel->pack_weight((char *)dst + (size_t)c.first * (size_t)in * vit_dtype_size(type), type,
                            weight + (int64_t)c.first * in, in, c.n);
    }
    return VIT_OK;
}

static struct vit_packing describe_packing(const struct list *list)
{
    int lanes = list->kernel->lanes, out = list->op->linear->out;
    int width = vit_panel_start(out, lanes, vit_n_panels(out, lanes));
    enum vit_dtype type = list->op->src.type;
    struct vit_packing packing = {.pack = pack_weight, .context = (void *)(uintptr_t)list};
    packing.size = (size_t)list->op->linear->in * (size_t)width * vit_dtype_size(type);
    snprintf(packing.key, sizeof packing.key, "own %s, vectors of %d", vit_dtype_name(type), lanes);
    return packing;
}

/* ---- Dividing the work ---- */

struct gemm {
    struct vit_kernel base;
    struct vit_linear_op op;
    const float *bias;
    const void *weight;
    const struct vit_gemm_kernel *kernel;
    int row_parts, column_parts; /* stretches; a thread for each pair of them */
    int depth;                   /* of a block */
    int64_t rows;                /* that meet it while it is in the cache, at most */
    /* The scratch of a thread, in floats. It begins with the sums (rows, panel). */
    size_t wide_rows, wide_block, part;
};

/* Into how many stretches of rows and of panels to cut, so that the slowest thread has the least to do: its share of the
 * products; its rows, which other threads have written; and its panels, whose fetching hides behind the products of enough
 * rows, while their widening does not. Costs are in multiply-adds, for an element of a row or a panel. */
static void cut(struct gemm *g, int threads)
{
    const int row_cost = 25, enough_rows = 18, panel_cost = g->op.src.type == VIT_F32 ? 0 : 12;
    int lanes = g->kernel->lanes, panels = vit_n_panels(g->op.linear->out, lanes);
    int64_t least = INT64_MAX;
    for (int c = 1; c <= threads && c <= panels; c++) {
        int64_t r = g->op.rows < threads / c ? g->op.rows : threads / c, rows = (g->op.rows + r - 1) / r;
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
    size_t in = (size_t)g->op.linear->in, panel = (size_t)(TILE_VECS * g->kernel->lanes);
    int blocks = (g->op.linear->in + VIT_GEMM_DEPTH - 1) / VIT_GEMM_DEPTH;
    bool widen = g->op.src.type != VIT_F32;
    g->depth = (g->op.linear->in + blocks - 1) / blocks;
    int64_t most = (int64_t)(cache / sizeof(float)) / g->depth, mine = (g->op.rows + g->row_parts - 1) / g->row_parts;
    int64_t pieces = (mine + most - 1) / most;
    g->rows = (mine + pieces - 1) / pieces;
    g->wide_rows = (size_t)g->rows * panel;
    g->wide_block = g->wide_rows + (widen ? (size_t)g->rows * in : 0);
    g->part = g->wide_block + (widen ? (size_t)g->depth * panel : 0);
    g->part = (g->part + 15) / 16 * 16; /* no two threads share a cache line */
}

/* ---- Running ---- */

/* What a panel makes of n rows a (n, in), of which the first is number first of the output. */
static void run_panel(const struct gemm *g, float *scratch, const float *a, int64_t first, int n, int panel)
{
    const struct vit_linear_op *op = &g->op;
    struct columns c = columns(g->kernel, op->linear->out, panel);
    int in = op->linear->in;
    struct vit_array dst = op->dst;
    struct vit_gemm_output output = {.dst = (char *)dst.data +
                                            (size_t)(first * op->linear->out + c.first) * vit_dtype_size(dst.type),
                                     .type = dst.type,
                                     .stride = op->linear->out,
                                     .n = c.n,
                                     .bias = g->bias ? g->bias + c.first : NULL,
                                     .add = op->add,
                                     .activate = op->activate,
                                     .act = op->act};
    const char *weight = (const char *)g->weight + (size_t)c.first * (size_t)in * vit_dtype_size(op->src.type);
    for (int k = 0; k < in; k += g->depth) {
        int depth = in - k < g->depth ? in - k : g->depth;
        size_t size = (size_t)(depth * c.width) * vit_dtype_size(op->src.type);
        struct vit_gemm_block block = {.a = a + k,
                                       .a_stride = in,
                                       .weight = (const float *)(const void *)weight,
                                       .sums = scratch,
                                       .rows = n,
                                       .depth = depth,
                                       .width = c.width,
                                       .more = k > 0,
                                       .output = k + depth == in ? &output : NULL,
                                       .ahead = weight + size,
                                       .ahead_size = size};
        if (op->src.type != VIT_F32) {
            g->kernel->widen(scratch + g->wide_block, (const uint16_t *)(const void *)weight, depth * c.width);
            block.weight = scratch + g->wide_block;
        }
        g->kernel->multiply(&block);
        weight += size;
    }
}

/* Rows first to first + n - 1 of the input: in place, or widened into the scratch. */
static const float *rows_of(const struct gemm *g, float *scratch, int64_t first, int n)
{
    int in = g->op.linear->in;
    if (g->op.src.type == VIT_F32)
        return (const float *)g->op.src.data + first * in;
    g->kernel->widen(scratch + g->wide_rows, (const uint16_t *)g->op.src.data + first * in, n * in);
    return scratch + g->wide_rows;
}

/* One thread's share: part is the number of a pair of stretches. */
static void run_part(const struct gemm *g, float *scratch, int part)
{
    int panels = vit_n_panels(g->op.linear->out, g->kernel->lanes), r = part / g->column_parts, c = part % g->column_parts;
    int64_t row = g->op.rows * r / g->row_parts, end = g->op.rows * (r + 1) / g->row_parts;
    for (; row < end; row += g->rows) {
        int n = (int)(end - row < g->rows ? end - row : g->rows);
        const float *a = rows_of(g, scratch, row, n);
        for (int p = panels * c / g->column_parts; p < panels * (c + 1) / g->column_parts; p++)
            run_panel(g, scratch, a, row, n, p);
    }
}

static vit_status run_gemm(struct vit_kernel *base, void *scratch, struct vit_error *err)
{
    (void)err;
    const struct gemm *g = (struct gemm *)base;
    int parts = g->row_parts * g->column_parts;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int part = 0; part < parts; part++)
        run_part(g, (float *)scratch + (size_t)omp_get_thread_num() * g->part, part);
    return VIT_OK;
}

/* ---- As a kind of linear layer ---- */

static vit_status open_list(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                            struct vit_error *err)
{
    (void)context;
    if (vit_isa_level() < VIT_ISA_AVX2)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "own kernels need AVX2");
    struct list *l = malloc(sizeof *l);
    if (!l)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *l = (struct list){op, bias, vit_isa_level() >= VIT_ISA_AVX512 ? &vit_gemm_avx512 : &vit_gemm_avx2};
    *list = l;
    return VIT_OK;
}

static bool next(void *list)
{
    struct list *l = list;
    if (l->kernel == &vit_gemm_avx2)
        return false;
    l->kernel = &vit_gemm_avx2;
    return true;
}

static const char *implementation(const void *list)
{
    return ((const struct list *)list)->kernel->name;
}

static void free_gemm(struct vit_kernel *base)
{
    free(base);
}

static vit_status set_weight(struct vit_kernel *base, const void *packed, struct vit_error *err)
{
    (void)err;
    ((struct gemm *)base)->weight = packed;
    return VIT_OK;
}

static vit_status make(const void *list, struct vit_linear_candidate *candidate, struct vit_error *err)
{
    const struct list *l = list;
    struct gemm *g = malloc(sizeof *g);
    if (!g)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *g = (struct gemm){.op = *l->op, .bias = l->bias, .kernel = l->kernel};
    g->base = (struct vit_kernel){g->kernel->name, 0, run_gemm, free_gemm};
    cut(g, omp_get_max_threads());
    lay_out(g);
    g->base.scratch_size = (size_t)(g->row_parts * g->column_parts) * g->part * sizeof(float);
    *candidate = (struct vit_linear_candidate){&g->base, describe_packing(l), set_weight};
    return VIT_OK;
}

const struct vit_linear_kind vit_linear_own = {"own", true, open_list, free, next, implementation, make};
