/* session.c: a team of threads, and the plans that they run over any number of images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/network/plan.h"
#include "vit/network/trace.h"
#include "vit/onednn/onednn.h"
#include "vit/vit.h"

/* Threads that take the same images through all layers. */
struct group {
    struct vit_plan *plan;
    int first; /* image of the batch; the plan's batch follow it */
};

/* What the team does in one run. */
struct pass {
    const uint8_t *pixels; /* of the whole batch */
    int n;                 /* images of it that are wanted */
    bool profile;
    const char *trace_dir;
};

struct vit_session {
    const struct vit_model *model;
    struct vit_team *team;
    int batch, threads;
    int n_groups; /* of threads / n_groups threads each */
    struct group *groups;
    struct pass pass;
    uint8_t *padded; /* (batch) images: a short batch, filled up */
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

/* ---- Dividing the work ---- */

/* Into how many groups to divide the threads. A group of one takes its images through all layers without waiting for
 * anybody, and finds in its own cache what it wrote; several threads lose some 6 % to waiting and to lines that move
 * between caches. But groups must have much the same number of images. */
static int count_groups(int batch, int threads)
{
    int best = 1;
    double least = 0;
    for (int groups = 1; groups <= threads && groups <= batch; groups++) {
        int images = (batch + groups - 1) / groups, members = threads / groups;
        double cost = (double)images / members * (members > 1 ? 1.06 : 1);
        if (threads % groups == 0 && (groups == 1 || cost <= least)) {
            least = cost;
            best = groups;
        }
    }
    return best;
}

/* ---- Creating ---- */

/* The plans of all groups. */
static vit_status plan_groups(struct vit_session *session, const struct vit_types *types,
                              const struct vit_session_options *options, struct vit_error *err)
{
    for (int i = 0; i < session->n_groups; i++) {
        struct group *group = &session->groups[i];
        group->first = (int)((int64_t)session->batch * i / session->n_groups);
        struct vit_plan_options plan = {.batch =
                                            (int)((int64_t)session->batch * (i + 1) / session->n_groups) - group->first,
                                        .threads = session->threads / session->n_groups,
                                        .types = types,
                                        .choices = options->reference ? NULL : session->model->choices,
                                        .team = session->team,
                                        .traced = options->trace_dir != NULL};
        VIT_TRY(vit_plan_create(&group->plan, session->model, &plan, err));
    }
    return VIT_OK;
}

static void free_plans(struct vit_session *session)
{
    for (int i = 0; session->groups && i < session->n_groups; i++) {
        vit_plan_free(session->groups[i].plan);
        session->groups[i].plan = NULL;
    }
}

/* The plans, with the model's choices taken meanwhile. */
static vit_status plan(struct vit_session *session, const struct vit_types *types,
                       const struct vit_session_options *options, struct vit_error *err)
{
    char cpu[64], library[64], machine[VIT_CHOICE_TEXT_MAX];
    struct vit_choices *choices = options->reference ? NULL : session->model->choices;
    vit_machine_cpu(cpu);
    vit_dnnl_version(library);
    snprintf(machine, sizeof machine, "%s, %s, oneDNN %s, vit %s %s", cpu, vit_isa(), library, vit_version(),
             vit_commit());
    struct vit_choices_options tune = {.measure = options->tune != VIT_TUNE_OFF,
                                       .force = options->tune == VIT_TUNE_FORCE,
                                       .cache = options->tune == VIT_TUNE_OFF ? NULL : options->tune_cache,
                                       .machine = machine,
                                       .pass_flops = encoder_flops(vit_model_config(session->model), options->batch)};
    vit_status status;
    do {
        free_plans(session);
        if (choices)
            vit_choices_begin(choices, &tune);
        status = plan_groups(session, types, options, err);
        if (choices)
            vit_choices_end(choices);
        tune.measure = !tune.measure; /* where memory is short, the second time goes without */
    } while (status == VIT_ERR_MEMORY && !tune.measure);
    return status;
}

/* With the first types for which all operators have an implementation that conforms. */
static vit_status plan_types(struct vit_session *session, const struct vit_session_options *options,
                             struct vit_error *err)
{
    const struct vit_types *types[VIT_MAX_TYPES];
    int n = vit_types_for(types, options->precision);
    vit_status status = vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: this CPU has no instructions for it (%s)",
                                 vit_precision_name(options->precision), vit_isa());
    for (int i = 0; i < n && status == VIT_ERR_UNSUPPORTED; i++)
        status = plan(session, types[i], options, err);
    return status;
}

