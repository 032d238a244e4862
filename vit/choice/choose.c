/* choose.c: one race for all operators: who conforms is let in, and the fastest wins.
 *
 * In a model a layer's weight was last used a whole pass ago: it comes from memory. So every timed run takes its weight
 * from the next piece of a large buffer of noise; what the values are does not matter. The candidates take turns, so
 * that a change of the machine's pace hits all of them, and each is compared with the preferred one turn by turn. */
#include "vit/choice/choose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/choice/crew.h"
#include "vit/choice/implementations.h"
#include "vit/choice/sample.h"
#include "vit/operators/plain.h"

enum { MAX_CANDIDATES = 24, ROUNDS = 7, ENOUGH = 5 };

static const size_t min_noise = (size_t)48 << 20; /* more than caches keep */
static const double NEVER = 1e30;                 /* seconds */

struct candidate {
    struct vit_crew crew;
    double seconds[ROUNDS];
    double best; /* of them */
};

struct race {
    const struct vit_wanted *wanted;
    int n_parts;
    struct vit_part *parts;
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
static bool reserve(struct race *race, const struct vit_crew *crew)
{
    size_t size = (size_t)crew->n * crew->scratch_size;
    if (size <= race->scratch_size)
        return true;
    free(race->scratch);
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
            vit_crew_free(&race->candidates[i].crew);
    }
    race->n = kept;
}

/* Lets an implementation in when it can be made and conforms. Plain loops are what that means, and are not compared. */
static void enter(struct race *race, const struct vit_implementation *implementation)
{
    struct candidate c = {.best = NEVER};
    bool conforms = implementation->create == vit_plain_create;
    if (race->n == MAX_CANDIDATES || (conforms && race->n > 0) ||
        vit_crew_create(&c.crew, implementation, race->n_parts, race->parts, race->wanted->team, NULL) != VIT_OK)
        return;
    if (!conforms && reserve(race, &c.crew)) {
        c.crew.scratch = race->scratch;
        if (vit_sample_run(&conforms, &c.best, race->sample, &c.crew, NULL) != VIT_OK)
            conforms = false;
    }
    if (conforms)
        race->candidates[race->n++] = c;
    else
        vit_crew_free(&c.crew);
}

/* Those far behind leave at once. Without time to measure, the first that conforms is the only one. */
static void line_up(struct race *race)
{
    struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS];
    for (int i = 0; i < race->wanted->n_preferred; i++)
        if (race->wanted->preferred[i].op == race->wanted->problem->op)
            enter(race, &race->wanted->preferred[i].implementation);
    if (race->n > 0)
        return;
    for (int part = 0; part < VIT_PARTS_OF_IMPLEMENTATIONS; part++) {
        if (race->n > 0 && !vit_choices_has_time(race->choices))
            return;
        int n = vit_implementations(list, part, race->wanted->problem, NULL);
        for (int i = 0; i < n && (race->n == 0 || vit_choices_has_time(race->choices)); i++) {
            enter(race, &list[i]);
            drop_slower(race, 3);
        }
    }
}

static bool run_candidate(struct race *race, struct candidate *candidate, double *seconds)
{
    struct vit_crew *crew = &candidate->crew;
    if (race->at + crew->packing_size > race->noise_size)
        race->at = 0;
    if (crew->packing_size > 0)
        vit_crew_use(crew, race->noise + race->at);
    race->at += crew->packing_size;
    crew->scratch = race->scratch;
    if (vit_crew_run(crew, seconds, NULL) != VIT_OK)
        return false;
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
        size = size > race->candidates[i].crew.packing_size ? size : race->candidates[i].crew.packing_size;
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

/* The winner's kernels; the others are freed. */
static vit_status hold(struct vit_kernel **kernels, struct race *race, const char *key, struct vit_error *err)
{
    line_up(race);
    if (race->n == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "no implementation of %s conforms", key);
    bool alone = race->n == 1 && vit_choices_has_time(race->choices);
    int rounds = run_rounds(race);
    struct candidate *best = winner(race, rounds);
    vit_crew_hand_over(&best->crew, kernels);
    vit_choices_put(race->choices, key, kernels[0]->name, vit_problem_flops(race->wanted->problem),
                    alone || rounds >= ENOUGH ? best->best : 0);
    for (int i = 0; i < race->n; i++)
        vit_crew_free(&race->candidates[i].crew);
    return VIT_OK;
}

/* ---- Without a race ---- */

/* The parts of what is wanted, on the given buffers. */
static int cut(struct vit_part *parts, const struct vit_wanted *wanted, const struct vit_buffers *buffers)
{
    return vit_cut(parts, wanted->problem, buffers, wanted->threads, wanted->columns).n;
}

static vit_status create_all(struct vit_kernel **kernels, struct vit_part *parts, const struct vit_wanted *wanted,
                             const struct vit_implementation *implementation, struct vit_error *err)
{
    struct vit_crew crew;
    int n = cut(parts, wanted, wanted->memory);
    VIT_TRY(vit_crew_create(&crew, implementation, n, parts, wanted->team, err));
    vit_crew_hand_over(&crew, kernels);
    return VIT_OK;
}

/* Of the implementation called name, where there is one. */
static bool create_known(struct vit_kernel **kernels, struct vit_part *parts, const struct vit_wanted *wanted,
                         const char *name)
{
    struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS];
    for (int part = 0; part < VIT_PARTS_OF_IMPLEMENTATIONS; part++) {
        if (vit_implementations(list, part, wanted->problem, name) > 0)
            return create_all(kernels, parts, wanted, &list[0], NULL) == VIT_OK;
    }
    return false;
}

/* ---- Public ---- */

static vit_status choose(struct vit_kernel **kernels, struct vit_choices *choices, const struct vit_wanted *wanted,
                         struct vit_part *parts, struct vit_error *err)
{
    char text[VIT_PROBLEM_KEY_MAX], key[VIT_CHOICE_TEXT_MAX];
    vit_problem_key(text, wanted->problem);
    if (!choices || text[0] == '\0')
        return create_all(kernels, parts, wanted, vit_plain_implementation(wanted->problem), err);
    snprintf(key, sizeof key, "%s, %d threads, %d by outputs%s", text, wanted->threads, wanted->columns,
             vit_choices_measures(choices) ? "" : ", the first that conforms");
    const char *known = vit_choices_find(choices, key);
    if (known && create_known(kernels, parts, wanted, known))
        return VIT_OK;
    struct race race = {.wanted = wanted, .parts = parts, .choices = choices};
    vit_status status = vit_sample_create(&race.sample, wanted->problem, wanted->memory, err);
    if (status == VIT_OK) {
        struct vit_buffers buffers = vit_sample_buffers(race.sample);
        race.n_parts = cut(parts, wanted, &buffers);
        status = hold(kernels, &race, key, err);
    }
    vit_sample_free(race.sample);
    free(race.scratch);
    return status;
}

vit_status vit_choose(struct vit_kernel **kernels, struct vit_choices *choices, const struct vit_wanted *wanted,
                      struct vit_error *err)
{
    struct vit_part *parts = calloc((size_t)wanted->threads, sizeof *parts);
    vit_status status =
        parts ? choose(kernels, choices, wanted, parts, err) : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    free(parts);
    return status;
}
