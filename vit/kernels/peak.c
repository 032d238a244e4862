/* peak.c: times a unit. */
#include "vit/kernels/peak.h"

#include <math.h>
#include <stddef.h>

#include "vit/base/machine.h"
#include "vit/base/team.h"

enum { RUNS = 40 };

static const double SECONDS = 0.005; /* of a run: long beside a wake-up, short beside what disturbs it */

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

static double time_run(struct vit_team *team, struct job *job)
{
    double start = vit_now();
    vit_team_run(team, work, job, NULL);
    return vit_now() - start;
}

vit_status vit_unit_peak(double *flops_per_second, const struct vit_unit *unit, int threads, struct vit_error *err)
{
    struct vit_team *team;
    struct job job = {unit, 1};
    double best = INFINITY;
    VIT_TRY(vit_team_create(&team, threads, err));
    while (time_run(team, &job) < SECONDS)
        job.n_turns *= 2;
    for (int i = 0; i < RUNS; i++)
        best = fmin(best, time_run(team, &job));
    vit_team_free(team);
    *flops_per_second = threads * unit->flops * (double)job.n_turns / best;
    return VIT_OK;
}
