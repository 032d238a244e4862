/* formats.h: the readers behind vit_decode, one file per format, and what they share. Private to patches/.
 *
 * Each takes n bytes that begin with the format's magic and fills *image, which the caller frees. A reader that knows
 * metadata sets *orientation to the EXIF orientation, 1 to 8; the pixels stay as they are stored. On failure *image is
 * empty. Errors: unsupported, decode, too_large, memory. */
#ifndef VIT_FORMATS_H
#define VIT_FORMATS_H

#include "patches/patches.h"

vit_status vit_jpeg_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                           const struct vit_decode_options *options, int *orientation, struct vit_error *err);
vit_status vit_png_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, int *orientation, struct vit_error *err);
vit_status vit_bmp_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, struct vit_error *err);

/* Checks the size that a header declares: at least one pixel, at most options->max_pixels. */
vit_status vit_image_check_size(int64_t width, int64_t height, const struct vit_decode_options *options,
                                struct vit_error *err);

/* The pixels of a PNG file whose structure vit_png_decode has checked, by stb_image. No allocation exceeds
 * max_alloc bytes: image data that expands beyond what its header allows is a decode error. */
vit_status vit_stb_decode_png(struct vit_image *image, const uint8_t *png, int n, size_t max_alloc,
                              struct vit_error *err);

/* ---- exif.c: which way up a picture is, as Pillow tells it ---- */

/* The orientation, 1 to 8, in n bytes of EXIF: a TIFF structure, after at most two "Exif\0\0". What is there but
 * cannot be used counts as 1; 0: there is none, and XMP is asked. */
int vit_exif_orientation(const uint8_t *exif, size_t n);

/* The same from n bytes of XMP. */
int vit_exif_xmp_orientation(const uint8_t *xmp, size_t n);

/* Turns and mirrors the picture so that an image with this orientation stands upright; anything but 2 to 8 leaves it
 * alone. Error: memory. */
vit_status vit_exif_apply(struct vit_image *image, int orientation, struct vit_error *err);

#endif
