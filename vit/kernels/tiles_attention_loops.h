/* tiles_attention_loops.h: attention on tiles for a block of queries. Included by a file that has included the words of
 * tiles (tiles.h) and those of vectors and parts (vec_amx.h), or their twins in plain C.
 *
 * Scores are S = Q K^T, a product over HD, and the result O = P V, a product over T; P takes the place of S. Nothing
 * here depends on the order of columns within a row of a panel: K is transposed by words, as Q has them, and the two
 * halves of V's words are columns of two tiles, whose results make the words of dst. The keys in a word of P are r and
 * 16 + r, as in those of V. What is computed for a query does not depend on the block that it falls to. */
#include <math.h>

#include "vit/kernels/mask.h"
#include "vit/kernels/products.h"
#include "vit/kernels/tiles_attention.h"

enum { PAIR = 2 * TILE_BYTES, HALF = VIT_PANEL / 2 };

static inline char *line_at(const struct vit_tiles_rows *rows, int parts, int panel, int part, int row)
{
    return rows->line + ((panel * parts + part) * rows->step + row) * TILE_LINE;
}

static inline int n_panels(int n)
{
    return (n + VIT_PANEL - 1) / VIT_PANEL;
}

/* ---- Heads that are not whole panels ---- */

/* Element i of a row comes from place index[i] of two rows that follow each other: shift columns further on. */
static void set_shift(uint16_t index[VIT_PANEL], int parts, int shift)
{
    for (int i = 0; i < VIT_PANEL; i++) {
        int column = shift + (parts == 1 ? i : i % 2 * HALF + i / 2), in = column % VIT_PANEL;
        index[i] = (uint16_t)(column - in + (parts == 1 ? in : in % HALF * 2 + in / HALF));
    }
}

/* The elements of a row whose columns are from first to end - 1. */
static uint32_t elements(int parts, int first, int end)
{
    uint32_t set = 0;
    for (int i = 0; i < VIT_PANEL; i++) {
        int column = parts == 1 ? i : i % 2 * HALF + i / 2;
        set |= (uint32_t)(column >= first && column < end) << i;
    }
    return set;
}

/* dst's panel (n rows from its first on) = columns from `from` on of the width columns of src that begin with column
 * src->from; written are those columns of dst that are in store, with zeros where src has none. */
TARGET static void move_panel(const struct vit_tiles_rows *dst, int panel, uint32_t store,
                              const struct vit_tiles_rows *src, int first, int n, int parts, int from, int width)
{
    int begin = src->from + from, last = (src->from + width - 1) / VIT_PANEL;
    int left = begin < 0 ? -1 : begin / VIT_PANEL, low = left < 0 ? 0 : left, high = left < last ? left + 1 : last;
    uint16_t index[VIT_PANEL];
    set_shift(index, parts, begin - left * VIT_PANEL);
    uint32_t keep = elements(parts, -from, width - from);
    for (int part = 0; part < parts; part++)
        for (int row = 0; row < n; row++)
            v_store_picked(line_at(dst, parts, panel, part, row), store, line_at(src, parts, low, part, first + row),
                           line_at(src, parts, high, part, first + row), index, keep);
}

/* Rows first to first + n - 1 of src, as panels of their own: rows 0 to n - 1 of dst. */
TARGET static struct vit_tiles_rows whole_panels(const struct vit_tiles_head *h, const struct vit_tiles_rows *src,
                                                 int first, int n, const struct vit_tiles_rows *dst)
{
    if (h->in_place)
        return (struct vit_tiles_rows){src->line + first * TILE_LINE, src->step, 0};
    for (int panel = 0; panel < n_panels(h->head_dim); panel++)
        move_panel(dst, panel, UINT32_MAX, src, first, n, h->parts, panel * VIT_PANEL, h->head_dim);
    return *dst;
}

