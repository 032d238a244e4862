/* crew.c: the parts of a step, made and run. */
#include "vit/choice/crew.h"

#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"

static size_t rounded(size_t size)
{
    return (size + 63) / 64 * 64;
}

/* The first part whose packed weight is the same as that of part i. */
static int same_weight(const struct vit_crew *crew, int i)
{
    int j = 0;
    while (crew->parts[j].output != crew->parts[i].output ||
           strcmp(crew->kernels[j]->packing.key, crew->kernels[i]->packing.key) != 0)
        j++;
    return j;
}

static vit_status make_kernels(struct vit_crew *crew, const struct vit_implementation *implementation,
                               struct vit_error *err)
{
    for (int i = 0; i < crew->n; i++) {
        VIT_TRY(implementation->create(&crew->kernels[i], implementation, &crew->parts[i].problem, err));
        size_t scratch = rounded(crew->kernels[i]->scratch_size);
        crew->scratch_size = scratch > crew->scratch_size ? scratch : crew->scratch_size;
        if (same_weight(crew, i) == i)
            crew->packing_size += rounded(crew->kernels[i]->packing.size);
    }
    return VIT_OK;
}

vit_status vit_crew_create(struct vit_crew *crew, const struct vit_implementation *implementation, int n,
                           const struct vit_part *parts, struct vit_team *team, struct vit_error *err)
{
    *crew = (struct vit_crew){.n = n, .parts = parts, .team = team};
    crew->kernels = calloc((size_t)n, sizeof *crew->kernels);
    crew->weights = calloc((size_t)n, sizeof *crew->weights);
    vit_status status = crew->kernels && crew->weights ? make_kernels(crew, implementation, err)
                                                       : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (status != VIT_OK)
        vit_crew_free(crew);
    return status;
}

void vit_crew_free(struct vit_crew *crew)
{
    for (int i = 0; crew->kernels && i < crew->n; i++)
        vit_kernel_free(crew->kernels[i]);
    free(crew->kernels);
    free(crew->weights);
    *crew = (struct vit_crew){0};
}

void vit_crew_hand_over(struct vit_crew *crew, struct vit_kernel **kernels)
{
    for (int i = 0; i < crew->n; i++) {
        kernels[i] = crew->kernels[i];
        crew->kernels[i] = NULL;
    }
    vit_crew_free(crew);
}

void vit_crew_use(struct vit_crew *crew, const char *packed)
{
    for (int i = 0; i < crew->n; i++) {
        int same = same_weight(crew, i);
        crew->weights[i] = same < i ? crew->weights[same] : packed;
        packed += same < i ? 0 : rounded(crew->kernels[i]->packing.size);
    }
}

vit_status vit_crew_pack(struct vit_crew *crew, char *packed, const float *weight, struct vit_error *err)
{
    vit_crew_use(crew, packed);
    for (int i = 0; i < crew->n; i++) {
        const float *part = weight + (int64_t)crew->parts[i].output * crew->parts[i].problem.linear.in;
        if (same_weight(crew, i) == i)
            VIT_TRY(crew->kernels[i]->pack(crew->kernels[i], (void *)(uintptr_t)crew->weights[i], part, err));
    }
    return VIT_OK;
}

struct run {
    struct vit_crew *crew;
    atomic_int failed; /* a vit_status */
};

static void run_part(void *context, int i)
{
    struct run *run = context;
    struct vit_crew *crew = run->crew;
    if (i >= crew->n)
        return;
    struct vit_buffers buffers = crew->parts[i].buffers;
    if (crew->weights[i])
        buffers.in[VIT_WEIGHT] = crew->weights[i];
    vit_status status =
        crew->kernels[i]->run(crew->kernels[i], &buffers, crew->scratch + (size_t)i * crew->scratch_size, NULL);
    if (status != VIT_OK)
        atomic_store(&run->failed, (int)status);
}

vit_status vit_crew_run(struct vit_crew *crew, double *seconds, struct vit_error *err)
{
    struct run run = {.crew = crew};
    double start = vit_now();
    if (crew->n == 1)
        run_part(&run, 0);
    else
        VIT_TRY(vit_team_run(crew->team, run_part, &run, err));
    *seconds = vit_now() - start;
    return (vit_status)atomic_load(&run.failed);
}
