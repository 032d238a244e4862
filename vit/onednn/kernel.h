/* kernel.h: a kernel made of oneDNN primitives that run one after the other. Private to this folder.
 *
 * Every primitive uses the caller's scratch (scratchpad mode `user`): a primitive of a library-owned scratchpad may not
 * be run from another thread than the one that made it. oneDNN starts threads by OpenMP; here it works on one, the
 * caller's (vit_dnnl_alone). */
#ifndef VIT_DNNL_KERNEL_H
#define VIT_DNNL_KERNEL_H

#include <oneapi/dnnl/dnnl.h>

#include "vit/operators/kernel.h"

enum { VIT_DNNL_CALLS = 3, VIT_DNNL_ARGS = 6 };

/* Where an argument of a primitive is found when it runs. */
struct vit_dnnl_place {
    enum { VIT_DNNL_DST, VIT_DNNL_INPUT, VIT_DNNL_SCRATCH } of;
    size_t at;     /* number of the input, or byte of the scratch */
    size_t offset; /* bytes from where dst or the input begins */
};

static inline struct vit_dnnl_place vit_dnnl_input(size_t i)
{
    return (struct vit_dnnl_place){.of = VIT_DNNL_INPUT, .at = i};
}

static inline struct vit_dnnl_place vit_dnnl_dst(void)
{
    return (struct vit_dnnl_place){.of = VIT_DNNL_DST};
}

struct vit_dnnl_call {
    dnnl_primitive_t primitive;
    int n_args;
    dnnl_exec_arg_t args[VIT_DNNL_ARGS];
    struct vit_dnnl_place places[VIT_DNNL_ARGS];
};

struct vit_dnnl_kernel {
    struct vit_kernel base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t plain, packed; /* the weight (out, in) f32, and as the primitive wants it; or NULL */
    int n_calls;
    struct vit_dnnl_call calls[VIT_DNNL_CALLS];
};

/* Turns a failing status into an error that names what was tried. */
vit_status vit_dnnl_check(dnnl_status_t status, const char *what, struct vit_error *err);

#define VIT_DNNL(call, what) VIT_TRY(vit_dnnl_check(call, what, err))

/* An empty kernel; freed by vit_kernel_free. */
vit_status vit_dnnl_kernel_create(struct vit_dnnl_kernel **kernel, const struct vit_implementation *implementation,
                                  struct vit_error *err);

/* Makes the primitive of pd and appends it; pd is destroyed, also on failure. */
vit_status vit_dnnl_kernel_add(struct vit_dnnl_kernel *kernel, dnnl_primitive_desc_t pd, struct vit_error *err);

/* Says where an argument of the last primitive is; scratch grows to hold it. */
vit_status vit_dnnl_kernel_bind(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md,
                                struct vit_dnnl_place place, struct vit_error *err);

/* An attribute with the user's scratchpad; destroyed by the caller. */
vit_status vit_dnnl_attr_create(dnnl_primitive_attr_t *attr, struct vit_error *err);

/* From now on oneDNN starts no threads when called from this one; returns how many it would have. */
int vit_dnnl_alone(void);
void vit_dnnl_not_alone(int threads);

/* A descriptor of data of the given strides (in elements), or dense when strides is NULL; destroyed by the caller. */
vit_status vit_dnnl_md_create(dnnl_memory_desc_t *md, enum vit_format rows, int n_dims, const dnnl_dims_t dims,
                              const dnnl_dim_t *strides, struct vit_error *err);

/* The numbers of rows as oneDNN calls them. */
dnnl_data_type_t vit_dnnl_type(enum vit_format rows);

/* The name of the code behind pd, as "brg:avx512_core"; valid while it is at hand. */
const char *vit_dnnl_code(const_dnnl_primitive_desc_t pd);

/* The operators; each file makes kernels for one. vit_dnnl_list_linear is as vit_dnnl_list. */
int vit_dnnl_list_linear(struct vit_implementation *list, int max, const struct vit_problem *problem, const char *name);
vit_status vit_dnnl_norm(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err);
vit_status vit_dnnl_attention(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                              const struct vit_problem *problem, struct vit_error *err);

#endif
