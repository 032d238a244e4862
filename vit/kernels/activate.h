/* activate.h: the activation functions, in terms of a vector (vec.h), of n vectors side by side: each step of a
 * polynomial is taken for all of them before the next is, as a CPU that is busy with something else does not look far
 * enough ahead to do so by itself. n and act are constants where this is called. */
#ifndef VIT_ACTIVATE_H
#define VIT_ACTIVATE_H

#include "vit/base/config.h"

enum { NO_ACT = -1, SIDE_BY_SIDE = 8 /* n at most */ };

/* x / (1 + 2^y); where y is beyond what v_exp2 takes, this is x, or 0 but for 1e-38 x. */
INLINE vec gate(vec x, vec y)
{
    vec power = v_exp2(v_min(v_set1(126), v_max(v_set1(-126), y)));
    return v_div(x, v_add(v_set1(1), power));
}

/* p = the polynomial of t with coefficients c, that of the highest power first. */
INLINE void horner(vec *p, const vec *t, const int n, const float *c, const int degree)
{
#pragma GCC unroll 8
    for (int i = 0; i < n; i++)
        p[i] = v_fma(v_set1(c[0]), t[i], v_set1(c[1]));
#pragma GCC unroll 16
    for (int k = 2; k <= degree; k++)
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            p[i] = v_fma(p[i], t[i], v_set1(c[k]));
}

INLINE void gelu_erf(vec *x, const int n)
{
    static const float c[] = {ERF_13, ERF_12, ERF_11, ERF_10, ERF_9, ERF_8, ERF_7,
                              ERF_6,  ERF_5,  ERF_4,  ERF_3,  ERF_2, ERF_1, ERF_0};
    vec z[SIDE_BY_SIDE], t[SIDE_BY_SIDE], p[SIDE_BY_SIDE];
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) {
        z[i] = v_limit(x[i], v_set1(ERF_END));
        t[i] = v_fms(v_mul(z[i], z[i]), v_set1(2 / (ERF_END * ERF_END)), v_set1(1));
    }
    horner(p, t, n, c, 13);
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) {
        vec half = v_mul(v_set1(0.5f), x[i]);
        x[i] = v_fma(half, v_mul(z[i], p[i]), half);
    }
}

INLINE void gelu_bf16(vec *x, const int n)
{
    static const float c[] = {GELU_7, GELU_6, GELU_5, GELU_4, GELU_3, GELU_2, GELU_1, GELU_0};
    vec z[SIDE_BY_SIDE], t[SIDE_BY_SIDE], p[SIDE_BY_SIDE];
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) {
        z[i] = v_limit(x[i], v_set1(GELU_END));
        t[i] = v_mul(z[i], z[i]);
    }
    horner(p, t, n, c, 7);
#pragma GCC unroll 8
    for (int i = 0; i < n; i++)
        x[i] = v_mul(x[i], v_fma(z[i], p[i], v_set1(0.5f)));
}

/* act is of enum vit_act, or NO_ACT; with coarse the result is good for bf16 only.
 * tanh(u) = 2 / (1 + e^(-2u)) - 1 makes a gate of GELU's second form, too. */
INLINE void activate(vec *x, const int n, const int act, const bool coarse)
{
    const float log2e = 1.44269504f, a = -2 * 0.797884561f * log2e;
    if (act == VIT_ACT_GELU_ERF) {
        if (coarse)
            gelu_bf16(x, n);
        else
            gelu_erf(x, n);
        return;
    }
#pragma GCC unroll 8
    for (int i = 0; i < n; i++)
        switch (act) {
        case VIT_ACT_GELU_TANH:
            x[i] = gate(x[i], v_mul(x[i], v_fma(v_set1(a * 0.044715f), v_mul(x[i], x[i]), v_set1(a))));
            break;
        case VIT_ACT_QUICK_GELU: x[i] = gate(x[i], v_mul(x[i], v_set1(-1.702f * log2e))); break;
        case VIT_ACT_SILU: x[i] = gate(x[i], v_mul(x[i], v_set1(-log2e))); break;
        }
}

#endif
