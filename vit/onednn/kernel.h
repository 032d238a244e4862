/* dnnl_kernel.h: a kernel made of oneDNN primitives that run one after the other. Included by dnnl_*.c only.
 *
 * Every primitive uses the caller's scratch (scratchpad mode `user`): a primitive of a library-owned scratchpad may not
 * be run from another thread than the one that made it. */
#ifndef VIT_DNNL_KERNEL_H
#define VIT_DNNL_KERNEL_H

#include <oneapi/dnnl/dnnl.h>

#include "vit/operators/ops.h"

/* What the kernels of one plan share. */
struct vit_dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct vit_tuner *tuner; /* or NULL */
};

enum { VIT_DNNL_CALLS = 3, VIT_DNNL_ARGS = 6 };

struct vit_dnnl_call {
    dnnl_primitive_t primitive;
    int n_args;
    dnnl_exec_arg_t args[VIT_DNNL_ARGS];
    int64_t scratch_at[VIT_DNNL_ARGS]; /* where in the scratch args[i] lies; -1: it has memory of its own */
};

struct vit_dnnl_kernel {
    struct vit_kernel base;
    dnnl_stream_t stream;
    dnnl_engine_t engine;
    int n_calls;
    struct vit_dnnl_call calls[VIT_DNNL_CALLS];
    char implementation[96]; /* behind base.implementation */
};

/* Turns a failing status into an error that names what was tried. */
vit_status vit_dnnl_check(dnnl_status_t status, const char *what, struct vit_error *err);

#define VIT_DNNL(call, what) VIT_TRY(vit_dnnl_check(call, what, err))

/* An empty kernel; freed by vit_kernel_free. */
vit_status vit_dnnl_kernel_create(struct vit_dnnl_kernel **kernel, const struct vit_dnnl *dnnl, struct vit_error *err);

/* Makes the primitive of pd and appends it; pd is destroyed, also on failure. */
vit_status vit_dnnl_kernel_add(struct vit_dnnl_kernel *kernel, dnnl_primitive_desc_t pd, struct vit_error *err);

/* Binds an argument of the last primitive to data, NULL when that is set later; or to byte at of the scratch, which grows to hold it. */
vit_status vit_dnnl_kernel_bind(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md, const void *data,
                                struct vit_error *err);
vit_status vit_dnnl_kernel_bind_scratch(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md,
                                        size_t at, struct vit_error *err);

/* An attribute with the user's scratchpad; destroyed by the caller. */
vit_status vit_dnnl_attr_create(dnnl_primitive_attr_t *attr, struct vit_error *err);

/* A descriptor of data of the given strides (in elements), or dense when strides is NULL; destroyed by the caller. */
vit_status vit_dnnl_md_create(dnnl_memory_desc_t *md, enum vit_dtype type, int n_dims, const dnnl_dims_t dims,
                              const dnnl_dim_t *strides, struct vit_error *err);

/* VIT_F32 or VIT_BF16 as oneDNN calls it. */
dnnl_data_type_t vit_dnnl_type(enum vit_dtype type);

/* The operators; each file makes one kernel. */
vit_status vit_dnnl_norm(struct vit_kernel **kernel, void *context, const struct vit_norm_op *op,
                         struct vit_error *err);
vit_status vit_dnnl_attention(struct vit_kernel **kernel, void *context, const struct vit_attention_op *op,
                              struct vit_error *err);

#endif
