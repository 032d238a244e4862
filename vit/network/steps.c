/* steps.c: the steps that a plan can be made of: each call appends an operator, cut for the plan's threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/network/plan.h"

/* ---- Any step ---- */

/* The kernels for problem: those of an earlier step, or new ones. */
static vit_status kernels_for(struct vit_kernel ***kernels, struct vit_plan *p, const struct vit_problem *problem,
                              const struct vit_buffers *buffers)
{
    struct vit_plan_kernels fresh;
    vit_problem_key(fresh.key, problem);
    for (int i = 0; i < p->n_kernels && fresh.key[0]; i++)
        if (strcmp(p->kernels[i].key, fresh.key) == 0) {
            *kernels = p->kernels[i].kernels;
            return VIT_OK;
        }
    struct vit_plan_kernels *all = vit_plan_room(p->kernels, p->n_kernels, sizeof fresh, p->err);
    if (!all)
        return VIT_ERR_MEMORY;
    p->kernels = all;
    fresh.kernels = calloc((size_t)p->threads, sizeof *fresh.kernels);
    if (!fresh.kernels)
        return vit_fail(p->err, VIT_ERR_MEMORY, "out of memory");
    const struct vit_wanted wanted = {problem, buffers, p->threads, p->columns, p->team, p->n_preferred, p->preferred};
    vit_status status = vit_choose(fresh.kernels, p->choices, &wanted, p->err);
    if (status != VIT_OK) {
        vit_plan_free_kernels(p, fresh.kernels);
        return status;
    }
    p->kernels[p->n_kernels++] = fresh;
    *kernels = fresh.kernels;
    return VIT_OK;
}

/* Appends a step. */
static vit_status add(struct vit_plan *p, const char *name, const struct vit_problem *problem,
                      struct vit_buffers buffers)
{
    struct vit_step step = {.op = vit_op_name(problem->op), .flops = vit_problem_flops(problem)};
    bool reads_later = problem->op == VIT_QK_NORM || p->n_steps == 0; /* in place; the input */
    if (!buffers.dst || (!buffers.in[0] && !reads_later))
        return VIT_ERR_MEMORY; /* vit_plan_take has said so */
    snprintf(step.name, sizeof step.name, "%s", name);
    vit_status status = kernels_for(&step.kernels, p, problem, &buffers);
    if (status != VIT_OK)
        return vit_context(p->err, status, "%s", name);
    struct vit_step *steps = vit_plan_room(p->steps, p->n_steps, sizeof step, p->err);
    if (!steps)
        return VIT_ERR_MEMORY;
    p->steps = steps;
    step.parts = calloc((size_t)p->threads, sizeof *step.parts);
    if (!step.parts)
        return vit_fail(p->err, VIT_ERR_MEMORY, "out of memory");
    struct vit_cut cut = vit_cut(step.parts, problem, &buffers, p->threads, p->columns);
    step.n = cut.n;
    step.wait = p->n_steps > 0 && (cut.place == VIT_PLACE_NONE || cut.place != p->place);
    if (step.wait)
        p->last_wait = p->n_steps;
    p->place = cut.place;
    p->steps[p->n_steps++] = step;
    return VIT_OK;
}

vit_status vit_plan_patchify(struct vit_plan *p, struct vit_array dst)
{
    const struct vit_config *c = vit_model_config(p->model);
    struct vit_problem problem = {VIT_PATCHIFY, .patchify = {.dst = dst.format,
                                                             .rows = (int64_t)p->batch * vit_config_patches(c),
                                                             .dst_step = dst.step,
                                                             .patch = c->patch,
                                                             .preprocess = *vit_model_preprocess(p->model)}};
    return add(p, "patches", &problem, (struct vit_buffers){.dst = dst.data});
}

vit_status vit_plan_norm(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                         const struct vit_norm *norm)
{
    struct vit_problem problem = {
        VIT_NORM, .norm = {dst.format, rows, dst.step, norm->width, (float)vit_model_config(p->model)->eps}};
    const float *gain, *shift;
    VIT_TRY(vit_params_vector(p->model->params, norm->weight, &gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, norm->bias, &shift, p->err));
    return add(p, norm->name, &problem, (struct vit_buffers){.dst = dst.data, .in = {src.data, gain, shift}});
}

