/* attention_kernel.h: attention for a block of queries, in terms of a vector. Included once by each attention_ISA.c,
 * which defines before it
 *     TARGET         the attribute that allows the instruction set
 *     vec            a vector of LANES floats
 *     MAX_QUERIES    rows of the register tile; with its two vectors a row it must fit the registers
 *     v_zero v_set1 v_load v_store v_load_some v_store_some v_add v_mul v_max v_fma v_fms v_sum v_top v_exp2
 *     v_widen        the vector at a pointer to bf16
 *     v_narrow       stores a vector as bf16, rounded to nearest even
 *
 * All arithmetic is f32. bf16 is widened while it is packed and narrowed at the end: that costs little next to the
 * products, and a product of bf16 vectors (VDPBF16PS) runs at half the rate of an f32 one where it was measured.
 *
 * Scores are S = Q K^T, a product over HD, and the result O = P V, a product over T: the same loop over a panel of
 * PANEL columns, of K^T or of V. A panel is stored row by row; the last one is a single vector wide when that is
 * enough. */
#include <math.h>
#include <string.h>

#include "vit/attention.h"
#include "weights/half.h"

enum { PANEL = 2 * LANES, PACK = 8 };

#define INLINE static inline __attribute__((always_inline)) TARGET

static int round_up(int n, int step)
{
    return (n + step - 1) / step * step;
}

/* The width of the panel that begins at column at, of n columns. */
static int panel_width(int n, int at)
{
    return n - at > LANES ? PANEL : LANES;
}

/* ---- Memory ---- */

/* The most rows that are widened at once. */
enum { GROUP = MAX_QUERIES > PACK ? MAX_QUERIES : PACK };

/* The scratch of a thread, in floats. It begins with the panels of K^T. */
struct layout {
    size_t values; /* panels of V */
    size_t scores; /* (MAX_QUERIES, T), T rounded up to whole vectors */
    size_t rows;   /* (GROUP, HD), of q, k, v or dst, where these are bf16 */
    size_t size;
};

