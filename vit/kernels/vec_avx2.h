/* vec_avx2.h: the vocabulary of vec.h for AVX2 with FMA. */
#ifndef VIT_VEC_AVX2_H
#define VIT_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define TARGET __attribute__((target("avx2,fma")))

typedef __m256 vec;

enum { LANES = 8 };

#define v_zero() _mm256_setzero_ps()
#define v_set1(x) _mm256_set1_ps(x)
#define v_load(p) _mm256_loadu_ps(p)
#define v_store(p, x) _mm256_storeu_ps(p, x)
#define v_add(x, y) _mm256_add_ps(x, y)
#define v_sub(x, y) _mm256_sub_ps(x, y)
#define v_mul(x, y) _mm256_mul_ps(x, y)
#define v_div(x, y) _mm256_div_ps(x, y)
#define v_min(x, y) _mm256_min_ps(x, y)
#define v_max(x, y) _mm256_max_ps(x, y)
#define v_limit(x, end) v_min(end, v_max(_mm256_sub_ps(v_zero(), end), x))
#define v_fma(x, y, z) _mm256_fmadd_ps(x, y, z)
#define v_fms(x, y, z) _mm256_fmsub_ps(x, y, z)

TARGET static inline __m256i mask(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

TARGET static inline vec v_load_some(const float *p, int n)
{
    return _mm256_maskload_ps(p, mask(n));
}

/* A masked store is slow on many CPUs, also with a full mask. */
TARGET static inline void v_store_some(float *p, vec x, int n)
{
    if (n == LANES)
        _mm256_storeu_ps(p, x);
    else
        _mm256_maskstore_ps(p, mask(n), x);
}

TARGET static inline float v_sum(vec x)
{
    __m128 y = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_add_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}

TARGET static inline float v_top(vec x)
{
    __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_max_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}

TARGET static inline vec v_fraction(vec x)
{
    return _mm256_sub_ps(x, _mm256_floor_ps(x));
}

TARGET static inline vec v_scale(vec p, vec x)
{
    __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(_mm256_floor_ps(x)), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}

TARGET static inline vec v_widen(const uint16_t *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

/* Adds just less than half of what is dropped, or half where that makes it even. A full NaN, as CUDA writes it, would
 * overflow into -0: of NaN the upper half is kept, made quiet as its set bits may all be in the lower one. */
TARGET static inline void v_narrow(uint16_t *p, vec x)
{
    __m256i bits = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i sum = _mm256_add_epi32(bits, _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd));
    vec quiet = _mm256_or_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
    vec kept = _mm256_blendv_ps(_mm256_castsi256_ps(sum), quiet, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    __m256i high = _mm256_srli_epi32(_mm256_castps_si256(kept), 16);
    __m128i narrow = _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    _mm_storeu_si128((__m128i *)(void *)p, narrow);
}

#include "vit/kernels/vec.h"

#endif
