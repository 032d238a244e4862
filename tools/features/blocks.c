/* blocks.c: one counter for all threads. */
#include "tools/features/blocks.h"

#include "tools/common/stop.h"

bool vit_blocks_take(struct vit_blocks *blocks, int64_t *first, int64_t *n)
{
    pthread_mutex_lock(&blocks->lock);
    int64_t left = blocks->end - blocks->next;
    *first = blocks->next;
    *n = left < blocks->size ? left : blocks->size;
    blocks->next += *n;
    bool wanted = blocks->status == VIT_OK;
    pthread_mutex_unlock(&blocks->lock);
    return *n > 0 && wanted && !vit_stop_requested();
}

void vit_blocks_end(struct vit_blocks *blocks, vit_status status, const struct vit_error *err)
{
    if (status == VIT_OK || blocks->status != VIT_OK)
        return;
    blocks->status = status;
    blocks->err = *err;
}
