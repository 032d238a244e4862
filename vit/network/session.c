/* session.c: one plan, run over any number of images. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patches/patches.h"
#include "vit/base/machine.h"
#include "vit/network/plan.h"
#include "vit/network/trace.h"
#include "vit/onednn/onednn.h"
#include "vit/vit.h"

struct vit_session {
    const struct vit_model *model;
    struct vit_plan *plan;
    int threads;
    bool profiling;
    char *trace_dir; /* until the first run has written it; then NULL */
};

struct vit_session_options vit_session_options_default(void)
{
    return (struct vit_session_options){.batch = 1};
}

/* The multiply-adds of the encoder's matrix products, counted twice. */
static double encoder_flops(const struct vit_config *c, int batch)
{
    double D = c->width, F = c->mlp, T = vit_config_tokens(c);
    return 2.0 * batch * c->depth * (T * (4 * D * D + 2 * D * F) + 2 * T * T * D);
}

/* ---- Threads ---- */

/* What OpenMP was set to by the caller, while a session has it its way: so many threads in every team, neither fewer at
 * its discretion nor, as oneDNN would not notice, by the caller's limit. */
struct omp_settings {
    int threads, dynamic;
};

static struct omp_settings take_omp(int threads)
{
    struct omp_settings before = {omp_get_max_threads(), omp_get_dynamic()};
    omp_set_dynamic(0);
    omp_set_num_threads(threads); /* of this thread alone */
    return before;
}

static void give_back_omp(struct omp_settings before)
{
    omp_set_num_threads(before.threads);
    omp_set_dynamic(before.dynamic);
}

/* As many of threads as OpenMP really starts here. */
static int size_of_team(int threads)
{
    struct omp_settings before = take_omp(threads < omp_get_thread_limit() ? threads : omp_get_thread_limit());
    int size = 1;
#pragma omp parallel
#pragma omp single
    size = omp_get_num_threads();
    give_back_omp(before);
    return size;
}

/* ---- Creating ---- */

static vit_status choose_types(const struct vit_types **types, enum vit_precision precision, struct vit_error *err)
{
    bool any = precision == VIT_PRECISION_AUTO;
    *types = vit_types_of(any ? VIT_PRECISION_BF16 : precision);
    if (vit_isa_level() >= (*types)->needs)
        return VIT_OK;
    if (!any)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: this CPU has no instructions for it (%s)", (*types)->name,
                        vit_isa());
    *types = vit_types_of(VIT_PRECISION_F32);
    return VIT_OK;
}

/* The plan, with the model's choices taken meanwhile. */
static vit_status plan(struct vit_session *session, const struct vit_session_options *options,
                       const struct vit_plan_options *plan_options, struct vit_error *err)
{
    char cpu[64], library[64], machine[VIT_CHOICE_TEXT_MAX];
    vit_machine_cpu(cpu);
    vit_dnnl_version(library);
    snprintf(machine, sizeof machine, "%s, %s, oneDNN %s, vit %s %s", cpu, vit_isa(), library, vit_version(),
             vit_commit());
    struct vit_choices_options tune = {.measure = options->tune != VIT_TUNE_OFF,
                                       .force = options->tune == VIT_TUNE_FORCE,
                                       .cache = options->tune == VIT_TUNE_OFF ? NULL : options->tune_cache,
                                       .machine = machine,
                                       .pass_flops = encoder_flops(vit_model_config(session->model), options->batch)};
    struct omp_settings before = take_omp(session->threads); /* oneDNN plans for as many */
    vit_status status;
    do {
        if (plan_options->choices)
            vit_choices_begin(plan_options->choices, &tune);
        status = vit_plan_create(&session->plan, session->model, plan_options, err);
        if (plan_options->choices)
            vit_choices_end(plan_options->choices);
        tune.measure = !tune.measure; /* where memory is short, the second time goes without */
    } while (status == VIT_ERR_MEMORY && !tune.measure);
    give_back_omp(before);
    return status;
}

