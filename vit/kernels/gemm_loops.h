/* gemm_loops.h: the pieces of a matrix product with a packed weight, in terms of a vector (vec.h). Included once by each
 * gemm_ISA.c, after tile.h.
 *
 * All arithmetic is f32, as in attention_loops.h and for the same reasons: a bf16 weight is widened block by block. */
#include "vit/kernels/gemm.h"
#include "vit/kernels/transpose.h"

enum { PANEL = TILE_VECS * LANES };

/* ---- Packing ---- */

/* type is a constant where this is called. */
INLINE void pack_weight(void *dst, const enum vit_dtype type, const float *weight, int in, int n)
{
    float wide[BLOCK * PANEL];
    int width = round_up(n, LANES);
    for (int k = 0; k < in; k += BLOCK) {
        int depth = in - k < BLOCK ? in - k : BLOCK;
        for (int o = 0; o < width; o += BLOCK)
            if (depth == BLOCK && n - o >= BLOCK)
                transpose(wide + o, width, weight + (int64_t)o * in + k, in, BLOCK);
            else
                transpose_edge(wide + o, width, weight + (int64_t)o * in + k, in, n - o, depth);
        if (type == VIT_F32)
            memcpy((float *)dst + (int64_t)k * width, wide, (size_t)(depth * width) * sizeof *wide);
        else
            narrow_row((uint16_t *)dst + (int64_t)k * width, wide, depth * width);
    }
}

TARGET static void pack_f32(void *dst, const float *weight, int in, int n)
{
    pack_weight(dst, VIT_F32, weight, in, n);
}

TARGET static void pack_bf16(void *dst, const float *weight, int in, int n)
{
    pack_weight(dst, VIT_BF16, weight, in, n);
}

TARGET static void widen(float *dst, const uint16_t *src, int n)
{
    widen_row(dst, src, n);
}

/* ---- What is done with the sums ---- */

enum { NO_ACT = -1 };

/* x / (1 + 2^y); where y is beyond what v_exp2 takes, this is x, or 0 but for 1e-38 x. */
INLINE vec gate(vec x, vec y)
{
    vec power = v_exp2(v_min(v_set1(126), v_max(v_set1(-126), y)));
    return v_div(x, v_add(v_set1(1), power));
}

INLINE vec gelu_erf(vec x)
{
    vec end = v_set1(ERF_END), z = v_min(end, v_max(v_set1(-ERF_END), x));
    vec t = v_fms(v_mul(z, z), v_set1(2 / (ERF_END * ERF_END)), v_set1(1));
    vec p = v_fma(v_set1(ERF_13), t, v_set1(ERF_12));
    p = v_fma(p, t, v_set1(ERF_11));
    p = v_fma(p, t, v_set1(ERF_10));
    p = v_fma(p, t, v_set1(ERF_9));
    p = v_fma(p, t, v_set1(ERF_8));
    p = v_fma(p, t, v_set1(ERF_7));
    p = v_fma(p, t, v_set1(ERF_6));
    p = v_fma(p, t, v_set1(ERF_5));
    p = v_fma(p, t, v_set1(ERF_4));
    p = v_fma(p, t, v_set1(ERF_3));
    p = v_fma(p, t, v_set1(ERF_2));
    p = v_fma(p, t, v_set1(ERF_1));
    p = v_fma(p, t, v_set1(ERF_0));
    vec half = v_mul(v_set1(0.5f), x);
    return v_fma(half, v_mul(z, p), half);
}

/* tanh(u) = 2 / (1 + e^(-2u)) - 1 makes a gate of GELU's second form, too. */
INLINE vec activate(vec x, const enum vit_act act)
{
    const float log2e = 1.44269504f, a = -2 * 0.797884561f * log2e;
    switch (act) {
    case VIT_ACT_GELU_ERF: return gelu_erf(x);
    case VIT_ACT_GELU_TANH:
        return gate(x, v_mul(x, v_fma(v_set1(a * 0.044715f), v_mul(x, x), v_set1(a))));
    case VIT_ACT_QUICK_GELU: return gate(x, v_mul(x, v_set1(-1.702f * log2e)));
    case VIT_ACT_SILU: return gate(x, v_mul(x, v_set1(-log2e)));
    }
    return x;
}

/* Rows of the output from their sums. What is done to them is a constant where this is called. */
INLINE void finish_rows(const struct vit_gemm_output *o, int row, const float *sums, int rows, const enum vit_dtype type,
                        const bool add, const int act /* of enum vit_act, or NO_ACT */)
{
    const int64_t size = type == VIT_F32 ? 4 : 2;
    char *dst = (char *)o->dst + size * row * o->stride;
    for (int c = 0; c < o->n; c += LANES) {
        int n = o->n - c < LANES ? o->n - c : LANES;
        vec bias = o->bias ? v_load_some(o->bias + c, n) : v_zero();
        const float *from = sums + c;
        char *to = dst + size * c;
        for (int i = 0; i < rows; i++, from += PANEL, to += size * o->stride) {
            vec x = v_add(v_load(from), bias);
            if (act != NO_ACT)
                x = activate(x, (enum vit_act)act);
            if (add)
                x = v_add(x, v_load_some((const float *)(void *)to, n));
            store_part(to, type, x, n);
        }
    }
}

#define FINISH(act)                                                 \
    if (o->type == VIT_F32)                                         \
        finish_rows(o, row, sums, rows, VIT_F32, false, act);       \
    else                                                            \
        finish_rows(o, row, sums, rows, VIT_BF16, false, act)

TARGET static void finish(const struct vit_gemm_output *o, int row, const float *sums, int rows)
{
    if (o->add) {
        finish_rows(o, row, sums, rows, VIT_F32, true, NO_ACT);
        return;
    }
    switch (o->activate ? (int)o->act : NO_ACT) {
    case NO_ACT: FINISH(NO_ACT); break;
    case VIT_ACT_GELU_ERF: FINISH(VIT_ACT_GELU_ERF); break;
    case VIT_ACT_GELU_TANH: FINISH(VIT_ACT_GELU_TANH); break;
    case VIT_ACT_QUICK_GELU: FINISH(VIT_ACT_QUICK_GELU); break;
    case VIT_ACT_SILU: FINISH(VIT_ACT_SILU); break;
    }
}

/* ---- A block ---- */

TARGET static void multiply(const struct vit_gemm_block *b)
{
    int tiles = (b->rows + TILE_ROWS - 1) / TILE_ROWS;
    int fetches = (b->depth + AHEAD_EVERY - 1) / AHEAD_EVERY; /* of a tile */
    struct tile tile = {.a = b->a, .b = b->weight, .a_stride = b->a_stride, .sums_stride = PANEL, .depth = b->depth};
    tile.ahead = b->ahead;
    tile.ahead_step = (int)(b->ahead_size / (size_t)(tiles * fetches)) + 1;
    /* What is begun and finished at once may stay in the first cache. */
    bool at_once = b->output && !b->more;
    for (int row = 0; row < b->rows; row += TILE_ROWS) {
        int rows = b->rows - row < TILE_ROWS ? b->rows - row : TILE_ROWS;
        tile.sums = b->sums + (at_once ? 0 : row * PANEL);
        run_tile(&tile, rows, b->width / LANES, b->more);
        if (b->output)
            finish(b->output, row, tile.sums, rows);
        tile.a += TILE_ROWS * b->a_stride;
        tile.ahead += fetches * tile.ahead_step;
    }
}
