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

struct vit_plan_kernels {
    char key[VIT_PROBLEM_KEY_MAX];
    struct vit_kernel **kernels; /* (threads); NULL from the number of parts on */
};

struct vit_piece {
    void *data;
    size_t size;
    int arrays; /* that it is in use for */
    /* The array that was there last: its shape, and the number of the step behind its last one. */
    enum vit_format format;
    int64_t rows, width;
    int until;
};

static struct vit_piece *piece_of(struct vit_plan *p, struct vit_array array)
{
    int i = 0;
    while (p->pieces[i].data != array.data)
        i++;
    return &p->pieces[i];
}

/* Whether a thread that is ahead may write an array there: where all threads have waited for each other since, or the
 * rows lie at the same places, and each has its own. */
static bool is_left(const struct vit_plan *p, const struct vit_piece *piece, enum vit_format format, int64_t rows,
                    int64_t width)
{
    return p->threads == 1 || piece->until <= p->last_wait ||
           (piece->format == format && piece->rows == rows && piece->width == width);
}

/* The smallest piece that is not in use, or a new one, which is written to: fresh memory would cost whoever asks for it
 * first. */
static struct vit_piece *find_piece(struct vit_plan *p, enum vit_format format, int64_t rows, int64_t width)
{
    size_t size = vit_format_size(format, rows, width);
    struct vit_piece *best = NULL, *pieces;
    for (int i = 0; i < p->n_pieces; i++)
        if (p->pieces[i].arrays == 0 && p->pieces[i].size >= size && (!best || p->pieces[i].size < best->size) &&
            is_left(p, &p->pieces[i], format, rows, width))
            best = &p->pieces[i];
    if (best)
        return best;
    struct vit_piece fresh = {.data = aligned_alloc(64, size), .size = size};
    if (!fresh.data || !(pieces = make_room(p->pieces, p->n_pieces, sizeof fresh, p->err))) {
        free(fresh.data);
        return NULL;
    }
    memset(fresh.data, 0, size);
    p->pieces = pieces;
    p->pieces[p->n_pieces] = fresh;
    return &p->pieces[p->n_pieces++];
}

struct vit_array vit_plan_take(struct vit_plan *p, enum vit_format format, int64_t rows, int64_t width)
{
    struct vit_piece *piece = find_piece(p, format, rows, width);
    if (!piece) {
        vit_fail(p->err, VIT_ERR_MEMORY, "out of memory for the activations of batch %d: %zu bytes", p->batch,
                 vit_format_size(format, rows, width));
        return (struct vit_array){NULL, format, 0};
    }
    piece->arrays++;
    piece->format = format, piece->rows = rows, piece->width = width;
    return (struct vit_array){piece->data, format, vit_format_step(format, rows, width)};
}

struct vit_array vit_plan_take_as(struct vit_plan *p, enum vit_format format, struct vit_array other, int64_t rows,
                                  int64_t width)
{
    if (other.format != format || !other.data)
        return vit_plan_take(p, format, rows, width);
    piece_of(p, other)->arrays++;
    return other;
}

void vit_plan_give_back(struct vit_plan *p, struct vit_array array)
{
    if (!array.data)
        return;
    struct vit_piece *piece = piece_of(p, array);
    piece->arrays--;
    piece->until = p->n_steps;
}

