/* linear.c: a linear layer by oneDNN: as a matmul, an inner product or a 1x1 convolution over a picture one pixel high.
 * All three compute the same, from the same buffers, but for the weight, which is packed in the layout that the code
 * behind the primitive asks for; the activation or the residual sum is a post-operation. */
#include <stdio.h>
#include <string.h>

#include "vit/onednn/isa.h"
#include "vit/onednn/kernel.h"

/* A problem stated as one of the primitives. */
struct stated {
    dnnl_memory_desc_t src, dst, bias;
    dnnl_memory_desc_t plain, any; /* the weight as the model has it, (out, in) with dense rows; and in no layout yet */
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t pd; /* stands at one of the codes */
};

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

static vit_status state_post_ops(struct stated *s, const struct vit_linear_problem *p, struct vit_error *err)
{
    VIT_TRY(vit_dnnl_attr_create(&s->attr, err));
    dnnl_post_ops_t post_ops;
    VIT_DNNL(dnnl_post_ops_create(&post_ops), "post-operations");
    dnnl_status_t status = dnnl_success;
    if (p->add)
        status = dnnl_post_ops_append_sum(post_ops, 1, 0, dnnl_data_type_undef);
    else if (p->activate)
        status = append_activation(post_ops, p->act);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(s->attr, post_ops);
    dnnl_post_ops_destroy(post_ops);
    return vit_dnnl_check(status, "post-operations", err);
}

static vit_status state_rows(struct stated *s, const struct vit_linear_problem *p, struct vit_error *err)
{
    VIT_TRY(vit_dnnl_md_create(&s->src, p->src, 2, (dnnl_dims_t){p->rows, p->in}, (dnnl_dims_t){p->src_step, 1}, err));
    return vit_dnnl_md_create(&s->dst, p->dst, 2, (dnnl_dims_t){p->rows, p->out}, (dnnl_dims_t){p->dst_step, 1}, err);
}

static vit_status state_weight(struct stated *s, const struct vit_linear_problem *p, int n_dims, const dnnl_dims_t dims,
                               const dnnl_dim_t *strides, struct vit_error *err)
{
    VIT_TRY(vit_dnnl_md_create(&s->plain, VIT_ROWS_F32, n_dims, dims, strides, err));
    return vit_dnnl_check(
        dnnl_memory_desc_create_with_tag(&s->any, n_dims, dims, vit_dnnl_type(p->src), dnnl_format_tag_any), "weight",
        err);
}

static vit_status state_matmul(struct stated *s, dnnl_engine_t engine, const struct vit_linear_problem *p,
                               struct vit_error *err)
{
    VIT_TRY(state_rows(s, p, err));
    VIT_TRY(vit_dnnl_md_create(&s->bias, VIT_ROWS_F32, 2, (dnnl_dims_t){1, p->out}, NULL, err));
    VIT_TRY(state_weight(s, p, 2, (dnnl_dims_t){p->in, p->out}, (dnnl_dims_t){1, p->in}, err));
    return vit_dnnl_check(
        dnnl_matmul_primitive_desc_create(&s->pd, engine, s->src, s->any, p->bias ? s->bias : NULL, s->dst, s->attr),
        "matmul", err);
}

static vit_status state_inner_product(struct stated *s, dnnl_engine_t engine, const struct vit_linear_problem *p,
                                      struct vit_error *err)
{
    VIT_TRY(state_rows(s, p, err));
    VIT_TRY(vit_dnnl_md_create(&s->bias, VIT_ROWS_F32, 1, (dnnl_dims_t){p->out}, NULL, err));
    VIT_TRY(state_weight(s, p, 2, (dnnl_dims_t){p->out, p->in}, NULL, err));
    return vit_dnnl_check(dnnl_inner_product_forward_primitive_desc_create(&s->pd, engine, dnnl_forward_inference,
                                                                           s->src, s->any, p->bias ? s->bias : NULL,
                                                                           s->dst, s->attr),
                          "inner product", err);
}