static struct layout layout_for(int tokens, int head_dim)
{
    size_t T = (size_t)tokens, HD = (size_t)head_dim, wide_T = (size_t)round_up(tokens, LANES);
    struct layout l;
    l.values = wide_T * HD;
    l.scores = l.values + T * (size_t)round_up(head_dim, LANES);
    l.rows = l.scores + MAX_QUERIES * wide_T;
    l.size = l.rows + GROUP * HD;
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

/* Rows first to first + n - 1 of src: in place, or widened into buffer (GROUP, HD). */
TARGET static struct rows rows_of(const struct vit_attention_head *h, const void *src, int64_t stride, int first, int n,
                                  float *buffer)
{
    int HD = h->head_dim;
    if (h->type == VIT_F32)
        return (struct rows){(const float *)src + first * stride, stride};
    for (int i = 0; i < n; i++) {
        const uint16_t *from = (const uint16_t *)src + (first + i) * stride;
        float *to = buffer + i * HD;
        int d = 0;
        for (; d + LANES <= HD; d += LANES)
            v_store(to + d, v_widen(from + d));
        vit_widen(to + d, from + d, VIT_BF16, HD - d);
    }
    return (struct rows){buffer, HD};
}

/* dst (HD) of bf16 = src. */
TARGET static void narrow_row(uint16_t *dst, const float *src, int HD)
{
    int d = 0;
    for (; d + LANES <= HD; d += LANES)
        v_narrow(dst + d, v_load(src + d));
    vit_narrow(dst + d, src + d, VIT_BF16, HD - d);
}

/* ---- Packing ---- */

TARGET static inline __m256 join(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* The first n_cols rows of dst = the columns of src (PACK, PACK). Halves are joined as they are loaded: what is left
 * to do stays within them. */
TARGET static inline void transpose(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_cols)
{
    __m256 out[PACK];
    for (int half = 0; half < PACK; half += 4) {
        const float *low = src + half, *high = low + 4 * src_stride;
        __m256 r0 = join(low, high), r1 = join(low + src_stride, high + src_stride);
        __m256 r2 = join(low + 2 * src_stride, high + 2 * src_stride);
        __m256 r3 = join(low + 3 * src_stride, high + 3 * src_stride);
        __m256 even = _mm256_unpacklo_ps(r0, r1), odd = _mm256_unpacklo_ps(r2, r3);
        out[half] = _mm256_shuffle_ps(even, odd, 0x44);
        out[half + 1] = _mm256_shuffle_ps(even, odd, 0xEE);
        even = _mm256_unpackhi_ps(r0, r1), odd = _mm256_unpackhi_ps(r2, r3);
        out[half + 2] = _mm256_shuffle_ps(even, odd, 0x44);
        out[half + 3] = _mm256_shuffle_ps(even, odd, 0xEE);
    }
#pragma GCC unroll 8
    for (int i = 0; i < PACK; i++)
        if (i < n_cols)
            _mm256_storeu_ps(dst + i * dst_stride, out[i]);
}

/* The same for src (n_rows, n_cols) at the edge of its matrix; the rows that are missing count as zero. */
TARGET static void transpose_edge(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_rows,
                                  int n_cols)
{
    float whole[PACK][PACK] = {{0}};
    for (int i = 0; i < n_rows && i < PACK; i++)
        memcpy(whole[i], src + i * src_stride, (size_t)n_cols * sizeof *src);
    transpose(dst, dst_stride, whole[0], PACK, n_cols);
}

/* dst: panels of K^T (HD, T), the columns after the last key zero. */
TARGET static void pack_keys(const struct vit_attention_head *h, float *dst, float *buffer)
{
    int HD = h->head_dim, T = h->tokens;
    for (int t = 0; t < round_up(T, LANES); t += PACK) {
        int panel = t / PANEL * PANEL, width = panel_width(T, panel), n = T - t < PACK ? T - t : PACK;
        struct rows k = rows_of(h, h->k, h->kv_stride, t, n, buffer);
        float *column = dst + (int64_t)panel * HD + (t - panel);
        for (int d = 0; d < HD; d += PACK, column += PACK * width)
            if (n == PACK && HD - d >= PACK)
                transpose(column, width, k.data + d, k.stride, PACK);
            else
                transpose_edge(column, width, k.data + d, k.stride, n, HD - d < PACK ? HD - d : PACK);
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
    int64_t size = type == VIT_F32 ? 4 : 2;
    for (int at = 0; at < HD; at += PANEL) {
        int end = at + panel_width(HD, at);
        const char *v = h->v;
        for (int t = 0; t < h->tokens; t++, v += size * h->kv_stride)
            for (int d = at; d < end; d += LANES, dst += LANES)
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

/* One tile of a product: c (rows, cols) = a (rows, depth) b (depth, PANEL or LANES), row i times factor[i]. */
struct tile {
    const float *a, *b, *factor; /* factor: NULL is 1 */
    float *c;
    int64_t a_stride, c_stride;
    int depth, cols;
};

/* rows and vecs are constants where this is called, so that the sums are registers. */
INLINE void multiply(const struct tile *t, const int rows, const int vecs)
{
    vec sum[MAX_QUERIES][2];
    const float *a = t->a, *b = t->b, *factor = t->factor;
    int64_t a_stride = t->a_stride, c_stride = t->c_stride;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = v_zero();
    for (int k = t->depth; k > 0; k--, a++, b += vecs * LANES) {
        vec b0 = v_load(b), b1 = vecs == 2 ? v_load(b + LANES) : b0;
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            vec x = v_set1(a[i * a_stride]);
            sum[i][0] = v_fma(x, b0, sum[i][0]);
            sum[i][1] = v_fma(x, b1, sum[i][1]);
        }
    }
    float *c = t->c;
    int last = t->cols - (vecs - 1) * LANES;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++, c += c_stride) {
        if (factor) {
            sum[i][0] = v_mul(sum[i][0], v_set1(factor[i]));
            sum[i][1] = v_mul(sum[i][1], v_set1(factor[i]));
        }
        if (vecs == 2)
            v_store(c, sum[i][0]);
        v_store_some(c + (vecs - 1) * LANES, sum[i][vecs - 1], last);
    }
}

#define ROWS(n)                \
    case n:                    \
        if (width == PANEL)    \
            multiply(t, n, 2); \
        else                   \
            multiply(t, n, 1); \
        break

TARGET static void multiply_tile(const struct tile *t, int rows, int width)
{
    switch (rows) {
        ROWS(1);
        ROWS(2);
        ROWS(3);
        ROWS(4);
        ROWS(5);
        ROWS(6);
#if MAX_QUERIES > 6
        ROWS(7);
        ROWS(8);
        ROWS(9);
        ROWS(10);
        ROWS(11);
        ROWS(12);
#endif
    }
}

/* t->c (rows, n_cols) = t->a (rows, depth) times all panels of a (depth, n_cols) matrix. */
TARGET static void multiply_panels(struct tile t, int rows, int n_cols)
{
    float *c = t.c;
    const float *b = t.b;
    for (int at = 0; at < n_cols; at += PANEL) {
        int width = panel_width(n_cols, at);
        t.b = b + (int64_t)at * t.depth;
        t.c = c + at;
        t.cols = n_cols - at < width ? n_cols - at : width;
        multiply_tile(&t, rows, width);
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

TARGET static void attend(const struct vit_attention_head *h, void *scratch, int first, int n_queries)
{
    int T = h->tokens, HD = h->head_dim, stride = round_up(T, LANES);
    struct layout l = layout_for(T, HD);
    float *base = scratch, *scores = base + l.scores, *rows = base + l.rows;
    float scale = (float)(1.4426950408889634 / sqrt(HD)), top[MAX_QUERIES], factor[MAX_QUERIES];

    struct rows q = rows_of(h, h->q, h->q_stride, first, n_queries, rows);
    struct tile qk = {.a = q.data, .a_stride = q.stride, .depth = HD, .b = base, .c = scores, .c_stride = stride};
    multiply_panels(qk, n_queries, stride);

    /* What follows the last key is minus infinity, of which at most LANES times 2^LEAST is left in a sum. */
    for (int i = 0; i < n_queries; i++)
        v_store_some(scores + i * stride + T, v_set1(-INFINITY), stride - T);
    for (int i = 0; i < n_queries; i++)
        top[i] = largest(scores + i * stride, stride);
    for (int i = 0; i < n_queries; i++)
        factor[i] = 1 / exponentials(scores + i * stride, stride, top[i], scale);

    bool narrow = h->type == VIT_BF16;
    struct tile pv = {.a = scores, .a_stride = stride, .depth = T, .b = base + l.values, .factor = factor};
    pv.c = narrow ? rows : (float *)h->dst + first * h->dst_stride;
    pv.c_stride = narrow ? HD : h->dst_stride;
    multiply_panels(pv, n_queries, HD);
    for (int i = 0; narrow && i < n_queries; i++)
        narrow_row((uint16_t *)h->dst + (first + i) * h->dst_stride, rows + i * HD, HD);
}
