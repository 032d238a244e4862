/* plot.h: an SVG picture of latencies. */
#ifndef VIT_TOOLS_BENCH_PLOT_H
#define VIT_TOOLS_BENCH_PLOT_H

#include "tools/bench/run.h"

/* Errors: open, read (cannot be written). */
vit_status vit_bench_plot(const char *path, const struct vit_bench_run *runs, int n, struct vit_error *err);

#endif
