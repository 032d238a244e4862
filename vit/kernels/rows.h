/* rows.h: what is done to each row by itself, by own kernels: layer norm, the norm of heads, and rounding to a format.
 * A row's results do not depend on the others. */
#ifndef VIT_KERNELS_ROWS_H
#define VIT_KERNELS_ROWS_H

#include <stdbool.h>

#include "vit/operators/kernel.h"

/* Each solves its problem, on f32 in memory aligned to 4 bytes and panels aligned to 64. */
struct vit_rows_isa {
    bool panels; /* what norm and convert may write to */
    void (*norm)(const struct vit_norm_problem *problem, const struct vit_buffers *buffers);
    void (*qk_norm)(const struct vit_qk_norm_problem *problem, const struct vit_buffers *buffers);
    void (*convert)(const struct vit_convert_problem *problem, const struct vit_buffers *buffers);
};

extern const struct vit_rows_isa vit_rows_avx2, vit_rows_avx512, vit_rows_amx;

/* Kernels for these operators; how of the implementation is a struct vit_rows_isa. */
vit_status vit_rows_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err);

#endif
