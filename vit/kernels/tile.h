/* tile.h: the innermost loop of every own product: a few rows times a panel a few vectors wide, in terms of a vector
 * (vec.h). Whoever includes it has included vec_ISA.h and defined
 *     TILE_ROWS      rows of a tile, 4 or 8; with TILE_VECS vectors a row it must fit the registers
 *
 * A matrix of n columns is packed for it in panels of 1 to TILE_VECS vectors, as even as can be, each stored row by row
 * and filled up with zeros. */
#ifndef VIT_TILE_H
#define VIT_TILE_H

#include "vit/kernels/panels.h"

/* sums (rows, vecs LANES) = or += a (rows, depth) b (depth, vecs LANES). Rows of sums and a are so many floats apart. */
struct tile {
    float *sums;
    const float *a, *b;
    int64_t sums_stride, a_stride;
    int depth;
    const char *ahead; /* what is brought into the second cache meanwhile: a line every so many bytes; NULL: nothing */
    int ahead_step;
};

enum { AHEAD_EVERY = 4 }; /* rows of b to a line */

/* rows, vecs and more are constants where this is called, so that the sums are registers. */
INLINE void run_tile_of(const struct tile *t, const int rows, const int vecs, const bool more)
{
    vec sum[TILE_ROWS][TILE_VECS];
    const float *a = t->a, *b = t->b;
    const char *ahead = t->ahead;
    int64_t a_stride = t->a_stride, sums_stride = t->sums_stride;
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++)
            sum[i][v] = more ? v_load(t->sums + i * sums_stride + v * LANES) : v_zero();
    for (int k = 0; k < t->depth; k++, a++, b += vecs * LANES) {
        vec w[TILE_VECS];
        if (k % AHEAD_EVERY == 0) {
            __builtin_prefetch(ahead, 0, 2);
            ahead += t->ahead_step;
        }
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++)
            w[v] = v_load(b + v * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            vec x = v_set1(a[i * a_stride]);
#pragma GCC unroll 3
            for (int v = 0; v < vecs; v++)
                sum[i][v] = v_fma(x, w[v], sum[i][v]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 3
        for (int v = 0; v < vecs; v++)
            v_store(t->sums + i * sums_stride + v * LANES, sum[i][v]);
}

#define ROWS(n, vecs)                                                                  \
    case n:                                                                            \
        if (more)                                                                      \
            run_tile_of(t, n, vecs, true);                                             \
        else                                                                           \
            run_tile_of(t, n, vecs, false);                                            \
        break

#if TILE_ROWS == 8
#define MORE_ROWS(vecs) ROWS(5, vecs); ROWS(6, vecs); ROWS(7, vecs); ROWS(8, vecs);
#else
#define MORE_ROWS(vecs)
#endif

#define TILE(name, vecs)                                                     \
    TARGET static void name(const struct tile *t, int rows, bool more)       \
    {                                                                        \
        switch (rows) {                                                      \
            ROWS(1, vecs);                                                   \
            ROWS(2, vecs);                                                   \
            ROWS(3, vecs);                                                   \
            ROWS(4, vecs);                                                   \
            MORE_ROWS(vecs)                                                  \
        }                                                                    \
    }
TILE(run_tile_1, 1)
TILE(run_tile_2, 2)
TILE(run_tile_3, 3)

/* rows: 1 to TILE_ROWS; vecs: 1 to TILE_VECS. more: the product is added to sums. */
TARGET static inline void run_tile(const struct tile *t, int rows, int vecs, bool more)
{
    if (vecs == 3)
        run_tile_3(t, rows, more);
    else if (vecs == 2)
        run_tile_2(t, rows, more);
    else
        run_tile_1(t, rows, more);
}

#endif
