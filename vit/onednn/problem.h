/* dnnl_problem.h: one linear layer stated to oneDNN as one of its primitives, and the implementations that it offers for
 * it. Matmul, inner product and a 1x1 convolution over a picture one pixel high compute the same, from the same buffers;
 * which is fastest depends on CPU, shape and type. Included by dnnl_*.c only. */
#ifndef VIT_DNNL_PROBLEM_H
#define VIT_DNNL_PROBLEM_H

#include "vit/onednn/kernel.h"

enum vit_dnnl_primitive { VIT_DNNL_MATMUL, VIT_DNNL_INNER_PRODUCT, VIT_DNNL_CONVOLUTION };

struct vit_dnnl_problem {
    dnnl_memory_desc_t src, dst, bias;
    dnnl_memory_desc_t plain; /* the weight as the model has it: (out, in), rows dense */
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd; /* the implementation at hand */
};

/* States op; pd is the first implementation. has_bias: whether the primitive takes one. Closed by the caller, also after
 * a failure. */
vit_status vit_dnnl_problem_open(struct vit_dnnl_problem *problem, dnnl_engine_t engine, const struct vit_linear_op *op,
                                 bool has_bias, enum vit_dnnl_primitive primitive, struct vit_error *err);
void vit_dnnl_problem_close(struct vit_dnnl_problem *problem);

/* Moves on to the next implementation; false when only reference code is left. */
bool vit_dnnl_problem_next(struct vit_dnnl_problem *problem);

/* The implementation at hand, as "brg:avx512_core"; valid while it is at hand. */
const char *vit_dnnl_problem_name(const struct vit_dnnl_problem *problem);

/* Appends the implementation at hand to kernel, with every argument but the weight bound. */
vit_status vit_dnnl_problem_add(const struct vit_dnnl_problem *problem, struct vit_dnnl_kernel *kernel,
                                const struct vit_linear_op *op, const float *bias, struct vit_error *err);

/* Descriptor of the weight as the implementation at hand wants it; owned by the problem, for as long as pd is. */
const_dnnl_memory_desc_t vit_dnnl_problem_weight(const struct vit_dnnl_problem *problem);

#endif
