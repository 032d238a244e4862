/* plain.c: norm, linear and attention in plain loops, as problem.h states them. */
#include "vit/operators/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/operators/act.h"

/* ---- The kernel of all plain operators ---- */

struct kernel {
    struct vit_kernel base;
    const struct vit_plain *plain;
    struct vit_problem problem;
};

static vit_status run(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch, struct vit_error *err)
{
    (void)err;
    const struct kernel *kernel = (struct kernel *)base;
    kernel->plain->run(&kernel->problem, buffers, scratch);
    return VIT_OK;
}

/* As it is, but for what the weight's type cannot hold. */
static vit_status pack(struct vit_kernel *base, void *dst, const float *weight, struct vit_error *err)
{
    (void)err;
    memcpy(dst, weight, base->packing.size);
    if (((struct kernel *)base)->problem.linear.weight == VIT_BF16)
        vit_round_to(dst, VIT_BF16, (int64_t)(base->packing.size / sizeof(float)));
    return VIT_OK;
}

static void free_kernel(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_plain_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                            const struct vit_problem *problem, struct vit_error *err)
{
    struct kernel *k = calloc(1, sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *k = (struct kernel){{.pack = pack, .run = run, .free = free_kernel}, implementation->how, *problem};
    strcpy(k->base.name, implementation->name);
    if (k->plain->scratch_size)
        k->base.scratch_size = k->plain->scratch_size(problem);
    if (k->plain->keeps_weight) {
        k->base.packing.size = (size_t)problem->linear.in * (size_t)problem->linear.out * sizeof(float);
        strcpy(k->base.packing.key, problem->linear.weight == VIT_BF16 ? "plain, rounded to BF16" : "plain");
    }
    *kernel = &k->base;
    return VIT_OK;
}

void vit_kernel_free(struct vit_kernel *kernel)
{
    if (kernel)
        kernel->free(kernel);
}

/* ---- Elements of any type ---- */

static double get(enum vit_dtype type, const void *data, int64_t i)
{
    if (type == VIT_F32)
        return ((const float *)data)[i];
    float wide;
    vit_widen(&wide, (const uint16_t *)data + i, type, 1);
    return wide;
}

static void put(enum vit_dtype type, void *data, int64_t i, double x)
{
    float value = (float)x;
    if (type == VIT_F32)
        ((float *)data)[i] = value;
    else
        vit_narrow((uint16_t *)data + i, &value, type, 1);
}

/* ---- Norm ---- */

void vit_plain_norm_row(double *dst, const struct vit_norm_problem *p, const struct vit_buffers *b, int64_t row)
{
    const float *src = (const float *)b->in[VIT_SRC] + row * p->width, *gain = b->in[VIT_GAIN],
                *shift = b->in[VIT_SHIFT];
    double mean = 0, var = 0;
    for (int i = 0; i < p->width; i++)
        mean += src[i];
    mean /= p->width;
    for (int i = 0; i < p->width; i++)
        var += (src[i] - mean) * (src[i] - mean);
    var /= p->width;
    double scale = 1 / sqrt(var + p->eps);
    for (int i = 0; i < p->width; i++)
        dst[i] = (src[i] - mean) * scale * gain[i] + shift[i];
}

static size_t norm_scratch(const struct vit_problem *problem)
{
    return (size_t)problem->norm.width * sizeof(double);
}

static void run_norm(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    const struct vit_norm_problem *p = &problem->norm;
    double *row = scratch;
    for (int64_t r = 0; r < p->rows; r++) {
        vit_plain_norm_row(row, p, b, r);
        for (int i = 0; i < p->width; i++)
            put(p->dst, b->dst, r * p->width + i, row[i]);
    }
}

/* ---- Linear ---- */

double vit_plain_linear_at(const struct vit_linear_problem *p, const struct vit_buffers *b, int64_t row, int o)
{
    const float *weight = (const float *)b->in[VIT_WEIGHT] + (int64_t)o * p->in;
    double sum = 0;
    if (p->src == VIT_F32) {
        const float *src = (const float *)b->in[VIT_SRC] + row * p->in;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < p->in; i++)
            sum += (double)src[i] * (double)weight[i];
    } else {
        for (int i = 0; i < p->in; i++)
            sum += get(p->src, b->in[VIT_SRC], row * p->in + i) * (double)weight[i];
    }
    if (p->bias)
        sum += ((const float *)b->in[VIT_BIAS])[o];
    return p->add ? get(p->dst, b->dst, row * p->out + o) + sum : p->activate ? vit_act(sum, p->act) : sum;
}

static void run_linear(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_linear_problem *p = &problem->linear;
#pragma omp parallel for
    for (int64_t r = 0; r < p->rows; r++)
        for (int o = 0; o < p->out; o++)
            put(p->dst, b->dst, r * p->out + o, vit_plain_linear_at(p, b, r, o));
}

/* ---- Attention ---- */

void vit_plain_attend(double *dst, const struct vit_attention_problem *p, const struct vit_buffers *b, int image,
                      int head, int query, double *score)
{
    int T = p->tokens, HD = p->head_dim;
    int64_t q = ((int64_t)image * p->queries + query) * p->q_step + head * HD;
    int64_t kv = (int64_t)image * T * p->kv_step + head * HD;
    double top = -INFINITY, total = 0;
    for (int t = 0; t < T; t++) {
        score[t] = 0;
        for (int i = 0; i < HD; i++)
            score[t] += get(p->type, b->in[VIT_Q], q + i) * get(p->type, b->in[VIT_K], kv + t * p->kv_step + i);
        score[t] /= sqrt(HD);
        top = fmax(top, score[t]);
    }
    for (int t = 0; t < T; t++)
        total += score[t] = exp(score[t] - top);
    for (int i = 0; i < HD; i++) {
        dst[i] = 0;
        for (int t = 0; t < T; t++)
            dst[i] += score[t] * get(p->type, b->in[VIT_V], kv + t * p->kv_step + i);
        dst[i] /= total;
    }
}

static size_t attention_scratch(const struct vit_problem *problem)
{
    return (size_t)(problem->attention.head_dim + problem->attention.tokens) * sizeof(double);
}

static void run_attention(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    const struct vit_attention_problem *p = &problem->attention;
    double *row = scratch, *scores = row + p->head_dim;
    for (int image = 0; image < p->batch; image++)
        for (int query = 0; query < p->queries; query++)
            for (int head = 0; head < p->heads; head++) {
                int64_t at = (((int64_t)image * p->queries + query) * p->heads + head) * p->head_dim;
                vit_plain_attend(row, p, b, image, head, query, scores);
                for (int i = 0; i < p->head_dim; i++)
                    put(p->type, b->dst, at + i, row[i]);
            }
}

const struct vit_plain vit_plain_norm = {run_norm, norm_scratch, false}, vit_plain_linear = {run_linear, NULL, true},
                       vit_plain_attention = {run_attention, attention_scratch, false};
