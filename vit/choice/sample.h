/* sample.h: a problem with data, and what the plain loops make of a part of it: what an implementation is compared with
 * before it is used. */
#ifndef VIT_SAMPLE_H
#define VIT_SAMPLE_H

#include <stdbool.h>

#include "vit/choice/crew.h"

struct vit_sample;

/* For a norm, a linear layer or an attention. memory: dst and those inputs that are no parameters, as large as problem
 * says, which are overwritten; the parameters are made up. Freed by the caller. */
vit_status vit_sample_create(struct vit_sample **sample, const struct vit_problem *problem,
                             const struct vit_buffers *memory, struct vit_error *err);
void vit_sample_free(struct vit_sample *sample); /* NULL is fine */

/* Packs the weight for crew and runs it, which takes so many seconds, on the same numbers for every image and, where
 * it adds, on a residual that is not zero. It conforms when every image gets the same values to the last bit, and they
 * are as near the plain loops' as the format allows, as far as those were computed: some rows, and some columns of all
 * rows, of which the first and the last. The buffers of crew are the sample's, cut. */
vit_status vit_sample_run(bool *conforms, double *seconds, struct vit_sample *sample, struct vit_crew *crew,
                          struct vit_error *err);

/* The sample's buffers; the weight is left to the caller. */
struct vit_buffers vit_sample_buffers(const struct vit_sample *sample);

#endif
