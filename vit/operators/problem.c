/* problem.c: problems as text and in numbers. */
#include "vit/operators/problem.h"

#include <stdio.h>

const char *vit_op_name(enum vit_op op)
{
    static const char *const names[] = {[VIT_NORM] = "norm", [VIT_LINEAR] = "linear",   [VIT_ATTENTION] = "attention",
                                        [VIT_GATE] = "gate", [VIT_QK_NORM] = "qk_norm", [VIT_EMBED] = "embed",
                                        [VIT_MEAN] = "mean", [VIT_GATHER] = "gather",   [VIT_CONVERT] = "convert"};
    return names[op];
}

static void spell_linear(char *text, size_t size, const struct vit_linear_problem *p)
{
    snprintf(text, size, "%s*%s to %s, %lldx%d to %d, %d images%s%s%s%s", vit_dtype_name(p->src),
             vit_dtype_name(p->weight), vit_dtype_name(p->dst), (long long)p->rows, p->in, p->out, p->images,
             p->bias ? " bias" : "", p->add ? " add" : "", p->activate ? " " : "",
             p->activate ? vit_act_name(p->act) : "");
}

void vit_problem_key(char key[VIT_PROBLEM_KEY_MAX], const struct vit_problem *problem)
{
    size_t n = (size_t)snprintf(key, VIT_PROBLEM_KEY_MAX, "%s ", vit_op_name(problem->op)),
           size = VIT_PROBLEM_KEY_MAX - n;
    char *text = key + n;
    switch (problem->op) {
    case VIT_NORM:
        snprintf(text, size, "to %s %lldx%d eps %a", vit_dtype_name(problem->norm.dst), (long long)problem->norm.rows,
                 problem->norm.width, (double)problem->norm.eps);
        break;
    case VIT_LINEAR: spell_linear(text, size, &problem->linear); break;
    case VIT_ATTENTION:
        snprintf(text, size, "%s %d of %dx%dx%dx%d steps %lld %lld", vit_dtype_name(problem->attention.type),
                 problem->attention.batch, problem->attention.queries, problem->attention.tokens,
                 problem->attention.heads, problem->attention.head_dim, (long long)problem->attention.q_step,
                 (long long)problem->attention.kv_step);
        break;
    default: key[0] = '\0';
    }
}

double vit_problem_flops(const struct vit_problem *problem)
{
    const struct vit_linear_problem *l = &problem->linear;
    const struct vit_attention_problem *a = &problem->attention;
    switch (problem->op) {
    case VIT_NORM: return 8.0 * (double)problem->norm.rows * problem->norm.width;
    case VIT_LINEAR: return 2.0 * (double)l->rows * l->in * l->out;
    case VIT_ATTENTION: return 4.0 * a->batch * a->queries * a->tokens * a->heads * a->head_dim;
    case VIT_GATE: return 2.0 * (double)problem->gate.rows * problem->gate.width;
    case VIT_QK_NORM: return 16.0 * (double)problem->qk_norm.rows * problem->qk_norm.heads * problem->qk_norm.head_dim;
    case VIT_EMBED: return (double)problem->embed.batch * problem->embed.patches * problem->embed.width;
    case VIT_MEAN: return (double)problem->mean.batch * problem->mean.count * problem->mean.width;
    case VIT_GATHER:
    case VIT_CONVERT: return 0;
    }
    return 0;
}
