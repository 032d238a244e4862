/* dnnl_kernel.c: oneDNN's engine and stream, primitives bound to their arguments, and what is loaded. */
#include "vit/onednn/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/choice/linear.h"
#include "vit/kernels/attention.h"
#include "vit/vit.h"

vit_status vit_dnnl_check(dnnl_status_t status, const char *what, struct vit_error *err)
{
    if (status == dnnl_success)
        return VIT_OK;
    if (status == dnnl_out_of_memory)
        return vit_fail(err, VIT_ERR_MEMORY, "oneDNN, %s: out of memory", what);
    return vit_fail(err, VIT_ERR_INTERNAL, "oneDNN, %s: status %d", what, (int)status);
}

static void close_dnnl(void *context)
{
    struct vit_dnnl *dnnl = context;
    if (!dnnl)
        return;
    if (dnnl->stream)
        dnnl_stream_destroy(dnnl->stream);
    if (dnnl->engine)
        dnnl_engine_destroy(dnnl->engine);
    free(dnnl);
}

static vit_status open_dnnl(void **context, struct vit_tuner *tuner, struct vit_error *err)
{
    struct vit_dnnl *dnnl = calloc(1, sizeof *dnnl);
    if (!dnnl)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    dnnl->tuner = tuner;
    vit_status status = vit_dnnl_check(dnnl_engine_create(&dnnl->engine, dnnl_cpu, 0), "engine", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(dnnl_stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_in_order), "stream", err);
    if (status != VIT_OK) {
        close_dnnl(dnnl);
        return status;
    }
    *context = dnnl;
    return VIT_OK;
}

/* In bf16 the own kernel computes with f32's instructions, while oneDNN may have better ones. Both are made only for a race. */
static vit_status create_bf16_attention(struct vit_kernel **kernel, void *context, enum vit_isa_level level,
                                        const struct vit_attention_op *op, struct vit_error *err)
{
    struct vit_tuner *tuner = ((struct vit_dnnl *)context)->tuner;
    struct vit_kernel *kernels[VIT_ATTENTION_KERNELS] = {0};
    int winner = vit_attention_known(tuner, op);
    vit_status status = VIT_OK;
    if (winner != 1)
        status = vit_attention_create(&kernels[0], level, op, err);
    if (status == VIT_OK && winner != 0)
        status = vit_dnnl_attention(&kernels[1], context, op, err);
    if (status == VIT_OK && winner < 0)
        status = vit_attention_race(&winner, kernels, tuner, op, err);
    for (int i = 0; i < VIT_ATTENTION_KERNELS; i++) {
        if (status == VIT_OK && i == winner)
            *kernel = kernels[i];
        else
            vit_kernel_free(kernels[i]);
    }
    return status;
}

static vit_status create_attention(struct vit_kernel **kernel, void *context, const struct vit_attention_op *op,
                                   struct vit_error *err)
{
    enum vit_isa_level level = vit_isa_level();
    if (level == VIT_ISA_ANY)
        return vit_dnnl_attention(kernel, context, op, err);
    return op->type == VIT_F32 ? vit_attention_create(kernel, level, op, err)
                               : create_bf16_attention(kernel, context, level, op, err);
}

static vit_status create_linear(struct vit_kernel **kernel, void *context, const struct vit_linear_op *op,
                                struct vit_error *err)
{
    return vit_linear_create(kernel, context, ((struct vit_dnnl *)context)->tuner, op, err);
}

const struct vit_ops vit_ops_dnnl = {"onednn",      open_dnnl,        close_dnnl,      vit_dnnl_norm,
                                     create_linear, create_attention, vit_gate_create, vit_qk_norm_create};

static void free_kernel(struct vit_kernel *base)
{
    struct vit_dnnl_kernel *kernel = (struct vit_dnnl_kernel *)base;
    for (int c = 0; c < kernel->n_calls; c++) {
        struct vit_dnnl_call *call = &kernel->calls[c];
        for (int i = 0; i < call->n_args; i++)
            dnnl_memory_destroy(call->args[i].memory);
        if (call->primitive)
            dnnl_primitive_destroy(call->primitive);
    }
    free(kernel);
}

