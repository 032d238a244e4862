/* plan.h: a model made into an array of steps for one batch size. Private to vit/.
 *
 * plan.c owns the memory and runs the steps; forward.c says which steps a Vision Transformer is made of. */
#ifndef VIT_PLAN_H
#define VIT_PLAN_H

#include "vit/model.h"
#include "vit/ops.h"

/* A stage of the pipeline that ends with a step: what a trace writes. */
struct vit_tap {
    char name[16];
    const float *data; /* NULL: no stage ends here */
    int n_dims;
    int64_t shape[3]; /* (B, ...); B is left out of the trace when it is 1 */
};

struct vit_step {
    char name[64];  /* as "blocks.3.attn.qkv": timm's name of the layer */
    const char *op; /* "linear", "norm", ... */
    struct vit_kernel *kernel;
    double flops;   /* of one run; a multiply-add counts as two */
    double seconds; /* spent while profiling */
    struct vit_tap tap;
};

struct vit_plan {
    const struct vit_model *model;
    const struct vit_ops *ops;
    void *ops_context;
    int batch;
    int tokens;  /* of each image in x; fewer than T behind a last block that computes only those that are read */
    bool traced; /* every stage is wanted whole */

    /* The arena, cut into the buffers that the steps share. */
    float *arena;
    float *patches; /* (B, N, 3PP), the input */
    float *x;       /* (B, T, D), the residual stream; behind the last block (B, tokens, D) */
    float *h;       /* (B, T, D) */
    float *qkv;     /* (B, T, 3D) */
    float *f;       /* (B, T, F) */
    float *q;       /* (B, read, D): queries of the tokens that are read, empty when all are */
    float *read;    /* (B, read, D): their residual stream */
    float *pooled;  /* (B, D), or (B, 2D) with pool concat */
    float *logits;  /* (B, K), the output */

    /* Of a model that needs them; else empty. */
    float *f2;          /* (B, T, 2F): SwiGLU's two halves */
    float *query;       /* (B, D): attention pooling's, the same for each image */
    float *latent;      /* (B, D): what it is made of */
    float *pooled_dist; /* (B, D): the distillation token for its own head */
    float *pair;        /* (2, B, K): the logits of both heads */

    int n_steps, capacity;
    struct vit_step *steps;
    void *scratch; /* as large as the neediest step asks */

    struct vit_error *err; /* of whoever is building the plan */
};

vit_status vit_plan_create(struct vit_plan **plan, const struct vit_model *model, int batch, const struct vit_ops *ops,
                           struct vit_tuner *tuner, bool traced, struct vit_error *err);
void vit_plan_free(struct vit_plan *plan); /* NULL is fine */

/* patches -> logits. profile adds to every step's seconds; trace_dir may be NULL. */
vit_status vit_plan_run(struct vit_plan *plan, bool profile, const char *trace_dir, struct vit_error *err);

/* ---- For forward.c: each appends one step, named after the layer that it executes ---- */

/* dst (rows, D) = norm(src (rows, D)). */
vit_status vit_plan_norm(struct vit_plan *plan, float *dst, const float *src, int64_t rows,
                         const struct vit_norm *norm);

/* dst (rows, out) = linear(src (rows, in)); the activation of it; or added to what dst holds. */
vit_status vit_plan_linear(struct vit_plan *plan, float *dst, const float *src, int64_t rows,
                           const struct vit_linear *linear);
vit_status vit_plan_linear_act(struct vit_plan *plan, float *dst, const float *src, int64_t rows,
                               const struct vit_linear *linear);
vit_status vit_plan_linear_add(struct vit_plan *plan, float *dst, const float *src, int64_t rows,
                               const struct vit_linear *linear);

/* dst (rows, F) = act(fc1(src (rows, D))); with SwiGLU, act of fc1's first half times its second half. */
vit_status vit_plan_hidden(struct vit_plan *plan, float *dst, const float *src, int64_t rows,
                           const struct vit_linear *fc1);

/* Norms q and k in qkv (rows, 3D), head by head. */
vit_status vit_plan_qk_norm(struct vit_plan *plan, float *qkv, int64_t rows, const struct vit_block *block);

/* dst (B, T, D) = attention(qkv (B, T, 3D)). */
vit_status vit_plan_attention(struct vit_plan *plan, float *dst, const float *qkv, const char *name);

/* dst (B, Q, D) = attention of q (B, Q, D) over the tokens of kv (B, T, 2D). */
vit_status vit_plan_cross_attention(struct vit_plan *plan, float *dst, const float *q, int queries, const float *kv,
                                    const char *name);

/* dst (B, count, D) = the first count tokens of each image of src (B, T, D). */
vit_status vit_plan_gather(struct vit_plan *plan, float *dst, const float *src, int count, const char *name);

/* dst (B, D) = src (D) for every image. */
vit_status vit_plan_repeat(struct vit_plan *plan, float *dst, const float *src, const char *name);

/* dst (B, T, D) = the tokens of the embedded patches src (B, N, D). */
vit_status vit_plan_embed(struct vit_plan *plan, float *dst, const float *src);

/* dst (B, D) = mean of tokens first .. first + count - 1 of src (B, tokens, D). The rows of dst are as far apart as those of
 * the head's input. */
vit_status vit_plan_mean(struct vit_plan *plan, float *dst, const float *src, int first, int count);

/* dst (B, K) = mean of the two of pair (2, B, K). */
vit_status vit_plan_average(struct vit_plan *plan, float *dst, const float *pair);

/* Marks the last step as the end of the stage called name, whose values are data (B, rows, width), or (B, width) when
 * rows is 0. */
void vit_plan_tap(struct vit_plan *plan, const char *name, const float *data, int rows, int width);

/* Appends all steps of the model. */
vit_status vit_forward(struct vit_plan *plan);

/* How many tokens, from the first on, the head reads, when that is fewer than T and the last block may leave the others
 * out; else 0. */
int vit_plan_tokens_read(const struct vit_plan *plan);

#endif
