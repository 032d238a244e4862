/* attention_loops.h: attention for a block of queries, in terms of a vector (vec.h). Included once by each
 * attention_ISA.c, after tile.h.
 *
 * All arithmetic is f32. bf16 is widened while it is packed and narrowed at the end: that costs little next to the
 * products, and a product of bf16 vectors (VDPBF16PS) runs at half the rate of an f32 one where it was measured.
 *
 * Scores are S = Q K^T, a product over HD, and the result O = P V, a product over T, with K^T and V packed in panels.
 */
#include <math.h>

#include "vit/kernels/attention.h"
#include "vit/kernels/mask.h"
#include "vit/kernels/transpose.h"

/* ---- Memory ---- */

enum { MOST_QUERIES = 4 * TILE_ROWS };

/* The scores of a block are to stay in the first cache. */
static int most_queries(int tokens)
{
    const int cache = 24 << 10;
    int n = cache / (int)sizeof(float) / tokens / TILE_ROWS * TILE_ROWS;
    return n < TILE_ROWS ? TILE_ROWS : n < MOST_QUERIES ? n : MOST_QUERIES;
}

/* The scratch of a thread, in floats. It begins with the panels of K^T (HD, T). */
struct layout {
    int wide_T, wide_HD; /* in whole vectors */
    size_t values;       /* panels of V (T, HD) */
    size_t scores;       /* (most_queries, wide_T) */
    size_t rows;         /* of q, k or dst: (most_queries or BLOCK, wide_HD) */
    size_t size;
};

static struct layout layout_for(int tokens, int head_dim)
{
    struct layout l = {.wide_T = round_up(tokens, LANES), .wide_HD = round_up(head_dim, LANES)};
    int block = most_queries(tokens);
    l.values = (size_t)l.wide_T * (size_t)head_dim;
    l.scores = l.values + (size_t)tokens * (size_t)l.wide_HD;
    l.rows = l.scores + (size_t)(block * l.wide_T);
    l.size = l.rows + (size_t)((block > BLOCK ? block : BLOCK) * l.wide_HD);
    return l;
}

static size_t scratch_size(int tokens, int head_dim)
{
    return layout_for(tokens, head_dim).size * sizeof(float);
}

struct rows {
    const float *data;
    int64_t stride;
};

/* Rows first to first + n - 1 of src: in place, or widened into buffer (n, HD). */
TARGET static struct rows rows_of(const struct vit_attention_head *h, const void *src, int64_t stride, int first, int n,
                                  float *buffer)
{
    int HD = h->head_dim;
    if (h->type == VIT_F32)
        return (struct rows){(const float *)src + first * stride, stride};
    for (int i = 0; i < n; i++)
        widen_row(buffer + i * HD, (const uint16_t *)src + (first + i) * stride, HD);
    return (struct rows){buffer, HD};
}

/* ---- Packing ---- */

/* dst: panels of K^T (HD, T), the columns after the last key zero. */
TARGET static void pack_keys(const struct vit_attention_head *h, float *dst, float *buffer)
{
    int HD = h->head_dim, T = h->tokens;
    for (int p = 0; p < vit_n_panels(T, LANES); p++) {
        int start = vit_panel_start(T, LANES, p), end = vit_panel_start(T, LANES, p + 1), width = end - start;
        for (int t = start; t < end; t += BLOCK) {
            int n = T - t < BLOCK ? T - t : BLOCK;
            struct rows k = rows_of(h, h->k, h->kv_stride, t, n, buffer);
            transpose_rows(dst + (int64_t)start * HD + (t - start), width, k.data, k.stride, n, HD);
        }
    }
}

/* The n elements at src, at most LANES, as floats; zero after them. */
INLINE vec load_part(const void *src, const enum vit_dtype type, int n)
{
    if (type == VIT_F32)
        return n < LANES ? v_load_some(src, n) : v_load(src);
    if (n >= LANES)
        return v_widen(src);
    float wide[LANES] = {0};
    vit_widen(wide, src, VIT_BF16, n);
    return v_load(wide);
}

/* dst: panels of V (T, HD), the columns after the last zero. type is a constant where this is called. */
INLINE void pack_values(const struct vit_attention_head *h, float *dst, const enum vit_dtype type)
{
    int HD = h->head_dim;
    int64_t size = (int64_t)vit_dtype_size(type);
    for (int p = 0; p < vit_n_panels(HD, LANES); p++) {
        int start = vit_panel_start(HD, LANES, p), end = vit_panel_start(HD, LANES, p + 1);
        const char *v = h->v;
        for (int t = 0; t < h->tokens; t++, v += size * h->kv_stride)
            for (int d = start; d < end; d += LANES, dst += LANES)
                v_store(dst, load_part(v + size * d, type, HD - d));
    }
}

TARGET static void pack(const struct vit_attention_head *h, void *scratch)
{
    struct layout l = layout_for(h->tokens, h->head_dim);
    float *base = scratch;
    pack_keys(h, base, base + l.rows);
    if (h->type == VIT_F32)
        pack_values(h, base + l.values, VIT_F32);
    else
        pack_values(h, base + l.values, VIT_BF16);
}

/* ---- The product ---- */

/* Has a tile fetch some rows of the next head, as wide as a cache line: all of k's first lines, then its second ones,
 * and so on, and v's. Otherwise packing would wait for each. */
