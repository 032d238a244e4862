/* plan.c: the memory of a plan, its steps, and the one loop that runs them. */
#include "vit/network/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/network/trace.h"

/* ---- Memory ---- */

struct cut {
    struct vit_array *buffer;
    enum vit_dtype type;
    int64_t rows, width; /* either 0: the plan does not need it */
    struct vit_array *same; /* not NULL: under f32 the buffer is that one */
};

/* Bytes of a buffer, rounded up so that the next one is 64-byte aligned. */
static size_t extent(const struct cut *cut)
{
    return ((size_t)cut->rows * (size_t)cut->width * vit_dtype_size(cut->type) + 63) / 64 * 64;
}

static vit_status cut_arena(struct vit_plan *p, struct cut *cuts, int n_cuts, struct vit_error *err)
{
    size_t total = 64;
    for (int i = 0; i < n_cuts; i++)
        total += extent(&cuts[i]);
    p->arena = aligned_alloc(64, total);
    if (!p->arena)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the activations of batch %d: %zu bytes", p->batch,
                        total);
    memset(p->arena, 0, total);
    char *at = p->arena;
    for (int i = 0; i < n_cuts; i++) {
        *cuts[i].buffer = cuts[i].same && p->type == VIT_F32 ? *cuts[i].same : (struct vit_array){at, cuts[i].type};
        at += extent(&cuts[i]);
    }
    return VIT_OK;
}

static vit_status allocate_arena(struct vit_plan *p, struct vit_error *err)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t B = p->batch, D = c->width, T = vit_config_tokens(c), N = vit_config_patches(c), F = c->mlp, K = c->classes;
    int64_t read = vit_plan_tokens_read(p), mixed = p->type != VIT_F32, map = c->pool == VIT_POOL_MAP;
    int64_t patch = 3 * c->patch * c->patch, two_heads = c->pool == VIT_POOL_CLS_DIST_MEAN;
    enum vit_dtype type = p->type;
    struct cut cuts[] = {
        {&p->patches, VIT_F32, B * N, patch, NULL},
        {&p->rounded, type, mixed * B * N, patch, &p->patches},
        {&p->x, VIT_F32, B * T, D, NULL},
        {&p->h, type, B * T, D, NULL},
        {&p->embedded, VIT_F32, mixed * B * N, D, &p->h},
        {&p->qkv, type, B * T, 3 * D, NULL},
        {&p->qkv_f32, VIT_F32, mixed * c->qk_norm * B * T, 3 * D, &p->qkv},
        {&p->f, type, B * T, F, NULL},
        {&p->f_f32, VIT_F32, mixed * c->swiglu * B * T, F, &p->f},
        {&p->f2, VIT_F32, c->swiglu * B * T, 2 * F, NULL},
        {&p->read, VIT_F32, B * read, D, NULL},
        {&p->read_h, type, B * read, D, NULL},
        {&p->q, type, B * read, D, NULL},
        {&p->latent_f32, VIT_F32, map * B, D, NULL},
        {&p->latent, type, mixed * map * B, D, &p->latent_f32},
        {&p->query, type, map * B, D, NULL},
        {&p->pooled, VIT_F32, B, vit_config_head_width(c), NULL},
        {&p->pooled_dist, VIT_F32, two_heads * B, D, NULL},
        {&p->pair, VIT_F32, two_heads * 2 * B, K, NULL},
        {&p->logits, VIT_F32, B, K, NULL},
    };
    return cut_arena(p, cuts, (int)(sizeof cuts / sizeof *cuts), err);
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

vit_status vit_plan_create(struct vit_plan **plan, const struct vit_model *model,
                           const struct vit_plan_options *options, struct vit_error *err)
{
    struct vit_plan *p = calloc(1, sizeof *p);
    if (!p)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    p->model = model;
    p->ops = options->ops;
    p->batch = options->batch;
    p->type = options->type;
    p->traced = options->traced;
    p->tokens = vit_config_tokens(vit_model_config(model));
    p->err = err;
    vit_status status = p->ops->open(&p->ops_context, options->tuner, err);
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

vit_status vit_plan_run(struct vit_plan *plan, bool profile, const char *trace_dir, struct vit_error *err)
{
    for (int i = 0; i < plan->n_steps; i++) {
        struct vit_step *step = &plan->steps[i];
        double start = profile ? vit_now() : 0;
        vit_status status = step->kernel->run(step->kernel, plan->scratch, err);
        if (profile)
            step->seconds += vit_now() - start;
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

vit_status vit_plan_norm(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                         const struct vit_norm *norm)
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

vit_status vit_plan_linear(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *linear)
{
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, p->batch, linear, p->model->params, .add = false});
}

vit_status vit_plan_linear_act(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear)
{
    enum vit_act act = vit_model_config(p->model)->act;
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, p->batch, linear, p->model->params, .activate = true, act});
}

vit_status vit_plan_linear_add(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear)
{
    return add_linear(p, &(struct vit_linear_op){dst, src, rows, p->batch, linear, p->model->params, .add = true});
}

vit_status vit_plan_round(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t n, const char *name)
{
    if (dst.type == VIT_F32)
        return VIT_OK;
    struct vit_kernel *kernel;
    VIT_TRY(vit_round_create(&kernel, &(struct vit_round_op){dst.data, src.data, n}, p->err));
    return append(p, "round", name, kernel, 0);
}

