/* run.h: one configuration, and what is measured of it. */
#ifndef VIT_TOOLS_BENCH_RUN_H
#define VIT_TOOLS_BENCH_RUN_H

#include "tools/bench/stats.h"
#include "tools/common/options.h"

/* The model under test, and what its answers must be. */
struct vit_bench_subject {
    char *name;    /* as reports name it */
    char *path;    /* NULL: random weights of the architecture called name */
    const struct vit_model_options *open; /* how path is opened */
    float *logits; /* (2, K) of the two test pictures; shared memory */
};

/* One step of the plan, as vit_step_info, without pointers. */
struct vit_bench_step {
    char name[64], op[16], implementation[128];
    double flops, seconds; /* of one run; on average */
};

/* The stages of an end-to-end run. */
enum { VIT_STAGE_DECODE, VIT_STAGE_RESIZE, VIT_STAGE_INFER, VIT_STAGES };

/* The yardstick, in operations a second; 0: not measured. */
struct vit_bench_peak {
    double unit_flops, gemm_flops; /* of the CPU's units; of oneDNN's best product */
    const char *unit;              /* static */
};

/* One configuration, and what was measured of it. */
struct vit_bench_run {
    char model[256], arch[VIT_ARCH_MAX];
    int image_size; /* S; 0: the measurement tells */
    int batch, threads, streams;
    enum vit_precision precision; /* as asked for; after the measurement, as computed in */
    enum vit_tune tune;

    double open_ms;         /* opening the model */
    double prepare_ms;      /* creating the sessions, with tuning where that is on */
    double first_result_ms; /* both, and the first batch */
    double rss_mb, peak_rss_mb; /* at the end of the timing; the most at any time, tuning included */
    double flops;           /* of one batch */
    struct vit_bench_peak peak; /* with these threads and this precision */

    double wall_s, cpu_s;   /* from the first timed picture to the last; user and system time of all threads then */
    size_t n_pictures;      /* in that time */
    double other_load;      /* share of the CPUs' time that went to other processes meanwhile, 0 .. 1 */
    double mhz[2];          /* a CPU's frequency at the beginning and at the end of that time; 0: unknown */
    struct vit_ratio drift; /* of the latency, the last third of the time over the first; value 0: too few samples */
    bool full;              /* ended before its time because no more samples are kept */

    double *samples_ms;     /* (latency.n) latencies of a batch, stream after stream in the order of time; owned */
    struct vit_summary latency;

    int n_steps;            /* of a profile; the last one is what the others leave of the batch's time */
    struct vit_bench_step *steps; /* owned */

    struct vit_summary stages_ms[VIT_STAGES]; /* of one picture, in an end-to-end run */
};

void vit_bench_run_free(struct vit_bench_run *run);

/* Pictures by the clock on the wall, and operations. */
double vit_bench_images_per_s(const struct vit_bench_run *run);
double vit_bench_flops_per_s(const struct vit_bench_run *run);

#endif
