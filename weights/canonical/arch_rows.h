/* arch_rows.h: the tables in which arch.c looks names up, sorted by name. tests/make_timm.py makes arch_rows.c. */
#ifndef VIT_ARCH_ROWS_H
#define VIT_ARCH_ROWS_H

#include "weights/canonical/timm.h"

enum trait {
    PLAIN = 0,          /* CLS token, positions for it and the patches, norm before pooling, exact GELU, eps 1e-6 */
    NOCLS = 1 << 0,     /* no CLS token */
    DIST = 1 << 1,      /* distillation token and a second head */
    CLIP = 1 << 2,      /* norm before the first block, no bias of the patches, eps 1e-5 */
    QUICK = 1 << 3,     /* quick GELU */
    TANH = 1 << 4,      /* tanh GELU */
    SWIGLU = 1 << 5,
    SCALE = 1 << 6,     /* layer scale */
    NOQKVB = 1 << 7,    /* no bias of q, k, v */
    AVG = 1 << 8,       /* pooling: mean of the patches */
    MAP = 1 << 9,       /* pooling: attention */
    AFTER = 1 << 10,    /* final norm behind the pooling */
    NONORM = 1 << 11,   /* no final norm */
    PATCHPOS = 1 << 12, /* positions for the patches only */
    REGPOS = 1 << 13    /* positions for registers and patches */
};

struct vit_arch_row {
    const char *name;
    int width, depth, heads, mlp, patch, image_size, classes, n_reg;
    int traits;
};

extern const struct vit_arch_row vit_timm_archs[];
extern const struct vit_timm_model vit_timm_models[];
extern const int vit_timm_n_archs, vit_timm_n_models;

#endif
