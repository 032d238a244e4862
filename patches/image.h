/* image.h: a decoded picture. */
#ifndef VIT_IMAGE_H
#define VIT_IMAGE_H

#include <stdint.h>

struct vit_image {
    int width, height;
    uint8_t *rgb; /* (H, W, 3), rows without padding; malloc'ed, owned */
};

/* Frees the pixels and clears *image; NULL and an empty image are fine. */
void vit_image_free(struct vit_image *image);

#endif
