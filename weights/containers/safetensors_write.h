/* safetensors_write.h: writes a safetensors file, tensor by tensor. */
#ifndef VIT_SAFETENSORS_WRITE_H
#define VIT_SAFETENSORS_WRITE_H

#include <stdbool.h>

#include "vit/base/error.h"
#include "vit/base/tensor.h"
#include "weights/containers/source.h"

/* What to write. Names are unique; shapes were checked as vit_source_add does. */
struct vit_safetensors_content {
    int n_tensors;
    const struct vit_tensor *tensors;
    int n_metadata;
    const struct vit_metadata *metadata; /* written in this order; keys unique, text in UTF-8 */
    /* Fills dst with tensor i whole: dense, C order, little endian. Called once for each i, in the file's order. */
    vit_status (*read)(void *context, int i, void *dst, struct vit_error *err);
    void *context;
};

/* Writes content to a new file beside path, which is then renamed to path: what is at path is the old file or the
 * whole new one, also after a loss of power. A file at path is refused unless force; a link is followed. The same content gives the same bytes. The data begins at a
 * multiple of 8 and every tensor at one of its element's size. Holds one tensor at a time in memory. */
vit_status vit_safetensors_write(const char *path, bool force, const struct vit_safetensors_content *content,
                                 struct vit_error *err);

#endif
