/* reference.h: numbers in an .npy file. */
#ifndef VIT_REFERENCE_H
#define VIT_REFERENCE_H

#include <stdint.h>

#include "vit/base/error.h"

/* Reads the n numbers of an .npy file, of a floating-point type and any shape, as f32; the caller frees *values. */
vit_status vit_reference_load(float **values, int64_t *n, const char *path, struct vit_error *err);

#endif
