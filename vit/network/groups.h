/* groups.h: the threads of a session divided into groups, each with a plan for its part of the batch. Private to vit/.
 */
#ifndef VIT_GROUPS_H
#define VIT_GROUPS_H

#include "vit/network/plan.h"

struct vit_groups {
    const struct vit_model *model;
    struct vit_team *team;
    size_t input_size; /* of one image or text */
    int n;             /* groups of as many threads each */
    struct vit_group {
        struct vit_plan *plan; /* of as many images as are computed together: all, or one after the other */
        int first, images;     /* of the batch */
    } * groups;
    const struct vit_pass *pass; /* while it runs */
};

/* What is done in one run. */
struct vit_pass {
    const void *input; /* (batch) images or texts, as vit_plan_run takes them */
    int n;             /* of them that are wanted, the first ones */
    float *output;     /* (n, width of the plans) */
    bool profile;
    const char *trace_dir; /* or NULL */
};

/* options: batch and threads are those of all groups together. Errors of vit_plan_create. */
vit_status vit_groups_create(struct vit_groups **groups, const struct vit_model *model,
                             const struct vit_plan_options *options, struct vit_error *err);
void vit_groups_free(struct vit_groups *groups); /* NULL is fine */

/* For all plans: vit_plan_bind, vit_plan_bind_noise. */
vit_status vit_groups_bind(struct vit_groups *groups, struct vit_error *err);
void vit_groups_bind_noise(struct vit_groups *groups, const char *noise, size_t size);

/* Runs the plans of those groups whose images are wanted. */
vit_status vit_groups_run(struct vit_groups *groups, const struct vit_pass *pass, struct vit_error *err);

#endif
