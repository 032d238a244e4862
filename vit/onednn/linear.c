/* dnnl_linear.c: three kinds of linear layer by oneDNN, with the weight packed in the layout that the implementation asks
 * for, and GELU or the residual sum as a post-operation. */
#include <stdio.h>
#include <stdlib.h>

#include "vit/choice/linear.h"
#include "vit/onednn/problem.h"

/* The implementations of one primitive for an op. */
struct list {
    const struct vit_dnnl *dnnl;
    const struct vit_linear_op *op;
    const float *bias;
    enum vit_dnnl_primitive primitive;
    struct vit_dnnl_problem problem;
};

/* ---- Packing the weight ---- */

static vit_status reorder(const struct vit_dnnl *dnnl, const_dnnl_memory_desc_t from_md, dnnl_memory_t from,
                          const_dnnl_memory_desc_t to_md, dnnl_memory_t to, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_reorder_primitive_desc_create(&pd, from_md, dnnl->engine, to_md, dnnl->engine, NULL),
             "reorder of weights");
    dnnl_primitive_t primitive;
    vit_status status = vit_dnnl_check(dnnl_primitive_create(&primitive, pd), "reorder of weights", err);
    dnnl_primitive_desc_destroy(pd);
    if (status != VIT_OK)
        return status;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    dnnl_status_t result = dnnl_primitive_execute(primitive, dnnl->stream, 2, args);
    if (result == dnnl_success)
        result = dnnl_stream_wait(dnnl->stream);
    dnnl_primitive_destroy(primitive);
    return vit_dnnl_check(result, "reorder of weights", err);
}

static vit_status pack(const struct vit_packing *packing, const float *weight, void *dst, struct vit_error *err)
{
    const struct list *list = packing->context;
    const struct vit_dnnl *dnnl = list->dnnl;
    const_dnnl_memory_desc_t plain = list->problem.plain, packed = vit_dnnl_problem_weight(&list->problem);
    dnnl_memory_t from = NULL, to = NULL;
    vit_status status =
        vit_dnnl_check(dnnl_memory_create(&from, plain, dnnl->engine, (void *)(uintptr_t)weight), "memory", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(dnnl_memory_create(&to, packed, dnnl->engine, dst), "memory", err);
    if (status == VIT_OK)
        status = reorder(dnnl, plain, from, packed, to, err);
    if (from)
        dnnl_memory_destroy(from);
    if (to)
        dnnl_memory_destroy(to);
    return status;
}

/* Spells a layout out: order of the axes, type, padded sizes, strides and inner blocks tell all plain and blocked layouts
 * apart. first_axis is "in" or "out". */
static vit_status spell(char *key, size_t n, const_dnnl_memory_desc_t md, const char *first_axis, struct vit_error *err)
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
    size_t used = (size_t)snprintf(key, n, "onednn type %d, %s first, size %lldx%lld strides %lld,%lld blocks",
                                   (int)type, first_axis, (long long)(*padded)[0], (long long)(*padded)[1],
                                   (long long)(*strides)[0], (long long)(*strides)[1]);
    for (int i = 0; i < n_blocks && used < n; i++)
        used += (size_t)snprintf(key + used, n - used, " %lld%c", (long long)(*blocks)[i], 'a' + (int)(*axes)[i]);
    return VIT_OK;
}

static vit_status describe_packing(struct vit_packing *packing, const struct list *list, struct vit_error *err)
{
    const_dnnl_memory_desc_t md = vit_dnnl_problem_weight(&list->problem);
    *packing = (struct vit_packing){.size = dnnl_memory_desc_get_size(md), .pack = pack, .context = (void *)(uintptr_t)list};
    return spell(packing->key, sizeof packing->key, md, list->primitive == VIT_DNNL_MATMUL ? "in" : "out", err);
}

/* ---- The kinds ---- */

static void close_list(void *list)
{
    vit_dnnl_problem_close(&((struct list *)list)->problem);
    free(list);
}

static vit_status open_list(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                            enum vit_dnnl_primitive primitive, struct vit_error *err)
{
    struct list *l = malloc(sizeof *l);
    if (!l)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *l = (struct list){context, op, bias, primitive, {0}};
    vit_status status = vit_dnnl_problem_open(&l->problem, l->dnnl->engine, op, bias != NULL, primitive, err);
    if (status == VIT_OK)
        *list = l;
    else
        close_list(l);
    return status;
}

static vit_status open_matmul(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                              struct vit_error *err)
{
    return open_list(list, context, op, bias, VIT_DNNL_MATMUL, err);
}

static vit_status open_inner_product(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                                     struct vit_error *err)
{
    return open_list(list, context, op, bias, VIT_DNNL_INNER_PRODUCT, err);
}

static vit_status open_convolution(void **list, void *context, const struct vit_linear_op *op, const float *bias,
                                   struct vit_error *err)
{
    return open_list(list, context, op, bias, VIT_DNNL_CONVOLUTION, err);
}

static bool next(void *list)
{
    return vit_dnnl_problem_next(&((struct list *)list)->problem);
}

static const char *implementation(const void *list)
{
    return vit_dnnl_problem_name(&((const struct list *)list)->problem);
}

/* The weight is the last argument. */
static vit_status set_weight(struct vit_kernel *base, const void *packed, struct vit_error *err)
{
    const struct vit_dnnl_call *call = &((struct vit_dnnl_kernel *)base)->calls[0];
    return vit_dnnl_check(dnnl_memory_set_data_handle(call->args[call->n_args - 1].memory, (void *)(uintptr_t)packed),
                          "weight", err);
}

static vit_status fill(const struct list *list, struct vit_dnnl_kernel *kernel, struct vit_packing *packing,
                       struct vit_error *err)
{
    const struct vit_dnnl_problem *problem = &list->problem;
    VIT_TRY(vit_dnnl_problem_add(problem, kernel, list->op, list->bias, err));
    VIT_TRY(vit_dnnl_kernel_bind(kernel, DNNL_ARG_WEIGHTS, vit_dnnl_problem_weight(problem), NULL, err));
    return describe_packing(packing, list, err);
}

static vit_status make(const void *list, struct vit_linear_candidate *candidate, struct vit_error *err)
{
    struct vit_dnnl_kernel *kernel;
    VIT_TRY(vit_dnnl_kernel_create(&kernel, ((const struct list *)list)->dnnl, err));
    vit_status status = fill(list, kernel, &candidate->packing, err);
    if (status != VIT_OK) {
        vit_kernel_free(&kernel->base);
        return status;
    }
    candidate->kernel = &kernel->base;
    candidate->set_weight = set_weight;
    return VIT_OK;
}

const struct vit_linear_kind vit_linear_matmul = {
    "matmul", false, open_matmul, close_list, next, implementation, make};
const struct vit_linear_kind vit_linear_inner_product = {
    "inner_product", false, open_inner_product, close_list, next, implementation, make};
const struct vit_linear_kind vit_linear_convolution = {
    "convolution", false, open_convolution, close_list, next, implementation, make};
