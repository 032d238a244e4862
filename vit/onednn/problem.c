/* dnnl_problem.c: a linear layer as a matmul, an inner product or a 1x1 convolution. */
#include "vit/onednn/problem.h"

#include <string.h>

#include "vit/onednn/isa.h"

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

static vit_status describe_post_ops(struct vit_dnnl_problem *p, const struct vit_linear_op *op, struct vit_error *err)
{
    VIT_TRY(vit_dnnl_attr_create(&p->attr, err));
    dnnl_post_ops_t post_ops;
    VIT_DNNL(dnnl_post_ops_create(&post_ops), "post-operations");
    dnnl_status_t status = dnnl_success;
    if (op->add)
        status = dnnl_post_ops_append_sum(post_ops, 1, 0, dnnl_data_type_undef);
    else if (op->activate)
        status = append_activation(post_ops, op->act);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(p->attr, post_ops);
    dnnl_post_ops_destroy(post_ops);
    return vit_dnnl_check(status, "post-operations", err);
}

static vit_status open_matmul(struct vit_dnnl_problem *p, dnnl_engine_t engine, const struct vit_linear_op *op, bool has_bias,
                              dnnl_memory_desc_t *any, struct vit_error *err)
{
    dnnl_dim_t rows = op->rows, in = op->linear->in, out = op->linear->out;
    VIT_TRY(vit_dnnl_md_create(&p->src, op->src.type, 2, (dnnl_dims_t){rows, in}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->dst, op->dst.type, 2, (dnnl_dims_t){rows, out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->bias, VIT_F32, 2, (dnnl_dims_t){1, out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->plain, VIT_F32, 2, (dnnl_dims_t){in, out}, (dnnl_dims_t){1, in}, err));
    VIT_DNNL(dnnl_memory_desc_create_with_tag(any, 2, (dnnl_dims_t){in, out}, vit_dnnl_type(op->src.type), dnnl_format_tag_any),
             "weight");
    return vit_dnnl_check(
        dnnl_matmul_primitive_desc_create(&p->pd, engine, p->src, *any, has_bias ? p->bias : NULL, p->dst, p->attr),
        "matmul", err);
}

static vit_status open_inner_product(struct vit_dnnl_problem *p, dnnl_engine_t engine, const struct vit_linear_op *op, bool has_bias,
                                     dnnl_memory_desc_t *any, struct vit_error *err)
{
    dnnl_dim_t rows = op->rows, in = op->linear->in, out = op->linear->out;
    VIT_TRY(vit_dnnl_md_create(&p->src, op->src.type, 2, (dnnl_dims_t){rows, in}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->dst, op->dst.type, 2, (dnnl_dims_t){rows, out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->bias, VIT_F32, 1, (dnnl_dims_t){out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->plain, VIT_F32, 2, (dnnl_dims_t){out, in}, NULL, err));
    VIT_DNNL(dnnl_memory_desc_create_with_tag(any, 2, (dnnl_dims_t){out, in}, vit_dnnl_type(op->src.type), dnnl_format_tag_any),
             "weight");
    return vit_dnnl_check(dnnl_inner_product_forward_primitive_desc_create(&p->pd, engine, dnnl_forward_inference,
                                                                           p->src, *any, has_bias ? p->bias : NULL,
                                                                           p->dst, p->attr),
                          "inner product", err);
}

/* Rows become the pixels of a picture one pixel high: channels-last memory is then the same rows. */
static vit_status open_convolution(struct vit_dnnl_problem *p, dnnl_engine_t engine, const struct vit_linear_op *op, bool has_bias,
                                   dnnl_memory_desc_t *any, struct vit_error *err)
{
    dnnl_dim_t rows = op->rows, in = op->linear->in, out = op->linear->out;
    dnnl_dims_t src = {1, in, 1, rows}, dst = {1, out, 1, rows}, weight = {out, in, 1, 1};
    VIT_TRY(vit_dnnl_md_create(&p->src, op->src.type, 4, src, (dnnl_dims_t){rows * in, 1, rows * in, in}, err));
    VIT_TRY(vit_dnnl_md_create(&p->dst, op->dst.type, 4, dst, (dnnl_dims_t){rows * out, 1, rows * out, out}, err));
    VIT_TRY(vit_dnnl_md_create(&p->bias, VIT_F32, 1, (dnnl_dims_t){out}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->plain, VIT_F32, 4, weight, NULL, err));
    VIT_DNNL(dnnl_memory_desc_create_with_tag(any, 4, weight, vit_dnnl_type(op->src.type), dnnl_format_tag_any),
             "weight");
    dnnl_dims_t stride = {1, 1}, none = {0, 0};
    return vit_dnnl_check(dnnl_convolution_forward_primitive_desc_create(
                              &p->pd, engine, dnnl_forward_inference, dnnl_convolution_direct, p->src, *any,
                              has_bias ? p->bias : NULL, p->dst, stride, none, none, none, p->attr),
                          "convolution", err);
}

vit_status vit_dnnl_problem_open(struct vit_dnnl_problem *problem, dnnl_engine_t engine, const struct vit_linear_op *op,
                                 bool has_bias, enum vit_dnnl_primitive primitive, struct vit_error *err)
{
    vit_status (*const openers[])(struct vit_dnnl_problem *, dnnl_engine_t, const struct vit_linear_op *, bool,
                                  dnnl_memory_desc_t *, struct vit_error *) = {open_matmul, open_inner_product,
                                                                               open_convolution};
    *problem = (struct vit_dnnl_problem){0};
    VIT_TRY(describe_post_ops(problem, op, err));
    dnnl_memory_desc_t any = NULL;
    vit_status status = openers[primitive](problem, engine, op, has_bias, &any, err);
    if (any)
        dnnl_memory_desc_destroy(any);
    return status;
}

void vit_dnnl_problem_close(struct vit_dnnl_problem *p)
{
    dnnl_memory_desc_t mds[] = {p->src, p->dst, p->bias, p->plain};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        if (mds[i])
            dnnl_memory_desc_destroy(mds[i]);
    if (p->attr)
        dnnl_primitive_attr_destroy(p->attr);
    if (p->pd)
        dnnl_primitive_desc_destroy(p->pd);
    *p = (struct vit_dnnl_problem){0};
}

const char *vit_dnnl_problem_name(const struct vit_dnnl_problem *problem)
{
    const char *name = NULL;
    if (dnnl_primitive_desc_query(problem->pd, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name)
        return "unknown";
    return name;
}

/* Code for SSE4.1 is never the fastest where there is AVX2, and slow to find that out about. */
static bool is_outdated(const char *name)
{
    return strstr(name, "sse41") && vit_isa_level() >= VIT_ISA_AVX2;
}

bool vit_dnnl_problem_next(struct vit_dnnl_problem *problem)
{
    do
        if (dnnl_primitive_desc_next_impl(problem->pd) != dnnl_success)
            return false;
    while (is_outdated(vit_dnnl_problem_name(problem)));
    return strncmp(vit_dnnl_problem_name(problem), "ref", 3) != 0;
}

const_dnnl_memory_desc_t vit_dnnl_problem_weight(const struct vit_dnnl_problem *problem)
{
    return dnnl_primitive_desc_query_md(problem->pd, dnnl_query_weights_md, 0);
}

vit_status vit_dnnl_problem_add(const struct vit_dnnl_problem *problem, struct vit_dnnl_kernel *kernel,
                                const struct vit_linear_op *op, const float *bias, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_primitive_desc_clone(&pd, problem->pd), "clone");
    VIT_TRY(vit_dnnl_kernel_add(kernel, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(kernel, DNNL_ARG_SRC, problem->src, op->src.data, err));
    if (bias)
        VIT_TRY(vit_dnnl_kernel_bind(kernel, DNNL_ARG_BIAS, problem->bias, bias, err));
    return vit_dnnl_kernel_bind(kernel, DNNL_ARG_DST, problem->dst, op->dst.data, err);
}
