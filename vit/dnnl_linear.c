/* dnnl_linear.c: linear layers by oneDNN, with the weight packed in the layout that the chosen implementation asks for,
 * and GELU or the residual sum as a post-operation. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "vit/dnnl_problem.h"

/* ---- Packing the weight ---- */

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

static vit_status bind_weight(const struct vit_dnnl_problem *problem, struct vit_dnnl_kernel *kernel,
                              const struct vit_dnnl *dnnl, const struct vit_linear_op *op,
                              enum vit_dnnl_primitive primitive, struct vit_error *err)
{
    const_dnnl_memory_desc_t md = vit_dnnl_problem_weight(problem);
    struct packer packer = {dnnl->engine, dnnl->stream, problem->plain, md};
    struct vit_packing packing = {.size = dnnl_memory_desc_get_size(md), .pack = pack, .context = &packer};
    const char *first = primitive == VIT_DNNL_MATMUL ? "in" : "out";
    VIT_TRY(spell(packing.key, sizeof packing.key, md, first, err));
    const void *weight;
    VIT_TRY(vit_params_packed(op->params, op->linear, &packing, &weight, err));
    return vit_dnnl_kernel_bind(kernel, DNNL_ARG_WEIGHTS, md, weight, err);
}

/* ---- Choosing ---- */

/* Everything that may change which implementation is fastest. */
static void spell_op(char key[VIT_TUNER_KEY_MAX], const struct vit_linear_op *op, bool has_bias)
{
    snprintf(key, VIT_TUNER_KEY_MAX, "linear %s to %s %d of %lldx%dx%d%s%s%s%s threads %d",
             vit_dtype_name(op->src.type), vit_dtype_name(op->dst.type), op->images,
             (long long)(op->rows / op->images), op->linear->in, op->linear->out,
             has_bias ? " bias" : "", op->add ? " add" : "", op->activate ? " " : "",
             op->activate ? vit_act_name(op->act) : "", omp_get_max_threads());
}

/* The choice for op: known, or found out now; without a tuner, oneDNN's first for a matmul. */
static vit_status choose(struct vit_choice *choice, const struct vit_dnnl *dnnl, const struct vit_linear_op *op,
                         const float *bias, struct vit_error *err)
{
    *choice = (struct vit_choice){.primitive = "matmul"};
    if (!dnnl->tuner)
        return VIT_OK;
    char key[VIT_TUNER_KEY_MAX];
    spell_op(key, op, bias != NULL);
    const struct vit_choice *known = vit_tuner_find(dnnl->tuner, key);
    if (known) {
        *choice = *known;
        return VIT_OK;
    }
    bool measured;
    VIT_TRY(vit_dnnl_tune(choice, &measured, dnnl, op, bias, err));
    double flops = 2.0 * (double)op->rows * op->linear->in * op->linear->out;
    vit_tuner_put(dnnl->tuner, key, choice, measured ? flops : 0);
    return VIT_OK;
}

/* Brings problem to the implementation that choice names; where there is none of that name, to the first. */
static vit_status open_choice(struct vit_dnnl_problem *problem, enum vit_dnnl_primitive *primitive,
                              const struct vit_dnnl *dnnl, const struct vit_linear_op *op, bool has_bias,
                              const struct vit_choice *choice, struct vit_error *err)
{
    *primitive = VIT_DNNL_MATMUL;
    for (int p = 0; p < VIT_DNNL_PRIMITIVES; p++)
        if (strcmp(vit_dnnl_primitive_name((enum vit_dnnl_primitive)p), choice->primitive) == 0)
            *primitive = (enum vit_dnnl_primitive)p;
    VIT_TRY(vit_dnnl_problem_open(problem, dnnl->engine, op, has_bias, *primitive, err));
    if (choice->implementation[0] == '\0')
        return VIT_OK;
    do
        if (strcmp(vit_dnnl_problem_name(problem), choice->implementation) == 0)
            return VIT_OK;
    while (vit_dnnl_problem_next(problem));
    vit_dnnl_problem_close(problem);
    return vit_dnnl_problem_open(problem, dnnl->engine, op, has_bias, *primitive, err);
}

static vit_status fill(struct vit_dnnl_kernel *kernel, struct vit_dnnl_problem *problem, const struct vit_dnnl *dnnl,
                       const struct vit_linear_op *op, struct vit_error *err)
{
    const float *bias;
    struct vit_choice choice;
    enum vit_dnnl_primitive primitive;
    VIT_TRY(vit_params_bias(op->params, op->linear, &bias, err));
    VIT_TRY(choose(&choice, dnnl, op, bias, err));
    VIT_TRY(open_choice(problem, &primitive, dnnl, op, bias != NULL, &choice, err));
    VIT_TRY(vit_dnnl_problem_add(problem, kernel, op, bias, err));
    return bind_weight(problem, kernel, dnnl, op, primitive, err);
}

vit_status vit_dnnl_linear(struct vit_kernel **kernel, void *context, const struct vit_linear_op *op,
                           struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, context, err));
    struct vit_dnnl_problem problem = {0};
    vit_status status = fill(k, &problem, context, op, err);
    vit_dnnl_problem_close(&problem);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