static void fetch_next(struct tile *tile, const struct vit_attention_head *h)
{
    const int line = 64, size = h->type == VIT_F32 ? 4 : 2;
    int64_t lines = (h->head_dim * size + line - 1) / line, column = *h->fetched / h->tokens;
    int row = (int)(*h->fetched % h->tokens), rows = (tile->depth + AHEAD_EVERY - 1) / AHEAD_EVERY;
    if (!h->next || column >= 2 * lines) {
        tile->ahead = (const char *)tile->b; /* which is there already */
        tile->ahead_step = 0;
        return;
    }
    tile->ahead_step = (int)h->kv_stride * size;
    tile->ahead = (const char *)(column < lines ? h->next->k : h->next->v) + column % lines * line +
                  (int64_t)row * tile->ahead_step;
    *h->fetched += row + rows < h->tokens ? rows : h->tokens - row;
}

/* dst (rows, n in whole vectors) = a (rows, depth) times the panels of b (depth, n). */
TARGET static void multiply(const struct vit_attention_head *h, float *dst, int64_t dst_stride, struct rows a,
                            const float *b, int rows, int depth, int n)
{
    struct tile tile = {.sums_stride = dst_stride, .a_stride = a.stride, .depth = depth};
    for (int p = 0; p < vit_n_panels(n, LANES); p++) {
        int start = vit_panel_start(n, LANES, p), vecs = (vit_panel_start(n, LANES, p + 1) - start) / LANES;
        tile.b = b + (int64_t)start * depth;
        for (int row = 0; row < rows; row += TILE_ROWS) {
            tile.a = a.data + row * a.stride;
            tile.sums = dst + row * dst_stride + start;
            fetch_next(&tile, h);
            run_tile(&tile, rows - row < TILE_ROWS ? rows - row : TILE_ROWS, vecs, false);
        }
    }
}

/* ---- Softmax ---- */

/* Below 2^LEAST a probability is as good as none; ending there keeps every product with one a normal number. */
#define LEAST (-100.0f)

/* The largest of n scores, a multiple of LANES. */
TARGET static float largest(const float *s, int n)
{
    vec top = v_load(s);
    for (int t = LANES; t < n; t += LANES)
        top = v_max(top, v_load(s + t));
    return v_top(top);
}

/* In place: p = exp2(scale (s - top)) over n scores, a multiple of LANES; returns their sum. */
TARGET static float exponentials(float *s, int n, float top, float scale)
{
    vec least = v_set1(LEAST), factor = v_set1(scale), shift = v_set1(scale * top), sum = v_zero();
    for (int t = 0; t < n; t += LANES) {
        /* The order of max's operands lets NaN through. */
        vec p = v_exp2(v_max(least, v_fms(v_load(s + t), factor, shift)));
        v_store(s + t, p);
        sum = v_add(sum, p);
    }
    return v_sum(sum);
}

/* ---- A block of queries ---- */

/* In place: the scores (n_queries, wide_T) of T keys become exp2(scale (s - their largest)); sums: of each row. Each
 * pass goes over all rows, so that what one row waits for another fills. */
TARGET static void soften(const struct vit_attention_head *h, float *scores, float *sums, int first, int n_queries,
                          int wide_T, float scale)
{
    float top[MOST_QUERIES];
    /* Of each key that is not seen at most 2^LEAST is left in a sum. */
    for (int i = 0; i < n_queries; i++) {
        int seen = h->seen + (first + i) * h->more;
        mask_scores(scores + i * wide_T, seen < h->tokens ? seen : h->tokens, wide_T);
    }
    for (int i = 0; i < n_queries; i++)
        top[i] = largest(scores + i * wide_T, wide_T);
    for (int i = 0; i < n_queries; i++)
        sums[i] = exponentials(scores + i * wide_T, wide_T, top[i], scale);
}

/* dst (HD) of type = factor src. */
TARGET static void put_row(void *dst, enum vit_dtype type, const float *src, float factor, int HD)
{
    for (int d = 0; d < HD; d += LANES) {
        int n = HD - d < LANES ? HD - d : LANES;
        store_part((char *)dst + d * (type == VIT_F32 ? 4 : 2), type, v_mul(v_load(src + d), v_set1(factor)), n);
    }
}

TARGET static void attend(const struct vit_attention_head *h, void *scratch, int first, int n_queries)
{
    int T = h->tokens, HD = h->head_dim;
    struct layout l = layout_for(T, HD);
    float *base = scratch, *scores = base + l.scores, *rows = base + l.rows, sums[MOST_QUERIES];
    float scale = (float)(1.4426950408889634 / sqrt(HD));

    struct rows q = rows_of(h, h->q, h->q_stride, first, n_queries, rows);
    multiply(h, scores, l.wide_T, q, base, n_queries, HD, T);
    soften(h, scores, sums, first, n_queries, l.wide_T, scale);
    multiply(h, rows, l.wide_HD, (struct rows){scores, l.wide_T}, base + l.values, n_queries, T, HD);
    int64_t size = h->type == VIT_F32 ? 4 : 2;
    for (int i = 0; i < n_queries; i++)
        put_row((char *)h->dst + size * (first + i) * h->dst_stride, h->type, rows + i * l.wide_HD, 1 / sums[i], HD);
}
