/* check.h: a result is checked before it is timed: a fast wrong answer is worth nothing. */
#ifndef VIT_TOOLS_BENCH_CHECK_H
#define VIT_TOOLS_BENCH_CHECK_H

#include "tools/bench/engine.h"

/* Whether every session answers as it must: all numbers, the same bytes when asked again, the same for a picture
 * in every place of the batch, and close to subject->logits. */
vit_status vit_bench_check(struct vit_bench_engine *engine, const struct vit_bench_subject *subject,
                           struct vit_error *err);

#endif
