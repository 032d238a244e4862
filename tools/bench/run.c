/* run.c: what follows from what was measured. */
#include "tools/bench/run.h"

#include <stdlib.h>

void vit_bench_run_free(struct vit_bench_run *run)
{
    free(run->samples_ms);
    free(run->steps);
    run->samples_ms = NULL;
    run->steps = NULL;
}

double vit_bench_images_per_s(const struct vit_bench_run *run)
{
    return (double)run->n_pictures / run->wall_s;
}

double vit_bench_flops_per_s(const struct vit_bench_run *run)
{
    return run->flops / run->batch * vit_bench_images_per_s(run);
}