/* The n rows of src, whole panels, to rows first to first + n - 1 of the head's results. */
TARGET static void put_back(const struct vit_tiles_head *h, const struct vit_tiles_rows *src, int first, int n)
{
    struct vit_tiles_rows dst = h->dst;
    dst.line += first * TILE_LINE;
    for (int panel = 0; panel * VIT_PANEL < dst.from + h->head_dim; panel++) {
        int from = panel * VIT_PANEL - dst.from;
        uint32_t store = elements(h->parts, -from, h->ends ? VIT_PANEL : h->head_dim - from);
        move_panel(&dst, panel, store, src, 0, n, h->parts, from, h->head_dim);
    }
}

/* ---- Packing ---- */

TARGET static void pack_keys(const struct vit_tiles_head *h, char *dst, const struct vit_tiles_rows *k)
{
    for (int key = 0; key < h->tokens; key += VIT_TILES_KEYS)
        for (int panel = 0; panel < n_panels(h->head_dim); panel++)
            for (int part = 0; part < h->parts; part++, dst += PAIR)
                for (int half = 0; half < 2 && key + half * TILE_SIDE < h->tokens; half++) {
                    const void *src = line_at(k, h->parts, panel, part, key + half * TILE_SIDE);
                    v_transpose((float *)(void *)(dst + half * TILE_BYTES), src, TILE_LINE / sizeof(float));
                }
}

/* Two tiles of the 32 rows from src on. */
INLINE void pack_rows(char *dst, const char *src)
{
    for (int r = 0; r < TILE_SIDE; r++, dst += TILE_LINE, src += TILE_LINE) {
        const void *low = src, *high = src + TILE_BYTES;
        v_store_words((void *)dst, v_load_low(low), v_load_low(high));
        v_store_words((void *)(dst + TILE_BYTES), v_load_high(low), v_load_high(high));
    }
}

/* The rows after the last are zeros: probabilities of zero meet them. */
TARGET static void pack_values(const struct vit_tiles_head *h, char *dst, const struct vit_tiles_rows *v)
{
    for (int panel = 0; panel < n_panels(h->head_dim); panel++)
        for (int key = 0; key < h->tokens; key += VIT_TILES_KEYS)
            for (int part = 0; part < h->parts; part++, dst += PAIR) {
                const char *src = line_at(v, h->parts, panel, part, key);
                if (h->tokens - key >= VIT_TILES_KEYS) {
                    pack_rows(dst, src);
                } else {
                    char some[VIT_TILES_KEYS * TILE_LINE] = {0};
                    pack_rows(dst, memcpy(some, src, (size_t)((h->tokens - key) * TILE_LINE)));
                }
            }
}

TARGET static void pack(const struct vit_tiles_head *h, const struct vit_tiles_memory *m)
{
    struct vit_tiles_rows k = whole_panels(h, &h->k, 0, h->tokens, &m->rows);
    pack_keys(h, m->keys, &k);
    struct vit_tiles_rows v = whole_panels(h, &h->v, 0, h->tokens, &m->rows);
    pack_values(h, m->values, &v);
}

/* ---- The product ---- */

/* sums (32 or 16 queries, 32) = a times the pairs of tiles from b on. All steps are in bytes: of sums and a from row to
 * row, and of a from part to part and from one of the steps to the next. */
struct unit {
    char *sums;
    const char *a, *b;
    int64_t sums_row, a_row, a_part, a_step;
    int steps;
};

/* Tiles 0 to 3 are sums, 4 and 5 the rows of a, 6 and 7 the columns of b. */
#define STORE(u, t) tile_store((u)->sums + (t) / 2 * TILE_SIDE * (u)->sums_row + (t) % 2 * TILE_LINE, (u)->sums_row, t)

/* A store keeps what comes after it waiting for its sum: so those of the unit before are stored between multiplies. */
#define MULTIPLY(t, a, b)                                                                                              \
    do {                                                                                                               \
        if (fresh && before)                                                                                           \
            STORE(before, t);                                                                                          \
        if (fresh)                                                                                                     \
            tile_zero(t);                                                                                              \
        tile_bf16(t, a, b);                                                                                            \
    } while (0)

INLINE void multiply_pair(const struct unit *before, const bool fresh, const int tiles)
{
    MULTIPLY(0, 4, 6);
    MULTIPLY(1, 4, 7);
    if (tiles == 2) {
        MULTIPLY(2, 5, 6);
        MULTIPLY(3, 5, 7);
    }
}