static vit_status allocate_scratch(struct vit_plan *p, struct vit_error *err)
{
    size_t size = 64;
    for (int i = 0; i < p->n_steps; i++)
        for (int j = 0; j < p->steps[i].n; j++)
            if (p->steps[i].kernels[j]->scratch_size > size)
                size = p->steps[i].kernels[j]->scratch_size;
    p->scratch_size = (size + 63) / 64 * 64;
    p->scratch = aligned_alloc(64, p->scratch_size * (size_t)p->threads);
    if (!p->scratch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes of scratch", size);
    return VIT_OK;
}

/* ---- The whole ---- */

double vit_plan_weights(const struct vit_model *model, const struct vit_types *types)
{
    const struct vit_config *c = vit_model_config(model);
    return (double)vit_types_bytes(types) * c->depth * c->width * (4.0 * c->width + (c->swiglu ? 3.0 : 2.0) * c->mlp);
}

/* Where few threads share an image, each takes its rows of all layers, and finds in its cache what it wrote. But all
 * weights then pass through every core: where that is more than caches hold, or a thread would have less than a few
 * tiles of rows, layers are cut by outputs as well. Measured with 2 threads: ViT-B in bf16 (172 MB) 17.0 ms by outputs
 * and 20.1 by rows, ViT-S 5.1 and 4.8. Multiply-adds take so long that weights need not be thought of. */
static int columns_of(const struct vit_plan *p)
{
    const double most_bytes = 100e6;
    bool tiles = vit_format_parts(p->types->activation) > 0;
    double weights = tiles ? vit_plan_weights(p->model, p->types) : 0;
    int64_t rows = (int64_t)p->batch * vit_config_tokens(vit_model_config(p->model));
    int columns = 1;
    while (columns < p->threads && (p->threads % columns != 0 || weights / columns > most_bytes ||
                                    rows * columns < (int64_t)(tiles ? 32 : 16) * p->threads))
        columns++;
    return columns;
}

vit_status vit_plan_create(struct vit_plan **plan, const struct vit_model *model,
                           const struct vit_plan_options *options, struct vit_error *err)
{
    struct vit_plan *p = calloc(1, sizeof *p);
    if (!p)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    p->model = model;
    p->choices = options->choices;
    p->team = options->team;
    p->n_preferred = options->n_preferred;
    p->preferred = options->preferred;
    p->types = options->types;
    p->batch = options->batch;
    p->barrier.members = p->threads = options->threads;
    p->columns = columns_of(p);
    p->traced = options->traced;
    p->tokens = vit_config_tokens(vit_model_config(model));
    p->err = err;
    vit_status status = vit_forward(p);
    if (status == VIT_OK)
        status = allocate_scratch(p, err);
    p->err = NULL;
    p->choices = NULL;
    p->team = NULL;
    p->preferred = NULL;
    *plan = p;
    if (status != VIT_OK) {
        vit_plan_free(p);
        *plan = NULL;
    }
    return status;
}

static void free_kernels(const struct vit_plan *p, struct vit_kernel **kernels)
{
    for (int i = 0; kernels && i < p->threads; i++)
        vit_kernel_free(kernels[i]);
    free(kernels);
}

void vit_plan_free(struct vit_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->n_kernels; i++)
        free_kernels(plan, plan->kernels[i].kernels);
    free(plan->kernels);
    for (int i = 0; i < plan->n_steps; i++)
        free(plan->steps[i].parts);
    free(plan->steps);
    for (int i = 0; i < plan->n_pieces; i++)
        free(plan->pieces[i].data);
    free(plan->pieces);
    free(plan->scratch);
    free(plan);
}

/* ---- Weights ---- */

/* What each part reads next when it is done with a layer's weight. */
static void look_ahead(struct vit_plan *p)
{
    const struct vit_part *next = NULL;
    const struct vit_step *of = NULL;
    for (int i = p->n_steps; i-- > 0;) {
        struct vit_step *step = &p->steps[i];
        if (step->parts[0].problem.op != VIT_LINEAR)
            continue;
        for (int j = 0; of && j < step->n && j < of->n; j++) {
            step->parts[j].buffers.ahead = next[j].buffers.in[VIT_WEIGHT];
            step->parts[j].buffers.ahead_size = of->kernels[j]->packing.size;
        }
        of = step;
        next = step->parts;
    }
}

static vit_status bind_step(struct vit_plan *p, struct vit_step *step, struct vit_error *err)
{
    for (int i = 0; i < step->n; i++) {
        struct vit_part *part = &step->parts[i];
        struct vit_linear piece = *step->linear;
        piece.first += part->output;
        piece.out = part->problem.linear.out;
        vit_status status =
            vit_params_packed(p->model->params, &piece, step->kernels[i], &part->buffers.in[VIT_WEIGHT], err);
        if (status != VIT_OK)
            return vit_context(err, status, "%s", step->linear->name);
    }
    return VIT_OK;
}

vit_status vit_plan_bind(struct vit_plan *plan, struct vit_error *err)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].linear)
            VIT_TRY(bind_step(plan, &plan->steps[i], err));
    look_ahead(plan);
    return VIT_OK;
}

/* Parts that would share a weight get pieces of their own: both come from memory. */
void vit_plan_bind_noise(struct vit_plan *plan, const char *noise, size_t size)
{
    size_t at = 0;
    for (int i = 0; i < plan->n_steps; i++) {
        struct vit_step *step = &plan->steps[i];
        for (int j = 0; step->linear && j < step->n; j++) {
            size_t packed = (step->kernels[j]->packing.size + 63) / 64 * 64;
            at = at + packed > size ? 0 : at;
            step->parts[j].buffers.in[VIT_WEIGHT] = noise + at;
            at += packed;
        }
    }
    look_ahead(plan);
}

/* ---- Running ---- */

vit_status vit_plan_failure(struct vit_plan *plan, struct vit_error *err)
{
    vit_status status = (vit_status)atomic_exchange(&plan->failed, VIT_OK);
    if (status != VIT_OK)
        return vit_fail(err, status, "%s", plan->failure.message);
    return VIT_OK;
}

/* The first failure is the one that is told. */
static void fail(struct vit_plan *plan, const struct vit_step *step, vit_status status, const struct vit_error *err)
{
    int none = VIT_OK;
    if (status == VIT_OK || !atomic_compare_exchange_strong(&plan->failed, &none, (int)status))
        return;
    vit_fail(&plan->failure, status, "%s: %s", step->name, err->message);
}

