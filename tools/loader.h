/* loader.h: pictures decoded by a thread of their own, ahead of the computation, in the order of the inputs. */
#ifndef VIT_TOOLS_LOADER_H
#define VIT_TOOLS_LOADER_H

#include "tools/inputs.h"

/* The next inputs, at most as many as the batch size. Those that failed have no pixels. */
struct vit_batch {
    int n;                          /* inputs */
    int n_pixels;                   /* those that loaded */
    const struct vit_item **items;  /* (n) */
    struct vit_error *errors;       /* (n); status VIT_OK: loaded */
    uint8_t *pixels;                /* (n_pixels, S, S, 3), in the inputs' order */
};

struct vit_loader;

/* Starts loading. model and inputs must outlive the loader. Errors: memory, internal (no thread). */
vit_status vit_loader_start(struct vit_loader **loader, const struct vit_model *model, const struct vit_inputs *inputs,
                            const struct vit_decode_options *decode, int batch, struct vit_error *err);

/* The next batch, valid until the next call; NULL after the last one, or when a stop was requested (stop.h). */
const struct vit_batch *vit_loader_next(struct vit_loader *loader);

/* Ends the thread, by a stop (stop.h) when inputs are left, and frees everything. NULL is fine. */
void vit_loader_free(struct vit_loader *loader);

#endif
