/* types.h: what a plan of each precision keeps its numbers in. Private to vit/. */
#ifndef VIT_TYPES_H
#define VIT_TYPES_H

#include "vit/onednn/isa.h"
#include "vit/operators/format.h"
#include "vit/vit.h"

/* The residual stream, and what enters and leaves the model, is always rows of f32. */
struct vit_types {
    enum vit_precision precision;
    const char *name;           /* of the precision */
    enum vit_format activation; /* what the encoder's layers and attention read */
    enum vit_isa_level needs;
};

enum { VIT_MAX_TYPES = 4 };

/* Writes those that compute in precision and that this machine can use to list, the better ones first, and returns
 * their number. AUTO: bf16, where there is any, else f32. */
int vit_types_for(const struct vit_types *list[VIT_MAX_TYPES], enum vit_precision precision);

/* Bytes that a weight takes in memory. */
int vit_types_bytes(const struct vit_types *of);

#endif
