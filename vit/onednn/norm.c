/* norm.c: layer norm by oneDNN. */
#include "vit/onednn/kernel.h"

static vit_status fill(struct vit_dnnl_kernel *k, const struct vit_norm_problem *p, dnnl_memory_desc_t src,
                       dnnl_memory_desc_t dst, dnnl_memory_desc_t vector, dnnl_primitive_attr_t attr,
                       struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_layer_normalization_forward_primitive_desc_create(
                 &pd, k->engine, dnnl_forward_inference, src, dst, NULL, p->eps, dnnl_use_scale | dnnl_use_shift, attr),
             "layer norm");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, src, vit_dnnl_input(VIT_SRC), err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SCALE, vector, vit_dnnl_input(VIT_GAIN), err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SHIFT, vector, vit_dnnl_input(VIT_SHIFT), err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_DST, dst, vit_dnnl_dst(), err);
}

vit_status vit_dnnl_norm(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err)
{
    const struct vit_norm_problem *p = &problem->norm;
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, implementation, err));
    dnnl_memory_desc_t src = NULL, dst = NULL, vector = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_dims_t rows = {p->rows, p->width};
    int threads = vit_dnnl_alone();
    vit_status status = vit_dnnl_md_create(&src, VIT_ROWS_F32, 2, rows, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_md_create(&dst, p->dst, 2, rows, (dnnl_dims_t){p->dst_step, 1}, err);
    if (status == VIT_OK)
        status = vit_dnnl_md_create(&vector, VIT_ROWS_F32, 1, (dnnl_dims_t){p->width}, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_attr_create(&attr, err);
    if (status == VIT_OK)
        status = fill(k, p, src, dst, vector, attr, err);
    vit_dnnl_not_alone(threads);
    dnnl_memory_desc_destroy(src);
    dnnl_memory_desc_destroy(dst);
    dnnl_memory_desc_destroy(vector);
    dnnl_primitive_attr_destroy(attr);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
