/* plan.c: the memory of a plan, its steps, and the one loop that runs them. */
#include "vit/network/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/network/trace.h"

/* ---- Memory ---- */

/* array, of n elements of size, with room for one more; NULL when there is none, and array as it was. */
static void *make_room(void *array, int n, size_t size, struct vit_error *err)
{
    if (n & (n - 1)) /* it grows at powers of two */
        return array;
    void *grown = realloc(array, (n ? 2 * (size_t)n : 1) * size);
    if (!grown)
        vit_fail(err, VIT_ERR_MEMORY, "out of memory for the steps of a plan");
    return grown;
}

struct vit_plan_kernel {
    char key[VIT_PROBLEM_KEY_MAX];
    struct vit_kernel *kernel;
};

struct vit_piece {
    void *data;
    size_t size;
    int arrays; /* that it is in use for */
};

static struct vit_piece *piece_of(struct vit_plan *p, struct vit_array array)
{
    int i = 0;
    while (p->pieces[i].data != array.data)
        i++;
    return &p->pieces[i];
}

/* The smallest piece of so many bytes that is not in use, or a new one, which is written to: fresh memory would cost
 * whoever asks for it first. */
static struct vit_piece *find_piece(struct vit_plan *p, size_t size)
{
    struct vit_piece *best = NULL, *pieces;
    for (int i = 0; i < p->n_pieces; i++)
        if (p->pieces[i].arrays == 0 && p->pieces[i].size >= size && (!best || p->pieces[i].size < best->size))
            best = &p->pieces[i];
    if (best)
        return best;
    struct vit_piece fresh = {aligned_alloc(64, size), size, 0};
    if (!fresh.data || !(pieces = make_room(p->pieces, p->n_pieces, sizeof fresh, p->err))) {
        free(fresh.data);
        return NULL;
    }
    memset(fresh.data, 0, size);
    p->pieces = pieces;
    p->pieces[p->n_pieces] = fresh;
    return &p->pieces[p->n_pieces++];
}

struct vit_array vit_plan_take(struct vit_plan *p, enum vit_dtype type, int64_t rows, int64_t width)
{
    size_t size = ((size_t)rows * (size_t)width * vit_dtype_size(type) + 63) / 64 * 64;
    struct vit_piece *piece = find_piece(p, size);
    if (!piece) {
        vit_fail(p->err, VIT_ERR_MEMORY, "out of memory for the activations of batch %d: %zu bytes", p->batch, size);
        return (struct vit_array){NULL, type};
    }
    piece->arrays++;
    return (struct vit_array){piece->data, type};
}

struct vit_array vit_plan_take_as(struct vit_plan *p, enum vit_dtype type, struct vit_array other, int64_t rows,
                                  int64_t width)
{
    if (other.type != type || !other.data)
        return vit_plan_take(p, type, rows, width);
    piece_of(p, other)->arrays++;
    return other;
}

void vit_plan_give_back(struct vit_plan *p, struct vit_array array)
{
    if (array.data)
        piece_of(p, array)->arrays--;
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
    p->choices = options->choices;
    p->types = options->types;
    p->batch = options->batch;
    p->traced = options->traced;
    p->tokens = vit_config_tokens(vit_model_config(model));
    p->err = err;
    vit_status status = vit_forward(p);
    if (status == VIT_OK)
        status = allocate_scratch(p, err);
    p->err = NULL;
    p->choices = NULL;
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
    for (int i = 0; i < plan->n_kernels; i++)
        vit_kernel_free(plan->kernels[i].kernel);
    free(plan->kernels);
    free(plan->steps);
    for (int i = 0; i < plan->n_pieces; i++)
        free(plan->pieces[i].data);
    free(plan->pieces);
    free(plan->scratch);
    free(plan);
}

/* ---- Running ---- */

