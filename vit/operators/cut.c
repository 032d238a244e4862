/* cut.c: where steps are cut, operator by operator. */
#include "vit/operators/cut.h"

enum { TILE = 16, FEW = 4 }; /* rows that kernels do at once; of a thread, too few to divide them */

/* Where part i of n begins, of so many rows or columns: at a multiple of unit, as even as can be. */
static int64_t start(int64_t count, int n, int i, int unit)
{
    if (i == n)
        return count;
    int64_t even = count * i / n, near = (even + unit / 2) / unit * unit;
    return near < count ? near : count;
}

static int64_t row_start(int64_t rows, int n, int i)
{
    return start(rows, n, i, rows >= (int64_t)n * TILE / 2 ? TILE : 1);
}

static void *row(enum vit_format format, const void *data, int64_t step, int64_t r)
{
    return vit_format_row(format, data, step, r);
}

static const void *f32_row(const void *data, int64_t width, int64_t r)
{
    return row(VIT_ROWS_F32, data, width, r);
}

/* ---- Linear ---- */

static struct vit_part linear_part(const struct vit_linear_problem *p, const struct vit_buffers *b, int64_t first,
                                   int64_t rows, int output, int outputs)
{
    struct vit_part part = {{VIT_LINEAR, .linear = *p}, *b, output};
    const float *bias = b->in[VIT_BIAS];
    part.problem.linear.rows = rows;
    part.problem.linear.images = 1;
    part.problem.linear.out = outputs;
    part.buffers.in[VIT_SRC] = row(p->src, b->in[VIT_SRC], p->src_step, first);
    part.buffers.dst = vit_format_column(p->dst, row(p->dst, b->dst, p->dst_step, first), p->dst_step, output);
    part.buffers.in[VIT_BIAS] = p->bias ? bias + output : NULL;
    return part;
}

static struct vit_cut cut_linear(struct vit_part *parts, const struct vit_linear_problem *p,
                                 const struct vit_buffers *b, int threads, int columns)
{
    while (columns < threads && p->rows < (int64_t)(threads / columns) * TILE / 2) {
        do
            columns++;
        while (threads % columns != 0);
    }
    int n = 0, rows = threads / columns;
    for (int i = 0; i < threads; i++) {
        int64_t first = row_start(p->rows, rows, i / columns), end = row_start(p->rows, rows, i / columns + 1);
        int output = (int)start(p->out, columns, i % columns, VIT_PANEL),
            outputs = (int)start(p->out, columns, i % columns + 1, VIT_PANEL) - output;
        if (end > first && outputs > 0)
            parts[n++] = linear_part(p, b, first, end - first, output, outputs);
    }
    return (struct vit_cut){n, columns == 1 ? p->rows : VIT_PLACE_NONE};
}

/* ---- Attention ---- */

/* How many heads end where a panel does. */
static int heads_of_panels(const struct vit_attention_problem *p)
{
    int heads = 1;
    while (vit_format_parts(p->format) > 0 && heads * p->head_dim % VIT_PANEL != 0)
        heads++;
    return heads;
}

/* By heads, each packs only its own; by queries, rows stay with their thread. Costs are in queries of one head, as they
 * were measured: packing takes 8 % of what the queries take, other threads' rows 15 %. */
static int heads_cut(const struct vit_attention_problem *p, int threads, int unit)
{
    int best = 1, units = (p->heads + unit - 1) / unit;
    double least = 0;
    for (int n = 1; n <= threads && n <= units; n++) {
        int heads = (units + n - 1) / n * unit, by_queries = threads / n;
        double queries = (double)(p->queries + by_queries - 1) / by_queries;
        double cost = heads * (queries + 0.08 * p->tokens) + (n > 1 ? 0.15 * p->queries * p->heads / threads : 0);
        if (n == 1 || cost < least) {
            least = cost;
            best = n;
        }
    }
    return best;
}

