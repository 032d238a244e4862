/* rounds.h: two programs, or two settings of one, measured in turn: what slows the machine down for a while then
 * slows both, and a ratio is taken within each round. Every turn is a process of its own, so that what differs
 * from start to start, as where memory lies, is in the interval too. */
#ifndef VIT_TOOLS_BENCH_ROUNDS_H
#define VIT_TOOLS_BENCH_ROUNDS_H

#include "tools/bench/compare.h"
#include "tools/output/progress.h"

/* How many rounds the options ask for. */
int vit_bench_n_rounds(const struct vit_options *options);

/* Fills row for the configuration of run; error as for vit_stats_rounds. *facts: an array of what this program and the
 * other said of themselves in the last round, which the caller frees. */
vit_status vit_bench_rounds(struct vit_bench_row *row, json_t **facts, const struct vit_bench_run *run,
                            const struct vit_bench_subject *subject, const struct vit_options *options, double error,
                            struct vit_progress *progress, struct vit_error *err);

#endif
