/* kernel.c: primitives, and the data bound to their arguments when they run. */
#include "vit/onednn/kernel.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

vit_status vit_dnnl_check(dnnl_status_t status, const char *what, struct vit_error *err)
{
    if (status == dnnl_success)
        return VIT_OK;
    if (status == dnnl_out_of_memory)
        return vit_fail(err, VIT_ERR_MEMORY, "oneDNN, %s: out of memory", what);
    return vit_fail(err, VIT_ERR_INTERNAL, "oneDNN, %s: status %d", what, (int)status);
}

int vit_dnnl_alone(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* of this thread alone */
    return threads;
}

void vit_dnnl_not_alone(int threads)
{
    omp_set_num_threads(threads);
}

/* ---- A kernel ---- */

static void free_kernel(struct vit_kernel *base)
{
    struct vit_dnnl_kernel *kernel = (struct vit_dnnl_kernel *)base;
    for (int c = 0; c < kernel->n_calls; c++) {
        struct vit_dnnl_call *call = &kernel->calls[c];
        for (int i = 0; i < call->n_args; i++)
            dnnl_memory_destroy(call->args[i].memory);
        dnnl_primitive_destroy(call->primitive);
    }
    if (kernel->plain)
        dnnl_memory_desc_destroy(kernel->plain);
    if (kernel->packed)
        dnnl_memory_desc_destroy(kernel->packed);
    if (kernel->stream)
        dnnl_stream_destroy(kernel->stream);
    if (kernel->engine)
        dnnl_engine_destroy(kernel->engine);
    free(kernel);
}

static vit_status run_calls(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                            struct vit_error *err)
{
    struct vit_dnnl_kernel *kernel = (struct vit_dnnl_kernel *)base;
    for (int c = 0; c < kernel->n_calls; c++) {
        struct vit_dnnl_call *call = &kernel->calls[c];
        for (int i = 0; i < call->n_args; i++) {
            struct vit_dnnl_place place = call->places[i];
            void *data = place.of == VIT_DNNL_DST     ? (char *)buffers->dst + place.offset
                         : place.of == VIT_DNNL_INPUT ? (char *)(uintptr_t)buffers->in[place.at] + place.offset
                                                      : (char *)scratch + place.at;
            VIT_DNNL(dnnl_memory_set_data_handle(call->args[i].memory, data), "argument");
        }
        VIT_DNNL(dnnl_primitive_execute(call->primitive, kernel->stream, call->n_args, call->args), "execute");
    }
    return vit_dnnl_check(dnnl_stream_wait(kernel->stream), "wait", err);
}

static vit_status run_kernel(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                             struct vit_error *err)
{
    int threads = vit_dnnl_alone();
    vit_status status = run_calls(base, buffers, scratch, err);
    vit_dnnl_not_alone(threads);
    return status;
}

vit_status vit_dnnl_kernel_create(struct vit_dnnl_kernel **kernel, const struct vit_implementation *implementation,
                                  struct vit_error *err)
{
    struct vit_dnnl_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    k->base = (struct vit_kernel){.run = run_kernel, .free = free_kernel};
    strcpy(k->base.name, implementation->name);
    vit_status status = vit_dnnl_check(dnnl_engine_create(&k->engine, dnnl_cpu, 0), "engine", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(dnnl_stream_create(&k->stream, k->engine, dnnl_stream_in_order), "stream", err);
    if (status == VIT_OK)
        *kernel = k;
    else
        free_kernel(&k->base);
    return status;
}

vit_status vit_dnnl_kernel_bind(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md,
                                struct vit_dnnl_place place, struct vit_error *err)
{
    struct vit_dnnl_call *call = &kernel->calls[kernel->n_calls - 1];
    size_t end = place.of == VIT_DNNL_SCRATCH ? place.at + dnnl_memory_desc_get_size(md) : 0;
    dnnl_memory_t memory;
    VIT_DNNL(dnnl_memory_create(&memory, md, kernel->engine, DNNL_MEMORY_NONE), "memory");
    call->places[call->n_args] = place;
    call->args[call->n_args++] = (dnnl_exec_arg_t){arg, memory};
    if (kernel->base.scratch_size < end)
        kernel->base.scratch_size = end;
    return VIT_OK;
}

static vit_status add_scratchpad(struct vit_dnnl_kernel *kernel, const_dnnl_primitive_desc_t pd, struct vit_error *err)
{
    const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (!md || dnnl_memory_desc_get_size(md) == 0)
        return VIT_OK;
    size_t at = (kernel->base.scratch_size + 63) / 64 * 64;
    return vit_dnnl_kernel_bind(kernel, DNNL_ARG_SCRATCHPAD, md,
                                (struct vit_dnnl_place){.of = VIT_DNNL_SCRATCH, .at = at}, err);
}

vit_status vit_dnnl_kernel_add(struct vit_dnnl_kernel *kernel, dnnl_primitive_desc_t pd, struct vit_error *err)
{
    vit_status status =
        vit_dnnl_check(dnnl_primitive_create(&kernel->calls[kernel->n_calls].primitive, pd), "primitive", err);
    if (status == VIT_OK) {
        kernel->n_calls++;
        status = add_scratchpad(kernel, pd, err);
    }
    dnnl_primitive_desc_destroy(pd);
    return status;
}

/* ---- Descriptors ---- */

vit_status vit_dnnl_attr_create(dnnl_primitive_attr_t *attr, struct vit_error *err)
{
    VIT_DNNL(dnnl_primitive_attr_create(attr), "attribute");
    return vit_dnnl_check(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user), "scratchpad", err);
}

dnnl_data_type_t vit_dnnl_type(enum vit_format rows)
{
    return rows == VIT_ROWS_BF16 ? dnnl_bf16 : dnnl_f32;
}

vit_status vit_dnnl_md_create(dnnl_memory_desc_t *md, enum vit_format rows, int n_dims, const dnnl_dims_t dims,
                              const dnnl_dim_t *strides, struct vit_error *err)
{
    dnnl_dims_t dense;
    dense[n_dims - 1] = 1;
    for (int i = n_dims - 1; i > 0; i--)
        dense[i - 1] = dense[i] * dims[i];
    dnnl_data_type_t dnnl_type = vit_dnnl_type(rows);
    return vit_dnnl_check(dnnl_memory_desc_create_with_strides(md, n_dims, dims, dnnl_type, strides ? strides : dense),
                          "descriptor", err);
}

const char *vit_dnnl_code(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name)
        return "unknown";
    return name;
}
