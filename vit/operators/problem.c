/* problem.c: problems as text and in numbers. */
#include "vit/operators/problem.h"

#include <stdio.h>

const char *vit_op_name(enum vit_op op)
{
    static const char *const names[] = {
        [VIT_PATCHIFY] = "patchify",   [VIT_NORM] = "norm",          [VIT_LINEAR] = "linear",
        [VIT_ATTENTION] = "attention", [VIT_GATE] = "gate",          [VIT_QK_NORM] = "qk_norm",
        [VIT_EMBED] = "embed",         [VIT_MEAN] = "mean",          [VIT_GATHER] = "gather",
        [VIT_CONVERT] = "convert",     [VIT_NORMALIZE] = "normalize"};
    return names[op];
}

static void spell_linear(char *text, size_t size, const struct vit_linear_problem *p)
{
    snprintf(text, size, "%s to %s, %lldx%d to %d, steps %lld %lld, %d images%s%s%s%s", vit_format_name(p->src),
             vit_format_name(p->dst), (long long)p->rows, p->in, p->out, (long long)p->src_step, (long long)p->dst_step,
             p->images, p->bias ? " bias" : "", p->add ? " add" : "", p->activate ? " " : "",
             p->activate ? vit_act_name(p->act) : "");
}

static void spell_attention(char *text, size_t size, const struct vit_attention_problem *p)
{
    int n = snprintf(text, size, "%s %d of %dx%dx%dx%d steps %lld %lld %lld rows %lld %lld columns %d %d %d %d",
                     vit_format_name(p->format), p->batch, p->queries, p->tokens, p->heads, p->head_dim,
                     (long long)p->q_step, (long long)p->kv_step, (long long)p->dst_step, (long long)p->q_rows,
                     (long long)p->kv_rows, p->q_column, p->k_column, p->v_column, p->dst_column);
    if (p->causal)
        snprintf(text + n, size - (size_t)n, " causal from %d", p->past);
}

/* The pixels' values go through f32. */
static void spell_patchify(char *text, size_t size, const struct vit_patchify_problem *p)
{
    int n = snprintf(text, size, "to %s %lld from %lld step %lld, %d of %d", vit_format_name(p->dst),
                     (long long)p->rows, (long long)p->first, (long long)p->dst_step, p->patch, p->preprocess.size);
    for (int c = 0; c < 3; c++)
        n += snprintf(text + n, size - (size_t)n, " %a %a", (double)(float)p->preprocess.mean[c],
                      (double)(float)p->preprocess.std[c]);
}

void vit_problem_key(char key[VIT_PROBLEM_KEY_MAX], const struct vit_problem *problem)
{
    size_t n = (size_t)snprintf(key, VIT_PROBLEM_KEY_MAX, "%s ", vit_op_name(problem->op)),
           size = VIT_PROBLEM_KEY_MAX - n;
    char *text = key + n;
    switch (problem->op) {
    case VIT_NORM:
        snprintf(text, size, "to %s %lldx%d step %lld eps %a", vit_format_name(problem->norm.dst),
                 (long long)problem->norm.rows, problem->norm.width, (long long)problem->norm.dst_step,
                 (double)problem->norm.eps);
        break;
    case VIT_PATCHIFY: spell_patchify(text, size, &problem->patchify); break;
    case VIT_LINEAR: spell_linear(text, size, &problem->linear); break;
    case VIT_ATTENTION: spell_attention(text, size, &problem->attention); break;
    case VIT_GATE:
        snprintf(text, size, "%lldx%d %s", (long long)problem->gate.rows, problem->gate.width,
                 vit_act_name(problem->gate.act));
        break;
    case VIT_QK_NORM:
        snprintf(text, size, "%lldx%dx%d eps %a", (long long)problem->qk_norm.rows, problem->qk_norm.heads,
                 problem->qk_norm.head_dim, (double)problem->qk_norm.eps);
        break;
    case VIT_CONVERT:
        snprintf(text, size, "to %s %lldx%d step %lld", vit_format_name(problem->convert.dst),
                 (long long)problem->convert.rows, problem->convert.width, (long long)problem->convert.dst_step);
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
    case VIT_EMBED: return (double)problem->embed.rows * problem->embed.width;
    case VIT_NORMALIZE: return 3.0 * (double)problem->normalize.rows * problem->normalize.width;
    case VIT_MEAN: return (double)problem->mean.batch * problem->mean.count * problem->mean.width;
    case VIT_PATCHIFY:
    case VIT_GATHER:
    case VIT_CONVERT: return 0;
    }
    return 0;
}
