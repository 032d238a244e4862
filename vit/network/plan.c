/* plan.c: a plan as a whole: made, given its weights, and the one loop that runs its steps. */
#include "vit/network/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/network/trace.h"

/* ---- The whole ---- */

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
    int64_t rows = (int64_t)p->batch * p->length;
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
    p->tokens = p->length = options->length ? options->length : vit_config_tokens(vit_model_config(model));
    p->columns = columns_of(p);
    p->output = options->output;
    p->normalize = options->normalize;
    p->traced = options->traced;
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

void vit_plan_free_kernels(const struct vit_plan *p, struct vit_kernel **kernels)
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
        vit_plan_free_kernels(plan, plan->kernels[i].kernels);
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

void vit_plan_run(struct vit_plan *plan, int thread, const void *input, bool profile, const char *trace_dir)
{
    if (thread < plan->steps[0].n)
        plan->steps[0].parts[thread].buffers.in[VIT_SRC] = input;
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
