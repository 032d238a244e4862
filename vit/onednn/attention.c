/* attention.c: attention by oneDNN: two batched matrix products around a softmax. Queries, keys and values are read
 * in place from the fused projection, and the result is written token by token: strides do all the transposing. The
 * scores (B, NH, Q, T) live in the scratch. */
#include <math.h>

#include "vit/onednn/kernel.h"

struct parts {
    dnnl_memory_desc_t q, k_transposed, v, scores, dst;
    dnnl_primitive_attr_t scale, plain;
    dnnl_post_ops_t post_ops;
};

static void release(struct parts *p)
{
    dnnl_memory_desc_t mds[] = {p->q, p->k_transposed, p->v, p->scores, p->dst};
    for (size_t i = 0; i < sizeof mds / sizeof *mds; i++)
        if (mds[i])
            dnnl_memory_desc_destroy(mds[i]);
    if (p->scale)
        dnnl_primitive_attr_destroy(p->scale);
    if (p->plain)
        dnnl_primitive_attr_destroy(p->plain);
    if (p->post_ops)
        dnnl_post_ops_destroy(p->post_ops);
}

static vit_status describe(struct parts *p, const struct vit_attention_problem *a, struct vit_error *err)
{
    enum vit_format format = a->format;
    dnnl_dim_t B = a->batch, Q = a->queries, T = a->tokens, NH = a->heads, HD = a->head_dim;
    dnnl_dim_t q = a->q_step, kv = a->kv_step, dst = a->dst_step, q_image = a->q_rows * q, kv_image = a->kv_rows * kv;
    dnnl_dims_t queries = {B, NH, Q, HD}, columns = {B, NH, HD, T}, rows = {B, NH, T, HD};
    VIT_TRY(vit_dnnl_md_create(&p->q, format, 4, queries, (dnnl_dims_t){q_image, HD, q, 1}, err));
    VIT_TRY(vit_dnnl_md_create(&p->k_transposed, format, 4, columns, (dnnl_dims_t){kv_image, HD, 1, kv}, err));
    VIT_TRY(vit_dnnl_md_create(&p->v, format, 4, rows, (dnnl_dims_t){kv_image, HD, kv, 1}, err));
    VIT_TRY(vit_dnnl_md_create(&p->scores, format, 4, (dnnl_dims_t){B, NH, Q, T}, NULL, err));
    VIT_TRY(vit_dnnl_md_create(&p->dst, format, 4, queries, (dnnl_dims_t){a->q_rows * dst, HD, dst, 1}, err));
    VIT_TRY(vit_dnnl_attr_create(&p->scale, err));
    VIT_TRY(vit_dnnl_attr_create(&p->plain, err));
    VIT_DNNL(dnnl_post_ops_create(&p->post_ops), "post-operations");
    float scale = 1 / sqrtf((float)a->head_dim);
    VIT_DNNL(dnnl_post_ops_append_eltwise(p->post_ops, dnnl_eltwise_linear, scale, 0), "scale");
    return vit_dnnl_check(dnnl_primitive_attr_set_post_ops(p->scale, p->post_ops), "post-operations", err);
}

static struct vit_dnnl_place columns_of(enum vit_format format, struct vit_dnnl_place array, int column)
{
    array.offset = (size_t)column * (format == VIT_ROWS_F32 ? 4 : 2);
    return array;
}

static vit_status fill(struct vit_dnnl_kernel *k, struct parts *p, const struct vit_attention_problem *a,
                       struct vit_error *err)
{
    const struct vit_dnnl_place scores = {.of = VIT_DNNL_SCRATCH},
                                q = columns_of(a->format, vit_dnnl_input(VIT_Q), a->q_column),
                                keys = columns_of(a->format, vit_dnnl_input(VIT_KV), a->k_column),
                                values = columns_of(a->format, vit_dnnl_input(VIT_KV), a->v_column),
                                dst = columns_of(a->format, vit_dnnl_dst(), a->dst_column);
    VIT_TRY(describe(p, a, err));
    k->base.scratch_size = dnnl_memory_desc_get_size(p->scores);

    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_matmul_primitive_desc_create(&pd, k->engine, p->q, p->k_transposed, NULL, p->scores, p->scale),
             "q k^T");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, p->q, q, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_WEIGHTS, p->k_transposed, keys, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_DST, p->scores, scores, err));

    VIT_DNNL(dnnl_softmax_forward_primitive_desc_create(&pd, k->engine, dnnl_forward_inference, dnnl_softmax_accurate,
                                                        p->scores, p->scores, 3, p->plain),
             "softmax");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, p->scores, scores, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_DST, p->scores, scores, err));

    VIT_DNNL(dnnl_matmul_primitive_desc_create(&pd, k->engine, p->scores, p->v, NULL, p->dst, p->plain), "scores v");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, p->scores, scores, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_WEIGHTS, p->v, values, err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_DST, p->dst, dst, err);
}

vit_status vit_dnnl_attention(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                              const struct vit_problem *problem, struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    if (problem->attention.causal)
        return VIT_ERR_UNSUPPORTED;
    VIT_TRY(vit_dnnl_kernel_create(&k, implementation, err));
    struct parts parts = {0};
    int threads = vit_dnnl_alone();
    vit_status status = fill(k, &parts, &problem->attention, err);
    vit_dnnl_not_alone(threads);
    release(&parts);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
