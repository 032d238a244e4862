/* bench.h: what `vit bench` measures, and the parts that it is made of, in the order of their use. */
#ifndef VIT_TOOLS_BENCH_H
#define VIT_TOOLS_BENCH_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/bench/stats.h"
#include "tools/options.h"
#include "tools/output/output.h"

/* ---- What is measured ---- */

/* The model under test, and what its answers must be. */
struct vit_bench_subject {
    char *name;    /* as reports name it */
    char *path;    /* NULL: random weights of the architecture called name */
    float *logits; /* (2, K) of the two test pictures; shared memory */
};

/* One step of the plan, as vit_step_info, without pointers. */
struct vit_bench_step {
    char name[64], op[16], implementation[96];
    double flops, seconds; /* of one run; on average */
};

/* The stages of an end-to-end run. */
enum { VIT_STAGE_DECODE, VIT_STAGE_RESIZE, VIT_STAGE_INFER, VIT_STAGES };

/* One configuration, and what was measured of it. */
struct vit_bench_run {
    char model[256], arch[VIT_ARCH_MAX];
    int batch, threads, streams;
    enum vit_precision precision; /* as asked for; after the measurement, as computed in */

    double load_ms;         /* opening the model and creating the sessions */
    double first_result_ms; /* that, and the first batch */
    double peak_rss_mb;
    double flops;           /* of one batch */
    double peak_flops;      /* a second, of matrix products with these threads and this precision */

    size_t n;
    double *samples_ms;     /* (n) latencies of a batch; owned */
    struct vit_summary latency;

    int n_steps;            /* of a profile */
    struct vit_bench_step *steps; /* owned */

    int n_pictures;         /* of an end-to-end run */
    struct vit_summary stages_ms[VIT_STAGES]; /* of one picture */
};

void vit_bench_run_free(struct vit_bench_run *run);

/* Of the median latency. */
double vit_bench_images_per_s(const struct vit_bench_run *run);
double vit_bench_flops_per_s(const struct vit_bench_run *run);

const char *vit_bench_precision_name(enum vit_precision precision);

/* ---- Measuring, each in a process of its own ---- */

/* The answers to the test pictures in f32 without tuning, one at a time: subject->logits. */
vit_status vit_bench_reference(struct vit_bench_subject *subject, int threads, struct vit_error *err);
void vit_bench_subject_free(struct vit_bench_subject *subject);

/* Checks the answers of the run's configuration and times it; options say how long, and whether steps are wanted. */
vit_status vit_bench_measure(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                             const struct vit_options *options, struct vit_error *err);

/* Checks the answers and times the stages of classifying the pictures of options->end_to_end. */
vit_status vit_bench_measure_stages(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                                    const struct vit_options *options, struct vit_error *err);

/* Fills run->peak_flops. */
vit_status vit_bench_measure_peak(struct vit_bench_run *run, struct vit_error *err);

/* ---- Reporting ---- */

struct vit_bench_report {
    FILE *out;
    int format; /* VIT_BENCH_ */
    int n;      /* records so far */
};

/* begin, then one kind of record as often as there are runs, then end. Nothing is flushed. */
void vit_bench_report_begin(struct vit_bench_report *report);
void vit_bench_report_run(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_profile(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_stages(struct vit_bench_report *report, const struct vit_bench_run *run);
void vit_bench_report_end(struct vit_bench_report *report);

/* The array that an earlier run wrote; the caller frees *old. */
vit_status vit_bench_compare_load(json_t **old, const char *path, struct vit_error *err);

/* Writes a table of the runs beside those of old. *failed: one is slower, and by more than fail_over per cent. It is an
 * error when no run has a counterpart. */
vit_status vit_bench_compare(FILE *out, const json_t *old, const struct vit_bench_run *runs, int n, double fail_over,
                             bool *failed, struct vit_error *err);

vit_status vit_bench_plot(const char *path, const struct vit_bench_run *runs, int n, struct vit_error *err);

#endif
