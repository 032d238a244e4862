/* vec.h: the vocabulary that own kernels are written in, and what can be said in it alone. Each kernel is compiled once for
 * each instruction set: its file includes vec_ISA.h, which defines
 *     TARGET         the attribute that allows the instruction set
 *     vec            a vector of LANES floats
 *     v_zero v_set1 v_load v_store v_add v_sub v_mul v_div v_min v_max v_fma v_fms
 *     v_limit        x, or end with the sign of x where that is nearer to 0; of NaN something
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

/* vec_plain.h, whose vectors are arrays, has it otherwise: compilers take minutes for what is inlined there. */
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline)) TARGET
#endif

static inline int round_up(int n, int step)
{
    return (n + step - 1) / step * step;
}

/* 2^x, for -126 <= x <= 127, by a polynomial of degree 3, 5 or 6. */
INLINE vec v_exp2_of(const int degree, vec x)
{
    static const float degree_3[] = {EXP2_OF_3}, degree_5[] = {EXP2_OF_5}, degree_6[] = {EXP2_OF_6};
    const float *c = degree == 3 ? degree_3 : degree == 5 ? degree_5 : degree_6;
    vec f = v_fraction(x), p = v_set1(c[degree]);
#pragma GCC unroll 6
    for (int i = degree - 1; i >= 0; i--)
        p = v_fma(p, f, v_set1(c[i]));
    return v_scale(p, x);
}

INLINE vec v_exp2(vec x)
{
    return v_exp2_of(5, x);
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

#endif