static vit_status add_linear(struct vit_plan *p, struct vit_array dst, struct vit_array src,
                             const struct vit_linear *linear, struct vit_linear_problem layer)
{
    layer.src = src.format;
    layer.src_step = src.step;
    layer.dst = dst.format;
    layer.dst_step = dst.step;
    layer.images = p->batch;
    layer.in = linear->in;
    layer.out = linear->out;
    layer.bias = linear->bias >= 0;
    const struct vit_problem problem = {VIT_LINEAR, .linear = layer};
    const float *bias;
    VIT_TRY(vit_params_bias(p->model->params, linear, &bias, p->err));
    VIT_TRY(add(p, linear->name, &problem, (struct vit_buffers){.dst = dst.data, .in = {src.data, NULL, bias}}));
    p->steps[p->n_steps - 1].linear = linear;
    return VIT_OK;
}

vit_status vit_plan_linear(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *linear)
{
    return add_linear(p, dst, src, linear, (struct vit_linear_problem){.rows = rows});
}

vit_status vit_plan_linear_act(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear)
{
    enum vit_act act = vit_model_config(p->model)->act;
    return add_linear(p, dst, src, linear, (struct vit_linear_problem){.rows = rows, .activate = true, .act = act});
}

vit_status vit_plan_linear_add(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear)
{
    return add_linear(p, dst, src, linear, (struct vit_linear_problem){.rows = rows, .add = true});
}

vit_status vit_plan_convert(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows, int width,
                            const char *name)
{
    if (dst.format == src.format)
        return VIT_OK;
    return add(p, name, &(struct vit_problem){VIT_CONVERT, .convert = {dst.format, rows, dst.step, width}},
               (struct vit_buffers){.dst = dst.data, .in = {src.data}});
}

static vit_status add_qk_norm(struct vit_plan *p, float *qkv, int64_t rows, const struct vit_block *block)
{
    const struct vit_config *c = vit_model_config(p->model);
    const struct vit_norm *q = &block->q_norm, *k = &block->k_norm;
    const int tensors[] = {q->weight, q->bias, k->weight, k->bias};
    struct vit_problem problem = {VIT_QK_NORM, .qk_norm = {rows, c->heads, q->width, (float)c->eps}};
    struct vit_buffers buffers = {.dst = qkv};
    for (int i = 0; i < 4; i++) {
        const float *vector;
        VIT_TRY(vit_params_vector(p->model->params, tensors[i], &vector, p->err));
        buffers.in[i] = vector;
    }
    return add(p, q->name, &problem, buffers);
}

vit_status vit_plan_qkv(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                        const struct vit_block *block)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->qk_norm)
        return vit_plan_linear(p, dst, src, rows, &block->qkv);
    struct vit_array qkv = vit_plan_take_as(p, VIT_ROWS_F32, dst, rows, 3 * c->width);
    VIT_TRY(vit_plan_linear(p, qkv, src, rows, &block->qkv));
    VIT_TRY(add_qk_norm(p, qkv.data, rows, block));
    VIT_TRY(vit_plan_convert(p, dst, qkv, rows, 3 * c->width, block->qkv.name));
    vit_plan_give_back(p, qkv);
    return VIT_OK;
}

vit_status vit_plan_hidden(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *fc1)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->swiglu)
        return vit_plan_linear_act(p, dst, src, rows, fc1);
    struct vit_array halves = vit_plan_take(p, VIT_ROWS_F32, rows, 2 * c->mlp);
    struct vit_array product = vit_plan_take_as(p, VIT_ROWS_F32, dst, rows, c->mlp);
    VIT_TRY(vit_plan_linear(p, halves, src, rows, fc1));
    VIT_TRY(add(p, fc1->name, &(struct vit_problem){VIT_GATE, .gate = {rows, c->mlp, c->act}},
                (struct vit_buffers){.dst = product.data, .in = {halves.data}}));
    VIT_TRY(vit_plan_convert(p, dst, product, rows, c->mlp, fc1->name));
    vit_plan_give_back(p, halves);
    vit_plan_give_back(p, product);
    return VIT_OK;
}

