/* dnnl_linear.c: linear layers by oneDNN's matmul, with weights packed in the layout that it asks for, and GELU or the
 * residual sum as a post-operation. */
#include <stdio.h>

#include "vit/dnnl_kernel.h"

/* All descriptors of one linear layer, and the attribute; released together. */
struct parts {
    dnnl_memory_desc_t src, dst, bias, any, plain;
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t post_ops;
};

static void release(struct parts *p)
{
    dnnl_memory_desc_t mds[] = {p->src, p->dst, p->bias, p->any, p->plain};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        if (mds[i])
            dnnl_memory_desc_destroy(mds[i]);
    if (p->attr)
        dnnl_primitive_attr_destroy(p->attr);
    if (p->post_ops)
        dnnl_post_ops_destroy(p->post_ops);
}

static dnnl_status_t append_activation(dnnl_post_ops_t post_ops, enum vit_act act)
{
    switch (act) {
    case VIT_ACT_GELU_ERF: return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_gelu_erf, 0, 0);
    case VIT_ACT_GELU_TANH: return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_gelu_tanh, 0, 0);
    case VIT_ACT_QUICK_GELU: return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_swish, 1.702f, 0);
    case VIT_ACT_SILU: return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_swish, 1, 0);
    }
    return dnnl_invalid_arguments;
}

static vit_status describe(struct parts *p, const struct vit_linear_op *op, struct vit_error *err)
{
    int in = op->linear->in, out = op->linear->out;
    VIT_TRY(vit_dnnl_md_create(&p->src, 2, (dnnl_dims_t){op->rows, in}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->dst, 2, (dnnl_dims_t){op->rows, out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->bias, 2, (dnnl_dims_t){1, out}, NULL, err));
    VIT_DNNL(dnnl_memory_desc_create_with_tag(&p->any, 2, (dnnl_dims_t){in, out}, dnnl_f32, dnnl_format_tag_any),
             "descriptor");
    VIT_TRY(vit_dnnl_attr_create(&p->attr, err));
    VIT_DNNL(dnnl_post_ops_create(&p->post_ops), "post-operations");
    if (op->add)
        VIT_DNNL(dnnl_post_ops_append_sum(p->post_ops, 1, 0, dnnl_data_type_undef), "sum");
    else if (op->activate)
        VIT_DNNL(append_activation(p->post_ops, op->act), "activation");
    return vit_dnnl_check(dnnl_primitive_attr_set_post_ops(p->attr, p->post_ops), "post-operations", err);
}

/* What pack needs beside the two buffers. */
struct packer {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    const_dnnl_memory_desc_t from, to;
};

static vit_status reorder(const struct packer *packer, dnnl_memory_t from, dnnl_memory_t to, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_reorder_primitive_desc_create(&pd, packer->from, packer->engine, packer->to, packer->engine, NULL),
             "reorder of weights");
    dnnl_primitive_t primitive;
    vit_status status = vit_dnnl_check(dnnl_primitive_create(&primitive, pd), "reorder of weights", err);
    dnnl_primitive_desc_destroy(pd);
    if (status != VIT_OK)
        return status;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t result = dnnl_primitive_execute(primitive, packer->stream, 2, args);
    if (result == dnnl_success)
        result = dnnl_stream_wait(packer->stream);
    dnnl_primitive_destroy(primitive);
    return vit_dnnl_check(result, "reorder of weights", err);
}

