/* decode.h: file bytes -> image (H, W, 3).
 *
 * JPEG is decoded by libjpeg-turbo (ISLOW, fancy upsampling, full size), PNG by stb_image behind a check of the whole
 * file, BMP by hand; the pixels equal those of Pillow's `Image.open(f).convert("RGB")`, and with autorotate those of
 * `ImageOps.exif_transpose` before it. Two departures: 16-bit greyscale PNG keeps the high byte as every 16-bit kind
 * does, where Pillow clips at 255; and a damaged or cut PNG is refused even where Pillow finds all pixels.
 * Other formats are refused by name. The format is told from the content, never from the file's name. */
#ifndef VIT_DECODE_H
#define VIT_DECODE_H

#include <stddef.h>

#include "patches/image.h"
#include "vit/base/error.h"
#include "vit/base/preprocess.h"

/* Decodes n bytes; on success the caller frees *image. On failure *image is empty.
 * Errors: empty, unsupported, decode, too_large, memory. */
vit_status vit_decode(struct vit_image *image, const void *bytes, size_t n, const struct vit_decode_options *options,
                      struct vit_error *err);

/* The same from a file; the messages leave the path to the caller. Further errors: open, read. A folder, a FIFO or a
 * device is not an image file: unsupported. */
vit_status vit_decode_file(struct vit_image *image, const char *path, const struct vit_decode_options *options,
                           struct vit_error *err);

#endif
