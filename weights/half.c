/* half.c: f16, bf16 and f64 to f32. */
#include "weights/half.h"

#include <string.h>

#if defined(__x86_64__)
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
    if (__builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c"))
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