static vit_status pack(const struct vit_packing *packing, const float *weight, void *dst, struct vit_error *err)
{
    const struct packer *packer = packing->context;
    dnnl_memory_t from = NULL, to = NULL;
    vit_status status = vit_dnnl_check(
        dnnl_memory_create(&from, packer->from, packer->engine, (void *)(uintptr_t)weight), "memory", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(dnnl_memory_create(&to, packer->to, packer->engine, dst), "memory", err);
    if (status == VIT_OK)
        status = reorder(packer, from, to, err);
    if (from)
        dnnl_memory_destroy(from);
    if (to)
        dnnl_memory_destroy(to);
    return status;
}

/* Spells a layout out: type, padded sizes, strides and inner blocks tell all plain and blocked layouts apart. */
static vit_status spell(char *key, size_t n, const_dnnl_memory_desc_t md, struct vit_error *err)
{
    dnnl_data_type_t type;
    dnnl_format_kind_t kind;
    const dnnl_dims_t *padded, *strides, *blocks, *axes;
    int n_blocks;
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_format_kind, &kind), "format kind");
    if (kind != dnnl_blocked)
        return vit_fail(err, VIT_ERR_INTERNAL, "oneDNN chose a weight layout of kind %d", (int)kind);
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_data_type, &type), "type");
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_padded_dims, &padded), "padded sizes");
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_strides, &strides), "strides");
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_inner_nblks_s32, &n_blocks), "blocks");
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_inner_blks, &blocks), "blocks");
    VIT_DNNL(dnnl_memory_desc_query(md, dnnl_query_inner_idxs, &axes), "blocks");
    size_t used = (size_t)snprintf(key, n, "onednn type %d size %lldx%lld strides %lld,%lld blocks", (int)type,
                                   (long long)(*padded)[0], (long long)(*padded)[1], (long long)(*strides)[0],
                                   (long long)(*strides)[1]);
    for (int i = 0; i < n_blocks && used < n; i++)
        used += (size_t)snprintf(key + used, n - used, " %lld%c", (long long)(*blocks)[i], 'a' + (int)(*axes)[i]);
    return VIT_OK;
}

static vit_status bind_weight(struct vit_dnnl_kernel *k, struct parts *p, const struct vit_linear_op *op,
                              const_dnnl_memory_desc_t packed_md, struct vit_error *err)
{
    int in = op->linear->in, out = op->linear->out;
    VIT_TRY(vit_dnnl_md_create(&p->plain, 2, (dnnl_dims_t){in, out}, (dnnl_dims_t){1, in}, err));
    struct packer packer = {k->engine, k->stream, p->plain, packed_md};
    struct vit_packing packing = {
        .size = dnnl_memory_desc_get_size(packed_md), .pack = pack, .context = &packer};
    VIT_TRY(spell(packing.key, sizeof packing.key, packed_md, err));
    const void *weight;
    VIT_TRY(vit_params_packed(op->params, op->linear, &packing, &weight, err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_WEIGHTS, packed_md, weight, err);
}

static vit_status fill(struct vit_dnnl_kernel *k, struct parts *p, const struct vit_linear_op *op,
                       struct vit_error *err)
{
    const float *bias;
    VIT_TRY(describe(p, op, err));
    VIT_TRY(vit_params_bias(op->params, op->linear, &bias, err));
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_matmul_primitive_desc_create(&pd, k->engine, p->src, p->any, bias ? p->bias : NULL, p->dst, p->attr),
             "matmul");
    dnnl_memory_desc_t weight_md = NULL;
    vit_status status = vit_dnnl_check(
        dnnl_memory_desc_clone(&weight_md, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0)), "weights", err);
    if (status == VIT_OK)
        status = vit_dnnl_kernel_add(k, pd, err);
    else
        dnnl_primitive_desc_destroy(pd);
    if (status == VIT_OK)
        status = bind_weight(k, p, op, weight_md, err);
    dnnl_memory_desc_destroy(weight_md);
    VIT_TRY(status);
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, p->src, op->src, err));
    if (bias)
        VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_BIAS, p->bias, bias, err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_DST, p->dst, op->dst, err);
}

vit_status vit_dnnl_linear(struct vit_kernel **kernel, void *context, const struct vit_linear_op *op,
                           struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, context, err));
    struct parts parts = {0};
    vit_status status = fill(k, &parts, op, err);
    release(&parts);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
