/* rows.c: the operators that have one implementation, in plain C. */
#include <math.h>
#include <string.h>

#include "patches/patches.h"
#include "vit/operators/act.h"
#include "vit/operators/plain.h"

static int64_t patches_of(const struct vit_patchify_problem *p)
{
    int64_t grid = p->preprocess.size / p->patch;
    return grid * grid;
}

/* One image's patches in f32. */
static size_t patchify_scratch(const struct vit_problem *problem)
{
    const struct vit_patchify_problem *p = &problem->patchify;
    return (size_t)patches_of(p) * 3 * (size_t)(p->patch * p->patch) * sizeof(float);
}

static void run_patchify(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    const struct vit_patchify_problem *p = &problem->patchify;
    size_t image = (size_t)p->preprocess.size * (size_t)p->preprocess.size * 3;
    int64_t N = patches_of(p), last = p->first + p->rows;
    int width = 3 * p->patch * p->patch;
    float *patches = scratch;
    for (int64_t r = p->first, end; r < last; r = end) {
        int64_t first = r / N * N; /* of the image */
        end = first + N < last ? first + N : last;
        vit_patchify(patches, (const uint8_t *)b->in[VIT_SRC] + (size_t)(r / N) * image, p->patch, &p->preprocess,
                     (int)(r - first), (int)(end - first));
        for (int64_t i = r; i < end; i++) {
            vit_format_write(p->dst, b->dst, p->dst_step, i - p->first, 0, patches + (i - r) * width, width);
            vit_format_fill(p->dst, b->dst, p->dst_step, i - p->first, width);
        }
    }
}

static void run_gate(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_gate_problem *p = &problem->gate;
    int F = p->width;
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
    int D = p->width, n_prefix = p->tokens - p->patches;
    const float *all = b->in[0], *prefix = b->in[1], *pos = b->in[2];
    float *dst = b->dst;
    for (int64_t r = p->first; r < p->first + p->rows; r++, dst += D) {
        int t = (int)(r % p->tokens), n = t - n_prefix;
        if (n < 0) {
            memcpy(dst, prefix + (int64_t)t * D, (size_t)D * sizeof *dst);
            continue;
        }
        const float *src = all + (r / p->tokens * p->patches + n) * D, *add = pos + (int64_t)n * D;
        for (int i = 0; i < D; i++)
            dst[i] = src[i] + add[i];
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

/* Lines of a panel's parts, or whole rows. */
static void run_gather(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_gather_problem *p = &problem->gather;
    int parts = vit_format_parts(p->format), lines = (p->width + VIT_PANEL - 1) / VIT_PANEL * parts;
    size_t line = 64, row = (size_t)p->width * (p->format == VIT_ROWS_F32 ? 4 : 2);
    for (int64_t i = 0; i < (int64_t)p->batch * p->count; i++) {
        int64_t from = i / p->count * p->src_rows + i % p->count;
        char *dst = vit_format_row(p->format, b->dst, p->dst_step, i);
        const char *src = vit_format_row(p->format, b->in[VIT_SRC], p->src_step, from);
        if (parts == 0)
            memcpy(dst, src, row);
        for (int l = 0; l < lines; l++)
            memcpy(dst + line * (size_t)(l * p->dst_step), src + line * (size_t)(l * p->src_step), line);
    }
}

static void run_convert(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_convert_problem *p = &problem->convert;
    for (int64_t r = 0; r < p->rows; r++) {
        vit_format_write(p->dst, b->dst, p->dst_step, r, 0, (const float *)b->in[VIT_SRC] + r * p->width, p->width);
        vit_format_fill(p->dst, b->dst, p->dst_step, r, p->width);
    }
}

void vit_plain_normalize_row(float *dst, const float *src, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (double)src[i] * (double)src[i];
    float length = (float)fmax(sqrt(squares), 1e-12);
    for (int i = 0; i < n; i++)
        dst[i] = src[i] / length;
}

static void run_normalize(const struct vit_problem *problem, const struct vit_buffers *b, void *scratch)
{
    (void)scratch;
    const struct vit_normalize_problem *p = &problem->normalize;
    for (int64_t r = 0; r < p->rows; r++)
        vit_plain_normalize_row((float *)b->dst + r * p->width, (const float *)b->in[VIT_SRC] + r * p->width, p->width);
}

const struct vit_plain vit_plain_patchify = {run_patchify, patchify_scratch, false}, vit_plain_gate = {.run = run_gate},
                       vit_plain_qk_norm = {.run = run_qk_norm}, vit_plain_embed = {.run = run_embed},
                       vit_plain_mean = {.run = run_mean}, vit_plain_gather = {.run = run_gather},
                       vit_plain_convert = {.run = run_convert}, vit_plain_normalize = {.run = run_normalize};
