/* vec_plain.h: the vocabulary of vec.h and parts.h in plain C, with the lanes and the bits of vec_amx.h: for testing
 * what is written in it on any machine. */
#ifndef VIT_VEC_PLAIN_H
#define VIT_VEC_PLAIN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "vit/base/half.h"

#define TARGET
#define INLINE static __attribute__((unused, noinline))

enum { LANES = 16 };

typedef struct {
    float at[LANES];
} vec;

#define V_EACH(name, params, expression)       \
    static inline vec name params              \
    {                                          \
        vec r;                                 \
        for (int i = 0; i < LANES; i++)        \
            r.at[i] = expression;              \
        return r;                              \
    }

V_EACH(v_set1, (float x), x)
V_EACH(v_load, (const float *p), p[i])
V_EACH(v_load_some, (const float *p, int n), i < n ? p[i] : 0)
V_EACH(v_add, (vec x, vec y), x.at[i] + y.at[i])
V_EACH(v_sub, (vec x, vec y), x.at[i] - y.at[i])
V_EACH(v_mul, (vec x, vec y), x.at[i] * y.at[i])
V_EACH(v_div, (vec x, vec y), x.at[i] / y.at[i])
V_EACH(v_min, (vec x, vec y), x.at[i] < y.at[i] ? x.at[i] : y.at[i])
V_EACH(v_max, (vec x, vec y), x.at[i] > y.at[i] ? x.at[i] : y.at[i])
V_EACH(v_limit, (vec x, vec end), copysignf(fabsf(x.at[i]) < end.at[i] ? fabsf(x.at[i]) : end.at[i], x.at[i]))
V_EACH(v_fma, (vec x, vec y, vec z), fmaf(x.at[i], y.at[i], z.at[i]))
V_EACH(v_fms, (vec x, vec y, vec z), fmaf(x.at[i], y.at[i], -z.at[i]))
/* Rounded down, as VREDUCEPS does: below 1. */
static inline float fraction(float x)
{
    if (isinf(x))
        return 0;
    double exact = (double)x - floorf(x);
    float y = (float)exact;
    return y > exact || y == 1 ? nextafterf(y, 0) : y;
}

V_EACH(v_fraction, (vec x), fraction(x.at[i]))

/* Denormal results are flushed: without v_begin_flushing there must be none. */
static inline float scale(float p, float x)
{
    if (isnan(x))
        return x;
    float y = ldexpf(p, (int)fmaxf(-1000, fminf(floorf(x), 1000)));
    return fabsf(y) < 0x1p-126f ? 0 : y;
}

V_EACH(v_scale, (vec p, vec x), scale(p.at[i], x.at[i]))

static inline vec v_zero(void)
{
    return v_set1(0);
}

static inline void v_store_some(float *p, vec x, int n)
{
    memcpy(p, x.at, (size_t)n * sizeof *p);
}

static inline void v_store(float *p, vec x)
{
    v_store_some(p, x, LANES);
}

static inline float v_sum(vec x)
{
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            x.at[i] += x.at[i + n];
    return x.at[0];
}

static inline float v_top(vec x)
{
    for (int i = 1; i < LANES; i++)
        x.at[0] = x.at[i] > x.at[0] ? x.at[i] : x.at[0];
    return x.at[0];
}

static inline vec v_widen(const uint16_t *p)
{
    vec r;
    vit_widen(r.at, p, VIT_BF16, LANES);
    return r;
}

static inline void v_narrow(uint16_t *p, vec x)
{
    vit_narrow(p, x.at, VIT_BF16, LANES);
}

/* ---- Parts ---- */

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

V_EACH(v_nearest, (vec x), of_bits(bits_of(x.at[i]) + 0x8000))
V_EACH(v_upper, (vec x), of_bits(bits_of(x.at[i]) & 0xffff0000))
V_EACH(v_same_nan, (vec x), isnan(x.at[i]) ? of_bits(0xffc00000) : x.at[i])
V_EACH(v_load_low, (const uint32_t *words), of_bits(words[i] << 16))
V_EACH(v_load_high, (const uint32_t *words), of_bits(words[i] & 0xffff0000))

static inline void v_store_words(uint32_t *words, vec low, vec high)
{
    for (int i = 0; i < LANES; i++)
        words[i] = bits_of(low.at[i]) >> 16 | (bits_of(high.at[i]) & 0xffff0000);
}

static inline void v_narrow_pair(uint16_t *p, vec low, vec high)
{
    for (int i = 0; i < LANES; i++) {
        low.at[i] = fpclassify(low.at[i]) == FP_SUBNORMAL ? copysignf(0, low.at[i]) : low.at[i];
        high.at[i] = fpclassify(high.at[i]) == FP_SUBNORMAL ? copysignf(0, high.at[i]) : high.at[i];
    }
    v_narrow(p, low);
    v_narrow(p + LANES, high);
}

/* ---- What attention needs ---- */

static inline void v_transpose(float *dst, const float *src, int64_t step)
{
    for (int i = 0; i < LANES; i++)
        for (int k = 0; k < LANES; k++)
            memcpy(dst + i * LANES + k, src + k * step + i, sizeof *dst);
}

static inline void v_store_picked(void *dst, uint32_t store, const void *low, const void *high,
                                  const uint16_t index[2 * LANES], uint32_t keep)
{
    for (int i = 0; i < 2 * LANES; i++) {
        const void *row = index[i] < 2 * LANES ? low : high;
        uint16_t x = keep >> i & 1 ? ((const uint16_t *)row)[index[i] % (2 * LANES)] : 0;
        if (store >> i & 1)
            memcpy((uint16_t *)dst + i, &x, sizeof x);
    }
}

static inline uint32_t v_begin_flushing(void)
{
    return 0;
}

static inline void v_end_flushing(uint32_t before)
{
    (void)before;
}

#include "vit/kernels/vec.h"

#include "vit/kernels/parts.h"

#endif
