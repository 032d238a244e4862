/* pixels.h: image (H, W, 3) -> pixels (S, S, 3) -> patches (N, 3PP). */
#ifndef VIT_PIXELS_H
#define VIT_PIXELS_H

#include "patches/image.h"
#include "vit/base/error.h"
#include "vit/base/preprocess.h"

/* Resizes, crops and pads as the model's origin does, bit for bit as Pillow: pixels (S, S, 3), S = preprocess->size. */
vit_status vit_pixels_from_image(uint8_t *pixels, const struct vit_image *image,
                                 const struct vit_preprocess *preprocess, struct vit_error *err);

/* Normalises pixels (S, S, 3) and cuts them into patches (N, 3PP), N = (S/P)^2 in row-major order; a row holds
 * channel, then row, then column, as a convolution's weight (D, 3, P, P) flattens:
 * patches[n][c][y][x] = (pixel / 255 - mean[c]) / std[c], in f32 and in this order of operations (torchvision). */
void vit_patchify(float *patches, const uint8_t *pixels, int patch, const struct vit_preprocess *preprocess);

#endif
