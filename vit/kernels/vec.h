/* vec.h: the vocabulary that own kernels are written in, and what can be said in it alone. Each kernel is compiled once for
 * each instruction set: its file includes vec_ISA.h, which defines
 *     TARGET         the attribute that allows the instruction set
 *     vec            a vector of LANES floats
 *     v_zero v_set1 v_load v_store v_add v_mul v_div v_min v_max v_fma v_fms
 *     v_load_some v_store_some   the first n elements of a vector, 0 <= n <= LANES
 *     v_sum v_top    the sum and the largest of a vector's elements
 *     v_fraction     x - floor(x)
 *     v_scale        p 2^floor(x), for p from 1 to 2 and -126 <= x <= 127
 *     v_widen        the vector at a pointer to bf16
 *     v_narrow       stores a vector as bf16, rounded to nearest even
 * v_min and v_max return their second operand where either is NaN. */
#ifndef VIT_VEC_H
#define VIT_VEC_H

#include <string.h>

#include "vit/base/half.h"
#include "vit/kernels/polynomials.h"

#define INLINE static inline __attribute__((always_inline)) TARGET

static inline int round_up(int n, int step)
{
    return (n + step - 1) / step * step;
}

/* 2^x, for -126 <= x <= 127. */
INLINE vec v_exp2(vec x)
{
    vec f = v_fraction(x), p = v_fma(v_set1(EXP2_5), f, v_set1(EXP2_4));
    p = v_fma(p, f, v_set1(EXP2_3));
    p = v_fma(p, f, v_set1(EXP2_2));
    p = v_fma(p, f, v_set1(EXP2_1));
    p = v_fma(p, f, v_set1(EXP2_0));
    return v_scale(p, x);
}

/* ---- bf16 ---- */

/* dst (n) f32 = src (n) bf16. */
TARGET static inline void widen_row(float *dst, const uint16_t *src, int n)
{
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(dst + i, v_widen(src + i));
    vit_widen(dst + i, src + i, VIT_BF16, n - i);
}

/* dst (n) bf16 = src (n) f32, rounded to nearest even. */
TARGET static inline void narrow_row(uint16_t *dst, const float *src, int n)
{
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        v_narrow(dst + i, v_load(src + i));
    vit_narrow(dst + i, src + i, VIT_BF16, n - i);
}

/* The n elements at dst = x, n at most LANES. */
INLINE void store_part(void *dst, enum vit_dtype type, vec x, int n)
{
    if (type == VIT_F32) {
        v_store_some(dst, x, n);
    } else if (n == LANES) {
        v_narrow(dst, x);
    } else {
        float wide[LANES];
        v_store(wide, x);
        vit_narrow(dst, wide, VIT_BF16, n);
    }
}

/* ---- Transposing ---- */

enum { BLOCK = 8 }; /* both sides of what is transposed at once */

TARGET static inline __m256 join(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* The first n_cols rows of dst = the columns of src (BLOCK, BLOCK). Halves are joined as they are loaded: what is left
 * to do stays within them. */
TARGET static inline void transpose(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_cols)
{
    __m256 out[BLOCK];
    for (int half = 0; half < BLOCK; half += 4) {
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
    for (int i = 0; i < BLOCK; i++)
        if (i < n_cols)
            _mm256_storeu_ps(dst + i * dst_stride, out[i]);
}

/* The same for src (n_rows, n_cols) at the edge of its matrix; the rows that are missing count as zero. */
TARGET static inline void transpose_edge(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_rows,
                                         int n_cols)
{
    float whole[BLOCK][BLOCK] = {{0}};
    for (int i = 0; i < n_rows && i < BLOCK; i++)
        memcpy(whole[i], src + i * src_stride, (size_t)n_cols * sizeof *src);
    transpose(dst, dst_stride, whole[0], BLOCK, n_cols);
}

/* dst (width, dst_stride >= BLOCK) = the columns of src (n_rows <= BLOCK, width), zero where rows are missing. */
TARGET static inline void transpose_rows(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_rows,
                                         int width)
{
    for (int d = 0; d < width; d += BLOCK, dst += BLOCK * dst_stride)
        if (n_rows == BLOCK && width - d >= BLOCK)
            transpose(dst, dst_stride, src + d, src_stride, BLOCK);
        else
            transpose_edge(dst, dst_stride, src + d, src_stride, n_rows, width - d < BLOCK ? width - d : BLOCK);
}

#endif