static vit_status run_kernel(struct vit_kernel *base, void *scratch, struct vit_error *err)
{
    struct vit_dnnl_kernel *kernel = (struct vit_dnnl_kernel *)base;
    for (int c = 0; c < kernel->n_calls; c++) {
        struct vit_dnnl_call *call = &kernel->calls[c];
        for (int i = 0; i < call->n_args; i++)
            if (call->scratch_at[i] >= 0)
                VIT_DNNL(dnnl_memory_set_data_handle(call->args[i].memory, (char *)scratch + call->scratch_at[i]),
                         "scratch");
        VIT_DNNL(dnnl_primitive_execute(call->primitive, kernel->stream, call->n_args, call->args), "execute");
    }
    return vit_dnnl_check(dnnl_stream_wait(kernel->stream), "wait", err);
}

vit_status vit_dnnl_kernel_create(struct vit_dnnl_kernel **kernel, const struct vit_dnnl *dnnl, struct vit_error *err)
{
    *kernel = calloc(1, sizeof **kernel);
    if (!*kernel)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    (*kernel)->base = (struct vit_kernel){(*kernel)->implementation, 0, run_kernel, free_kernel};
    (*kernel)->stream = dnnl->stream;
    (*kernel)->engine = dnnl->engine;
    return VIT_OK;
}

static void note_implementation(struct vit_dnnl_kernel *kernel, dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name)
        name = "unknown";
    size_t used = strlen(kernel->implementation);
    snprintf(kernel->implementation + used, sizeof kernel->implementation - used, "%s%s", used ? " + " : "", name);
}

static vit_status add_scratchpad(struct vit_dnnl_kernel *kernel, const_dnnl_primitive_desc_t pd, struct vit_error *err)
{
    const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (!md || dnnl_memory_desc_get_size(md) == 0)
        return VIT_OK;
    size_t at = (kernel->base.scratch_size + 63) / 64 * 64;
    return vit_dnnl_kernel_bind_scratch(kernel, DNNL_ARG_SCRATCHPAD, md, at, err);
}

vit_status vit_dnnl_kernel_add(struct vit_dnnl_kernel *kernel, dnnl_primitive_desc_t pd, struct vit_error *err)
{
    struct vit_dnnl_call *call = &kernel->calls[kernel->n_calls];
    vit_status status = vit_dnnl_check(dnnl_primitive_create(&call->primitive, pd), "primitive", err);
    if (status == VIT_OK) {
        kernel->n_calls++;
        note_implementation(kernel, pd);
        status = add_scratchpad(kernel, pd, err);
    }
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static vit_status bind(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md, void *data, int64_t at,
                       struct vit_error *err)
{
    struct vit_dnnl_call *call = &kernel->calls[kernel->n_calls - 1];
    dnnl_memory_t memory;
    VIT_DNNL(dnnl_memory_create(&memory, md, kernel->engine, data), "memory");
    call->scratch_at[call->n_args] = at;
    call->args[call->n_args++] = (dnnl_exec_arg_t){arg, memory};
    return VIT_OK;
}

vit_status vit_dnnl_kernel_bind(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md, const void *data,
                                struct vit_error *err)
{
    return bind(kernel, arg, md, data ? (void *)(uintptr_t)data : DNNL_MEMORY_NONE, -1, err);
}

vit_status vit_dnnl_kernel_bind_scratch(struct vit_dnnl_kernel *kernel, int arg, const_dnnl_memory_desc_t md,
                                        size_t at, struct vit_error *err)
{
    size_t end = at + dnnl_memory_desc_get_size(md);
    if (kernel->base.scratch_size < end)
        kernel->base.scratch_size = end;
    return bind(kernel, arg, md, DNNL_MEMORY_NONE, (int64_t)at, err);
}

vit_status vit_dnnl_attr_create(dnnl_primitive_attr_t *attr, struct vit_error *err)
{
    VIT_DNNL(dnnl_primitive_attr_create(attr), "attribute");
    return vit_dnnl_check(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user), "scratchpad", err);
}

dnnl_data_type_t vit_dnnl_type(enum vit_dtype type)
{
    return type == VIT_BF16 ? dnnl_bf16 : dnnl_f32;
}

vit_status vit_dnnl_md_create(dnnl_memory_desc_t *md, enum vit_dtype type, int n_dims, const dnnl_dims_t dims,
                              const dnnl_dim_t *strides, struct vit_error *err)
{
    dnnl_dims_t dense;
    dense[n_dims - 1] = 1;
    for (int i = n_dims - 1; i > 0; i--)
        dense[i - 1] = dense[i] * dims[i];
    return vit_dnnl_check(dnnl_memory_desc_create_with_strides(md, n_dims, dims, vit_dnnl_type(type), strides ? strides : dense),
                          "descriptor", err);
}
