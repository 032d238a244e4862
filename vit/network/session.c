/* session.c: a team of threads, the way in which it computes, and any number of images, or texts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/network/groups.h"
#include "vit/network/session.h"
#include "vit/network/trace.h"
#include "vit/onednn/onednn.h"
#include "vit/vit.h"

struct vit_session {
    const struct vit_model *model;
    struct vit_team *team;
    struct vit_groups *groups;
    int batch, length; /* length: tokens of a text; 0: pictures */
    enum vit_output_kind output;
    char *padded; /* (batch) inputs: a short batch, filled up */
    bool profiling;
    char *trace_dir; /* until the first run has written it; then NULL */
};

struct vit_session_options vit_session_options_default(void)
{
    return (struct vit_session_options){.batch = 1};
}

/* The multiply-adds of the encoder's matrix products, counted twice. */
static double encoder_flops(const struct vit_config *c, int batch, int length)
{
    double D = c->width, F = c->mlp, T = length ? length : vit_config_tokens(c);
    return 2.0 * batch * c->depth * (T * (4 * D * D + 2 * D * F) + 2 * T * T * D);
}

/* ---- Creating ---- */

/* Takes the groups made for the first of the types for which all operators have an implementation that conforms, and
 * moves types on behind it. */
static vit_status next_groups(struct vit_groups **groups, const struct vit_types *const **types,
                              const struct vit_session *session, struct vit_plan_options plan, struct vit_error *err)
{
    vit_status status = VIT_ERR_UNSUPPORTED;
    *groups = NULL;
    while (**types && status == VIT_ERR_UNSUPPORTED) {
        plan.types = *(*types)++;
        status = vit_groups_create(groups, session->model, &plan, err);
    }
    return status;
}

/* The seconds of the best of a few runs on pictures and weights that are noise; more than any when it fails. */
static double time_groups(struct vit_groups *groups, const struct vit_session *session, float *output)
{
    const struct vit_pass pass = {.input = session->padded, .n = session->batch, .output = output};
    double best = INFINITY;
    for (int run = 0; run < 4; run++) {
        double start = vit_now();
        if (vit_groups_run(groups, &pass, NULL) != VIT_OK)
            return INFINITY;
        best = fmin(best, vit_now() - start);
    }
    return best;
}

/* Keeps the faster of the two in *groups; the first, unless it is clearly beaten. */
static void keep_faster(struct vit_groups **groups, struct vit_groups *other, const struct vit_session *session)
{
    const size_t size = (size_t)48 << 20;
    const char *noise = vit_choices_noise(session->model->choices, size);
    float *output = malloc((size_t)session->batch * vit_session_width(session) * sizeof *output);
    struct vit_groups *slower = other;
    if (noise && output) {
        vit_groups_bind_noise(*groups, noise, size);
        vit_groups_bind_noise(other, noise, size);
        double first = time_groups(*groups, session, output), second = time_groups(other, session, output);
        first = fmin(first, time_groups(*groups, session, output)); /* once more, as the machine may have slowed down */
        if (second < 0.97 * first) {
            slower = *groups;
            *groups = other;
        }
    }
    free(output);
    vit_groups_free(slower);
}

static const struct vit_types *types_of(const struct vit_groups *groups)
{
    return groups->groups[0].plan->types;
}

/* The way to compute: the one that is known for such sessions, else the fastest, where there is time to find out, else
 * the first. */
