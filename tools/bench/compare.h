/* compare.h: one configuration measured twice, and whether it is slower: rows of a table, from a saved run or from
 * rounds. */
#ifndef VIT_TOOLS_BENCH_COMPARE_H
#define VIT_TOOLS_BENCH_COMPARE_H

#include "tools/bench/report.h"

/* How often, of 1, any of a table's intervals may miss the truth: rows share it equally. */
#define VIT_BENCH_ERROR 0.05

struct vit_bench_row {
    const struct vit_bench_run *run; /* names the configuration */
    bool per_picture;                /* milliseconds by the clock for a picture; else the median for a batch */
    size_t n, n_other;               /* samples, or rounds */
    double ms, other_ms;
    struct vit_ratio ratio;          /* ms over other_ms */
};

/* Writes a row; the first one with its header. */
void vit_bench_report_row(struct vit_bench_report *report, const struct vit_bench_row *row);

/* Whether it is slower by more than so many per cent, all of the interval; never when fail_over is not finite. */
bool vit_bench_row_fails(const struct vit_bench_row *row, double fail_over);

/* Whether path is the JSON of a run, by its first character; what is not may be a program. */
bool vit_bench_is_json(const char *path);

/* The array that an earlier run wrote; the caller frees *old. */
vit_status vit_bench_compare_load(json_t **old, const char *path, struct vit_error *err);

/* Whether entry i of such an array has what a comparison needs; path names it in the message. */
vit_status vit_bench_check_entry(const json_t *entry, size_t i, const char *path, struct vit_error *err);

/* The samples of an entry; the caller frees. NULL: out of memory. */
double *vit_bench_entry_samples(const json_t *entry, size_t *n);

/* Writes a row for each run that has a counterpart in old, and notes on what else differs. *failed: one is slower,
 * by more than fail_over per cent. It is an error when no run has a counterpart. */
vit_status vit_bench_compare(struct vit_bench_report *report, const json_t *old, const struct vit_bench_run *runs,
                             int n, double fail_over, bool *failed, struct vit_error *err);

#endif