INLINE void store_sums(const struct unit *u, const int tiles)
{
    STORE(u, 0);
    STORE(u, 1);
    if (tiles == 2) {
        STORE(u, 2);
        STORE(u, 3);
    }
}

/* One step: the products of parts. */
INLINE void multiply_parts(const struct unit *u, const char *a, const char *b, const struct unit *before,
                           const bool first, const int parts, const int tiles)
{
    const struct products *p = &products[parts - 1];
#pragma GCC unroll 6
    for (int i = 0; i < p->n; i++) {
        int pa = p->of[i].a, pb = p->of[i].b;
        if (i == 0 || pa != p->of[i - 1].a) {
            tile_load(4, a + pa * u->a_part, u->a_row);
            if (tiles == 2)
                tile_load(5, a + pa * u->a_part + TILE_SIDE * u->a_row, u->a_row);
        }
        if (i == 0 || pb != p->of[i - 1].b) {
            tile_stream(6, b + pb * PAIR, TILE_LINE);
            tile_stream(7, b + pb * PAIR + TILE_BYTES, TILE_LINE);
        }
        multiply_pair(before, first && i == 0, tiles);
    }
}

/* Keys and values pass by once for each block of queries: they shall not drive its scores out of the first cache.
 *
 * Leaves the sums in the tiles, for the next unit to store. before: the unit whose sums are there, or NULL. */
INLINE void multiply(const struct unit *u, const struct unit *before, const int parts, const int tiles)
{
    const char *a = u->a, *b = u->b;
    multiply_parts(u, a, b, before, true, parts, tiles);
    for (int i = 1; i < u->steps; i++) {
        a += u->a_step;
        b += parts * PAIR;
        multiply_parts(u, a, b, NULL, false, parts, tiles);
    }
}

/* n products with the same a, of which each takes the next pairs of tiles and fills the sums sums_step further on. */
INLINE void multiply_all(struct unit u, int64_t sums_step, int n, const int parts, const int tiles)
{
    struct unit before = u;
    multiply(&u, NULL, parts, tiles);
    for (int i = 1; i < n; i++) {
        before = u;
        u.sums += sums_step;
        u.b += u.steps * parts * PAIR;
        multiply(&u, &before, parts, tiles);
    }
    store_sums(&u, tiles);
}

/* ---- Softmax ---- */

/* Of three parts probabilities take more than scores: these lie at the end of the row. */
static inline float *scores_of(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, int row)
{
    char *p = m->scores + row * m->scores_step;
    return (void *)(h->parts == 3 ? p + n_panels(h->tokens) * TILE_LINE : p);
}

/* The largest of the scores of n blocks of keys. */
INLINE float largest(const float *s, int n)
{
    vec low = v_load(s), high = v_load(s + LANES);
    for (int i = 1; i < n; i++) {
        s += VIT_TILES_KEYS;
        low = v_max(low, v_load(s));
        high = v_max(high, v_load(s + LANES));
    }
    return v_top(v_max(low, high));
}

/* p, in parts, = exp2(scale (s - top)) for n blocks of keys; returns their sum. p may lie over s, as far as it ends
 * with s at the latest. */
INLINE float exponentials(char *p, const float *s, int n, float top, float scale, const int parts)
{
    const int degree = parts == 1 ? 3 : parts == 2 ? 5 : 6;
    vec factor = v_set1(scale), shift = v_set1(scale * top), sum = v_zero();
    for (int i = 0; i < n; i++, s += VIT_TILES_KEYS, p += parts * TILE_LINE) {
        vec low = v_exp2_of(degree, v_fms(v_load(s), factor, shift));
        vec high = v_exp2_of(degree, v_fms(v_load(s + LANES), factor, shift));
        sum = v_add(sum, v_add(low, high));
        alternate(p, TILE_LINE, parts, low, high, false);
    }
    return v_sum(sum);
}

