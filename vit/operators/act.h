/* act.h: the activations, one element at a time; each text serves float and double. */
#ifndef VIT_ACT_H
#define VIT_ACT_H

#include <tgmath.h>

#include "vit/base/config.h"

#define VIT_DEFINE_ACT(name, real)                                                                                     \
    static inline real name(real x, enum vit_act act)                                                                  \
    {                                                                                                                  \
        const real inv_sqrt2 = (real)0.70710678118654752440, sqrt_2_over_pi = (real)0.79788456080286535588;            \
        const real half = (real)0.5, cubic = (real)0.044715, quick = (real)1.702;                                      \
        switch (act) {                                                                                                 \
        case VIT_ACT_GELU_ERF: return half * x * (1 + erf(x * inv_sqrt2));                                             \
        case VIT_ACT_GELU_TANH: return half * x * (1 + tanh(sqrt_2_over_pi * (x + cubic * x * x * x)));                \
        case VIT_ACT_QUICK_GELU: return x / (1 + exp(-quick * x));                                                     \
        case VIT_ACT_SILU: return x / (1 + exp(-x));                                                                   \
        }                                                                                                              \
        return x;                                                                                                      \
    }

VIT_DEFINE_ACT(vit_act, double)
VIT_DEFINE_ACT(vit_act_f32, float)

#endif
