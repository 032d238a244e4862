/* patches.h: from the bytes of a picture's file to what a model reads, one function a step:
 *
 *     file bytes -decode-> image (H, W, 3) -resize, crop-> pixels (S, S, 3) -normalise, cut-> patches (N, 3PP)
 *
 * The door of patches/; formats.h, the other header, is for its own files alone. */
#ifndef VIT_PATCHES_H
#define VIT_PATCHES_H

#include <stddef.h>
#include <stdint.h>

#include "vit/base/error.h"
#include "vit/base/preprocess.h"

/* ---- image.c: a decoded picture ---- */

struct vit_image {
    int width, height;
    uint8_t *rgb; /* (H, W, 3), rows without padding; malloc'ed, owned */
};

/* Allocates the pixels of a width x height picture, unset. On failure *image is empty. Errors: decode (a side below
 * 1), memory. */
vit_status vit_image_create(struct vit_image *image, int width, int height, struct vit_error *err);

/* Frees the pixels and clears *image; NULL and an empty image are fine. */
void vit_image_free(struct vit_image *image);

/* ---- decode.c: file bytes -> image ----
 *
 * JPEG is decoded by libjpeg-turbo (ISLOW, fancy upsampling, full size), PNG by stb_image behind a check of the whole
 * file, BMP by hand; the pixels equal those of Pillow's `Image.open(f).convert("RGB")`, and with autorotate those of
 * `ImageOps.exif_transpose` before it. Two departures: 16-bit greyscale PNG keeps the high byte as every 16-bit kind
 * does, where Pillow clips at 255; and a damaged or cut PNG is refused even where Pillow finds all pixels.
 * Other formats are refused by name. The format is told from the content, never from the file's name. */

/* Decodes n bytes; on success the caller frees *image. On failure *image is empty.
 * Errors: empty, unsupported, decode, too_large, memory. */
vit_status vit_decode(struct vit_image *image, const void *bytes, size_t n, const struct vit_decode_options *options,
                      struct vit_error *err);

/* The same from a file; the messages leave the path to the caller. Further errors: open, read. A folder, a FIFO or a
 * device is not an image file: unsupported. */
vit_status vit_decode_file(struct vit_image *image, const char *path, const struct vit_decode_options *options,
                           struct vit_error *err);

/* ---- resize.c: Pillow's Image.resize for RGB, bit for bit ---- */

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

/* ---- pixels.c: image (H, W, 3) -> pixels (S, S, 3) -> patches (N, 3PP) ---- */

/* Resizes, crops and pads as the model's origin does, bit for bit as Pillow: pixels (S, S, 3), S = preprocess->size. */
vit_status vit_pixels_from_image(uint8_t *pixels, const struct vit_image *image,
                                 const struct vit_preprocess *preprocess, struct vit_error *err);

/* Normalises pixels (S, S, 3) and cuts them into patches (N, 3PP), N = (S/P)^2 in row-major order; a row holds
 * channel, then row, then column, as a convolution's weight (D, 3, P, P) flattens:
 * patches[n][c][y][x] = (pixel / 255 - mean[c]) / std[c], in f32 and in this order of operations (torchvision).
 * Only rows first to end - 1 are made, of which patches is the first. */
void vit_patchify(float *patches, const uint8_t *pixels, int patch, const struct vit_preprocess *preprocess, int first,
                  int end);

#endif
