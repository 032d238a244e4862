/* gemm_loops.h: the pieces of a matrix product with a packed weight, in terms of a vector (vec.h). Included once by each
 * gemm_ISA.c, after tile.h.
 *
 * All arithmetic is f32, as in attention_loops.h and for the same reasons: a bf16 weight is widened block by block. */
#include "vit/kernels/activate.h"
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
            activate(&x, 1, act, false);
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
