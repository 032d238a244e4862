/* dnnl_tune.c: times the implementations of a linear layer against each other.
 *
 * In a model a layer's weight was last used a whole pass ago: it comes from memory. So every timed run takes its weight
 * from the next piece of a large buffer of noise; what the values are does not matter. The implementations take turns, so
 * that a change of the machine's pace hits all of them, and the best run of each counts: whatever disturbs a run makes it
 * slower. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vit/dnnl_problem.h"

enum { MAX_TRIALS = 24, ROUNDS = 9 };

static const size_t noise_size = (size_t)48 << 20;
static const double NEVER = 1e30; /* seconds */

struct trial {
    struct vit_dnnl_kernel *kernel;
    struct vit_choice choice;
    dnnl_memory_t weight; /* owned by the kernel */
    size_t weight_size;
    double best; /* seconds of its fastest run */
};

struct race {
    const struct vit_dnnl *dnnl;
    const struct vit_linear_op *op;
    const float *bias;
    char *noise;
    size_t at; /* next piece of noise */
    int n;
    struct trial trials[MAX_TRIALS];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Small values, so that sums stay finite, and no denormals, which are slow. */
static void fill_noise(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (float)((i * 2654435761u >> 16 & 255) + 1) / 16384.0f;
}

static vit_status run_trial(struct race *race, struct trial *trial, void *scratch, struct vit_error *err)
{
    if (race->at + trial->weight_size > noise_size)
        race->at = 0;
    VIT_DNNL(dnnl_memory_set_data_handle(trial->weight, race->noise + race->at), "weight");
    race->at += (trial->weight_size + 63) / 64 * 64;
    double start = now();
    VIT_TRY(trial->kernel->base.run(&trial->kernel->base, scratch, err));
    double seconds = now() - start;
    if (seconds < trial->best)
        trial->best = seconds;
    return VIT_OK;
}

static vit_status run_once(struct race *race, struct trial *trial, struct vit_error *err)
{
    void *scratch = aligned_alloc(64, (trial->kernel->base.scratch_size + 64) / 64 * 64);
    if (!scratch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for scratch");
    vit_status status = run_trial(race, trial, scratch, err);
    free(scratch);
    return status;
}

/* Enters the implementation at hand. One that cannot be made, or whose weight is larger than the noise, is passed over. */
static void enter(struct race *race, const struct vit_dnnl_problem *problem, enum vit_dnnl_primitive primitive)
{
    struct trial trial = {.best = NEVER};
    const_dnnl_memory_desc_t md = vit_dnnl_problem_weight(problem);
    trial.weight_size = dnnl_memory_desc_get_size(md);
    if (race->n == MAX_TRIALS || trial.weight_size > noise_size ||
        vit_dnnl_kernel_create(&trial.kernel, race->dnnl, NULL) != VIT_OK)
        return;
    strcpy(trial.choice.primitive, vit_dnnl_primitive_name(primitive));
    strncat(trial.choice.implementation, vit_dnnl_problem_name(problem), VIT_TUNER_NAME_MAX - 1);
    if (vit_dnnl_problem_add(problem, trial.kernel, race->op, race->bias, NULL) != VIT_OK ||
        vit_dnnl_kernel_bind(trial.kernel, DNNL_ARG_WEIGHTS, md, race->noise, NULL) != VIT_OK) {
        vit_kernel_free(&trial.kernel->base);
        return;
    }
    const struct vit_dnnl_call *call = &trial.kernel->calls[0];
    trial.weight = call->args[call->n_args - 1].memory;
    race->trials[race->n++] = trial;
}

/* Takes out of the race whoever's best run is slower than the fastest one by more than factor. */
static void drop_slower(struct race *race, double factor)
{
    double limit = NEVER;
    for (int i = 0; i < race->n; i++)
        limit = fmin(limit, factor * race->trials[i].best);
    int kept = 0;
    for (int i = 0; i < race->n; i++) {
        if (race->trials[i].best <= limit)
            race->trials[kept++] = race->trials[i];
        else
            vit_kernel_free(&race->trials[i].kernel->base);
    }
    race->n = kept;
}

/* Enters all implementations, each with a first run that is not counted; those far behind leave at once. */
static vit_status line_up(struct race *race, struct vit_error *err)
{
    for (int p = 0; p < VIT_DNNL_PRIMITIVES; p++) {
        struct vit_dnnl_problem problem;
        bool more = vit_dnnl_problem_open(&problem, race->dnnl->engine, race->op, race->bias != NULL,
                                          (enum vit_dnnl_primitive)p, NULL) == VIT_OK;
        vit_status status = VIT_OK;
        for (; more && status == VIT_OK && vit_tuner_has_time(race->dnnl->tuner); more = vit_dnnl_problem_next(&problem)) {
            int before = race->n;
            enter(race, &problem, (enum vit_dnnl_primitive)p);
            if (race->n > before)
                status = run_once(race, &race->trials[before], err);
            drop_slower(race, 3);
        }
        vit_dnnl_problem_close(&problem);
        VIT_TRY(status);
    }
    for (int i = 0; i < race->n; i++)
        race->trials[i].best = NEVER;
    return VIT_OK;
}

static vit_status hold(struct race *race, struct vit_choice *choice, bool *found, struct vit_error *err)
{
    VIT_TRY(line_up(race, err));
    for (int round = 0; round < ROUNDS && vit_tuner_has_time(race->dnnl->tuner); round++) {
        for (int i = 0; i < race->n; i++)
            VIT_TRY(run_once(race, &race->trials[i], err));
        if (round > 0)
            drop_slower(race, 1.2);
        *found = round > 0;
    }
    choice->seconds = NEVER;
    for (int i = 0; *found && i < race->n; i++) {
        if (race->trials[i].best < choice->seconds) {
            *choice = race->trials[i].choice;
            choice->seconds = race->trials[i].best;
        }
    }
    return VIT_OK;
}

vit_status vit_dnnl_tune(struct vit_choice *choice, bool *found, const struct vit_dnnl *dnnl,
                         const struct vit_linear_op *op, const float *bias, struct vit_error *err)
{
    *found = false;
    if (!vit_tuner_has_time(dnnl->tuner))
        return VIT_OK;
    struct race *race = calloc(1, sizeof *race);
    char *noise = aligned_alloc(64, noise_size);
    vit_status status;
    if (!race || !noise) {
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for tuning: %zu bytes", noise_size);
    } else {
        fill_noise((float *)noise, noise_size / sizeof(float));
        *race = (struct race){.dnnl = dnnl, .op = op, .bias = bias, .noise = noise};
        status = hold(race, choice, found, err);
        for (int i = 0; i < race->n; i++)
            vit_kernel_free(&race->trials[i].kernel->base);
    }
    free(noise);
    free(race);
    return status;
}