/* All threads wait for the one that writes. */
static void trace(struct vit_plan *plan, const struct vit_step *step, int thread, const char *folder)
{
    struct vit_error err = {0};
    const struct vit_tap *tap = &step->tap;
    vit_barrier_wait(&plan->barrier);
    if (thread == 0)
        fail(plan, step, vit_trace_f32(folder, tap->name, tap->data, tap->n_dims, tap->shape, &err), &err);
    vit_barrier_wait(&plan->barrier);
}

void vit_plan_run(struct vit_plan *plan, int thread, const uint8_t *pixels, bool profile, const char *trace_dir)
{
    if (thread < plan->steps[0].n)
        plan->steps[0].parts[thread].buffers.in[VIT_SRC] = pixels;
    void *scratch = plan->scratch + (size_t)thread * plan->scratch_size;
    struct vit_error err = {0};
    for (int i = 0; i < plan->n_steps; i++) {
        struct vit_step *step = &plan->steps[i];
        double start = profile && thread == 0 ? vit_now() : 0;
        if (step->wait)
            vit_barrier_wait(&plan->barrier);
        if (thread < step->n && atomic_load_explicit(&plan->failed, memory_order_relaxed) == VIT_OK)
            fail(plan, step,
                 step->kernels[thread]->run(step->kernels[thread], &step->parts[thread].buffers, scratch, &err), &err);
        if (profile && thread == 0)
            step->seconds += vit_now() - start;
        if (trace_dir && step->tap.data)
            trace(plan, step, thread, trace_dir);
    }
    vit_barrier_wait(&plan->barrier);
}

/* ---- Building ---- */

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
    struct vit_plan_kernels *all = make_room(p->kernels, p->n_kernels, sizeof fresh, p->err);
    if (!all)
        return VIT_ERR_MEMORY;
    p->kernels = all;
    fresh.kernels = calloc((size_t)p->threads, sizeof *fresh.kernels);
    if (!fresh.kernels)
        return vit_fail(p->err, VIT_ERR_MEMORY, "out of memory");
    const struct vit_wanted wanted = {problem, buffers, p->threads, p->columns, p->team, p->n_preferred, p->preferred};
    vit_status status = vit_choose(fresh.kernels, p->choices, &wanted, p->err);
    if (status != VIT_OK) {
        free_kernels(p, fresh.kernels);
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
    bool reads_later = problem->op == VIT_QK_NORM || problem->op == VIT_PATCHIFY;
    if (!buffers.dst || (!buffers.in[0] && !reads_later))
        return VIT_ERR_MEMORY; /* vit_plan_take has said so */
    snprintf(step.name, sizeof step.name, "%s", name);
    vit_status status = kernels_for(&step.kernels, p, problem, &buffers);
    if (status != VIT_OK)
        return vit_context(p->err, status, "%s", name);
    struct vit_step *steps = make_room(p->steps, p->n_steps, sizeof step, p->err);
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
    shape.kv_rows = shape.tokens = vit_config_tokens(c);
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
        (struct vit_attention_problem){.queries = vit_config_tokens(c), .k_column = D, .v_column = 2 * D}, name);
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
    return add_gather(p, dst, src, count, vit_config_tokens(vit_model_config(p->model)), name);
}

vit_status vit_plan_repeat(struct vit_plan *p, struct vit_array dst, const float *src, const char *name)
{
    int D = vit_model_config(p->model)->width;
    return add_gather(p, dst, (struct vit_array){(void *)(uintptr_t)src, VIT_ROWS_F32, D}, 1, 0, name);
}

vit_status vit_plan_embed(struct vit_plan *p, struct vit_array dst, struct vit_array src)
{
    const struct vit_config *c = vit_model_config(p->model);
    int T = vit_config_tokens(c);
    struct vit_problem problem = {VIT_EMBED, .embed = {0, (int64_t)p->batch * T, T, vit_config_patches(c), c->width}};
    return add(p, "pos_embed", &problem,
               (struct vit_buffers){.dst = dst.data, .in = {src.data, p->model->prefix, p->model->pos}});
}

vit_status vit_plan_mean(struct vit_plan *p, struct vit_array dst, int at, struct vit_array src, int first, int count)
{
    const struct vit_config *c = vit_model_config(p->model);
    int64_t D = c->width;
    struct vit_problem problem = {VIT_MEAN,
                                  .mean = {p->batch, count, c->width, vit_config_head_width(c), p->tokens * D, D}};
    return add(p, "pool", &problem,
               (struct vit_buffers){.dst = (float *)dst.data + at, .in = {(const float *)src.data + first * D}});
}

vit_status vit_plan_average(struct vit_plan *p, struct vit_array dst, struct vit_array pair)
{
    int K = vit_model_config(p->model)->classes;
    struct vit_problem problem = {VIT_MEAN, .mean = {p->batch, 2, K, K, K, (int64_t)p->batch * K}};
    return add(p, "heads", &problem, (struct vit_buffers){.dst = dst.data, .in = {pair.data}});
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
