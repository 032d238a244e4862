/* image.c: memory of a decoded picture. */
#include "patches/image.h"

#include <stdlib.h>

vit_status vit_image_create(struct vit_image *image, int width, int height, struct vit_error *err)
{
    *image = (struct vit_image){ 0, 0, NULL };
    if (width < 1 || height < 1)
        return vit_fail(err, VIT_ERR_DECODE, "a picture of %d x %d pixels", width, height);
    size_t pixels = (size_t)width * (size_t)height;
    if (pixels > SIZE_MAX / 3 || !(image->rgb = malloc(pixels * 3)))
        return vit_fail(err, VIT_ERR_MEMORY, "no memory for a picture of %d x %d pixels", width, height);
    image->width = width;
    image->height = height;
    return VIT_OK;
}

void vit_image_free(struct vit_image *image)
{
    if (!image)
        return;
    free(image->rgb);
    *image = (struct vit_image){ 0, 0, NULL };
}
