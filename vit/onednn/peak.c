/* peak.c: what this machine reaches in plain matrix products: the yardstick of the benchmark.
 *
 * Each size is tried with every implementation that oneDNN offers, weights packed as it asks for: its first choice is
 * not always the fastest, and a slow yardstick would flatter. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/onednn/onednn.h"

enum { WARM_UP = 2, MIN_RUNS = 5, MAX_RUNS = 100, MAX_IMPLEMENTATIONS = 32 };

static const double SECONDS = 0.15; /* for one size and implementation, unless MIN_RUNS take longer */
static const double HOPELESS = 1.5; /* times the best median: an implementation slower than that is not timed */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* best: the smallest median so far. */
static vit_status time_runs(double *best, struct vit_kernel *kernel, const struct vit_buffers *buffers, void *scratch,
                            struct vit_error *err)
{
    double seconds[MAX_RUNS], warm = INFINITY, total = 0;
    int n = -WARM_UP;
    for (; n < MAX_RUNS && (n < MIN_RUNS || total < SECONDS); n++) {
        double start = vit_now();
        VIT_TRY(kernel->run(kernel, buffers, scratch, err));
        double took = vit_now() - start;
        if (n < 0)
            warm = fmin(warm, took);
        else
            total += seconds[n] = took;
        if (n == 0 && warm > HOPELESS * *best)
            return VIT_OK;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, by_size);
    *best = fmin(*best, seconds[n / 2]);
    return VIT_OK;
}

/* What lies in the buffers matters to no implementation, but denormal numbers would: bytes of 0x3c are small ordinary
 * numbers in f32 and bf16 alike. */
static vit_status time_implementation(double *best, const struct vit_implementation *implementation,
                                      const struct vit_problem *problem, struct vit_error *err)
{
    struct vit_kernel *kernel;
    VIT_TRY(implementation->create(&kernel, implementation, problem, err));
    size_t matrix = (size_t)problem->linear.in * (size_t)problem->linear.out * sizeof(float);
    const size_t sizes[4] = {matrix, matrix, kernel->packing.size, kernel->scratch_size};
    char *memory[4];
    vit_status status = VIT_OK;
    for (int i = 0; i < 4; i++) {
        memory[i] = aligned_alloc(64, (sizes[i] + 127) / 64 * 64);
        if (memory[i])
            memset(memory[i], 0x3c, sizes[i]);
        else
            status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for a matrix of %zu bytes", sizes[i]);
    }
    if (status == VIT_OK)
        status = time_runs(best, kernel, &(struct vit_buffers){memory[0], {memory[1], memory[2]}}, memory[3], err);
    for (int i = 0; i < 4; i++)
        free(memory[i]);
    vit_kernel_free(kernel);
    return status;
}

vit_status vit_dnnl_peak(double *flops_per_second, int threads, enum vit_dtype type, struct vit_error *err)
{
    static const int sizes[] = {512, 1024, 2048};
    vit_status status = VIT_OK;
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    *flops_per_second = 0;
    for (int i = 0; i < 3 && status == VIT_OK; i++) {
        int side = sizes[i];
        struct vit_problem problem = {VIT_LINEAR,
                                      .linear = {type, type, type, side, 1, side, side, false, false, false, 0}};
        struct vit_implementation list[MAX_IMPLEMENTATIONS];
        double best = INFINITY;
        int n = vit_dnnl_list(list, MAX_IMPLEMENTATIONS, &problem, NULL);
        for (int j = 0; j < n && status == VIT_OK; j++)
            status = time_implementation(&best, &list[j], &problem, err);
        *flops_per_second = fmax(*flops_per_second, vit_problem_flops(&problem) / best);
    }
    omp_set_num_threads(before);
    return status;
}
