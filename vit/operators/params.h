/* params.h: a model's parameters as the operators want them: plain f32 vectors, and weight matrices packed for one
 * implementation. Each is made once, on first use, and shared by all sessions of the model.
 *
 * The packed matrix is made straight from the checkpoint's tensor; no plain copy of it stays behind. Thread-safe. */
#ifndef VIT_PARAMS_H
#define VIT_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "vit/base/error.h"
#include "vit/operators/kernel.h"

/* A linear layer y = x W^T + b, its parts named by the numbers of the model's tensors; -1: it has none. The layer may
 * be a part of its tensors: rows first .. first + out - 1. */
struct vit_linear {
    char name[48]; /* as "blocks.3.attn.qkv" */
    int in, out, first;
    int weight; /* (at least first + out, in) */
    int bias;   /* (at least first + out) */
    int gamma;  /* the same: LayerScale of the result, folded into W and b when they are loaded */
};

/* A layer norm over rows of the same width, its parts named likewise. */
struct vit_norm {
    char name[48];
    int width;
    int weight, bias; /* (width) each */
};

/* Where tensors come from: reads tensor i, whole, as f32 in C order. */
struct vit_param_reader {
    vit_status (*read)(void *context, int i, float *dst, struct vit_error *err);
    int64_t (*count)(void *context, int i); /* elements of tensor i */
    void *context;
};

struct vit_params;

vit_status vit_params_create(struct vit_params **params, struct vit_param_reader reader, struct vit_error *err);
void vit_params_free(struct vit_params *params);

/* Tensor i as it is. Owned by params. */
vit_status vit_params_vector(struct vit_params *params, int i, const float **data, struct vit_error *err);

/* The bias (out) of linear with gamma applied; NULL when it has none. */
vit_status vit_params_bias(struct vit_params *params, const struct vit_linear *linear, const float **data,
                           struct vit_error *err);

/* The weight (out, in) of linear, with gamma applied, packed as kernel wants it; 64-byte aligned. */
vit_status vit_params_packed(struct vit_params *params, const struct vit_linear *linear, struct vit_kernel *kernel,
                             const void **data, struct vit_error *err);

#endif
