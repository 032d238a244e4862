/* types.h: what a plan of each precision keeps its numbers in. Private to vit/. */
#ifndef VIT_TYPES_H
#define VIT_TYPES_H

#include "vit/base/tensor.h"
#include "vit/onednn/isa.h"
#include "vit/vit.h"

struct vit_types {
    const char *name;
    enum vit_dtype stream;     /* the residual stream, and what enters and leaves the model */
    enum vit_dtype activation; /* what the encoder's layers and attention read */
    enum vit_dtype weight;     /* of layers that read activations; of those that read the stream's type, that */
    enum vit_isa_level needs;
};

/* Of VIT_PRECISION_F32 or VIT_PRECISION_BF16. */
const struct vit_types *vit_types_of(enum vit_precision precision);

#endif