static vit_status fill(struct vit_session *session, const struct vit_session_options *options, struct vit_error *err)
{
    if (options->batch < 1 || options->threads < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "batch %d and %d threads: expected at least 1 (threads 0: default)",
                        options->batch, options->threads);
    const struct vit_types *types;
    VIT_TRY(choose_types(&types, options->precision, err));
    session->threads = size_of_team(options->threads ? options->threads : vit_default_threads());
    if (options->trace_dir && !(session->trace_dir = strdup(options->trace_dir)))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    return plan(session, options,
                &(struct vit_plan_options){.batch = options->batch,
                                           .types = types,
                                           .choices = options->reference ? NULL : session->model->choices,
                                           .traced = options->trace_dir != NULL},
                err);
}

vit_status vit_session_create(struct vit_session **session, const struct vit_model *model,
                              const struct vit_session_options *options, struct vit_error *err)
{
    struct vit_session_options defaults = vit_session_options_default();
    *session = calloc(1, sizeof **session);
    if (!*session)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    (*session)->model = model;
    vit_status status = fill(*session, options ? options : &defaults, err);
    if (status != VIT_OK) {
        vit_session_free(*session);
        *session = NULL;
    }
    return status;
}

void vit_session_free(struct vit_session *session)
{
    if (!session)
        return;
    vit_plan_free(session->plan);
    free(session->trace_dir);
    free(session);
}

/* The stages in front of the plan, of the first batch. */
static vit_status trace_input(const struct vit_session *session, const uint8_t *pixels, struct vit_error *err)
{
    const struct vit_config *c = vit_model_config(session->model);
    int64_t B = session->plan->batch, S = c->image_size, N = vit_config_patches(c), PP3 = 3 * c->patch * c->patch;
    int skip = B == 1; /* a batch of one has no batch axis */
    VIT_TRY(vit_trace_u8(session->trace_dir, "pixels", pixels, 4 - skip, (int64_t[]){B, S, S, 3} + skip, err));
    return vit_trace_f32(session->trace_dir, "patches", session->plan->patches.data, 3 - skip,
                         (int64_t[]){B, N, PP3} + skip, err);
}

/* Runs the plan over n images, n <= batch. What a short batch leaves in the other slots is computed and not read. */
static vit_status run_batch(struct vit_session *session, const uint8_t *pixels, int n, float *logits,
                            struct vit_error *err)
{
    struct vit_plan *plan = session->plan;
    const struct vit_config *c = vit_model_config(session->model);
    size_t image = vit_model_pixels_size(session->model);
    size_t rows = (size_t)vit_config_patches(c) * 3 * (size_t)(c->patch * c->patch);
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        vit_patchify((float *)plan->patches.data + (size_t)i * rows, pixels + (size_t)i * image, c->patch,
                     vit_model_preprocess(session->model));
    if (session->trace_dir)
        VIT_TRY(trace_input(session, pixels, err));
    VIT_TRY(vit_plan_run(plan, session->profiling, session->trace_dir, err));
    free(session->trace_dir);
    session->trace_dir = NULL;
    memcpy(logits, plan->logits.data, (size_t)n * (size_t)c->classes * sizeof *logits);
    return VIT_OK;
}

vit_status vit_classify(struct vit_session *session, const uint8_t *pixels, int n, float *logits, struct vit_error *err)
{
    int batch = session->plan->batch;
    size_t image = vit_model_pixels_size(session->model);
    size_t K = (size_t)vit_model_config(session->model)->classes;
    vit_status status = VIT_OK;
    struct omp_settings before = take_omp(session->threads);
    for (int i = 0; i < n && status == VIT_OK; i += batch) {
        int some = n - i < batch ? n - i : batch;
        status = run_batch(session, pixels + (size_t)i * image, some, logits + (size_t)i * K, err);
    }
    give_back_omp(before);
    return status;
}

void vit_session_profile(struct vit_session *session, bool on)
{
    session->profiling = on;
    for (int i = 0; on && i < session->plan->n_steps; i++)
        session->plan->steps[i].seconds = 0;
}

int vit_session_n_steps(const struct vit_session *session)
{
    return session->plan->n_steps;
}

void vit_session_step(const struct vit_session *session, int i, struct vit_step_info *info)
{
    const struct vit_step *step = &session->plan->steps[i];
    *info = (struct vit_step_info){step->name, step->op, step->kernel->name, step->flops, step->seconds};
}

enum vit_precision vit_session_precision(const struct vit_session *session)
{
    return session->plan->types == vit_types_of(VIT_PRECISION_BF16) ? VIT_PRECISION_BF16 : VIT_PRECISION_F32;
}