vit_status vit_plan_run(struct vit_plan *plan, bool profile, const char *trace_dir, struct vit_error *err)
{
    for (int i = 0; i < plan->n_steps; i++) {
        struct vit_step *step = &plan->steps[i];
        double start = profile ? vit_now() : 0;
        vit_status status = step->kernel->run(step->kernel, &step->buffers, plan->scratch, err);
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

/* The kernel for problem: that of an earlier step, or a new one. */
static vit_status kernel_for(struct vit_kernel **kernel, struct vit_plan *p, const struct vit_problem *problem,
                             const struct vit_buffers *buffers)
{
    struct vit_plan_kernel fresh;
    vit_problem_key(fresh.key, problem);
    for (int i = 0; i < p->n_kernels && fresh.key[0]; i++)
        if (strcmp(p->kernels[i].key, fresh.key) == 0) {
            *kernel = p->kernels[i].kernel;
            return VIT_OK;
        }
    struct vit_plan_kernel *kernels = make_room(p->kernels, p->n_kernels, sizeof fresh, p->err);
    if (!kernels)
        return VIT_ERR_MEMORY;
    p->kernels = kernels;
    VIT_TRY(vit_choose(&fresh.kernel, p->choices, problem, buffers, p->err));
    p->kernels[p->n_kernels++] = fresh;
    *kernel = fresh.kernel;
    return VIT_OK;
}

/* Appends a step. */
static vit_status add(struct vit_plan *p, const char *name, const struct vit_problem *problem,
                      struct vit_buffers buffers)
{
    struct vit_step step = {.op = vit_op_name(problem->op), .buffers = buffers, .flops = vit_problem_flops(problem)};
    if (!buffers.dst || (!buffers.in[0] && problem->op != VIT_QK_NORM))
        return VIT_ERR_MEMORY; /* vit_plan_take has said so */
    snprintf(step.name, sizeof step.name, "%s", name);
    vit_status status = kernel_for(&step.kernel, p, problem, &buffers);
    if (status != VIT_OK)
        return vit_context(p->err, status, "%s", name);
    struct vit_step *steps = make_room(p->steps, p->n_steps, sizeof step, p->err);
    if (!steps)
        return VIT_ERR_MEMORY;
    p->steps = steps;
    p->steps[p->n_steps++] = step;
    return VIT_OK;
}

vit_status vit_plan_norm(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                         const struct vit_norm *norm)
{
    struct vit_problem problem = {VIT_NORM,
                                  .norm = {dst.type, rows, norm->width, (float)vit_model_config(p->model)->eps}};
    const float *gain, *shift;
    VIT_TRY(vit_params_vector(p->model->params, norm->weight, &gain, p->err));
    VIT_TRY(vit_params_vector(p->model->params, norm->bias, &shift, p->err));
    return add(p, norm->name, &problem, (struct vit_buffers){dst.data, {src.data, gain, shift}});
}

static vit_status add_linear(struct vit_plan *p, struct vit_array dst, struct vit_array src,
                             const struct vit_linear *linear, struct vit_linear_problem layer)
{
    layer.src = src.type;
    layer.dst = dst.type;
    layer.weight = src.type == p->types->activation ? p->types->weight : src.type;
    layer.images = p->batch;
    layer.in = linear->in;
    layer.out = linear->out;
    layer.bias = linear->bias >= 0;
    const struct vit_problem problem = {VIT_LINEAR, .linear = layer};
    const float *bias;
    VIT_TRY(vit_params_bias(p->model->params, linear, &bias, p->err));
    VIT_TRY(add(p, linear->name, &problem, (struct vit_buffers){dst.data, {src.data, NULL, bias}}));
    struct vit_step *step = &p->steps[p->n_steps - 1];
    vit_status status = vit_params_packed(p->model->params, linear, step->kernel, &step->buffers.in[VIT_WEIGHT],
                                          p->err);
    return status == VIT_OK ? VIT_OK : vit_context(p->err, status, "%s", linear->name);
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

vit_status vit_plan_convert(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t n, const char *name)
{
    if (dst.type == src.type)
        return VIT_OK;
    return add(p, name, &(struct vit_problem){VIT_CONVERT, .convert = {n}}, (struct vit_buffers){dst.data, {src.data}});
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
    struct vit_array qkv = vit_plan_take_as(p, VIT_F32, dst, rows, 3 * c->width);
    VIT_TRY(vit_plan_linear(p, qkv, src, rows, &block->qkv));
    VIT_TRY(add_qk_norm(p, qkv.data, rows, block));
    VIT_TRY(vit_plan_convert(p, dst, qkv, rows * 3 * c->width, block->qkv.name));
    vit_plan_give_back(p, qkv);
    return VIT_OK;
}

vit_status vit_plan_hidden(struct vit_plan *p, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *fc1)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (!c->swiglu)
        return vit_plan_linear_act(p, dst, src, rows, fc1);
    struct vit_array halves = vit_plan_take(p, VIT_F32, rows, 2 * c->mlp);
    struct vit_array product = vit_plan_take_as(p, VIT_F32, dst, rows, c->mlp);
    VIT_TRY(vit_plan_linear(p, halves, src, rows, fc1));
    VIT_TRY(add(p, fc1->name, &(struct vit_problem){VIT_GATE, .gate = {rows, c->mlp, c->act}},
                (struct vit_buffers){product.data, {halves.data}}));
    VIT_TRY(vit_plan_convert(p, dst, product, rows * c->mlp, fc1->name));
    vit_plan_give_back(p, halves);
    vit_plan_give_back(p, product);
    return VIT_OK;
}

/* k: where keys begin, in elements from the start of kv; the values follow. */
static vit_status add_attention(struct vit_plan *p, struct vit_array dst, struct vit_array q, int queries,
                                int64_t q_step, struct vit_array kv, int64_t k, int64_t kv_step, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    struct vit_problem problem = {VIT_ATTENTION, .attention = {.type = kv.type,
                                                               .q_step = q_step,
                                                               .kv_step = kv_step,
                                                               .batch = p->batch,
                                                               .queries = queries,
                                                               .tokens = vit_config_tokens(c),
                                                               .heads = c->heads,
                                                               .head_dim = c->width / c->heads}};
    const void *keys = vit_array_row(kv, k, 1).data, *values = vit_array_row(kv, k + c->width, 1).data;
    char full[64];
    snprintf(full, sizeof full, "%.48s.attn", name);
    return add(p, full, &problem, (struct vit_buffers){dst.data, {q.data, keys, values}});
}

vit_status vit_plan_attention(struct vit_plan *p, struct vit_array dst, struct vit_array qkv, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    return add_attention(p, dst, qkv, vit_config_tokens(c), 3 * c->width, qkv, c->width, 3 * c->width, name);
}

vit_status vit_plan_cross_attention(struct vit_plan *p, struct vit_array dst, struct vit_array q, int queries,
                                    struct vit_array kv, const char *name)
{
    int D = vit_model_config(p->model)->width;
    return add_attention(p, dst, q, queries, D, kv, 0, 2 * D, name);
}

static vit_status add_gather(struct vit_plan *p, struct vit_array dst, const void *src, int64_t width, int64_t src_step,
                             const char *name)
{
    return add(p, name, &(struct vit_problem){VIT_GATHER, .gather = {dst.type, p->batch, width, src_step}},
               (struct vit_buffers){dst.data, {src}});
}

vit_status vit_plan_gather(struct vit_plan *p, struct vit_array dst, struct vit_array src, int count, const char *name)
{
    const struct vit_config *c = vit_model_config(p->model);
    return add_gather(p, dst, src.data, (int64_t)count * c->width, (int64_t)vit_config_tokens(c) * c->width, name);
}

vit_status vit_plan_repeat(struct vit_plan *p, struct vit_array dst, const float *src, const char *name)
{
    return add_gather(p, dst, src, vit_model_config(p->model)->width, 0, name);
}

vit_status vit_plan_embed(struct vit_plan *p, struct vit_array dst, struct vit_array src)
{
    const struct vit_config *c = vit_model_config(p->model);
    struct vit_problem problem = {VIT_EMBED,
                                  .embed = {p->batch, vit_config_tokens(c), vit_config_patches(c), c->width}};
    return add(p, "pos_embed", &problem, (struct vit_buffers){dst.data, {src.data, p->model->prefix, p->model->pos}});
}

vit_status vit_plan_mean(struct vit_plan *p, struct vit_array dst, int at, struct vit_array src, int first, int count)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_problem problem = {VIT_MEAN,
                                  .mean = {p->batch, count, c->width, vit_config_head_width(c), p->tokens * D, D}};
    return add(p, "pool", &problem,
               (struct vit_buffers){(float *)dst.data + at, {(const float *)src.data + first * D}});
}

vit_status vit_plan_average(struct vit_plan *p, struct vit_array dst, struct vit_array pair)
{
    int K = vit_model_config(p->model)->classes;
    struct vit_problem problem = {VIT_MEAN, .mean = {p->batch, 2, K, K, K, (int64_t)p->batch * K}};
    return add(p, "heads", &problem, (struct vit_buffers){dst.data, {pair.data}});
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
