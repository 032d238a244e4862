/* ref.c: every operator in plain loops, as ops.h states it, in f32 only. Sums are taken in f64, so that this is also the more
 * exact opinion. Slow on purpose: nothing here is blocked or reordered. */
#include <math.h>
#include <string.h>

#include "vit/operators/ops.h"

static vit_status open_ref(void **context, struct vit_tuner *tuner, struct vit_error *err)
{
    (void)tuner, (void)err;
    *context = NULL;
    return VIT_OK;
}

static void close_ref(void *context)
{
    (void)context;
}

static void norm_row(float *dst, const float *src, int D, double eps, const float *gain, const float *shift)
{
    double mean = 0, var = 0;
    for (int i = 0; i < D; i++)
        mean += src[i];
    mean /= D;
    for (int i = 0; i < D; i++)
        var += (src[i] - mean) * (src[i] - mean);
    var /= D;
    double scale = 1 / sqrt(var + eps);
    for (int i = 0; i < D; i++)
        dst[i] = (float)((src[i] - mean) * scale * gain[i] + shift[i]);
}

static vit_status run_norm(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_norm_op *op = vit_plain_op(kernel);
    int D = op->width;
    for (int64_t r = 0; r < op->rows; r++)
        norm_row((float *)op->dst.data + r * D, (const float *)op->src.data + r * D, D, op->eps, op->gain, op->shift);
    return VIT_OK;
}

static vit_status create_norm(struct vit_kernel **kernel, void *context, const struct vit_norm_op *op,
                              struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "ref", run_norm, 0, op, sizeof *op, err);
}

struct ref_linear {
    struct vit_linear_op op;
    const float *weight, *bias; /* (out, in), (out) or NULL */
};

static double activate(double x, enum vit_act act)
{
    switch (act) {
    case VIT_ACT_GELU_ERF: return 0.5 * x * (1 + erf(x * sqrt(0.5)));
    case VIT_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case VIT_ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case VIT_ACT_SILU: return x / (1 + exp(-x));
    }
    return x;
}

static vit_status run_linear(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct ref_linear *k = vit_plain_op(kernel);
    const struct vit_linear_op *op = &k->op;
    int in = op->linear->in, out = op->linear->out;
#pragma omp parallel for
    for (int64_t r = 0; r < op->rows; r++) {
        const float *src = (const float *)op->src.data + r * in;
        for (int o = 0; o < out; o++) {
            const float *w = k->weight + (int64_t)o * in;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int i = 0; i < in; i++)
                sum += (double)src[i] * (double)w[i];
            if (k->bias)
                sum += k->bias[o];
            float *dst = (float *)op->dst.data + r * out + o;
            *dst = (float)(op->add ? *dst + sum : op->activate ? activate(sum, op->act) : sum);
        }
    }
    return VIT_OK;
}

static vit_status pack_plain(const struct vit_packing *packing, const float *weight, void *dst, struct vit_error *err)
{
    (void)err;
    memcpy(dst, weight, packing->size);
    return VIT_OK;
}

static vit_status create_linear(struct vit_kernel **kernel, void *context, const struct vit_linear_op *op,
                                struct vit_error *err)
{
    (void)context;
    const struct vit_linear *linear = op->linear;
    struct vit_packing packing = {.key = "plain", .pack = pack_plain};
    packing.size = (size_t)linear->in * (size_t)linear->out * sizeof(float);
    const void *weight;
    const float *bias;
    VIT_TRY(vit_params_packed(op->params, linear, &packing, &weight, err));
    VIT_TRY(vit_params_bias(op->params, linear, &bias, err));
    struct ref_linear state = {*op, weight, bias};
    return vit_plain_create(kernel, "ref", run_linear, 0, &state, sizeof state, err);
}

/* One query against all keys of its image and head; p (T) is scratch. Rows of q, k and v are stride floats apart. */
static void attend(float *dst, const float *q, const float *k, const float *v, int T, int HD, int64_t stride, double *p)
{
    double top = -INFINITY, total = 0;
    for (int t = 0; t < T; t++) {
        p[t] = 0;
        for (int i = 0; i < HD; i++)
            p[t] += (double)q[i] * (double)k[t * stride + i];
        p[t] /= sqrt(HD);
        top = fmax(top, p[t]);
    }
    for (int t = 0; t < T; t++)
        total += p[t] = exp(p[t] - top);
    for (int i = 0; i < HD; i++) {
        double sum = 0;
        for (int t = 0; t < T; t++)
            sum += p[t] * (double)v[t * stride + i];
        dst[i] = (float)(sum / total);
    }
}

static vit_status run_attention(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)err;
    const struct vit_attention_op *op = vit_plain_op(kernel);
    int Q = op->queries, T = op->tokens, NH = op->heads, HD = op->head_dim;
    for (int64_t b = 0; b < op->batch; b++)
        for (int h = 0; h < NH; h++) {
            int64_t kv = b * T * op->kv_step + h * HD;
            for (int t = 0; t < Q; t++)
                attend((float *)op->dst + ((b * Q + t) * NH + h) * HD,
                       (const float *)op->q + (b * Q + t) * op->q_step + h * HD, (const float *)op->k + kv,
                       (const float *)op->v + kv, T, HD, op->kv_step, scratch);
        }
    return VIT_OK;
}

static vit_status create_attention(struct vit_kernel **kernel, void *context, const struct vit_attention_op *op,
                                   struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "ref", run_attention, (size_t)op->tokens * sizeof(double), op, sizeof *op, err);
}

static vit_status run_gate(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_gate_op *op = vit_plain_op(kernel);
    int F = op->width;
    for (int64_t r = 0; r < op->rows; r++)
        for (int i = 0; i < F; i++)
            op->dst[r * F + i] = (float)(activate(op->src[r * 2 * F + i], op->act) * op->src[r * 2 * F + F + i]);
    return VIT_OK;
}

static vit_status create_gate(struct vit_kernel **kernel, void *context, const struct vit_gate_op *op,
                              struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "ref", run_gate, 0, op, sizeof *op, err);
}

static vit_status run_qk_norm(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_qk_norm_op *op = vit_plain_op(kernel);
    int HD = op->head_dim, D = op->heads * HD;
    for (int64_t r = 0; r < op->rows; r++)
        for (int h = 0; h < op->heads; h++) {
            float *q = op->qkv + r * 3 * D + h * HD, *k = q + D;
            norm_row(q, q, HD, op->eps, op->q_gain, op->q_shift);
            norm_row(k, k, HD, op->eps, op->k_gain, op->k_shift);
        }
    return VIT_OK;
}

static vit_status create_qk_norm(struct vit_kernel **kernel, void *context, const struct vit_qk_norm_op *op,
                                 struct vit_error *err)
{
    (void)context;
    return vit_plain_create(kernel, "ref", run_qk_norm, 0, op, sizeof *op, err);
}

const struct vit_ops vit_ops_ref = {"ref",         open_ref,         close_ref,   create_norm,
                                    create_linear, create_attention, create_gate, create_qk_norm};
