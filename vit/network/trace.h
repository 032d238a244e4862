/* trace.h: writes named arrays as .npy files, for comparing stage by stage. */
#ifndef VIT_TRACE_H
#define VIT_TRACE_H

#include <stdint.h>

#include "vit/base/error.h"

/* Writes folder/name.npy: data in C order, of the given shape. Errors: open, read. */
vit_status vit_trace_f32(const char *folder, const char *name, const float *data, int n_dims, const int64_t *shape,
                         struct vit_error *err);
vit_status vit_trace_u8(const char *folder, const char *name, const uint8_t *data, int n_dims, const int64_t *shape,
                        struct vit_error *err);

#endif
