/* image.c: size and memory of a decoded picture. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "patches/formats.h"

vit_status vit_image_check_size(int64_t width, int64_t height, const struct vit_decode_options *options,
                                struct vit_error *err)
{
    if (width < 1 || height < 1)
        return vit_fail(err, VIT_ERR_DECODE, "a picture of %" PRId64 " x %" PRId64 " pixels", width, height);
    if (width > INT_MAX || height > INT_MAX || width > options->max_pixels / height)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "a picture of %" PRId64 " x %" PRId64 " pixels is above the limit of %" PRId64 " pixels", width,
                        height, options->max_pixels);
    return VIT_OK;
}

vit_status vit_image_create(struct vit_image *image, int width, int height, struct vit_error *err)
{
    *image = (struct vit_image){0};
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
    *image = (struct vit_image){0};
}