static struct vit_cut cut_attention(struct vit_part *parts, const struct vit_attention_problem *p,
                                    const struct vit_buffers *b, int threads)
{
    int unit = heads_of_panels(p), by_heads = heads_cut(p, threads, unit), by_queries = threads / by_heads, n = 0;
    for (int i = 0; i < by_heads * by_queries; i++) {
        int64_t first = row_start(p->queries, by_queries, i / by_heads),
                end = row_start(p->queries, by_queries, i / by_heads + 1);
        int head = (int)start(p->heads, by_heads, i % by_heads, unit),
            heads = (int)start(p->heads, by_heads, i % by_heads + 1, unit) - head;
        if (end <= first || heads <= 0)
            continue;
        struct vit_part part = {{VIT_ATTENTION, .attention = *p}, *b, 0};
        struct vit_attention_problem *a = &part.problem.attention;
        a->queries = (int)(end - first);
        a->past += (int)first;
        a->heads = heads;
        a->q_column += head * p->head_dim, a->k_column += head * p->head_dim;
        a->v_column += head * p->head_dim, a->dst_column += head * p->head_dim;
        part.buffers.in[VIT_Q] = row(p->format, b->in[VIT_Q], p->q_step, first);
        part.buffers.dst = row(p->format, b->dst, p->dst_step, first);
        parts[n++] = part;
    }
    return (struct vit_cut){n, VIT_PLACE_NONE};
}

/* ---- What is done row by row ---- */

/* Rows first to first + rows - 1 of problem. */
static struct vit_part rows_part(const struct vit_problem *problem, const struct vit_buffers *b, int64_t first,
                                 int64_t rows)
{
    struct vit_part part = {*problem, *b, 0};
    const void *src = b->in[VIT_SRC];
    struct vit_problem *p = &part.problem;
    switch (problem->op) {
    case VIT_PATCHIFY:
        p->patchify.first = first, p->patchify.rows = rows;
        part.buffers.dst = row(p->patchify.dst, b->dst, p->patchify.dst_step, first);
        break;
    case VIT_NORM:
        p->norm.rows = rows;
        part.buffers.dst = row(p->norm.dst, b->dst, p->norm.dst_step, first);
        part.buffers.in[VIT_SRC] = f32_row(src, p->norm.width, first);
        break;
    case VIT_CONVERT:
        p->convert.rows = rows;
        part.buffers.dst = row(p->convert.dst, b->dst, p->convert.dst_step, first);
        part.buffers.in[VIT_SRC] = f32_row(src, p->convert.width, first);
        break;
    case VIT_GATE:
        p->gate.rows = rows;
        part.buffers.dst = row(VIT_ROWS_F32, b->dst, p->gate.width, first);
        part.buffers.in[VIT_SRC] = f32_row(src, 2 * p->gate.width, first);
        break;
    case VIT_QK_NORM:
        p->qk_norm.rows = rows;
        part.buffers.dst = row(VIT_ROWS_F32, b->dst, 3 * p->qk_norm.heads * p->qk_norm.head_dim, first);
        break;
    default:
        p->embed.first = first, p->embed.rows = rows;
        part.buffers.dst = row(VIT_ROWS_F32, b->dst, p->embed.width, first);
    }
    return part;
}

static struct vit_cut cut_rows(struct vit_part *parts, const struct vit_problem *problem, const struct vit_buffers *b,
                               int64_t rows, int threads)
{
    int n = 0;
    for (int i = 0; i < threads; i++) {
        int64_t first = row_start(rows, threads, i), end = row_start(rows, threads, i + 1);
        if (end > first)
            parts[n++] = rows_part(problem, b, first, end - first);
    }
    return (struct vit_cut){n, rows};
}

/* The rows of a problem that is done row by row; 0: it is not, or they are few. */
static int64_t rows_of(const struct vit_problem *p, int threads)
{
    int64_t rows = p->op == VIT_PATCHIFY  ? p->patchify.rows
                   : p->op == VIT_NORM    ? p->norm.rows
                   : p->op == VIT_CONVERT ? p->convert.rows
                   : p->op == VIT_GATE    ? p->gate.rows
                   : p->op == VIT_QK_NORM ? p->qk_norm.rows
                   : p->op == VIT_EMBED   ? p->embed.rows
                                          : 0;
    return rows >= (int64_t)threads * FEW ? rows : 0;
}

struct vit_cut vit_cut(struct vit_part *parts, const struct vit_problem *problem, const struct vit_buffers *buffers,
                       int threads, int columns)
{
    if (threads > 1 && problem->op == VIT_LINEAR)
        return cut_linear(parts, &problem->linear, buffers, threads, columns);
    if (threads > 1 && problem->op == VIT_ATTENTION)
        return cut_attention(parts, &problem->attention, buffers, threads);
    int64_t rows = rows_of(problem, threads);
    if (threads > 1 && rows > 0)
        return cut_rows(parts, problem, buffers, rows, threads);
    parts[0] = (struct vit_part){*problem, *buffers, 0};
    return (struct vit_cut){1, VIT_PLACE_FIRST};
}
