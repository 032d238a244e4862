/* choose.h: which implementation solves a problem: the door of this folder. */
#ifndef VIT_CHOOSE_H
#define VIT_CHOOSE_H

#include "vit/choice/choices.h"
#include "vit/operators/kernel.h"

/* A kernel for problem and for as many threads as OpenMP would start now; freed by vit_kernel_free.
 *
 * Where there are several implementations, it is the one that choices knows; else the fastest of those that conform
 * (sample.h), when there is time to find out, or the first of them; choices is told. choices NULL: the plain loops.
 * memory: buffers as large as problem says, which are overwritten; its parameters are not touched. */
vit_status vit_choose(struct vit_kernel **kernel, struct vit_choices *choices, const struct vit_problem *problem,
                      const struct vit_buffers *memory, struct vit_error *err);

#endif