static vit_status choose_groups(struct vit_session *session, const struct vit_types *const *types,
                                const struct vit_plan_options *plan, struct vit_error *err)
{
    char key[VIT_CHOICE_TEXT_MAX];
    struct vit_choices *choices = plan->choices;
    snprintf(key, sizeof key, "model in %s, %d images, %d threads%s", types[0]->name, plan->batch, plan->threads,
             plan->traced ? ", traced" : "");
    const char *known = choices ? vit_choices_find(choices, key) : NULL;
    for (int i = 0; known && types[i]; i++)
        if (strcmp(vit_format_name(types[i]->activation), known) == 0) {
            types += i;
            known = NULL;
            choices = NULL; /* no other is tried */
        }
    VIT_TRY(next_groups(&session->groups, &types, session, *plan, err));
    if (!choices || !*types || !vit_choices_has_time(choices))
        return VIT_OK;
    struct vit_groups *other;
    if (next_groups(&other, &types, session, *plan, NULL) == VIT_OK)
        keep_faster(&session->groups, other, session);
    vit_choices_put(choices, key, vit_format_name(types_of(session->groups)->activation), 0, 1);
    return VIT_OK;
}

static vit_status plan(struct vit_session *session, const struct vit_session_options *options,
                       const struct vit_plan_options *plan_options, struct vit_error *err)
{
    const struct vit_types *types[VIT_MAX_TYPES + 1] = {0};
    int n = vit_types_for(types, options->precision);
    if (n == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: this CPU has no instructions for it (%s)",
                        vit_precision_name(options->precision), vit_isa());
    if (options->reference) /* the plainest */
        types[0] = types[n - 1];
    VIT_TRY(choose_groups(session, types, plan_options, err));
    return vit_groups_bind(session->groups, err);
}

/* With the model's choices taken meanwhile. */
static vit_status choose_and_plan(struct vit_session *session, const struct vit_session_options *options,
                                  const struct vit_plan_options *plan_options, struct vit_error *err)
{
    char cpu[64], library[64], machine[VIT_CHOICE_TEXT_MAX];
    struct vit_choices *choices = plan_options->choices;
    vit_machine_cpu(cpu);
    vit_dnnl_version(library);
    snprintf(machine, sizeof machine, "%s, %s, oneDNN %s, vit %s %s", cpu, vit_isa(), library, vit_version(),
             vit_commit());
    struct vit_choices_options tune = {.measure = options->tune != VIT_TUNE_OFF,
                                       .force = options->tune == VIT_TUNE_FORCE,
                                       .cache = options->tune == VIT_TUNE_OFF ? NULL : options->tune_cache,
                                       .machine = machine,
                                       .pass_flops = encoder_flops(vit_model_config(session->model), options->batch, session->length)};
    vit_status status;
    do {
        vit_groups_free(session->groups);
        session->groups = NULL;
        if (choices)
            vit_choices_begin(choices, &tune);
        status = plan(session, options, plan_options, err);
        if (choices)
            vit_choices_end(choices);
        tune.measure = !tune.measure; /* where memory is short, the second time goes without */
    } while (status == VIT_ERR_MEMORY && !tune.measure);
    return status;
}

static vit_status fill(struct vit_session *session, const struct vit_session_options *options, struct vit_error *err)
{
    if (options->batch < 1 || options->threads < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "batch %d and %d threads: expected at least 1 (threads 0: default)",
                        options->batch, options->threads);
    session->batch = options->batch;
    session->output = vit_forward_kind(vit_model_config(session->model), options->output);
    session->padded = calloc((size_t)session->batch, vit_model_input_size(session->model, session->length));
    if (!session->padded || (options->trace_dir && !(session->trace_dir = strdup(options->trace_dir))))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    int threads = options->threads ? options->threads : vit_default_threads();
    VIT_TRY(vit_team_create(&session->team, threads, err));
    return choose_and_plan(session, options,
                           &(struct vit_plan_options){.batch = session->batch,
                                                      .threads = threads,
                                                      .choices = options->reference ? NULL : session->model->choices,
                                                      .team = session->team,
                                                      .length = session->length,
                                                      .output = session->output,
                                                      .normalize = options->normalize && options->output,
                                                      .traced = options->trace_dir != NULL},
                           err);
}

