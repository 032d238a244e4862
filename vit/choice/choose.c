/* choose.c: one race for all operators: who conforms is let in, and the fastest wins.
 *
 * In a model a layer's weight was last used a whole pass ago: it comes from memory. So every timed run takes its weight
 * from the next piece of a large buffer of noise; what the values are does not matter. The candidates take turns, so
 * that a change of the machine's pace hits all of them, and each is compared with the preferred one turn by turn. */
#include "vit/choice/choose.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/choice/implementations.h"
#include "vit/choice/sample.h"
#include "vit/operators/plain.h"

enum { MAX_CANDIDATES = 24, ROUNDS = 7, ENOUGH = 5 };

static const size_t min_noise = (size_t)48 << 20; /* more than caches keep */
static const double NEVER = 1e30;                 /* seconds */

struct candidate {
    struct vit_kernel *kernel;
    double seconds[ROUNDS];
    double best; /* of them */
};

struct race {
    const struct vit_problem *problem;
    struct vit_choices *choices;
    struct vit_sample *sample;
    const char *noise; /* NULL: no operator of weights, or no memory */
    size_t noise_size;
    size_t at; /* next piece of noise */
    void *scratch;
    size_t scratch_size;
    int n;
    struct candidate candidates[MAX_CANDIDATES]; /* in the order of preference */
};

/* The scratch is shared, as in a plan, and written to: fresh memory would cost whoever asks for much of it. */
static bool reserve(struct race *race, size_t size)
{
    if (size <= race->scratch_size)
        return true;
    free(race->scratch);
    size = (size + 63) / 64 * 64;
    race->scratch = aligned_alloc(64, size);
    race->scratch_size = race->scratch ? size : 0;
    if (race->scratch)
        memset(race->scratch, 0, size);
    return race->scratch != NULL;
}

/* Takes out of the race whoever's best run is slower than the fastest one by more than factor, but for the
 * preferred one. */
static void drop_slower(struct race *race, double factor)
{
    double limit = NEVER;
    for (int i = 0; i < race->n; i++)
        limit = fmin(limit, factor * race->candidates[i].best);
    int kept = 0;
    for (int i = 0; i < race->n; i++) {
        if (i == 0 || race->candidates[i].best <= limit)
            race->candidates[kept++] = race->candidates[i];
        else
            vit_kernel_free(race->candidates[i].kernel);
    }
    race->n = kept;
}

/* Lets an implementation in when it can be made and conforms. Plain loops are what that means, and are not compared. */
static void enter(struct race *race, const struct vit_implementation *implementation)
{
    struct candidate c = {.best = NEVER};
    bool conforms = implementation->create == vit_plain_create;
    if (race->n == MAX_CANDIDATES || (conforms && race->n > 0) ||
        implementation->create(&c.kernel, implementation, race->problem, NULL) != VIT_OK)
        return;
    if (!conforms && reserve(race, c.kernel->scratch_size) &&
        vit_sample_run(&conforms, &c.best, race->sample, c.kernel, race->scratch, NULL) != VIT_OK)
        conforms = false;
    if (conforms)
        race->candidates[race->n++] = c;
    else
        vit_kernel_free(c.kernel);
}

/* Those far behind leave at once. Without time to measure, the first that conforms is the only one. */
static void line_up(struct race *race)
{
    struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS];
    for (int part = 0; part < VIT_PARTS_OF_IMPLEMENTATIONS; part++) {
        if (race->n > 0 && !vit_choices_has_time(race->choices))
            return;
        int n = vit_implementations(list, part, race->problem, NULL);
        for (int i = 0; i < n && (race->n == 0 || vit_choices_has_time(race->choices)); i++) {
            enter(race, &list[i]);
            drop_slower(race, 3);
        }
    }
}

static bool run_candidate(struct race *race, struct candidate *candidate, double *seconds)
{
    struct vit_buffers buffers = vit_sample_buffers(race->sample);
    size_t size = candidate->kernel->packing.size;
    if (race->at + size > race->noise_size)
        race->at = 0;
    if (size > 0)
        buffers.in[VIT_WEIGHT] = race->noise + race->at;
    race->at += (size + 63) / 64 * 64;
    double start = vit_now();
    if (candidate->kernel->run(candidate->kernel, &buffers, race->scratch, NULL) != VIT_OK)
        return false;
    *seconds = vit_now() - start;
    candidate->best = fmin(candidate->best, *seconds);
    return true;
}

