/* variants.c: the operators that only some models need, in plain C and f32: the gate of SwiGLU and the norms of q and k.
 * Neither weighs much beside the model's matrix products. */
#include <math.h>

#include "vit/operators/ops.h"

/* ---- Gate ---- */

static inline float activate(float x, enum vit_act act)
{
    const float inv_sqrt2 = 0.70710678f, sqrt_2_over_pi = 0.79788456f;
    switch (act) {
    case VIT_ACT_GELU_ERF: return 0.5f * x * (1 + erff(x * inv_sqrt2));
    case VIT_ACT_GELU_TANH: return 0.5f * x * (1 + tanhf(sqrt_2_over_pi * (x + 0.044715f * x * x * x)));
    case VIT_ACT_QUICK_GELU: return x / (1 + expf(-1.702f * x));
    case VIT_ACT_SILU: return x / (1 + expf(-x));
    }
    return x;
}

static vit_status run_gate(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_gate_op *op = vit_plain_op(kernel);
    int F = op->width;
#pragma omp parallel for
    for (int64_t r = 0; r < op->rows; r++) {
        const float *src = op->src + r * 2 * F;
        float *dst = op->dst + r * F;
        for (int i = 0; i < F; i++)
            dst[i] = activate(src[i], op->act) * src[F + i];
    }
    return VIT_OK;
}

vit_status vit_gate_create(struct vit_kernel **kernel, void *context, const struct vit_gate_op *op,
                           struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "plain", run_gate, 0, op, sizeof *op, err);
}

/* ---- Norms of q and k ---- */

/* One head's vector x (n), in place. */
static void norm_head(float *x, int n, float eps, const float *gain, const float *shift)
{
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += x[i];
    float mean = sum / (float)n;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    float scale = 1 / sqrtf(squares / (float)n + eps);
    for (int i = 0; i < n; i++)
        x[i] = (x[i] - mean) * scale * gain[i] + shift[i];
}

static vit_status run_qk_norm(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_qk_norm_op *op = vit_plain_op(kernel);
    int HD = op->head_dim, D = op->heads * HD;
#pragma omp parallel for
    for (int64_t r = 0; r < op->rows; r++) {
        float *q = op->qkv + r * 3 * D, *k = q + D;
        for (int h = 0; h < op->heads; h++) {
            norm_head(q + h * HD, HD, op->eps, op->q_gain, op->q_shift);
            norm_head(k + h * HD, HD, op->eps, op->k_gain, op->k_shift);
        }
    }
    return VIT_OK;
}

vit_status vit_qk_norm_create(struct vit_kernel **kernel, void *context, const struct vit_qk_norm_op *op,
                              struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "plain", run_qk_norm, 0, op, sizeof *op, err);
}
