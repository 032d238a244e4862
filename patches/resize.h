/* resize.h: Pillow's Image.resize for RGB, bit for bit. */
#ifndef VIT_RESIZE_H
#define VIT_RESIZE_H

#include "patches/image.h"
#include "patches/preprocess.h"
#include "vit/error.h"

/* Resizes src to width x height into *dst, which the caller frees. Errors: memory, too_large. */
vit_status vit_resize(struct vit_image *dst, const struct vit_image *src, int width, int height,
                      enum vit_filter filter, struct vit_error *err);

#endif
