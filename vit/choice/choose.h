/* choose.h: which implementation solves a problem: the door of this folder. */
#ifndef VIT_CHOOSE_H
#define VIT_CHOOSE_H

#include "vit/base/team.h"
#include "vit/choice/choices.h"
#include "vit/operators/cut.h"

/* A step to find kernels for. */
struct vit_wanted {
    const struct vit_problem *problem;
    const struct vit_buffers *memory; /* as large as problem says, overwritten; its parameters are not touched */
    int threads, columns;             /* how it is cut: vit_cut */
    struct vit_team *team;            /* of at least so many threads, who run it */
    const struct vit_implementation *const
        *first; /* go before all others where they conform; ends with NULL; or NULL */
};

/* kernels (threads): one for each part, all of one implementation; freed by vit_kernel_free.
 *
 * Where there are several implementations, it is the one that choices knows; else the fastest of those that conform
 * (sample.h), when there is time to find out, or the first of them; choices is told. choices NULL: the plain loops. */
vit_status vit_choose(struct vit_kernel **kernels, struct vit_choices *choices, const struct vit_wanted *wanted,
                      struct vit_error *err);

#endif
