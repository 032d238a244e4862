/* linear.h: the ways to compute a linear layer. Private to vit/.
 *
 * There are several kinds (an own kernel, and primitives of oneDNN), each with one or more implementations, told apart by
 * name. Which is fastest depends on CPU, shape and type: linear.c chooses, linear_race.c measures. */
#ifndef VIT_LINEAR_H
#define VIT_LINEAR_H

#include "vit/choice/tuner.h"
#include "vit/operators/ops.h"

/* One implementation, ready to run but for its weight. */
struct vit_linear_candidate {
    struct vit_kernel *kernel;
    struct vit_packing packing; /* of the weight, as it wants it; valid until the list is moved on or closed */
    vit_status (*set_weight)(struct vit_kernel *kernel, const void *packed, struct vit_error *err);
};

/* One kind. A list is its implementations for an op, standing at one of them. */
struct vit_linear_kind {
    const char *name;
    bool even; /* all its implementations give an image the same bytes wherever it stands in the batch */
    /* A list at its first implementation, closed by the caller; fails when there is none. context is the ops', bias (out)
     * or NULL that of the layer, already loaded; op and bias outlive the list. */
    vit_status (*open)(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                       struct vit_error *err);
    void (*close)(void *list);
    bool (*next)(void *list); /* false: there is no other worth trying */
    const char *(*implementation)(const void *list); /* its name, valid until the list moves on */
    vit_status (*make)(const void *list, struct vit_linear_candidate *candidate, struct vit_error *err);
};

extern const struct vit_linear_kind vit_linear_own, vit_linear_matmul, vit_linear_inner_product, vit_linear_convolution;

/* The kinds for op in the order of preference, ended by NULL. */
enum { VIT_LINEAR_KINDS = 4 };
void vit_linear_kinds(const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1], const struct vit_linear_op *op);

/* The linear layer of ops.h, by the implementation that tuner knows or finds to be the fastest; with tuner NULL by the first. */
vit_status vit_linear_create(struct vit_kernel **kernel, void *context, struct vit_tuner *tuner,
                             const struct vit_linear_op *op, struct vit_error *err);

/* linear_race.c: how to compute op? Among the implementations that give an image the same bytes wherever it stands in the
 * batch: the fastest, when the tuner has time enough to find out (then *measured); else the first. No such implementation:
 * choice is left as it is. The buffers of op are overwritten. */
vit_status vit_linear_race(struct vit_choice *choice, bool *measured, void *context, struct vit_tuner *tuner,
                           const struct vit_linear_op *op, const float *bias, struct vit_error *err);

#endif
