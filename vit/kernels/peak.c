/* peak.c: times a unit. */
#include "vit/kernels/peak.h"

#include <math.h>

#include "vit/base/machine.h"
#include "vit/base/team.h"

enum { RUNS = 30 };

static const double SECONDS = 0.003; /* of a run, at least: long beside a wake-up, short beside what disturbs it */

struct job {
    const struct vit_unit *unit;
    int64_t n_turns;
};

static void work(void *context, int member)
{
    (void)member;
    const struct job *job = context;
    job->unit->turn(job->n_turns);
}

/* Once: the best so far, in seconds. */
static vit_status time_run(double *best, struct vit_team *team, struct job *job, struct vit_error *err)
{
    double start = vit_now();
    VIT_TRY(vit_team_run(team, work, job, err));
    *best = fmin(*best, vit_now() - start);
    return VIT_OK;
}

static vit_status time_unit(double *best, struct vit_team *team, struct job *job, struct vit_error *err)
{
    double once = 0;
    for (job->n_turns = 1; once < SECONDS; job->n_turns *= 2) {
        once = INFINITY;
        VIT_TRY(time_run(&once, team, job, err));
    }
    for (int i = 0; i < RUNS; i++)
        VIT_TRY(time_run(best, team, job, err));
    return VIT_OK;
}

vit_status vit_unit_peak(double *flops_per_second, const struct vit_unit *unit, int threads, struct vit_error *err)
{
    struct vit_team *team;
    struct job job = {.unit = unit};
    double best = INFINITY;
    VIT_TRY(vit_team_create(&team, threads, err));
    vit_status status = time_unit(&best, team, &job, err);
    vit_team_free(team);
    *flops_per_second = threads * unit->flops * (double)job.n_turns / best;
    return status;
}
