/* tokens.c: the operators that only move, round and add rows. */
#include <stdlib.h>
#include <string.h>

#include "vit/ops.h"
#include "weights/half.h"

void vit_kernel_free(struct vit_kernel *kernel)
{
    if (kernel)
        kernel->free(kernel);
}

static void free_plain(struct vit_kernel *kernel)
{
    free(kernel);
}

struct embed {
    struct vit_kernel base;
    struct vit_embed_op op;
};

static vit_status run_embed(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_embed_op *op = &((struct embed *)kernel)->op;
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
    struct embed *k = malloc(sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *k = (struct embed){{"plain", 0, run_embed, free_plain}, *op};
    *kernel = &k->base;
    return VIT_OK;
}

struct gather {
    struct vit_kernel base;
    struct vit_gather_op op;
};

static vit_status run_gather(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_gather_op *op = &((struct gather *)kernel)->op;
    size_t element = vit_dtype_size(op->src.type), row = (size_t)op->width * element;
    for (int b = 0; b < op->batch; b++)
        memcpy((char *)op->dst.data + (size_t)b * row, (const char *)op->src.data + (size_t)(b * op->src_step) * element,
               row);
    return VIT_OK;
}

vit_status vit_gather_create(struct vit_kernel **kernel, const struct vit_gather_op *op, struct vit_error *err)
{
    struct gather *k = malloc(sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *k = (struct gather){{"plain", 0, run_gather, free_plain}, *op};
    *kernel = &k->base;
    return VIT_OK;
}

struct rounding {
    struct vit_kernel base;
    struct vit_round_op op;
};

static vit_status run_round(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_round_op *op = &((struct rounding *)kernel)->op;
    enum { PIECE = 4096 };
#pragma omp parallel for
    for (int64_t i = 0; i < op->n; i += PIECE)
        vit_narrow((uint16_t *)op->dst + i, op->src + i, VIT_BF16, op->n - i < PIECE ? op->n - i : PIECE);
    return VIT_OK;
}

vit_status vit_round_create(struct vit_kernel **kernel, const struct vit_round_op *op, struct vit_error *err)
{
    struct rounding *k = malloc(sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *k = (struct rounding){{"plain", 0, run_round, free_plain}, *op};
    *kernel = &k->base;
    return VIT_OK;
}

struct mean {
    struct vit_kernel base;
    struct vit_mean_op op;
};

static vit_status run_mean(struct vit_kernel *kernel, void *scratch, struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct vit_mean_op *op = &((struct mean *)kernel)->op;
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
    struct mean *k = malloc(sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *k = (struct mean){{"plain", 0, run_mean, free_plain}, *op};
    *kernel = &k->base;
    return VIT_OK;
}
