/* forward.c: the Vision Transformer, from patches to logits, as the steps of a plan. Nothing else here. */
#include <stdio.h>

#include "vit/plan.h"

/* x = [prefix tokens, patches] + positions. */
static vit_status add_embedding(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    int64_t B = p->batch, T = vit_config_tokens(c), N = vit_config_patches(c);
    VIT_TRY(vit_plan_linear(p, p->h, p->patches, B * N, &m->patch));  /* h = patches W^T + b    */
    VIT_TRY(vit_plan_embed(p, p->x, p->h));                           /* x = [prefix, h + pos]  */
    if (c->pre_norm)
        VIT_TRY(vit_plan_norm(p, p->x, p->x, B * T, &m->norm_pre));   /* x = norm_pre(x)        */
    vit_plan_tap(p, "tokens", p->x, (int)T, c->width);
    return VIT_OK;
}

/* One pre-norm encoder block over x (B, T, D). h (B, T, D), qkv (B, T, 3D) and f (B, T, F) are scratch. */
static vit_status add_block(struct vit_plan *p, const struct vit_block *b, int64_t rows)
{
    VIT_TRY(vit_plan_norm(p, p->h, p->x, rows, &b->norm1));        /* h   = norm1(x)       */
    VIT_TRY(vit_plan_linear(p, p->qkv, p->h, rows, &b->qkv));      /* qkv = qkv(h)         */
    VIT_TRY(vit_plan_attention(p, p->h, p->qkv, b->name));         /* h   = attention(qkv) */
    VIT_TRY(vit_plan_linear_add(p, p->x, p->h, rows, &b->proj));   /* x  += proj(h)        */
    VIT_TRY(vit_plan_norm(p, p->h, p->x, rows, &b->norm2));        /* h   = norm2(x)       */
    VIT_TRY(vit_plan_linear_act(p, p->f, p->h, rows, &b->fc1));    /* f   = act(fc1(h))    */
    return vit_plan_linear_add(p, p->x, p->f, rows, &b->fc2);      /* x  += fc2(f)         */
}

/* pooled (B, D) = what the head reads of x. The norm works on each token by itself: where one token is read, norming
 * that one alone is the same. */
static vit_status add_pooling(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_norm *norm = &p->model->norm;
    int64_t B = p->batch, T = vit_config_tokens(c);
    bool norm_all = c->norm_place == VIT_NORM_BEFORE && c->pool == VIT_POOL_AVG;
    if (norm_all)
        VIT_TRY(vit_plan_norm(p, p->x, p->x, B * T, norm));
    if (c->pool == VIT_POOL_AVG)
        VIT_TRY(vit_plan_mean(p, p->pooled, p->x, vit_config_prefix(c), vit_config_patches(c)));
    else
        VIT_TRY(vit_plan_mean(p, p->pooled, p->x, 0, 1));
    if (!norm_all && c->norm_place != VIT_NORM_NONE)
        VIT_TRY(vit_plan_norm(p, p->pooled, p->pooled, B, norm));
    vit_plan_tap(p, "pooled", p->pooled, 0, c->width);
    return VIT_OK;
}

static vit_status check_supported(const struct vit_config *c, struct vit_error *err)
{
    if (c->classes == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s has no classifier", c->arch);
    if (c->dist || c->swiglu || c->qk_norm || (c->pool != VIT_POOL_TOKEN && c->pool != VIT_POOL_AVG))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: distillation tokens, SwiGLU, norms of q and k, and pooling other than token and avg "
                        "are not executed by this version", c->arch);
    return VIT_OK;
}

vit_status vit_forward(struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    int T = vit_config_tokens(c);
    VIT_TRY(check_supported(c, p->err));
    VIT_TRY(add_embedding(p, c));
    for (int i = 0; i < c->depth; i++) {
        char stage[16];
        snprintf(stage, sizeof stage, "block%02d", i);
        VIT_TRY(add_block(p, &p->model->blocks[i], (int64_t)p->batch * T));
        vit_plan_tap(p, stage, p->x, T, c->width);
    }
    VIT_TRY(add_pooling(p, c));
    VIT_TRY(vit_plan_linear(p, p->logits, p->pooled, p->batch, &p->model->head));
    vit_plan_tap(p, "logits", p->logits, 0, c->classes);
    return VIT_OK;
}
