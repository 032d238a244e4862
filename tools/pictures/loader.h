/* loader.h: pictures decoded by threads of their own, ahead of the computation, handed out in the order of the inputs. */
#ifndef VIT_TOOLS_LOADER_H
#define VIT_TOOLS_LOADER_H

#include "tools/pictures/inputs.h"

/* The next inputs, at most as many as the batch size. Those that failed have no pixels. */
struct vit_batch {
    size_t number;                  /* from 0 on, in the inputs' order */
    int n;                          /* inputs */
    int n_pixels;                   /* those that loaded */
    const struct vit_item **items;  /* (n) */
    struct vit_error *errors;       /* (n); status VIT_OK: loaded */
    uint8_t *pixels;                /* (n_pixels, S, S, 3), in the inputs' order */
};

struct vit_loader;

/* Starts loading with so many threads. model and inputs must outlive the loader. Errors: memory, internal (no thread). */
vit_status vit_loader_start(struct vit_loader **loader, const struct vit_model *model, const struct vit_inputs *inputs,
                            const struct vit_decode_options *decode, int batch, int threads, struct vit_error *err);

/* Inputs in a batch: what vit_loader_start was given, or all when they are fewer. */
int vit_loader_batch(const struct vit_loader *loader);

/* The next batch, the caller's until it is given back; NULL after the last one, or when a stop was requested (stop.h).
 * Several threads may call. */
const struct vit_batch *vit_loader_next(struct vit_loader *loader);
void vit_loader_give_back(struct vit_loader *loader, const struct vit_batch *batch);

/* Ends the threads, by a stop (stop.h) when inputs are left, and frees everything. NULL is fine. */
void vit_loader_free(struct vit_loader *loader);

#endif
