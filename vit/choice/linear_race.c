/* linear_race.c: chooses among the implementations of a linear layer: those that treat all images alike, and of these, by
 * timing them against each other, the fastest.
 *
 * In a model a layer's weight was last used a whole pass ago: it comes from memory. So every timed run takes its weight
 * from the next piece of a large buffer of noise; what the values are does not matter. The implementations take turns, so
 * that a change of the machine's pace hits all of them, and each is compared with the preferred one turn by turn. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/base/machine.h"
#include "vit/choice/linear.h"

enum { MAX_TRIALS = 24, ROUNDS = 9, ENOUGH = 5 };

static const size_t min_noise = (size_t)48 << 20; /* more than caches keep */
static const double NEVER = 1e30; /* seconds */

struct trial {
    struct vit_linear_candidate candidate;
    struct vit_choice choice;
    double seconds[ROUNDS];
    double best; /* of them */
};

struct race {
    void *context;
    struct vit_tuner *tuner;
    const struct vit_linear_op *op;
    const float *bias;
    const char *noise; /* the tuner's */
    size_t noise_size;
    size_t at; /* next piece of noise */
    void *scratch;
    size_t scratch_size;
    int n;
    struct trial trials[MAX_TRIALS];
};

/* The scratch is shared, as in a plan, and written to: fresh memory would cost whoever asks for much of it. */
static vit_status reserve(struct race *race, size_t size, struct vit_error *err)
{
    if (size <= race->scratch_size)
        return VIT_OK;
    free(race->scratch);
    race->scratch_size = 0;
    size = (size + 63) / 64 * 64;
    race->scratch = aligned_alloc(64, size);
    if (!race->scratch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes of scratch", size);
    memset(race->scratch, 0, size);
    race->scratch_size = size;
    return VIT_OK;
}

static vit_status run_trial(struct race *race, struct trial *trial, double *seconds, struct vit_error *err)
{
    struct vit_kernel *kernel = trial->candidate.kernel;
    size_t size = trial->candidate.packing.size;
    if (race->at + size > race->noise_size)
        race->at = 0;
    VIT_TRY(reserve(race, kernel->scratch_size, err));
    VIT_TRY(trial->candidate.set_weight(kernel, race->noise + race->at, err));
    race->at += (size + 63) / 64 * 64;
    double start = vit_now();
    VIT_TRY(kernel->run(kernel, race->scratch, err));
    *seconds = vit_now() - start;
    trial->best = fmin(trial->best, *seconds);
    return VIT_OK;
}

/* Enters the implementation at hand. One that cannot be made, or whose weight is larger than the noise, is passed over. */
static void enter(struct race *race, const struct vit_linear_kind *kind, const void *list)
{
    struct trial trial = {.best = NEVER};
    if (race->n == MAX_TRIALS || kind->make(list, &trial.candidate, NULL) != VIT_OK)
        return;
    if (trial.candidate.packing.size > race->noise_size) {
        vit_kernel_free(trial.candidate.kernel);
        return;
    }
    strcpy(trial.choice.primitive, kind->name);
    strncat(trial.choice.implementation, kind->implementation(list), VIT_TUNER_NAME_MAX - 1);
    race->trials[race->n++] = trial;
}

/* Takes out of the race whoever's best run is slower than the fastest one by more than factor; the preferred one stays. */
static void drop_slower(struct race *race, double factor)
{
    double limit = NEVER;
    for (int i = 0; i < race->n; i++)
        limit = fmin(limit, factor * race->trials[i].best);
    int kept = 0;
    for (int i = 0; i < race->n; i++) {
        if (i == 0 || race->trials[i].best <= limit)
            race->trials[kept++] = race->trials[i];
        else
            vit_kernel_free(race->trials[i].candidate.kernel);
    }
    race->n = kept;
}

/* Every image is given the same noise; add is to find zeros. */
static void repeat_noise(const struct race *race)
{
    const struct vit_linear_op *op = race->op;
    size_t n = (size_t)(op->rows / op->images) * (size_t)op->linear->in, size = n * vit_dtype_size(op->src.type);
    if (op->src.type == VIT_F32)
        memcpy(op->src.data, race->noise, size);
    else
        vit_narrow(op->src.data, (const float *)(const void *)race->noise, op->src.type, (int64_t)n);
    for (int b = 1; b < op->images; b++)
        memcpy((char *)op->src.data + (size_t)b * size, op->src.data, size);
    memset(op->dst.data, 0, (size_t)op->rows * (size_t)op->linear->out * vit_dtype_size(op->dst.type));
}

/* Whether the first run, on repeated noise, gave every image the same bytes. Tails of a block may be summed in another
 * order than the rest. */
static bool is_even(const struct race *race)
{
    const struct vit_linear_op *op = race->op;
    size_t size = (size_t)(op->rows / op->images) * (size_t)op->linear->out * vit_dtype_size(op->dst.type);
    for (int b = 1; b < op->images; b++)
        if (memcmp((const char *)op->dst.data + (size_t)b * size, op->dst.data, size) != 0)
            return false;
    return true;
}

/* Enters the implementations of one kind, each with a first run that tells whether it is even and does not count; those
 * far behind leave at once. Without time to measure, the first that is even is the only one. */
static vit_status enter_all(struct race *race, const struct vit_linear_kind *kind, void *list, struct vit_error *err)
{
    do {
        int before = race->n;
        repeat_noise(race);
        enter(race, kind, list);
        if (race->n == before)
            continue;
        VIT_TRY(run_trial(race, &race->trials[before], &race->trials[before].seconds[0], err));
        if (!kind->even && !is_even(race))
            vit_kernel_free(race->trials[--race->n].candidate.kernel);
        else if (!vit_tuner_has_time(race->tuner))
            return VIT_OK;
        drop_slower(race, 3);
    } while (kind->next(list));
    return VIT_OK;
}

static vit_status line_up(struct race *race, struct vit_error *err)
{
    const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1];
    vit_linear_kinds(kinds, race->op);
    for (int i = 0; kinds[i] && (race->n == 0 || vit_tuner_has_time(race->tuner)); i++) {
        void *list;
        if (kinds[i]->open(&list, race->context, race->op, race->bias, NULL) != VIT_OK)
            continue;
        vit_status status = enter_all(race, kinds[i], list, err);
        kinds[i]->close(list);
        VIT_TRY(status);
    }
    return VIT_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of what trial took relative to the preferred one in the same rounds. */
static double relative(const struct race *race, const struct trial *trial, int rounds)
{
    double ratios[ROUNDS];
    for (int r = 0; r < rounds; r++)
        ratios[r] = trial->seconds[r] / race->trials[0].seconds[r];
    qsort(ratios, (size_t)rounds, sizeof *ratios, compare_doubles);
    return ratios[rounds / 2];
}

/* The fastest. The preferred one wins unless it is clearly beaten: chance is not to decide between two that are as fast. */
static const struct trial *winner(const struct race *race, int rounds)
{
    const struct trial *best = &race->trials[0];
    double least = 0.97;
    for (int i = 1; i < race->n; i++) {
        double ratio = relative(race, &race->trials[i], rounds);
        if (ratio < least) {
            least = ratio;
            best = &race->trials[i];
        }
    }
    return best;
}

static vit_status hold(struct race *race, struct vit_choice *choice, bool *measured, struct vit_error *err)
{
    VIT_TRY(line_up(race, err));
    if (race->n == 0)
        return VIT_OK;
    *choice = race->trials[0].choice; /* as they were entered: in the order of preference */
    for (int i = 0; i < race->n; i++)
        race->trials[i].best = NEVER;
    int rounds = 0;
    for (; rounds < ROUNDS && vit_tuner_has_time(race->tuner); rounds++) {
        for (int i = 0; i < race->n; i++)
            VIT_TRY(run_trial(race, &race->trials[i], &race->trials[i].seconds[rounds], err));
        if (rounds > 0)
            drop_slower(race, 1.2);
    }
    *measured = rounds >= ENOUGH;
    if (*measured) {
        const struct trial *best = winner(race, rounds);
        *choice = best->choice;
        choice->seconds = best->best;
    }
    return VIT_OK;
}

/* Bytes: an image's input, and the weight with the padding of a blocked layout; to be timed, more than caches keep. */
static size_t noise_needed(const struct vit_tuner *tuner, const struct vit_linear_op *op)
{
    size_t in = (size_t)op->linear->in, out = (size_t)op->linear->out;
    size_t image = (size_t)(op->rows / op->images) * in, weight = (in + 64) * (out + 64);
    size_t size = ((image > weight ? image : weight) * sizeof(float) + 63) / 64 * 64;
    return size < min_noise && vit_tuner_has_time(tuner) ? min_noise : size;
}

vit_status vit_linear_race(struct vit_choice *choice, bool *measured, void *context, struct vit_tuner *tuner,
                           const struct vit_linear_op *op, const float *bias, struct vit_error *err)
{
    const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1];
    vit_linear_kinds(kinds, op);
    *measured = false;
    if (!vit_tuner_has_time(tuner) && (op->images == 1 || kinds[0]->even))
        return VIT_OK;
    size_t noise_size = noise_needed(tuner, op);
    struct race *race = calloc(1, sizeof *race);
    const float *noise = vit_tuner_noise(tuner, noise_size / sizeof *noise);
    vit_status status;
    if (!race || !noise) {
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for tuning: %zu bytes", noise_size);
    } else {
        *race = (struct race){context, tuner, op, bias, .noise = (const char *)noise, .noise_size = noise_size};
        status = hold(race, choice, measured, err);
        for (int i = 0; i < race->n; i++)
            vit_kernel_free(race->trials[i].candidate.kernel);
        free(race->scratch);
    }
    free(race);
    return status;
}
