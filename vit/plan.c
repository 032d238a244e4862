/* plan.c: the memory of a plan, its steps, and the one loop that runs them. */
#include "vit/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vit/trace.h"

/* ---- Memory ---- */

/* The length of a buffer of B x rows x width floats, rounded up so that the next one is 64-byte aligned. */
static size_t extent(int64_t rows, int64_t width)
{
    return ((size_t)rows * (size_t)width + 15) / 16 * 16;
}

static vit_status allocate_arena(struct vit_plan *p, struct vit_error *err)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t B = p->batch, D = c->width, T = vit_config_tokens(c), N = vit_config_patches(c);
    int64_t read = vit_plan_tokens_read(p);
    bool two_heads = c->pool == VIT_POOL_CLS_DIST_MEAN;
    struct {
        float **buffer;
        size_t extent;
    } cuts[] = {
        {&p->patches, extent(B * N, 3 * c->patch * c->patch)},
        {&p->x, extent(B * T, D)},
        {&p->h, extent(B * T, D)},
        {&p->qkv, extent(B * T, 3 * D)},
        {&p->f, extent(B * T, c->mlp)},
        {&p->q, extent(B * read, D)},
        {&p->read, extent(B * read, D)},
        {&p->pooled, extent(B, vit_config_head_width(c))},
        {&p->logits, extent(B, c->classes)},
        {&p->f2, extent(B * T, c->swiglu ? 2 * c->mlp : 0)},
        {&p->query, extent(B, c->pool == VIT_POOL_MAP ? D : 0)},
        {&p->latent, extent(B, c->pool == VIT_POOL_MAP ? D : 0)},
        {&p->pooled_dist, extent(B, two_heads ? D : 0)},
        {&p->pair, extent(2 * B, two_heads ? c->classes : 0)},
    };
    size_t n_cuts = sizeof cuts / sizeof *cuts, total = 0;
    for (size_t i = 0; i < n_cuts; i++)
        total += cuts[i].extent;
    p->arena = aligned_alloc(64, total * sizeof *p->arena);
    if (!p->arena)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the activations of batch %d: %zu bytes", p->batch,
                        total * sizeof *p->arena);
    memset(p->arena, 0, total * sizeof *p->arena);
    float *at = p->arena;
    for (size_t i = 0; i < n_cuts; i++) {
        *cuts[i].buffer = at;
        at += cuts[i].extent;
    }
    return VIT_OK;
}

static vit_status allocate_scratch(struct vit_plan *p, struct vit_error *err)
{
    size_t size = 64;
    for (int i = 0; i < p->n_steps; i++)
        if (p->steps[i].kernel->scratch_size > size)
            size = p->steps[i].kernel->scratch_size;
    p->scratch = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!p->scratch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes of scratch", size);
    return VIT_OK;
}

vit_status vit_plan_create(struct vit_plan **plan, const struct vit_model *model, int batch, const struct vit_ops *ops,
                           struct vit_tuner *tuner, bool traced, struct vit_error *err)
{
    struct vit_plan *p = calloc(1, sizeof *p);
    if (!p)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    p->model = model;
    p->ops = ops;
    p->batch = batch;
    p->traced = traced;
    p->tokens = vit_config_tokens(vit_model_config(model));
    p->err = err;
    vit_status status = ops->open(&p->ops_context, tuner, err);
    if (status == VIT_OK)
        status = allocate_arena(p, err);
    if (status == VIT_OK)
        status = vit_forward(p);
    if (status == VIT_OK)
        status = allocate_scratch(p, err);
    p->err = NULL;
    *plan = p;
    if (status != VIT_OK) {
        vit_plan_free(p);
        *plan = NULL;
    }
    return status;
}

void vit_plan_free(struct vit_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->n_steps; i++)
        vit_kernel_free(plan->steps[i].kernel);
    plan->ops->close(plan->ops_context);
    free(plan->steps);
    free(plan->scratch);
    free(plan->arena);
    free(plan);
}