/* Rows become the pixels of a picture one pixel high: channels-last memory is then the same rows. */
static vit_status state_convolution(struct stated *s, dnnl_engine_t engine, const struct vit_linear_problem *p,
                                    struct vit_error *err)
{
    dnnl_dim_t rows = p->rows, in = p->in, out = p->out;
    dnnl_dims_t src = {1, in, 1, rows}, dst = {1, out, 1, rows}, stride = {1, 1}, none = {0, 0};
    VIT_TRY(vit_dnnl_md_create(&s->src, p->src, 4, src,
                               (dnnl_dims_t){rows * p->src_step, 1, rows * p->src_step, p->src_step}, err));
    VIT_TRY(vit_dnnl_md_create(&s->dst, p->dst, 4, dst,
                               (dnnl_dims_t){rows * p->dst_step, 1, rows * p->dst_step, p->dst_step}, err));
    VIT_TRY(vit_dnnl_md_create(&s->bias, VIT_ROWS_F32, 1, (dnnl_dims_t){out}, NULL, err));
    VIT_TRY(state_weight(s, p, 4, (dnnl_dims_t){out, in, 1, 1}, NULL, err));
    return vit_dnnl_check(dnnl_convolution_forward_primitive_desc_create(
                              &s->pd, engine, dnnl_forward_inference, dnnl_convolution_direct, s->src, s->any,
                              p->bias ? s->bias : NULL, s->dst, stride, none, none, none, s->attr),
                          "convolution", err);
}

static const struct primitive {
    const char *name;
    vit_status (*state)(struct stated *s, dnnl_engine_t engine, const struct vit_linear_problem *p,
                        struct vit_error *err);
    char first_axis; /* of the weight's descriptor */
} primitives[] = {{"matmul", state_matmul, 'i'},
                  {"inner_product", state_inner_product, 'o'},
                  {"convolution", state_convolution, 'o'}};

enum { N_PRIMITIVES = sizeof primitives / sizeof *primitives };

static void discard(struct stated *s)
{
    dnnl_memory_desc_t mds[] = {s->src, s->dst, s->bias, s->plain, s->any};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        if (mds[i])
            dnnl_memory_desc_destroy(mds[i]);
    if (s->attr)
        dnnl_primitive_attr_destroy(s->attr);
    if (s->pd)
        dnnl_primitive_desc_destroy(s->pd);
}

/* At its first code. Discarded by the caller, also after a failure. */
static vit_status state(struct stated *s, dnnl_engine_t engine, const struct primitive *primitive,
                        const struct vit_linear_problem *p, struct vit_error *err)
{
    *s = (struct stated){0};
    VIT_TRY(state_post_ops(s, p, err));
    return primitive->state(s, engine, p, err);
}

/* ---- Listing ---- */

/* Code for SSE4.1 is never the fastest where there is AVX2, and slow to find that out about; nor is reference code. The
 * 1x1 convolution for AMX of oneDNN 3.2 writes behind dst for some numbers of rows
 * (seen with 27, 33, 36, .. 48 of them): no comparing of answers would make that good. */
static bool is_worth_trying(const char *code)
{
    return strncmp(code, "ref", 3) != 0 && strcmp(code, "jit_1x1:avx512_core_amx") != 0 &&
           !(strstr(code, "sse41") && vit_isa_level() >= VIT_ISA_AVX2);
}

static vit_status create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err);

static bool is_listed(const struct vit_implementation *list, int n, const char *name)
{
    while (n > 0)
        if (strcmp(list[--n].name, name) == 0)
            return true;
    return false;
}

/* All that primitive has, or the one called name. A code is named, never numbered: oneDNN 3.2 lists the first one anew
 * for each that has been made into a primitive before. */
static int list_codes(struct vit_implementation *list, int max, dnnl_engine_t engine, const struct primitive *primitive,
                      const struct vit_linear_problem *p, const char *name)
{
    struct stated s;
    int n = 0;
    bool more = state(&s, engine, primitive, p, NULL) == VIT_OK;
    while (more && n < max && !(name && n == 1)) {
        const char *code = vit_dnnl_code(s.pd);
        list[n] = (struct vit_implementation){.create = create, .how = primitive};
        int length = snprintf(list[n].name, sizeof list->name, "%s %s", primitive->name, code);
        bool wanted =
            name ? strcmp(list[n].name, name) == 0 : is_worth_trying(code) && !is_listed(list, n, list[n].name);
        n += wanted && length < (int)sizeof list->name; /* by a part of its name it would not be found again */
        more = dnnl_primitive_desc_next_impl(s.pd) == dnnl_success;
    }
    discard(&s);
    return n;
}

int vit_dnnl_list_linear(struct vit_implementation *list, int max, const struct vit_problem *problem, const char *name)
{
    dnnl_engine_t engine;
    int n = 0;
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        return 0;
    for (int i = 0; i < N_PRIMITIVES; i++)
        if (!name || strncmp(name, primitives[i].name, strlen(primitives[i].name)) == 0)
            n += list_codes(list + n, max - n, engine, &primitives[i], &problem->linear, name);
    dnnl_engine_destroy(engine);
    return n;
}

