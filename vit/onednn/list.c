/* list.c: oneDNN's implementations, as values. */
#include <string.h>

#include "vit/onednn/kernel.h"
#include "vit/onednn/onednn.h"

/* Whether all arrays of problem are rows. */
static bool is_of_rows(const struct vit_problem *problem)
{
    switch (problem->op) {
    case VIT_LINEAR: return vit_format_parts(problem->linear.src) == 0 && vit_format_parts(problem->linear.dst) == 0;
    case VIT_NORM: return vit_format_parts(problem->norm.dst) == 0;
    case VIT_ATTENTION: return vit_format_parts(problem->attention.format) == 0;
    default: return false;
    }
}

static const struct vit_implementation norm = {.name = "layer_normalization", .create = vit_dnnl_norm},
                                       attention = {.name = "matmul + softmax + matmul", .create = vit_dnnl_attention};

int vit_dnnl_list(struct vit_implementation *list, int max, const struct vit_problem *problem, const char *name)
{
    if (!is_of_rows(problem))
        return 0;
    if (problem->op == VIT_LINEAR) {
        int threads = vit_dnnl_alone(), n = vit_dnnl_list_linear(list, max, problem, name);
        vit_dnnl_not_alone(threads);
        return n;
    }
    const struct vit_implementation *one = problem->op == VIT_NORM ? &norm : &attention;
    if (max == 0 || (name && strcmp(name, one->name) != 0))
        return 0;
    list[0] = *one;
    return 1;
}