static vit_status fill(struct vit_session *session, const struct vit_session_options *options, struct vit_error *err)
{
    if (options->batch < 1 || options->threads < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "batch %d and %d threads: expected at least 1 (threads 0: default)",
                        options->batch, options->threads);
    session->batch = options->batch;
    session->threads = options->threads ? options->threads : vit_default_threads();
    /* What is traced is one array a stage. */
    session->n_groups = options->trace_dir ? 1 : count_groups(session->batch, session->threads);
    session->groups = calloc((size_t)session->n_groups, sizeof *session->groups);
    session->padded = calloc((size_t)session->batch, vit_model_pixels_size(session->model));
    if (!session->groups || !session->padded ||
        (options->trace_dir && !(session->trace_dir = strdup(options->trace_dir))))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    VIT_TRY(vit_team_create(&session->team, session->threads, err));
    return plan_types(session, options, err);
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
    vit_team_free(session->team);
    free_plans(session);
    free(session->groups);
    free(session->padded);
    free(session->trace_dir);
    free(session);
}

/* ---- Running ---- */

/* What one thread does in a run. */
static void run_member(void *context, int member)
{
    struct vit_session *session = context;
    int members = session->threads / session->n_groups;
    struct group *group = &session->groups[member / members];
    if (group->first < session->pass.n)
        vit_plan_run(group->plan, member % members, session->pass.profile, session->pass.trace_dir);
}

static vit_status trace_pixels(const struct vit_session *session, const uint8_t *pixels, struct vit_error *err)
{
    int64_t B = session->batch, S = vit_model_config(session->model)->image_size;
    int skip = B == 1; /* a batch of one has no batch axis */
    return vit_trace_u8(session->trace_dir, "pixels", pixels, 4 - skip, (int64_t[]){B, S, S, 3} + skip, err);
}

/* The groups whose images are wanted. */
static vit_status run_groups(struct vit_session *session, float *logits, struct vit_error *err)
{
    const struct pass *pass = &session->pass;
    size_t image = vit_model_pixels_size(session->model), K = (size_t)vit_model_config(session->model)->classes;
    for (int i = 0; i < session->n_groups; i++)
        vit_plan_start(session->groups[i].plan, pass->pixels + (size_t)session->groups[i].first * image, err);
    VIT_TRY(vit_team_run(session->team, run_member, session, err));
    for (int i = 0; i < session->n_groups; i++) {
        const struct group *group = &session->groups[i];
        int left = pass->n - group->first, n = left < group->plan->batch ? left : group->plan->batch;
        VIT_TRY(vit_plan_end(group->plan));
        if (n > 0)
            memcpy(logits + (size_t)group->first * K, group->plan->logits.data, (size_t)n * K * sizeof *logits);
    }
    return VIT_OK;
}

/* n images, n <= batch. What fills up a short batch is computed and not read. */
static vit_status run_batch(struct vit_session *session, const uint8_t *pixels, int n, float *logits,
                            struct vit_error *err)
{
    if (n < session->batch)
        pixels = memcpy(session->padded, pixels, (size_t)n * vit_model_pixels_size(session->model));
    session->pass = (struct pass){pixels, n, session->profiling, session->trace_dir};
    if (session->trace_dir)
        VIT_TRY(trace_pixels(session, pixels, err));
    VIT_TRY(run_groups(session, logits, err));
    free(session->trace_dir);
    session->trace_dir = NULL;
    return VIT_OK;
}

vit_status vit_classify(struct vit_session *session, const uint8_t *pixels, int n, float *logits, struct vit_error *err)
{
    int batch = session->batch;
    size_t image = vit_model_pixels_size(session->model);
    size_t K = (size_t)vit_model_config(session->model)->classes;
    vit_status status = VIT_OK;
    for (int i = 0; i < n && status == VIT_OK; i += batch) {
        int some = n - i < batch ? n - i : batch;
        status = run_batch(session, pixels + (size_t)i * image, some, logits + (size_t)i * K, err);
    }
    return status;
}

/* ---- Profile ---- */

/* Groups run the same steps beside each other: what the first one does stands for all. */
static struct vit_plan *first_plan(const struct vit_session *session)
{
    return session->groups[0].plan;
}

void vit_session_profile(struct vit_session *session, bool on)
{
    session->profiling = on;
    for (int i = 0; on && i < first_plan(session)->n_steps; i++)
        first_plan(session)->steps[i].seconds = 0;
}

int vit_session_n_steps(const struct vit_session *session)
{
    return first_plan(session)->n_steps;
}

void vit_session_step(const struct vit_session *session, int i, struct vit_step_info *info)
{
    const struct vit_step *step = &first_plan(session)->steps[i];
    double flops = 0;
    for (int g = 0; g < session->n_groups; g++)
        flops += session->groups[g].plan->steps[i].flops;
    *info = (struct vit_step_info){step->name, step->op, step->kernels[0]->name, flops, step->seconds};
}

enum vit_precision vit_session_precision(const struct vit_session *session)
{
    return first_plan(session)->types->precision;
}
