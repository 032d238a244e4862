/* linear.c: a linear layer by one of the implementations there are, with the weight packed for it. */
#include "vit/choice/linear.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "vit/onednn/isa.h"

/* The own kernel is at hand at once and the fastest almost everywhere, but it has no AMX. */
void vit_linear_kinds(const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1], const struct vit_linear_op *op)
{
    enum vit_isa_level level = vit_isa_level();
    bool own = level >= VIT_ISA_AVX2, own_first = own && (op->src.type == VIT_F32 || level < VIT_ISA_AMX);
    int n = 0;
    if (own_first)
        kinds[n++] = &vit_linear_own;
    kinds[n++] = &vit_linear_matmul;
    kinds[n++] = &vit_linear_inner_product;
    kinds[n++] = &vit_linear_convolution;
    if (own && !own_first)
        kinds[n++] = &vit_linear_own;
    kinds[n] = NULL;
}

/* Everything that may change which implementation is fastest. */
static void spell_op(char key[VIT_TUNER_KEY_MAX], const struct vit_linear_op *op, bool has_bias)
{
    snprintf(key, VIT_TUNER_KEY_MAX, "linear %s to %s %d of %lldx%dx%d%s%s%s%s threads %d",
             vit_dtype_name(op->src.type), vit_dtype_name(op->dst.type), op->images,
             (long long)(op->rows / op->images), op->linear->in, op->linear->out,
             has_bias ? " bias" : "", op->add ? " add" : "", op->activate ? " " : "",
             op->activate ? vit_act_name(op->act) : "", omp_get_max_threads());
}

/* The choice for op: known, or found out now; empty: the first. */
static vit_status choose(struct vit_choice *choice, void *context, struct vit_tuner *tuner,
                         const struct vit_linear_op *op, const float *bias, struct vit_error *err)
{
    *choice = (struct vit_choice){0};
    if (!tuner)
        return VIT_OK;
    char key[VIT_TUNER_KEY_MAX];
    spell_op(key, op, bias != NULL);
    const struct vit_choice *known = vit_tuner_find(tuner, key);
    if (known) {
        *choice = *known;
        return VIT_OK;
    }
    bool measured;
    VIT_TRY(vit_linear_race(choice, &measured, context, tuner, op, bias, err));
    double flops = 2.0 * (double)op->rows * op->linear->in * op->linear->out;
    vit_tuner_put(tuner, key, choice, measured ? flops : 0);
    return VIT_OK;
}

/* Makes the kernel that list stands at, its weight packed. */
static vit_status make(struct vit_kernel **kernel, const struct vit_linear_kind *kind, const void *list,
                       const struct vit_linear_op *op, struct vit_error *err)
{
    struct vit_linear_candidate candidate;
    const void *weight;
    VIT_TRY(kind->make(list, &candidate, err));
    vit_status status = vit_params_packed(op->params, op->linear, &candidate.packing, &weight, err);
    if (status == VIT_OK)
        status = candidate.set_weight(candidate.kernel, weight, err);
    if (status == VIT_OK)
        *kernel = candidate.kernel;
    else
        vit_kernel_free(candidate.kernel);
    return status;
}

/* Opens kind's list at the implementation of that name; where there is none of that name, or it is empty, at the first. */
static vit_status open_at(void **list, const struct vit_linear_kind *kind, const char *implementation, void *context,
                          const struct vit_linear_op *op, const float *bias, struct vit_error *err)
{
    VIT_TRY(kind->open(list, context, op, bias, err));
    if (implementation[0] == '\0')
        return VIT_OK;
    do
        if (strcmp(kind->implementation(*list), implementation) == 0)
            return VIT_OK;
    while (kind->next(*list));
    kind->close(*list);
    return kind->open(list, context, op, bias, err);
}

vit_status vit_linear_create(struct vit_kernel **kernel, void *context, struct vit_tuner *tuner,
                             const struct vit_linear_op *op, struct vit_error *err)
{
    const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1], *kind;
    const float *bias;
    struct vit_choice choice;
    void *list;
    VIT_TRY(vit_params_bias(op->params, op->linear, &bias, err));
    VIT_TRY(choose(&choice, context, tuner, op, bias, err));
    vit_linear_kinds(kinds, op);
    kind = kinds[0];
    for (int i = 0; kinds[i]; i++)
        if (strcmp(kinds[i]->name, choice.primitive) == 0)
            kind = kinds[i];
    VIT_TRY(open_at(&list, kind, choice.implementation, context, op, bias, err));
    vit_status status = make(kernel, kind, list, op, err);
    kind->close(list);
    return status;
}
