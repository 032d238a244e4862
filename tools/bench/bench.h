/* bench.h: the door of this folder. Behind it, in the order of their use: engine (the model and the sessions of
 * one configuration), check (their answers), run, stages and pipeline (what is timed), report and plot; compare
 * (two runs side by side) and rounds (two programs in turn); stats, isolate and surroundings serve all of them. */
#ifndef VIT_TOOLS_BENCH_H
#define VIT_TOOLS_BENCH_H

#include "tools/common/options.h"

/* `vit bench`: takes the parsed options and returns an exit status (commands.h), having said on stderr what went
 * wrong. */
int vit_command_bench(const struct vit_options *options);

#endif
