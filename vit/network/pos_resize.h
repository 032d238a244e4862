/* pos_resize.h: brings a map of position embeddings to another grid, as PyTorch's interpolate does on a CPU. */
#ifndef VIT_POS_RESIZE_H
#define VIT_POS_RESIZE_H

#include "vit/base/config.h"
#include "vit/base/error.h"

/* dst (to[0], to[1], D) = src (from[0], from[1], D), resized channel by channel; sizes are rows, columns. Equal grids
 * are copied. Mode none refuses unequal grids, naming both. dst must not overlap src. */
vit_status vit_pos_resize(float *dst, const int to[2], const float *src, const int from[2], int width,
                          enum vit_pos_resize mode, struct vit_error *err);

#endif
