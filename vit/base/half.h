/* half.h: floating-point types of checkpoints, widened to f32 and narrowed from it. */
#ifndef VIT_HALF_H
#define VIT_HALF_H

#include <stdbool.h>
#include <stdint.h>

#include "vit/base/tensor.h"

/* Whether dtype can be widened: F32, F16, BF16, F64. */
bool vit_dtype_is_float(enum vit_dtype dtype);

/* dst[i] = src[i] for n elements of a floating-point type. Exact for F16 and BF16, subnormals, infinities and NaN
 * included; F64 is rounded to nearest even. src may begin at any address; it may be the last bytes of dst's
 * n floats, and must not overlap dst otherwise. */
void vit_widen(float *dst, const void *src, enum vit_dtype dtype, int64_t n);

/* The other way, to F16 or BF16, rounding to nearest, ties to even. False: a finite value became infinite. */
bool vit_narrow(void *dst, const float *src, enum vit_dtype dtype, int64_t n);

/* In place: the values that remain when data (n) goes through F16 or BF16. */
void vit_round_to(float *data, enum vit_dtype dtype, int64_t n);

#endif
