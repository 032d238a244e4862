/* image.h: a decoded picture. */
#ifndef VIT_IMAGE_H
#define VIT_IMAGE_H

#include <stdint.h>

#include "vit/base/error.h"

struct vit_image {
    int width, height;
    uint8_t *rgb; /* (H, W, 3), rows without padding; malloc'ed, owned */
};

/* Allocates the pixels of a width x height picture, unset. On failure *image is empty. Errors: decode (a side below
 * 1), memory. */
vit_status vit_image_create(struct vit_image *image, int width, int height, struct vit_error *err);

/* Frees the pixels and clears *image; NULL and an empty image are fine. */
void vit_image_free(struct vit_image *image);

#endif
