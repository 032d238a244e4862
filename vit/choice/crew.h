/* crew.h: kernels of one implementation for all parts of a step, run together as a plan runs them. */
#ifndef VIT_CREW_H
#define VIT_CREW_H

#include "vit/base/team.h"
#include "vit/operators/cut.h"

struct vit_crew {
    int n;
    const struct vit_part *parts; /* the caller's */
    struct vit_team *team;        /* of at least n; NULL: there is one part */
    struct vit_kernel **kernels;  /* (n), owned */
    const void **weights;         /* (n): packed, the caller's; where parts have the same weight, they share it */
    char *scratch;                /* (n) of scratch_size bytes, the caller's */
    size_t scratch_size;
    size_t packing_size; /* bytes of the distinct packed weights, each rounded up to 64 */
};

/* The kernels. Unsupported where the implementation does not solve each part. On failure *crew is empty. */
vit_status vit_crew_create(struct vit_crew *crew, const struct vit_implementation *implementation, int n,
                           const struct vit_part *parts, struct vit_team *team, struct vit_error *err);
void vit_crew_free(struct vit_crew *crew);

/* Hands the kernels over to kernels (n), and frees the rest. */
void vit_crew_hand_over(struct vit_crew *crew, struct vit_kernel **kernels);

/* Lets the weights be what lies at packed, packing_size bytes: noise, or what vit_crew_pack writes there: weight is
 * that of the whole layer. */
void vit_crew_use(struct vit_crew *crew, const char *packed);
vit_status vit_crew_pack(struct vit_crew *crew, char *packed, const float *weight, struct vit_error *err);

/* Runs all parts beside each other; the seconds that it took. */
vit_status vit_crew_run(struct vit_crew *crew, double *seconds, struct vit_error *err);

#endif
