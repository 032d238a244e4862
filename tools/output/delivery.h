/* delivery.h: the inputs of a command handed over one by one, when their numbers are there: counted, with progress
 * shown and failures said. What the commands differ in is the receiver. */
#ifndef VIT_TOOLS_DELIVERY_H
#define VIT_TOOLS_DELIVERY_H

#include "tools/common/options.h"
#include "tools/output/progress.h"

struct vit_receiver {
    void *context;
    /* One input: its numbers, or NULL and why there are none. */
    vit_status (*one)(void *context, const char *name, const float *values, const struct vit_error *failure,
                      struct vit_error *err);
    vit_status (*batch)(void *context, struct vit_error *err); /* behind the last input of each batch; NULL: nothing */
    bool says_failures;                                        /* itself; else they are said on stderr */
};

struct vit_delivery {
    const struct vit_options *options;
    const struct vit_receiver *receiver;
    struct vit_progress progress;
    size_t total, n_done, n_failed;
};

/* Progress of total inputs is shown unless data goes to the terminal by data_fd. */
void vit_delivery_start(struct vit_delivery *delivery, const struct vit_options *options,
                        const struct vit_receiver *receiver, size_t total, int data_fd);

/* The receiver's functions. */
vit_status vit_delivery_one(struct vit_delivery *delivery, const char *name, const float *values,
                            const struct vit_error *failure, struct vit_error *err);
vit_status vit_delivery_batch(const struct vit_delivery *delivery, struct vit_error *err);

/* Says how it went: the error of a status other than VIT_OK, else a summary; returns the exit status of the program.
 * Also of one that was never started, all zero. */
int vit_delivery_finish(const struct vit_delivery *delivery, vit_status status, const struct vit_error *err);

#endif
