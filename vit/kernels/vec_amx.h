/* vec_amx.h: the vocabulary of vec.h and parts.h for a CPU with AMX, which has all of AVX-512 that is used here and its
 * conversion to bf16. */
#ifndef VIT_VEC_AMX_H
#define VIT_VEC_AMX_H

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")))

#include "vit/kernels/vec_avx512.h"

TARGET static inline __m512i v_bits(vec x)
{
    return _mm512_castps_si512(x);
}

TARGET static inline vec v_nearest(vec x)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(v_bits(x), _mm512_set1_epi32(0x8000)));
}

TARGET static inline vec v_upper(vec x)
{
    return _mm512_castsi512_ps(_mm512_and_si512(v_bits(x), _mm512_set1_epi32(-0x10000)));
}

TARGET static inline vec v_same_nan(vec x)
{
    enum { DEFAULT_FOR_EITHER_KIND = 0x33 }; /* a table of responses; that to quiet and signalling NaN comes first */
    return _mm512_fixupimm_ps(x, x, _mm512_set1_epi32(DEFAULT_FOR_EITHER_KIND), 0);
}

TARGET static inline vec v_load_low(const uint32_t *words)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(words), 16));
}

TARGET static inline vec v_load_high(const uint32_t *words)
{
    return v_upper(_mm512_loadu_ps(words));
}

TARGET static inline void v_store_words(uint32_t *words, vec low, vec high)
{
    enum { HIGH_UNDER_MASK_OR_LOWER = 0xEA }; /* a table of the results for three bits */
    __m512i lower = _mm512_srli_epi32(v_bits(low), 16), mask = _mm512_set1_epi32(-0x10000);
    _mm512_storeu_si512(words, _mm512_ternarylogic_epi32(v_bits(high), mask, lower, HIGH_UNDER_MASK_OR_LOWER));
}

TARGET static inline void v_narrow_pair(uint16_t *p, vec low, vec high)
{
    _mm512_storeu_si512(p, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

#include "vit/kernels/parts.h"

#endif
