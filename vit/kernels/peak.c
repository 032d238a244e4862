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

/* A run that is too short, as the first ones are, is repeated with twice the turns; one that was disturbed counts, and
 * is not the best. */
static vit_status time_turns(double *turns_per_second, const struct vit_unit *unit, struct vit_team *team,
                             struct vit_error *err)
{
    struct job job = {unit, 1};
    *turns_per_second = 0;
    for (int n = 0; n < RUNS;) {
        double start = vit_now();
        VIT_TRY(vit_team_run(team, work, &job, err));
        double took = vit_now() - start;
        *turns_per_second = fmax(*turns_per_second, (double)job.n_turns / took);
        if (took < SECONDS)
            job.n_turns *= 2;
        else
            n++;
    }
    return VIT_OK;
}

vit_status vit_unit_time(double *flops_per_second, const struct vit_unit *unit, int threads, struct vit_error *err)
{
    struct vit_team *team;
    double turns;
    VIT_TRY(vit_team_create(&team, threads, err));
    vit_status status = time_turns(&turns, unit, team, err);
    vit_team_free(team);
    *flops_per_second = threads * turns * unit->flops;
    return status;
}
