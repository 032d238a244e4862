/* formats.h: the readers behind decode.h, one file per format.
 *
 * Each takes n bytes that begin with the format's magic and fills *image, which the caller frees. A reader that knows
 * metadata sets *orientation to the EXIF orientation, 1 to 8; the pixels stay as they are stored. On failure *image is
 * empty. Errors: unsupported, decode, too_large, memory. */
#ifndef VIT_FORMATS_H
#define VIT_FORMATS_H

#include <stddef.h>
#include <stdint.h>

#include "patches/image.h"
#include "vit/base/error.h"
#include "vit/base/preprocess.h"

vit_status vit_jpeg_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                           const struct vit_decode_options *options, int *orientation, struct vit_error *err);
vit_status vit_png_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, int *orientation, struct vit_error *err);
vit_status vit_bmp_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, struct vit_error *err);

/* Checks the size that a header declares: at least one pixel, at most options->max_pixels. */
vit_status vit_formats_check_size(int64_t width, int64_t height, const struct vit_decode_options *options,
                                  struct vit_error *err);

/* The pixels of a PNG file whose structure vit_png_decode has checked, by stb_image. No allocation exceeds
 * max_alloc bytes: image data that expands beyond what its header allows is a decode error. */
vit_status vit_stb_decode_png(struct vit_image *image, const uint8_t *png, int n, size_t max_alloc,
                              struct vit_error *err);

/* CRC-32 as in PNG and zip; crc is 0, or the value of the bytes before. */
uint32_t vit_formats_crc32(uint32_t crc, const void *bytes, size_t n);

#endif