vit_status vit_session_create_of(struct vit_session **session, const struct vit_model *model, int length,
                                 const struct vit_session_options *options, struct vit_error *err)
{
    struct vit_session_options defaults = vit_session_options_default();
    *session = calloc(1, sizeof **session);
    if (!*session)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    (*session)->model = model;
    (*session)->length = length;
    vit_status status = fill(*session, options ? options : &defaults, err);
    if (status != VIT_OK) {
        vit_session_free(*session);
        *session = NULL;
    }
    return status;
}

vit_status vit_session_create(struct vit_session **session, const struct vit_model *model,
                              const struct vit_session_options *options, struct vit_error *err)
{
    return vit_session_create_of(session, model, 0, options, err);
}

void vit_session_free(struct vit_session *session)
{
    if (!session)
        return;
    vit_team_free(session->team);
    vit_groups_free(session->groups);
    free(session->padded);
    free(session->trace_dir);
    free(session);
}

/* ---- Running ---- */

static vit_status trace_pixels(const struct vit_session *session, const uint8_t *pixels, struct vit_error *err)
{
    int64_t B = session->batch, S = vit_model_config(session->model)->image_size;
    int skip = B == 1; /* a batch of one has no batch axis */
    return vit_trace_u8(session->trace_dir, "pixels", pixels, 4 - skip, (int64_t[]){B, S, S, 3} + skip, err);
}

/* n inputs, n <= batch. What fills up a short batch is computed and not read. */
static vit_status run_batch(struct vit_session *session, const char *input, int n, float *output, struct vit_error *err)
{
    if (n < session->batch)
        input = memcpy(session->padded, input, (size_t)n * vit_model_input_size(session->model, session->length));
    if (session->trace_dir)
        VIT_TRY(trace_pixels(session, (const uint8_t *)input, err));
    const struct vit_pass pass = {input, n, output, session->profiling, session->trace_dir};
    VIT_TRY(vit_groups_run(session->groups, &pass, err));
    free(session->trace_dir);
    session->trace_dir = NULL;
    return VIT_OK;
}

vit_status vit_session_run(struct vit_session *session, const void *input, int n, float *output, struct vit_error *err)
{
    int batch = session->batch;
    size_t size = vit_model_input_size(session->model, session->length), width = vit_session_width(session);
    vit_status status = VIT_OK;
    for (int i = 0; i < n && status == VIT_OK; i += batch) {
        int some = n - i < batch ? n - i : batch;
        status = run_batch(session, (const char *)input + (size_t)i * size, some, output + (size_t)i * width, err);
    }
    return status;
}

vit_status vit_classify(struct vit_session *session, const uint8_t *pixels, int n, float *logits, struct vit_error *err)
{
    if (session->output != VIT_OUTPUT_LOGITS)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this session computes no logits: vit_embed gives what it computes");
    return vit_session_run(session, pixels, n, logits, err);
}

vit_status vit_embed(struct vit_session *session, const uint8_t *pixels, int n, float *features, struct vit_error *err)
{
    if (session->output == VIT_OUTPUT_LOGITS)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this session computes logits: vit_classify gives them");
    return vit_session_run(session, pixels, n, features, err);
}

/* ---- About it ---- */

/* Groups run the same steps beside each other: what the first one does stands for all. */
static struct vit_plan *first_plan(const struct vit_session *session)
{
    return session->groups->groups[0].plan;
}

size_t vit_session_width(const struct vit_session *session)
{
    return (size_t)first_plan(session)->width;
}

enum vit_output_kind vit_session_output(const struct vit_session *session)
{
    return session->output;
}

/* ---- Profile ---- */

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
    for (int g = 0; g < session->groups->n; g++) {
        const struct vit_group *group = &session->groups->groups[g];
        flops += group->plan->steps[i].flops * group->images / group->plan->batch;
    }
    *info = (struct vit_step_info){step->name, step->op, step->kernels[0]->name, flops, step->seconds};
}

enum vit_precision vit_session_precision(const struct vit_session *session)
{
    return types_of(session->groups)->precision;
}