/* ---- Running ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

vit_status vit_plan_run(struct vit_plan *plan, bool profile, const char *trace_dir, struct vit_error *err)
{
    for (int i = 0; i < plan->n_steps; i++) {
        struct vit_step *step = &plan->steps[i];
        double start = profile ? now() : 0;
        vit_status status = step->kernel->run(step->kernel, plan->scratch, err);
        if (profile)
            step->seconds += now() - start;
        if (status != VIT_OK)
            return vit_context(err, status, "%s", step->name);
        if (trace_dir && step->tap.data)
            VIT_TRY(vit_trace_f32(trace_dir, step->tap.name, step->tap.data, step->tap.n_dims, step->tap.shape, err));
    }
    return VIT_OK;
}

/* ---- Building ---- */

/* Takes kernel over, also when it fails. */
static vit_status append(struct vit_plan *p, const char *op, const char *name, struct vit_kernel *kernel, double flops)
{
    if (p->n_steps == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 128;
        struct vit_step *grown = realloc(p->steps, (size_t)capacity * sizeof *grown);
        if (!grown) {
            vit_kernel_free(kernel);
            return vit_fail(p->err, VIT_ERR_MEMORY, "out of memory for the steps of a plan");
        }
        p->steps = grown;
        p->capacity = capacity;
    }
    struct vit_step *step = &p->steps[p->n_steps++];
    *step = (struct vit_step){.op = op, .kernel = kernel, .flops = flops};
    snprintf(step->name, sizeof step->name, "%s", name);
    return VIT_OK;
}

vit_status vit_plan_norm(struct vit_plan *p, float *dst, const float *src, int64_t rows, const struct vit_norm *norm)
{
    float eps = (float)vit_model_config(p->model)->eps;
    struct vit_norm_op op = {dst, src, rows, norm->width, eps, NULL, NULL};
    VIT_TRY(vit_params_vector(p->model->params, norm->weight, &op.gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, norm->bias, &op.shift, p->err));
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->norm(&kernel, p->ops_context, &op, p->err));
    return append(p, "norm", norm->name, kernel, 8.0 * (double)rows * norm->width);
}

static vit_status add_linear(struct vit_plan *p, const struct vit_linear_op *op)
{
    struct vit_kernel *kernel;
    vit_status status = p->ops->linear(&kernel, p->ops_context, op, p->err);
    if (status != VIT_OK)
        return vit_context(p->err, status, "%s", op->linear->name);
    return append(p, "linear", op->linear->name, kernel, 2.0 * (double)op->rows * op->linear->in * op->linear->out);
}

vit_status vit_plan_linear(struct vit_plan *p, float *dst, const float *src, int64_t rows,
                           const struct vit_linear *linear)
{
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, linear, p->model->params, .add = false});
}

vit_status vit_plan_linear_act(struct vit_plan *p, float *dst, const float *src, int64_t rows,
                               const struct vit_linear *linear)
{
    enum vit_act act = vit_model_config(p->model)->act;
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, linear, p->model->params, .activate = true, act});
}

vit_status vit_plan_linear_add(struct vit_plan *p, float *dst, const float *src, int64_t rows,
                               const struct vit_linear *linear)
{
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, linear, p->model->params, .add = true});
}

static vit_status add_gate(struct vit_plan *p, const struct vit_gate_op *op, const char *name)
{
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->gate(&kernel, p->ops_context, op, p->err));
    return append(p, "gate", name, kernel, 2.0 * (double)op->rows * op->width);
}

vit_status vit_plan_hidden(struct vit_plan *p, float *dst, const float *src, int64_t rows,
                           const struct vit_linear *fc1)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->swiglu)
        return vit_plan_linear_act(p, dst, src, rows, fc1);
    VIT_TRY(vit_plan_linear(p, p->f2, src, rows, fc1));
    return add_gate(p, &(struct vit_gate_op){dst, p->f2, rows, c->mlp, c->act}, fc1->name);
}

vit_status vit_plan_qk_norm(struct vit_plan *p, float *qkv, int64_t rows, const struct vit_block *block)
{
    const struct vit_config *c = vit_model_config(p->model);
    const struct vit_norm *q = &block->q_norm, *k = &block->k_norm;
    struct vit_qk_norm_op op = {qkv, rows, c->heads, q->width, (float)c->eps, NULL, NULL, NULL, NULL};
    VIT_TRY(vit_params_vector(p->model->params, q->weight, &op.q_gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, q->bias, &op.q_shift, p->err));
    VIT_TRY(vit_params_vector(p->model->params, k->weight, &op.k_gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, k->bias, &op.k_shift, p->err));
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->qk_norm(&kernel, p->ops_context, &op, p->err));
    return append(p, "qk_norm", q->name, kernel, 16.0 * (double)rows * c->width);
}

