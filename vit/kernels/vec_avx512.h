/* vec_avx512.h: the vocabulary of vec.h for AVX-512. TARGET may be defined already, and allow more. */
#ifndef VIT_VEC_AVX512_H
#define VIT_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#ifndef TARGET
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#endif

typedef __m512 vec;

enum { LANES = 16 };

#define v_zero() _mm512_setzero_ps()
#define v_set1(x) _mm512_set1_ps(x)
#define v_load(p) _mm512_loadu_ps(p)
#define v_store(p, x) _mm512_storeu_ps(p, x)
#define v_load_some(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define v_store_some(p, x, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), x)
#define v_add(x, y) _mm512_add_ps(x, y)
#define v_sub(x, y) _mm512_sub_ps(x, y)
#define v_mul(x, y) _mm512_mul_ps(x, y)
#define v_div(x, y) _mm512_div_ps(x, y)
#define v_min(x, y) _mm512_min_ps(x, y)
#define v_max(x, y) _mm512_max_ps(x, y)
#define v_limit(x, end) _mm512_range_ps(x, end, 2) /* the smaller magnitude, with the sign of x */
#define v_fma(x, y, z) _mm512_fmadd_ps(x, y, z)
#define v_fms(x, y, z) _mm512_fmsub_ps(x, y, z)
#define v_sum(x) _mm512_reduce_add_ps(x)
#define v_top(x) _mm512_reduce_max_ps(x)

#define v_fraction(x) _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF)
#define v_scale(p, x) _mm512_scalef_ps(p, x)

TARGET static inline vec v_widen(const uint16_t *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

/* Adds just less than half of what is dropped, or half where that makes it even. A full NaN, as CUDA writes it, would
 * overflow into -0: of NaN the upper half is kept, made quiet as its set bits may all be in the lower one. */
TARGET static inline void v_narrow(uint16_t *p, vec x)
{
    __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i sum = _mm512_add_epi32(bits, _mm512_add_epi32(_mm512_set1_epi32(0x7fff), odd));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    sum = _mm512_mask_or_epi32(sum, nan, bits, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 16)));
}

#include "vit/kernels/vec.h"

#endif