/* The number of whole rounds that were run, not enough of them when something fails or there is no need. */
static int run_rounds(struct race *race)
{
    int rounds = 0;
    size_t size = 0;
    if (race->n == 1 || !vit_choices_has_time(race->choices))
        return 0;
    for (int i = 0; i < race->n; i++) {
        race->candidates[i].best = NEVER;
        size = size > race->candidates[i].kernel->packing.size ? size : race->candidates[i].kernel->packing.size;
    }
    race->noise_size = size == 0 || size > min_noise ? size : min_noise;
    race->noise = vit_choices_noise(race->choices, race->noise_size);
    if (size > 0 && !race->noise)
        return 0;
    for (; rounds < ROUNDS && vit_choices_has_time(race->choices); rounds++) {
        for (int i = 0; i < race->n; i++)
            if (!run_candidate(race, &race->candidates[i], &race->candidates[i].seconds[rounds]))
                return 0;
        drop_slower(race, rounds == 0 ? 1.5 : 1.2);
    }
    return rounds;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of what candidate took relative to the preferred one in the same rounds. */
static double relative(const struct race *race, const struct candidate *candidate, int rounds)
{
    double ratios[ROUNDS];
    for (int r = 0; r < rounds; r++)
        ratios[r] = candidate->seconds[r] / race->candidates[0].seconds[r];
    qsort(ratios, (size_t)rounds, sizeof *ratios, compare_doubles);
    return ratios[rounds / 2];
}

/* The fastest. The preferred one wins unless it is clearly beaten: chance is not to decide between two that are as
 * fast. */
static struct candidate *winner(struct race *race, int rounds)
{
    struct candidate *best = &race->candidates[0];
    double least = 0.97;
    for (int i = 1; i < race->n && rounds >= ENOUGH; i++) {
        double ratio = relative(race, &race->candidates[i], rounds);
        if (ratio < least) {
            least = ratio;
            best = &race->candidates[i];
        }
    }
    return best;
}

/* The winner's kernel; the others are freed. */
static vit_status hold(struct vit_kernel **kernel, struct race *race, const char *key, struct vit_error *err)
{
    line_up(race);
    if (race->n == 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    bool alone = race->n == 1 && vit_choices_has_time(race->choices);
    int rounds = run_rounds(race);
    struct candidate *best = winner(race, rounds);
    *kernel = best->kernel;
    best->kernel = NULL;
    vit_choices_put(race->choices, key, (*kernel)->name, vit_problem_flops(race->problem),
                    alone || rounds >= ENOUGH ? best->best : 0);
    for (int i = 0; i < race->n; i++)
        vit_kernel_free(race->candidates[i].kernel);
    return VIT_OK;
}

/* The implementation called name, where there is one. */
static bool create_known(struct vit_kernel **kernel, const struct vit_problem *problem, const char *name)
{
    struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS];
    for (int part = 0; part < VIT_PARTS_OF_IMPLEMENTATIONS; part++) {
        if (vit_implementations(list, part, problem, name) > 0)
            return list[0].create(kernel, &list[0], problem, NULL) == VIT_OK;
    }
    return false;
}

vit_status vit_choose(struct vit_kernel **kernel, struct vit_choices *choices, const struct vit_problem *problem,
                      const struct vit_buffers *memory, struct vit_error *err)
{
    const struct vit_implementation *plain = vit_plain_implementation(problem);
    char text[VIT_PROBLEM_KEY_MAX], key[VIT_CHOICE_TEXT_MAX];
    vit_problem_key(text, problem);
    if (!choices || text[0] == '\0')
        return plain->create(kernel, plain, problem, err);
    snprintf(key, sizeof key, "%s, %d threads%s", text, omp_get_max_threads(),
             vit_choices_measures(choices) ? "" : ", the first that conforms");
    const char *known = vit_choices_find(choices, key);
    if (known && create_known(kernel, problem, known))
        return VIT_OK;
    struct race race = {.problem = problem, .choices = choices};
    vit_status status = vit_sample_create(&race.sample, problem, memory, err);
    if (status == VIT_OK)
        status = hold(kernel, &race, key, err);
    vit_sample_free(race.sample);
    free(race.scratch);
    return status;
}
