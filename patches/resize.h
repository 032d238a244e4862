/* resize.h: Pillow's Image.resize for RGB, bit for bit. */
#ifndef VIT_RESIZE_H
#define VIT_RESIZE_H

#include "patches/image.h"
#include "vit/base/error.h"
#include "vit/base/preprocess.h"

/* Resizes src to width x height into *dst, which the caller frees. Errors: memory, too_large, unsupported (a size
 * below 1, an unknown filter). */
vit_status vit_resize(struct vit_image *dst, const struct vit_image *src, int width, int height,
                      enum vit_filter filter, struct vit_error *err);

/* A rectangle of a picture, in its pixels. */
struct vit_box {
    int left, top, width, height;
};

/* The part of vit_resize's picture that lies in the box, computing no more than that; the same pixels. The box lies
 * within width x height. */
vit_status vit_resize_part(struct vit_image *dst, const struct vit_image *src, int width, int height,
                           struct vit_box box, enum vit_filter filter, struct vit_error *err);

#endif