/* ---- Packing the weight ---- */

static vit_status reorder(const struct vit_dnnl_kernel *kernel, dnnl_memory_t from, dnnl_memory_t to,
                          struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(
        dnnl_reorder_primitive_desc_create(&pd, kernel->plain, kernel->engine, kernel->packed, kernel->engine, NULL),
        "reorder of weights");
    dnnl_primitive_t primitive;
    vit_status status = vit_dnnl_check(dnnl_primitive_create(&primitive, pd), "reorder of weights", err);
    dnnl_primitive_desc_destroy(pd);
    if (status != VIT_OK)
        return status;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t result = dnnl_primitive_execute(primitive, kernel->stream, 2, args);
    if (result == dnnl_success)
        result = dnnl_stream_wait(kernel->stream);
    dnnl_primitive_destroy(primitive);
    return vit_dnnl_check(result, "reorder of weights", err);
}

static vit_status pack(struct vit_kernel *base, void *dst, const float *weight, struct vit_error *err)
{
    const struct vit_dnnl_kernel *kernel = (struct vit_dnnl_kernel *)base;
    dnnl_memory_t from = NULL, to = NULL;
    vit_status status = vit_dnnl_check(
        dnnl_memory_create(&from, kernel->plain, kernel->engine, (void *)(uintptr_t)weight), "memory", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(dnnl_memory_create(&to, kernel->packed, kernel->engine, dst), "memory", err);
    int threads = vit_dnnl_alone();
    if (status == VIT_OK)
        status = reorder(kernel, from, to, err);
    vit_dnnl_not_alone(threads);
    if (from)
        dnnl_memory_destroy(from);
    if (to)
        dnnl_memory_destroy(to);
    return status;
}

/* Order of the axes, type, padded sizes, strides and inner blocks tell all plain and blocked layouts apart. */
static vit_status spell_packing(struct vit_packing *packing, const_dnnl_memory_desc_t md, char first_axis,
                                struct vit_error *err)
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
    size_t n = sizeof packing->key;
    size_t used = (size_t)snprintf(packing->key, n, "onednn type %d, %c first, size %lldx%lld strides %lld,%lld blocks",
                                   (int)type, first_axis, (long long)(*padded)[0], (long long)(*padded)[1],
                                   (long long)(*strides)[0], (long long)(*strides)[1]);
    for (int i = 0; i < n_blocks && used < n; i++)
        used +=
            (size_t)snprintf(packing->key + used, n - used, " %lld%c", (long long)(*blocks)[i], 'a' + (int)(*axes)[i]);
    packing->size = dnnl_memory_desc_get_size(md);
    return VIT_OK;
}

/* ---- The kernel ---- */

static vit_status fill(struct vit_dnnl_kernel *k, struct stated *s, const struct vit_implementation *implementation,
                       const struct vit_linear_problem *p, struct vit_error *err)
{
    const struct primitive *primitive = implementation->how;
    VIT_TRY(state(s, k->engine, primitive, p, err));
    while (strcmp(vit_dnnl_code(s->pd), implementation->name + strlen(primitive->name) + 1) != 0)
        VIT_DNNL(dnnl_primitive_desc_next_impl(s->pd), implementation->name);
    VIT_DNNL(dnnl_memory_desc_clone(&k->packed, dnnl_primitive_desc_query_md(s->pd, dnnl_query_weights_md, 0)),
             "weight");
    VIT_DNNL(dnnl_memory_desc_clone(&k->plain, s->plain), "weight");
    k->base.pack = pack;
    VIT_TRY(spell_packing(&k->base.packing, k->packed, primitive->first_axis, err));
    dnnl_primitive_desc_t pd = s->pd;
    s->pd = NULL;
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, s->src, vit_dnnl_input(VIT_SRC), err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_WEIGHTS, k->packed, vit_dnnl_input(VIT_WEIGHT), err));
    if (p->bias)
        VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_BIAS, s->bias, vit_dnnl_input(VIT_BIAS), err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_DST, s->dst, vit_dnnl_dst(), err);
}

static vit_status create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, implementation, err));
    struct stated s;
    int threads = vit_dnnl_alone();
    vit_status status = fill(k, &s, implementation, &problem->linear, err);
    vit_dnnl_not_alone(threads);
    discard(&s);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
