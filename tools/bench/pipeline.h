/* pipeline.h: pictures from file to answer as `vit classify` runs them: decoded by the loader's threads beside the
 * streams that compute. */
#ifndef VIT_TOOLS_BENCH_PIPELINE_H
#define VIT_TOOLS_BENCH_PIPELINE_H

#include "tools/bench/engine.h"
#include "tools/pictures/inputs.h"

/* Classifies n pictures, the inputs in turn, with all of the engine's streams: run's n_pictures, wall_s, cpu_s and
 * other_load. A picture that fails is an error. */
vit_status vit_bench_pipeline(struct vit_bench_run *run, const struct vit_bench_engine *engine,
                              const struct vit_inputs *inputs, size_t n, const struct vit_options *options,
                              struct vit_error *err);

#endif
