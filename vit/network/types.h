/* types.h: what a plan of each precision keeps its numbers in. Private to vit/. */
#ifndef VIT_TYPES_H
#define VIT_TYPES_H

#include "vit/onednn/isa.h"
#include "vit/operators/format.h"
#include "vit/vit.h"

/* The residual stream, and what enters and leaves the model, is always rows of f32. */
struct vit_types {
    enum vit_precision precision;
    const char *name;
    enum vit_format activation; /* what the encoder's layers and attention read */
    enum vit_isa_level needs;
};

/* Those of VIT_PRECISION_F32 or VIT_PRECISION_BF16 that suit this machine best; NULL: it can compute none. */
const struct vit_types *vit_types_of(enum vit_precision precision);

#endif
