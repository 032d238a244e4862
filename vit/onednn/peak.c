/* peak.c: what this machine reaches in plain matrix products by oneDNN: square ones, one on each thread.
 *
 * Each size is tried with every implementation that oneDNN offers, weights packed as it asks for: its first choice is
 * not always the fastest, and a slow yardstick would flatter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/base/team.h"
#include "vit/onednn/onednn.h"

enum { WARM_UP = 2, MIN_RUNS = 5, MAX_RUNS = 100, MAX_IMPLEMENTATIONS = 32 };

static const double SECONDS = 0.15; /* for one size and implementation, unless MIN_RUNS take longer */
static const double HOPELESS = 1.5; /* times the best median: an implementation slower than that is not timed */

/* A thread's product. What lies in the buffers matters to no implementation, but denormal numbers would: bytes of 0x3c
 * are small ordinary numbers in f32 and bf16 alike. */
struct product {
    struct vit_kernel *kernel;
    char *memory[4]; /* dst, src, weight, scratch */
    vit_status status;
};

static vit_status make_product(struct product *product, const struct vit_implementation *implementation,
                               const struct vit_problem *problem, struct vit_error *err)
{
    VIT_TRY(implementation->create(&product->kernel, implementation, problem, err));
    size_t matrix = (size_t)problem->linear.in * (size_t)problem->linear.out * sizeof(float);
    const size_t sizes[4] = {matrix, matrix, product->kernel->packing.size, product->kernel->scratch_size};
    for (int i = 0; i < 4; i++) {
        product->memory[i] = aligned_alloc(64, (sizes[i] + 127) / 64 * 64);
        if (!product->memory[i])
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a matrix of %zu bytes", sizes[i]);
        memset(product->memory[i], 0x3c, sizes[i]);
    }
    return VIT_OK;
}

static void discard_product(struct product *product)
{
    if (product->kernel)
        vit_kernel_free(product->kernel);
    for (int i = 0; i < 4; i++)
        free(product->memory[i]);
}

static void run_product(void *context, int member)
{
    struct product *p = (struct product *)context + member;
    struct vit_buffers buffers = {.dst = p->memory[0], .in = {p->memory[1], p->memory[2]}};
    p->status = p->kernel->run(p->kernel, &buffers, p->memory[3], NULL);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* best: the smallest median so far. */
static vit_status time_runs(double *best, struct vit_team *team, struct product *products, struct vit_error *err)
{
    double seconds[MAX_RUNS], warm = INFINITY, total = 0;
    int n = -WARM_UP;
    for (; n < MAX_RUNS && (n < MIN_RUNS || total < SECONDS); n++) {
        double start = vit_now();
        VIT_TRY(vit_team_run(team, run_product, products, err));
        double took = vit_now() - start;
        if (n < 0)
            warm = fmin(warm, took);
        else
            total += seconds[n] = took;
        if (n == 0 && warm > HOPELESS * *best)
            return VIT_OK;
    }
    for (int i = 0; i < vit_team_size(team); i++)
        if (products[i].status != VIT_OK)
            return vit_fail(err, products[i].status, "oneDNN: %s does not run", products[i].kernel->name);
    qsort(seconds, (size_t)n, sizeof *seconds, by_size);
    *best = fmin(*best, seconds[n / 2]);
    return VIT_OK;
}

static vit_status time_implementation(double *best, struct vit_team *team,
                                      const struct vit_implementation *implementation,
                                      const struct vit_problem *problem, struct vit_error *err)
{
    int n = vit_team_size(team);
    struct product *products = calloc((size_t)n, sizeof *products);
    if (!products)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = VIT_OK;
    for (int i = 0; i < n && status == VIT_OK; i++)
        status = make_product(&products[i], implementation, problem, err);
    if (status == VIT_OK)
        status = time_runs(best, team, products, err);
    for (int i = 0; i < n; i++)
        discard_product(&products[i]);
    free(products);
    return status;
}

vit_status vit_dnnl_peak(double *flops_per_second, int threads, enum vit_format rows, struct vit_error *err)
{
    static const int sizes[] = {512, 1024, 2048};
    struct vit_team *team;
    VIT_TRY(vit_team_create(&team, threads, err));
    vit_status status = VIT_OK;
    *flops_per_second = 0;
    for (int i = 0; i < 3 && status == VIT_OK; i++) {
        int side = sizes[i];
        struct vit_problem problem = {VIT_LINEAR, .linear = {.src = rows,
                                                             .dst = rows,
                                                             .rows = side,
                                                             .src_step = side,
                                                             .dst_step = side,
                                                             .images = 1,
                                                             .in = side,
                                                             .out = side}};
        struct vit_implementation list[MAX_IMPLEMENTATIONS];
        double best = INFINITY;
        int n = vit_dnnl_list(list, MAX_IMPLEMENTATIONS, &problem, NULL);
        for (int j = 0; j < n && status == VIT_OK; j++)
            status = time_implementation(&best, team, &list[j], &problem, err);
        *flops_per_second = fmax(*flops_per_second, threads * vit_problem_flops(&problem) / best);
    }
    vit_team_free(team);
    return status;
}
