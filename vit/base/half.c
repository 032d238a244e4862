/* half.c: f16, bf16 and f64 to f32, and f32 to f16 and bf16. */
#include "vit/base/half.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

bool vit_dtype_is_float(enum vit_dtype dtype)
{
    return dtype == VIT_F32 || dtype == VIT_F16 || dtype == VIT_BF16 || dtype == VIT_F64;
}

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16. A subnormal is an integer times 2^-24, which f32 holds exactly. */
static float widen_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 31, fraction = half & 0x3ff;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    uint32_t wide = exponent == 31 ? 255 : exponent - 15 + 127;
    return float_of_bits(sign | wide << 23 | fraction << 13);
}

#if defined(__x86_64__)
/* Asked of the CPU itself, as clang 14 does not know the word; of AVX the compiler asks the operating system, too. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

__attribute__((target("avx,f16c"))) static int64_t widen_f16_by_8(float *dst, const uint8_t *src, int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(src + 2 * i))));
    return i;
}
#endif

static void widen_all_f16(float *dst, const uint8_t *src, int64_t n)
{
    int64_t i = 0;
#if defined(__x86_64__)
    if (has_f16c())
        i = widen_f16_by_8(dst, src, n);
#endif
    for (; i < n; i++) {
        uint16_t half;
        memcpy(&half, src + 2 * i, sizeof half);
        dst[i] = widen_f16(half);
    }
}

void vit_widen(float *dst, const void *src, enum vit_dtype dtype, int64_t n)
{
    const uint8_t *bytes = src;
    if (dtype == VIT_F32) {
        memcpy(dst, src, (size_t)n * sizeof *dst);
    } else if (dtype == VIT_F16) {
        widen_all_f16(dst, bytes, n);
    } else if (dtype == VIT_BF16) {
        for (int64_t i = 0; i < n; i++) {
            uint16_t half;
            memcpy(&half, bytes + 2 * i, sizeof half);
            dst[i] = float_of_bits((uint32_t)half << 16);
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            double value;
            memcpy(&value, bytes + 8 * i, sizeof value);
            dst[i] = (float)value;
        }
    }
}

/* ---- Narrowing ---- */

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Drops the low n bits of value, rounding to nearest, ties to even. */
static uint32_t round_bits(uint32_t value, uint32_t n)
{
    uint32_t half = 1u << (n - 1), odd = value >> n & 1;
    return (value + half - 1 + odd) >> n;
}

static bool is_finite_bits(uint32_t bits)
{
    return (bits & 0x7f800000) != 0x7f800000;
}

/* A NaN stays one, whatever bits of it are dropped. */
static uint16_t narrow_bf16(uint32_t bits)
{
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)round_bits(bits, 16);
}

static uint16_t narrow_f16(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (magnitude == 0x7f800000 || magnitude >= 0x477ff000) /* 65520 and more round to infinity */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude >= 0x38800000) /* 2^-14: normal, the exponent's bias falls from 127 to 15 */
        return (uint16_t)(sign | round_bits(magnitude - (112u << 23), 13));
    uint32_t shift = 126 - (magnitude >> 23); /* subnormal: a multiple of 2^-24 */
    if (shift > 24)
        return (uint16_t)sign;
    return (uint16_t)(sign | round_bits((magnitude & 0x7fffff) | 0x800000, shift));
}

bool vit_narrow(void *dst, const float *src, enum vit_dtype dtype, int64_t n)
{
    uint32_t infinity = dtype == VIT_F16 ? 0x7c00 : 0x7f80;
    bool fits = true;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = bits_of_float(src[i]);
        uint16_t half = dtype == VIT_F16 ? narrow_f16(bits) : narrow_bf16(bits);
        fits = fits && ((half & 0x7fffu) != infinity || !is_finite_bits(bits));
        memcpy((uint8_t *)dst + 2 * i, &half, sizeof half);
    }
    return fits;
}

void vit_round_to(float *data, enum vit_dtype dtype, int64_t n)
{
    enum { PIECE = 256 };
    uint16_t narrow[PIECE];
    for (int64_t i = 0; i < n; i += PIECE) {
        int64_t some = n - i < PIECE ? n - i : PIECE;
        vit_narrow(narrow, data + i, dtype, some);
        vit_widen(data + i, narrow, dtype, some);
    }
}
