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

/* As it is, but for what numbers of one part cannot hold. */
static vit_status pack(struct vit_kernel *base, void *dst, const float *weight, struct vit_error *err)
{
    (void)err;
    memcpy(dst, weight, base->packing.size);
    if (vit_format_is_bf16(((struct kernel *)base)->problem.linear.src))
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
        strcpy(k->base.packing.key, vit_format_is_bf16(problem->linear.src) ? "plain, rounded to BF16" : "plain");
    }
    *kernel = &k->base;
    return VIT_OK;
}

void vit_kernel_free(struct vit_kernel *kernel)
{
    if (kernel)
        kernel->free(kernel);
}

/* ---- Elements of any format ---- */

static double get(enum vit_format format, const void *data, int64_t step, int64_t row, int column)
{
    float value;
    vit_format_read(&value, format, data, step, row, column, 1);
    return value;
}

static void put(enum vit_format format, void *data, int64_t step, int64_t row, int column, double x)
{
    float value = (float)x;
    vit_format_write(format, data, step, row, column, &value, 1);
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
            put(p->dst, b->dst, p->dst_step, r, i, row[i]);
        vit_format_fill(p->dst, b->dst, p->dst_step, r, p->width);
    }
}

/* ---- Linear ---- */

double vit_plain_linear_at(const struct vit_linear_problem *p, const struct vit_buffers *b, int64_t row, int o)
{
    enum { PIECE = 256 };
    const float *weight = (const float *)b->in[VIT_WEIGHT] + (int64_t)o * p->in;
    double sum = 0;
    float src[PIECE];
    for (int k = 0; k < p->in; k += PIECE) {
        int n = p->in - k < PIECE ? p->in - k : PIECE;
        vit_format_read(src, p->src, b->in[VIT_SRC], p->src_step, row, k, n);
        for (int i = 0; i < n; i++)
            sum += (double)src[i] * (double)weight[k + i];
    }
    if (p->bias)
        sum += ((const float *)b->in[VIT_BIAS])[o];
    return p->add ? get(p->dst, b->dst, p->dst_step, row, o) + sum : p->activate ? vit_act(sum, p->act) : sum;
}

static void run_linear(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_linear_problem *p = &problem->linear;
    for (int64_t r = 0; r < p->rows; r++) {
        for (int o = 0; o < p->out; o++)
            put(p->dst, b->dst, p->dst_step, r, o, vit_plain_linear_at(p, b, r, o));
        vit_format_fill(p->dst, b->dst, p->dst_step, r, p->out);
    }
}

/* ---- Attention ---- */

void vit_plain_attend(double *dst, const struct vit_attention_problem *p, const struct vit_buffers *b, int image,
                      int head, int query, double *score)
{
    int T = vit_keys_seen(p, query), HD = p->head_dim, q_column = p->q_column + head * HD;
    int k_column = p->k_column + head * HD, v_column = p->v_column + head * HD;
    int64_t q = image * p->q_rows + query, kv = image * p->kv_rows;
    double top = -INFINITY, total = 0;
    for (int t = 0; t < T; t++) {
        score[t] = 0;
        for (int i = 0; i < HD; i++)
            score[t] += get(p->format, b->in[VIT_Q], p->q_step, q, q_column + i) *
                        get(p->format, b->in[VIT_KV], p->kv_step, kv + t, k_column + i);
        score[t] /= sqrt(HD);
        top = fmax(top, score[t]);
    }
    for (int t = 0; t < T; t++)
        total += score[t] = exp(score[t] - top);
    for (int i = 0; i < HD; i++) {
        dst[i] = 0;
        for (int t = 0; t < T; t++)
            dst[i] += score[t] * get(p->format, b->in[VIT_KV], p->kv_step, kv + t, v_column + i);
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
        for (int query = 0; query < p->queries; query++) {
            int64_t r = image * p->q_rows + query;
            for (int head = 0; head < p->heads; head++) {
                vit_plain_attend(row, p, b, image, head, query, scores);
                for (int i = 0; i < p->head_dim; i++)
                    put(p->format, b->dst, p->dst_step, r, p->dst_column + head * p->head_dim + i, row[i]);
            }
            vit_format_fill(p->format, b->dst, p->dst_step, r, p->dst_column + p->heads * p->head_dim);
        }
}

const struct vit_plain vit_plain_norm = {run_norm, norm_scratch, false}, vit_plain_linear = {run_linear, NULL, true},
                       vit_plain_attention = {run_attention, attention_scratch, false};