static vit_status add_attention(struct vit_plan *p, struct vit_attention_op *op, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    op->batch = p->batch;
    op->heads = c->heads;
    op->head_dim = c->width / c->heads;
    op->tokens = vit_config_tokens(c);
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->attention(&kernel, p->ops_context, op, p->err));
    char full[64];
    snprintf(full, sizeof full, "%.48s.attn", name);
    return append(p, "attention", full, kernel, 4.0 * p->batch * op->queries * op->tokens * c->width);
}

vit_status vit_plan_attention(struct vit_plan *p, float *dst, const float *qkv, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    return add_attention(p, &(struct vit_attention_op){.dst = dst, .q = qkv, .k = qkv + D, .v = qkv + 2 * D,
                                                       .q_step = 3 * D, .kv_step = 3 * D,
                                                       .queries = vit_config_tokens(c)}, name);
}

vit_status vit_plan_cross_attention(struct vit_plan *p, float *dst, const float *q, int queries, const float *kv,
                                    const char *name)
{
    int64_t D = vit_model_config(p->model)->width;
    return add_attention(p, &(struct vit_attention_op){.dst = dst, .q = q, .k = kv, .v = kv + D, .q_step = D,
                                                       .kv_step = 2 * D, .queries = queries}, name);
}

vit_status vit_plan_embed(struct vit_plan *p, float *dst, const float *src)
{
    const struct vit_config *c = vit_model_config(p->model);
    struct vit_embed_op op = {dst, src, p->model->prefix, p->model->pos, p->batch, vit_config_tokens(c),
                              vit_config_patches(c), c->width};
    struct vit_kernel *kernel;
    VIT_TRY(vit_embed_create(&kernel, &op, p->err));
    return append(p, "embed", "pos_embed", kernel, (double)p->batch * op.patches * op.width);
}

static vit_status add_mean(struct vit_plan *p, const struct vit_mean_op *op, const char *name)
{
    struct vit_kernel *kernel;
    VIT_TRY(vit_mean_create(&kernel, op, p->err));
    return append(p, "mean", name, kernel, (double)op->batch * op->count * op->width);
}

vit_status vit_plan_mean(struct vit_plan *p, float *dst, const float *src, int first, int count)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_mean_op op = {dst, src + first * D, p->batch, count, c->width, vit_config_head_width(c), p->tokens * D,
                             D};
    return add_mean(p, &op, "pool");
}

/* A mean of one row is a copy; count rows that follow each other are copied as one. */
vit_status vit_plan_gather(struct vit_plan *p, float *dst, const float *src, int count, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width, T = vit_config_tokens(c);
    return add_mean(p, &(struct vit_mean_op){dst, src, p->batch, 1, count * c->width, count * D, T * D, 0}, name);
}

vit_status vit_plan_repeat(struct vit_plan *p, float *dst, const float *src, const char *name)
{
    int width = vit_model_config(p->model)->width;
    return add_mean(p, &(struct vit_mean_op){dst, src, p->batch, 1, width, width, 0, 0}, name);
}

vit_status vit_plan_average(struct vit_plan *p, float *dst, const float *pair)
{
    int64_t B = p->batch, K = vit_model_config(p->model)->classes;
    return add_mean(p, &(struct vit_mean_op){dst, pair, p->batch, 2, (int)K, K, K, B * K}, "heads");
}

void vit_plan_tap(struct vit_plan *p, const char *name, const float *data, int rows, int width)
{
    struct vit_tap tap = {.data = data};
    snprintf(tap.name, sizeof tap.name, "%s", name);
    if (p->batch > 1)
        tap.shape[tap.n_dims++] = p->batch;
    if (rows > 0)
        tap.shape[tap.n_dims++] = rows;
    tap.shape[tap.n_dims++] = width;
    p->steps[p->n_steps - 1].tap = tap;
}
