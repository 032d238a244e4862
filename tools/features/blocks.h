/* blocks.h: the rows of an array shared out to threads, some at a time, until there are no more or one fails. */
#ifndef VIT_TOOLS_BLOCKS_H
#define VIT_TOOLS_BLOCKS_H

#include <pthread.h>
#include <stdbool.h>

#include "vit/vit.h"

struct vit_blocks {
    pthread_mutex_t lock; /* over all below, and over what the threads make together */
    int64_t next, end;    /* rows that are left */
    int64_t size;         /* rows of a block */
    vit_status status;    /* the first failure; err says more */
    struct vit_error err;
};

/* Takes the next n rows, from *first on; false: there are none, or none are wanted any more (a failure, stop.h). */
bool vit_blocks_take(struct vit_blocks *blocks, int64_t *first, int64_t *n);

/* Keeps what became of a thread, unless another has failed before. The lock is held. */
void vit_blocks_end(struct vit_blocks *blocks, vit_status status, const struct vit_error *err);

#endif
