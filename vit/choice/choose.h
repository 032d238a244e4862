/* choose.h: which implementation solves a problem: the door of this folder. */
#ifndef VIT_CHOOSE_H
#define VIT_CHOOSE_H

#include "vit/base/team.h"
#include "vit/choice/choices.h"
#include "vit/operators/cut.h"

/* What goes before all implementations of an operator that there are, where it conforms. */
struct vit_preference {
    enum vit_op op;
    struct vit_implementation implementation;
};

/* A step to find kernels for. */
struct vit_wanted {
    const struct vit_problem *problem;
    const struct vit_buffers *memory; /* as large as problem says, overwritten; its parameters are not touched */
    int threads, columns;             /* how it is cut: vit_cut */
    struct vit_team *team;            /* of at least so many threads, who run it */
    int n_preferred;
    const struct vit_preference *preferred;
};

/* kernels (threads): one for each part, all of one implementation; freed by vit_kernel_free.
 *
 * Where there are several implementations, it is the one that choices knows; else the fastest of those that conform
 * (sample.h), when there is time to find out, or the first of them; choices is told. choices NULL: the plain loops. */
vit_status vit_choose(struct vit_kernel **kernels, struct vit_choices *choices, const struct vit_wanted *wanted,
                      struct vit_error *err);

#endif
