/* rows.c: the operators that have one implementation, in plain C. */
#include <math.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/operators/act.h"
#include "vit/operators/plain.h"

static void run_gate(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_gate_problem *p = &problem->gate;
    int F = p->width;
#pragma omp parallel for
    for (int64_t r = 0; r < p->rows; r++) {
        const float *src = (const float *)b->in[VIT_SRC] + r * 2 * F;
        float *dst = (float *)b->dst + r * F;
        for (int i = 0; i < F; i++)
            dst[i] = vit_act_f32(src[i], p->act) * src[F + i];
    }
}

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

static void run_qk_norm(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_qk_norm_problem *p = &problem->qk_norm;
    int HD = p->head_dim, D = p->heads * HD;
#pragma omp parallel for
    for (int64_t r = 0; r < p->rows; r++) {
        float *q = (float *)b->dst + r * 3 * D, *k = q + D;
        for (int h = 0; h < p->heads; h++) {
            norm_head(q + h * HD, HD, p->eps, b->in[0], b->in[1]);
            norm_head(k + h * HD, HD, p->eps, b->in[2], b->in[3]);
        }
    }
}

static void run_embed(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_embed_problem *p = &problem->embed;
    size_t D = (size_t)p->width, n_patch = (size_t)p->patches * D, n_prefix = (size_t)(p->tokens - p->patches) * D;
    const float *all = b->in[0], *prefix = b->in[1], *pos = b->in[2];
#pragma omp parallel for
    for (int i = 0; i < p->batch; i++) {
        float *dst = (float *)b->dst + (size_t)i * (n_prefix + n_patch);
        const float *src = all + (size_t)i * n_patch;
        memcpy(dst, prefix, n_prefix * sizeof *dst);
        for (size_t j = 0; j < n_patch; j++)
            dst[n_prefix + j] = src[j] + pos[j];
    }
}

static void run_mean(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_mean_problem *p = &problem->mean;
    int D = p->width;
    for (int i = 0; i < p->batch; i++) {
        float *dst = (float *)b->dst + i * p->dst_step;
        const float *src = (const float *)b->in[VIT_SRC] + i * p->batch_step;
        memcpy(dst, src, (size_t)D * sizeof *dst);
        if (p->count == 1)
            continue;
        for (int t = 1; t < p->count; t++)
            for (int j = 0; j < D; j++)
                dst[j] += src[t * p->row_step + j];
        for (int j = 0; j < D; j++)
            dst[j] /= (float)p->count;
    }
}

static void run_gather(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_gather_problem *p = &problem->gather;
    size_t element = vit_dtype_size(p->type), row = (size_t)p->width * element;
    for (int i = 0; i < p->batch; i++)
        memcpy((char *)b->dst + (size_t)i * row, (const char *)b->in[VIT_SRC] + (size_t)(i * p->src_step) * element,
               row);
}

static void run_convert(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    enum { PIECE = 4096 };
    int64_t n = problem->convert.n;
#pragma omp parallel for
    for (int64_t i = 0; i < n; i += PIECE)
        vit_narrow((uint16_t *)b->dst + i, (const float *)b->in[VIT_SRC] + i, VIT_BF16, n - i < PIECE ? n - i : PIECE);
}

const struct vit_plain vit_plain_gate = {.run = run_gate}, vit_plain_qk_norm = {.run = run_qk_norm},
                       vit_plain_embed = {.run = run_embed}, vit_plain_mean = {.run = run_mean},
                       vit_plain_gather = {.run = run_gather}, vit_plain_convert = {.run = run_convert};
