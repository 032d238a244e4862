/* vec_amx.h: the vocabulary of vec.h and parts.h for a CPU with AMX, which has all of AVX-512 that is used here and its
 * conversion to bf16.
 *
 * Attention has words of its own, here and in vec_plain.h:
 *     v_transpose        dst (LANES, LANES), dense, = 32-bit words of src transposed, whose rows are step words apart
 *     v_store_picked     elements of 16 bits, those of store: number i is, if it is in keep, element index[i] of low and
 *                        high, which count as one row, else 0
 *     v_begin_flushing   from here to v_end_flushing, which takes its result, denormal results become 0 */
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

/* ---- What attention needs ---- */

/* The four elements at src in each of four rows. */
TARGET static inline vec v_fours(const float *src, int64_t step)
{
    vec x = _mm512_castps128_ps512(_mm_loadu_ps(src));
    x = _mm512_mask_broadcast_f32x4(x, 0xF0, _mm_loadu_ps(src + step));
    x = _mm512_mask_broadcast_f32x4(x, 0xF00, _mm_loadu_ps(src + 2 * step));
    return _mm512_mask_broadcast_f32x4(x, 0xF000, _mm_loadu_ps(src + 3 * step));
}

TARGET static inline void v_transpose(float *dst, const float *src, int64_t step)
{
    for (int i = 0; i < LANES; i += 4, dst += 4 * LANES, src += 4) {
        vec r0 = v_fours(src, 4 * step), r1 = v_fours(src + step, 4 * step);
        vec r2 = v_fours(src + 2 * step, 4 * step), r3 = v_fours(src + 3 * step, 4 * step);
        vec even = _mm512_unpacklo_ps(r0, r1), odd = _mm512_unpacklo_ps(r2, r3);
        v_store(dst, _mm512_shuffle_ps(even, odd, 0x44));
        v_store(dst + LANES, _mm512_shuffle_ps(even, odd, 0xEE));
        even = _mm512_unpackhi_ps(r0, r1), odd = _mm512_unpackhi_ps(r2, r3);
        v_store(dst + 2 * LANES, _mm512_shuffle_ps(even, odd, 0x44));
        v_store(dst + 3 * LANES, _mm512_shuffle_ps(even, odd, 0xEE));
    }
}

TARGET static inline void v_store_picked(void *dst, uint32_t store, const void *low, const void *high,
                                         const uint16_t index[2 * LANES], uint32_t keep)
{
    __m512i picked = _mm512_maskz_permutex2var_epi16(keep, _mm512_loadu_si512(low), _mm512_loadu_si512(index),
                                                     _mm512_loadu_si512(high));
    _mm512_mask_storeu_epi16(dst, store, picked);
}

enum { FLUSH_TO_ZERO = 1 << 15 }; /* of MXCSR */

/* "memory" keeps loads and stores, and with them what is computed in between, on their side. */
static inline uint32_t v_begin_flushing(void)
{
    uint32_t before = _mm_getcsr(), flushing = before | FLUSH_TO_ZERO;
    __asm__ volatile("ldmxcsr %0" ::"m"(flushing) : "memory");
    return before;
}

static inline void v_end_flushing(uint32_t before)
{
    __asm__ volatile("ldmxcsr %0" ::"m"(before) : "memory");
}

#endif
