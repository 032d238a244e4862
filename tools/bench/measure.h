/* measure.h: measures one configuration, in a process of its own. */
#ifndef VIT_TOOLS_BENCH_MEASURE_H
#define VIT_TOOLS_BENCH_MEASURE_H

#include "tools/bench/run.h"

/* Checks the answers of the run's configuration and times it; options say how long, and whether steps are wanted. */
vit_status vit_bench_measure(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                             const struct vit_options *options, struct vit_error *err);

/* Checks the answers, times the stages of classifying the pictures of options->end_to_end one after the other, and then
 * all of them together, as `vit classify` runs them. */
vit_status vit_bench_measure_stages(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                                    const struct vit_options *options, struct vit_error *err);

/* Fills run->peak. */
vit_status vit_bench_measure_peak(struct vit_bench_run *run, struct vit_error *err);

#endif
