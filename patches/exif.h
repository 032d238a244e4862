/* exif.h: which way up a picture is. */
#ifndef VIT_EXIF_H
#define VIT_EXIF_H

#include <stddef.h>
#include <stdint.h>

#include "patches/image.h"
#include "vit/base/error.h"

/* The orientation, 1 to 8, in n bytes of EXIF: a TIFF structure, after at most two "Exif\0\0". 0 when there is none
 * or the structure is damaged. */
int vit_exif_orientation(const uint8_t *exif, size_t n);

/* The same from n bytes of XMP, which Pillow consults when EXIF has no orientation. */
int vit_exif_xmp_orientation(const uint8_t *xmp, size_t n);

/* Turns and mirrors the picture so that an image with this orientation stands upright; anything but 2 to 8 leaves it
 * alone. Error: memory. */
vit_status vit_exif_apply(struct vit_image *image, int orientation, struct vit_error *err);

#endif
