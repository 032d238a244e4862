/* tokens.c: the operators that only move, round and add rows. */
#include <string.h>

#include "vit/base/half.h"
#include "vit/operators/ops.h"

static vit_status run_embed(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_embed_op *op = vit_plain_op(kernel);
    size_t D = (size_t)op->width, n_patch = (size_t)op->patches * D;
    size_t n_prefix = (size_t)(op->tokens - op->patches) * D;
#pragma omp parallel for
    for (int b = 0; b < op->batch; b++) {
        float *dst = op->dst + (size_t)b * (n_prefix + n_patch);
        const float *src = op->src + (size_t)b * n_patch;
        memcpy(dst, op->prefix, n_prefix * sizeof *dst);
        for (size_t i = 0; i < n_patch; i++)
            dst[n_prefix + i] = src[i] + op->pos[i];
    }
    return VIT_OK;
}

vit_status vit_embed_create(struct vit_kernel **kernel, const struct vit_embed_op *op, struct vit_error *err)
{
    return vit_plain_create(kernel, "plain", run_embed, 0, op, sizeof *op, err);
}

static vit_status run_gather(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_gather_op *op = vit_plain_op(kernel);
    size_t element = vit_dtype_size(op->src.type), row = (size_t)op->width * element;
    for (int b = 0; b < op->batch; b++)
        memcpy((char *)op->dst.data + (size_t)b * row, (const char *)op->src.data + (size_t)(b * op->src_step) * element,
               row);
    return VIT_OK;
}

vit_status vit_gather_create(struct vit_kernel **kernel, const struct vit_gather_op *op, struct vit_error *err)
{
    return vit_plain_create(kernel, "plain", run_gather, 0, op, sizeof *op, err);
}

static vit_status run_round(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_round_op *op = vit_plain_op(kernel);
    enum { PIECE = 4096 };
#pragma omp parallel for
    for (int64_t i = 0; i < op->n; i += PIECE)
        vit_narrow((uint16_t *)op->dst + i, op->src + i, VIT_BF16, op->n - i < PIECE ? op->n - i : PIECE);
    return VIT_OK;
}

vit_status vit_round_create(struct vit_kernel **kernel, const struct vit_round_op *op, struct vit_error *err)
{
    return vit_plain_create(kernel, "plain", run_round, 0, op, sizeof *op, err);
}

static vit_status run_mean(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_mean_op *op = vit_plain_op(kernel);
    int D = op->width;
    for (int b = 0; b < op->batch; b++) {
        float *dst = op->dst + b * op->dst_step;
        const float *src = op->src + b * op->batch_step;
        memcpy(dst, src, (size_t)D * sizeof *dst);
        if (op->count == 1)
            continue;
        for (int t = 1; t < op->count; t++)
            for (int i = 0; i < D; i++)
                dst[i] += src[t * op->row_step + i];
        for (int i = 0; i < D; i++)
            dst[i] /= (float)op->count;
    }
    return VIT_OK;
}

vit_status vit_mean_create(struct vit_kernel **kernel, const struct vit_mean_op *op, struct vit_error *err)
{
    return vit_plain_create(kernel, "plain", run_mean, 0, op, sizeof *op, err);
}
