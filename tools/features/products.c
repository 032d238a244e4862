/* products.c: sums of products, several side by side, in vectors of 32 bytes that the compiler lays out for AVX2 and
 * for any x86-64. */
#include "tools/features/products.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = 4, STEP = 8 };

typedef float floats __attribute__((vector_size(LANES * sizeof(float))));
typedef double doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef float step __attribute__((vector_size(STEP * sizeof(float))));

#define INLINED static inline __attribute__((always_inline))

/* ---- The loops ---- */

INLINED void multiply(const float *a, const float *b, size_t n, double *ab, double *bb)
{
    doubles sum_ab = { 0 }, sum_bb = { 0 };
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        floats x, y;
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        doubles wide = __builtin_convertvector(y, doubles);
        sum_ab += __builtin_convertvector(x, doubles) * wide;
        sum_bb += wide * wide;
    }
    *ab = *bb = 0;
    for (; i < n; i++) {
        *ab += (double)a[i] * (double)b[i];
        *bb += (double)b[i] * (double)b[i];
    }
    for (int lane = 0; lane < LANES; lane++) {
        *ab += sum_ab[lane];
        *bb += sum_bb[lane];
    }
}

/* The loops over the tile are to be unrolled, so that its sums stay in registers. */
INLINED void multiply_tile(const float *a, const float *b, size_t stride, float dst[VIT_TILE_A][VIT_TILE_B])
{
    step sums[VIT_TILE_A][VIT_TILE_B] = { 0 };
    for (size_t k = 0; k < stride; k += STEP) {
        step x, y[VIT_TILE_B];
        for (size_t j = 0; j < VIT_TILE_B; j++)
            memcpy(&y[j], b + j * stride + k, sizeof x);
#pragma GCC unroll 4
        for (size_t i = 0; i < VIT_TILE_A; i++) {
            memcpy(&x, a + i * stride + k, sizeof x);
#pragma GCC unroll 2
            for (size_t j = 0; j < VIT_TILE_B; j++)
                sums[i][j] += x * y[j];
        }
    }
    for (size_t i = 0; i < VIT_TILE_A; i++) {
        for (size_t j = 0; j < VIT_TILE_B; j++) {
            dst[i][j] = 0;
            for (int lane = 0; lane < STEP; lane++)
                dst[i][j] += sums[i][j][lane];
        }
    }
}

/* ---- For each instruction set ---- */

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
#define AVX2
static bool has_avx2(void)
{
    return false;
}
#endif

AVX2 static void multiply_avx2(const float *a, const float *b, size_t n, double *ab, double *bb)
{
    multiply(a, b, n, ab, bb);
}

AVX2 static void multiply_tile_avx2(const float *a, const float *b, size_t stride, float dst[VIT_TILE_A][VIT_TILE_B])
{
    multiply_tile(a, b, stride, dst);
}

void vit_products(const float *a, const float *b, size_t n, double *ab, double *bb)
{
    if (has_avx2())
        multiply_avx2(a, b, n, ab, bb);
    else
        multiply(a, b, n, ab, bb);
}

void vit_products_tile(const float *a, const float *b, size_t stride, float dst[VIT_TILE_A][VIT_TILE_B])
{
    if (has_avx2())
        multiply_tile_avx2(a, b, stride, dst);
    else
        multiply_tile(a, b, stride, dst);
}

/* ---- What they are for ---- */

double vit_square(const float *a, size_t n)
{
    double ab, aa;
    vit_products(a, a, n, &ab, &aa);
    return aa;
}

double vit_cosine(const float *a, const float *b, size_t n)
{
    double ab, bb;
    vit_products(a, b, n, &ab, &bb);
    return ab / sqrt(vit_square(a, n) * bb);
}

size_t vit_products_stride(size_t n)
{
    return (n + STEP - 1) / STEP * STEP;
}

/* Each product, each sum and each number of a row that was divided by its length is rounded, by half an epsilon of it.
 */
double vit_products_error(size_t n)
{
    return ((double)n + 8) * (double)FLT_EPSILON;
}
