/* pixels.c: a picture of any size -> the square of pixels that the model sees -> normalised patches. */
#include "patches/patches.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* One axis of the crop: of a resized side, `length` pixels from `from` on are seen, and lie from `to` on among the
 * crop's own; the rest of the crop is padding. */
struct span {
    int from, to, length;
};

static struct span centre(int side, int crop, enum vit_crop_round round)
{
    int surplus = side - crop;
    if (surplus < 0) /* torchvision and timm put the odd pixel of padding after the picture, Hugging Face before it */
        return (struct span){0, round == VIT_CROP_FLOOR ? (1 - surplus) / 2 : -surplus / 2, side};
    int half = surplus / 2;
    if (round == VIT_CROP_HALF_EVEN && surplus % 2 != 0)
        half += half % 2;
    return (struct span){half, 0, crop};
}

/* The size that the whole picture is resized to. */
static vit_status resized_size(int64_t *width, int64_t *height, const struct vit_image *image,
                               const struct vit_preprocess *p, struct vit_error *err)
{
    int64_t w = image->width, h = image->height, to = p->resize_to;
    switch (p->resize) {
    case VIT_RESIZE_SQUASH:
        *width = *height = to;
        break;
    case VIT_RESIZE_SHORTEST:
        *width = w <= h ? to : to * w / h;
        *height = w <= h ? to * h / w : to;
        break;
    case VIT_RESIZE_BORDER: {
        double ratio = (double)(w > h ? w : h) / (double)to;
        *width = (int64_t)fmax(rint((double)w / ratio), 1.0); /* where timm fails on a side of 0, one pixel */
        *height = (int64_t)fmax(rint((double)h / ratio), 1.0);
        break;
    }
    default:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "resize mode %d does not exist", (int)p->resize);
    }
    if (*width > INT_MAX || *height > INT_MAX)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%d x %d pixels would be resized to %lld x %lld", image->width,
                        image->height, (long long)*width, (long long)*height);
    return VIT_OK;
}

/* timm pads with the mean colour; the crop of a picture that is too small is padded with black. */
static void fill_padding(uint8_t *pixels, const struct vit_preprocess *p)
{
    uint8_t colour[3] = {0, 0, 0};
    for (int c = 0; c < 3 && p->resize == VIT_RESIZE_BORDER; c++)
        colour[c] = (uint8_t)fmin(fmax(rint(255 * p->mean[c]), 0.0), 255.0);
    for (size_t i = 0; i < (size_t)p->size * (size_t)p->size; i++)
        memcpy(pixels + i * 3, colour, 3);
}

vit_status vit_pixels_from_image(uint8_t *pixels, const struct vit_image *image,
                                 const struct vit_preprocess *preprocess, struct vit_error *err)
{
    const struct vit_preprocess *p = preprocess;
    int64_t width = 0, height = 0;
    struct vit_image part;
    if (p->size < 1 || p->resize_to < 1 || p->crop_to != p->size)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessing to size %d: resize to %d, crop to %d", p->size,
                        p->resize_to, p->crop_to);
    VIT_TRY(resized_size(&width, &height, image, p, err));
    struct span x = centre((int)width, p->size, p->crop_round), y = centre((int)height, p->size, p->crop_round);
    struct vit_box box = {x.from, y.from, x.length, y.length};
    VIT_TRY(vit_resize_part(&part, image, (int)width, (int)height, box, p->filter, err));
    if (x.length < p->size || y.length < p->size)
        fill_padding(pixels, p);
    for (int row = 0; row < part.height; row++) {
        size_t at = (size_t)(y.to + row) * (size_t)p->size + (size_t)x.to;
        memcpy(pixels + at * 3, part.rgb + (size_t)row * (size_t)part.width * 3, (size_t)part.width * 3);
    }
    vit_image_free(&part);
    return VIT_OK;
}

void vit_patchify(float *patches, const uint8_t *pixels, int patch, const struct vit_preprocess *preprocess, int first,
                  int end)
{
    float normalised[3][256];
    for (int c = 0; c < 3; c++) {
        float mean = (float)preprocess->mean[c], std = (float)preprocess->std[c];
        for (int v = 0; v < 256; v++)
            normalised[c][v] = ((float)v / 255.0f - mean) / std;
    }
    int grid = preprocess->size / patch;
    for (int n = first; n < end; n++) {
        size_t top = (size_t)(n / grid) * (size_t)patch, left = (size_t)(n % grid) * (size_t)patch;
        for (int c = 0; c < 3; c++) {
            for (size_t y = top; y < top + (size_t)patch; y++) {
                const uint8_t *row = pixels + (y * (size_t)preprocess->size + left) * 3 + c;
                for (int x = 0; x < patch; x++, row += 3)
                    *patches++ = normalised[c][*row];
            }
        }
    }
}