static vit_status add_qk_norm(struct vit_plan *p, float *qkv, int64_t rows, const struct vit_block *block)
{
    const struct vit_config *c = vit_model_config(p->model);
    const struct vit_norm *q = &block->q_norm, *k = &block->k_norm;
    struct vit_qk_norm_op op = {.qkv = qkv, .rows = rows, .heads = c->heads, .head_dim = q->width, .eps = (float)c->eps};
    VIT_TRY(vit_params_vector(p->model->params, q->weight, &op.q_gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, q->bias, &op.q_shift, p->err));
    VIT_TRY(vit_params_vector(p->model->params, k->weight, &op.k_gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, k->bias, &op.k_shift, p->err));
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->qk_norm(&kernel, p->ops_context, &op, p->err));
    return append(p, "qk_norm", q->name, kernel, 16.0 * (double)rows * c->width);
}

vit_status vit_plan_qkv(struct vit_plan *p, struct vit_array src, int64_t rows, const struct vit_block *block)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->qk_norm)
        return vit_plan_linear(p, p->qkv, src, rows, &block->qkv);
    VIT_TRY(vit_plan_linear(p, p->qkv_f32, src, rows, &block->qkv));
    VIT_TRY(add_qk_norm(p, p->qkv_f32.data, rows, block));
    return vit_plan_round(p, p->qkv, p->qkv_f32, rows * 3 * c->width, block->qkv.name);
}

vit_status vit_plan_hidden(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *fc1)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->swiglu)
        return vit_plan_linear_act(p, dst, src, rows, fc1);
    VIT_TRY(vit_plan_linear(p, p->f2, src, rows, fc1));
    struct vit_gate_op op = {p->f_f32.data, p->f2.data, rows, c->mlp, c->act};
    struct vit_kernel *kernel;
    VIT_TRY(p->ops->gate(&kernel, p->ops_context, &op, p->err));
    VIT_TRY(append(p, "gate", fc1->name, kernel, 2.0 * (double)rows * c->mlp));
    return vit_plan_round(p, dst, p->f_f32, rows * c->mlp, fc1->name);
}

/* queries, k and v (elements from the start of kv) and the steps are set; the rest follows from the model. */
static vit_status add_attention(struct vit_plan *p, struct vit_attention_op *op, struct vit_array kv, int64_t k,
                                const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    op->type = kv.type;
    op->k = vit_array_row(kv, k, 1).data;
    op->v = vit_array_row(kv, k + c->width, 1).data;
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

vit_status vit_plan_attention(struct vit_plan *p, struct vit_array dst, struct vit_array qkv, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_attention_op op = {.dst = dst.data, .q = qkv.data, .q_step = 3 * D, .kv_step = 3 * D};
    op.queries = vit_config_tokens(c);
    return add_attention(p, &op, qkv, D, name);
}

vit_status vit_plan_cross_attention(struct vit_plan *p, struct vit_array dst, struct vit_array q, int queries,
                                    struct vit_array kv, const char *name)
{
    int64_t D = vit_model_config(p->model)->width;
    struct vit_attention_op op = {.dst = dst.data, .q = q.data, .q_step = D, .kv_step = 2 * D, .queries = queries};
    return add_attention(p, &op, kv, 0, name);
}

static vit_status add_gather(struct vit_plan *p, const struct vit_gather_op *op, const char *name)
{
    struct vit_kernel *kernel;
    VIT_TRY(vit_gather_create(&kernel, op, p->err));
    return append(p, "gather", name, kernel, 0);
}

vit_status vit_plan_gather(struct vit_plan *p, struct vit_array dst, struct vit_array src, int count, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width, T = vit_config_tokens(c);
    return add_gather(p, &(struct vit_gather_op){dst, src, p->batch, count * D, T * D}, name);
}

vit_status vit_plan_repeat(struct vit_plan *p, struct vit_array dst, const float *src, const char *name)
{
    struct vit_array row = {(void *)(uintptr_t)src, VIT_F32};
    return add_gather(p, &(struct vit_gather_op){dst, row, p->batch, vit_model_config(p->model)->width, 0}, name);
}

vit_status vit_plan_embed(struct vit_plan *p, struct vit_array dst, struct vit_array src)
{
    const struct vit_config *c = vit_model_config(p->model);
    struct vit_embed_op op = {dst.data, src.data, p->model->prefix, p->model->pos, p->batch, vit_config_tokens(c),
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

vit_status vit_plan_mean(struct vit_plan *p, struct vit_array dst, int at, struct vit_array src, int first, int count)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_mean_op op = {.dst = (float *)dst.data + at,
                             .src = (const float *)src.data + first * D,
                             .batch = p->batch,
                             .count = count,
                             .width = c->width,
                             .dst_step = vit_config_head_width(c),
                             .batch_step = p->tokens * D,
                             .row_step = D};
    return add_mean(p, &op, "pool");
}

vit_status vit_plan_average(struct vit_plan *p, struct vit_array dst, struct vit_array pair)
{
    int64_t B = p->batch, K = vit_model_config(p->model)->classes;
    return add_mean(p, &(struct vit_mean_op){dst.data, pair.data, p->batch, 2, (int)K, K, K, B * K}, "heads");
}

struct vit_array vit_array_row(struct vit_array data, int64_t row, int64_t width)
{
    return (struct vit_array){(char *)data.data + (size_t)(row * width) * vit_dtype_size(data.type), data.type};
}

void vit_plan_tap(struct vit_plan *p, const char *name, struct vit_array data, int rows, int width)
{
    struct vit_tap tap = {.data = data.data};
    snprintf(tap.name, sizeof tap.name, "%s", name);
    if (p->batch > 1)
        tap.shape[tap.n_dims++] = p->batch;
    if (rows > 0)
        tap.shape[tap.n_dims++] = rows;
    tap.shape[tap.n_dims++] = width;
    p->steps[p->n_steps - 1].tap = tap;
}