/* The scores of n queries become probabilities but for a factor: inverse. Each pass goes over all rows, so that what
 * one row waits for another fills. What is smaller than 2^-126 may be zero: to make sure that nothing is would cost
 * more. */
INLINE void soften(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, float *inverse, int first, int n,
                   const int parts)
{
    float scale = (float)(1.4426950408889634 / sqrt(h->head_dim)), top[VIT_TILES_QUERIES];
    int blocks = n_panels(h->tokens);
    uint32_t mode = v_begin_flushing();
    for (int i = 0; i < n; i++) {
        int seen = h->seen + (first + i) * h->more;
        mask_scores(scores_of(h, m, i), seen < h->tokens ? seen : h->tokens, blocks * VIT_TILES_KEYS);
    }
    for (int i = 0; i < n; i++)
        top[i] = largest(scores_of(h, m, i), blocks);
    for (int i = 0; i < n; i++)
        inverse[i] = 1 / exponentials(m->scores + i * m->scores_step, scores_of(h, m, i), blocks, top[i], scale, parts);
    v_end_flushing(mode);
}

/* ---- A block of queries ---- */

/* dst (n, whole panels) = the results times inverse. */
INLINE void finish(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, const struct vit_tiles_rows *dst,
                   const float *inverse, int n, const int parts)
{
    const float *sums = m->results;
    for (int panel = 0; panel < n_panels(h->head_dim); panel++, sums += VIT_TILES_QUERIES * VIT_PANEL)
        for (int i = 0; i < n; i++) {
            vec factor = v_set1(inverse[i]), low = v_load(sums + i * VIT_PANEL);
            vec high = v_load(sums + i * VIT_PANEL + LANES);
            alternate(line_at(dst, parts, panel, 0, i), dst->step * TILE_LINE, parts, v_mul(low, factor),
                      v_mul(high, factor), false);
        }
}

INLINE void attend_of(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, int first, int n,
                      const int parts, const int tiles)
{
    int blocks = n_panels(h->tokens), panels = n_panels(h->head_dim);
    float inverse[VIT_TILES_QUERIES];
    struct vit_tiles_rows q = whole_panels(h, &h->q, first, n, &m->q), dst = m->dst;
    multiply_all((struct unit){.sums = (char *)scores_of(h, m, 0),
                               .sums_row = m->scores_step,
                               .a = q.line,
                               .a_row = TILE_LINE,
                               .a_part = q.step * TILE_LINE,
                               .a_step = parts * q.step * TILE_LINE,
                               .b = m->keys,
                               .steps = panels},
                 VIT_TILES_KEYS * sizeof(float), blocks, parts, tiles);
    soften(h, m, inverse, first, n, parts);
    multiply_all((struct unit){.sums = (char *)m->results,
                               .sums_row = VIT_PANEL * sizeof(float),
                               .a = m->scores,
                               .a_row = m->scores_step,
                               .a_part = TILE_LINE,
                               .a_step = parts * TILE_LINE,
                               .b = m->values,
                               .steps = blocks},
                 VIT_TILES_QUERIES * VIT_PANEL * sizeof(float), panels, parts, tiles);
    if (h->in_place)
        dst = (struct vit_tiles_rows){h->dst.line + first * TILE_LINE, h->dst.step, 0};
    finish(h, m, &dst, inverse, n, parts);
    if (!h->in_place)
        put_back(h, &dst, first, n);
}

#define ATTEND(name, parts)                                                                                            \
    TARGET static void name(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, int first, int n)        \
    {                                                                                                                  \
        if (n > TILE_SIDE)                                                                                             \
            attend_of(h, m, first, n, parts, 2);                                                                       \
        else                                                                                                           \
            attend_of(h, m, first, n, parts, 1);                                                                       \
    }
ATTEND(attend_1, 1)
ATTEND(attend_2, 2)
ATTEND(attend_3, 3)

static void attend(const struct vit_tiles_head *h, const struct vit_tiles_memory *m, int first, int n)
{
    if (h->parts == 1)
        attend_1(h, m, first, n);
    else if (h->parts == 2)
        attend_2(h, m, first, n);
    else
        attend_3(h, m, first, n);
}