/* shape: formats and steps are those of the arrays; the rest of it is set. */
static vit_status add_attention(struct vit_plan *p, struct vit_array dst, struct vit_array q, struct vit_array kv,
                                struct vit_attention_problem shape, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    shape.format = kv.format;
    shape.q_step = q.step, shape.kv_step = kv.step, shape.dst_step = dst.step;
    shape.q_rows = shape.queries;
    shape.kv_rows = shape.tokens = p->length;
    shape.batch = p->batch;
    shape.heads = c->heads;
    shape.head_dim = c->width / c->heads;
    char full[64];
    snprintf(full, sizeof full, "%.48s.attn", name);
    return add(p, full, &(struct vit_problem){VIT_ATTENTION, .attention = shape},
               (struct vit_buffers){.dst = dst.data, .in = {q.data, kv.data}});
}

vit_status vit_plan_attention(struct vit_plan *p, struct vit_array dst, struct vit_array qkv, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    int D = c->width;
    return add_attention(
        p, dst, qkv, qkv,
        (struct vit_attention_problem){.queries = p->length, .k_column = D, .v_column = 2 * D, .causal = c->causal},
        name);
}

vit_status vit_plan_cross_attention(struct vit_plan *p, struct vit_array dst, struct vit_array q, int queries,
                                    struct vit_array kv, const char *name)
{
    int D = vit_model_config(p->model)->width;
    return add_attention(p, dst, q, kv, (struct vit_attention_problem){.queries = queries, .v_column = D}, name);
}

static vit_status add_gather(struct vit_plan *p, struct vit_array dst, struct vit_array src, int count,
                             int64_t src_rows, const char *name)
{
    int D = vit_model_config(p->model)->width;
    struct vit_problem problem = {VIT_GATHER, .gather = {dst.format, src.step, dst.step, src_rows, p->batch, count, D}};
    return add(p, name, &problem, (struct vit_buffers){.dst = dst.data, .in = {src.data}});
}

vit_status vit_plan_gather(struct vit_plan *p, struct vit_array dst, struct vit_array src, int count, const char *name)
{
    return add_gather(p, dst, src, count, p->length, name);
}

vit_status vit_plan_repeat(struct vit_plan *p, struct vit_array dst, const float *src, const char *name)
{
    int D = vit_model_config(p->model)->width;
    return add_gather(p, dst, (struct vit_array){(void *)(uintptr_t)src, VIT_ROWS_F32, D}, 1, 0, name);
}

vit_status vit_plan_embed(struct vit_plan *p, struct vit_array dst, struct vit_array src)
{
    const struct vit_config *c = vit_model_config(p->model);
    int T = p->length, N = c->context ? T : vit_config_patches(c);
    struct vit_problem problem = {VIT_EMBED, .embed = {0, (int64_t)p->batch * T, T, N, c->width}};
    return add(p, "pos_embed", &problem,
               (struct vit_buffers){.dst = dst.data, .in = {src.data, p->model->prefix, p->model->pos}});
}

vit_status vit_plan_mean(struct vit_plan *p, struct vit_array dst, int at, struct vit_array src, int first, int count)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_problem problem = {VIT_MEAN, .mean = {p->batch, count, c->width, dst.step, p->tokens * D, D}};
    return add(p, "pool", &problem,
               (struct vit_buffers){.dst = (float *)dst.data + at, .in = {(const float *)src.data + first * D}});
}

vit_status vit_plan_average(struct vit_plan *p, struct vit_array dst, struct vit_array pair, int width)
{
    int64_t step = width;
    struct vit_problem problem = {VIT_MEAN, .mean = {p->batch, 2, width, step, step, p->batch * step}};
    return add(p, "heads", &problem, (struct vit_buffers){.dst = dst.data, .in = {pair.data}});
}

vit_status vit_plan_normalize(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows, int width)
{
    struct vit_problem problem = {VIT_NORMALIZE, .normalize = {rows, width}};
    return add(p, "normalize", &problem, (struct vit_buffers){.dst = dst.data, .in = {src.data}});
}

struct vit_array vit_array_row(struct vit_array array, int64_t row)
{
    return (struct vit_array){vit_format_row(array.format, array.data, array.step, row), array.format, array.step};
}

void vit_plan_tap(struct vit_plan *p, const char *name, struct vit_array array, int rows, int width)
{
    struct vit_tap tap = {.data = array.data};
    snprintf(tap.name, sizeof tap.name, "%s", name);
    if (p->batch > 1)
        tap.shape[tap.n_dims++] = p->batch;
    if (rows > 0)
        tap.shape[tap.n_dims++] = rows;
    tap.shape[tap.n_dims++] = width;
    p->steps[p->n_steps - 1].tap = tap;
}
