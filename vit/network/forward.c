/* forward.c: the Vision Transformer, from patches to logits, as the steps of a plan. Nothing else here. */
#include <stdio.h>

#include "vit/network/plan.h"

/* x = [prefix tokens, patches] + positions. */
static vit_status add_embedding(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    int64_t B = p->batch, T = vit_config_tokens(c), N = vit_config_patches(c);
    int64_t values = B * N * 3 * c->patch * c->patch;
    VIT_TRY(vit_plan_convert(p, p->rounded, p->patches, values, "patches"));
    VIT_TRY(vit_plan_linear(p, p->embedded, p->rounded, B * N, &m->patch));  /* e = patches W^T + b    */
    VIT_TRY(vit_plan_embed(p, p->x, p->embedded));                           /* x = [prefix, e + pos]  */
    if (c->pre_norm)
        VIT_TRY(vit_plan_norm(p, p->x, p->x, B * T, &m->norm_pre));          /* x = norm_pre(x)        */
    vit_plan_tap(p, "tokens", p->x, (int)T, c->width);
    return VIT_OK;
}

/* One pre-norm encoder block over x (B, T, D). h (B, T, D), qkv (B, T, 3D) and f (B, T, F) are scratch. */
static vit_status add_block(struct vit_plan *p, const struct vit_block *b, int64_t rows)
{
    VIT_TRY(vit_plan_norm(p, p->h, p->x, rows, &b->norm1));        /* h   = norm1(x)       */
    VIT_TRY(vit_plan_qkv(p, p->h, rows, b));                       /* qkv = qkv(h)         */
    VIT_TRY(vit_plan_attention(p, p->h, p->qkv, b->name));         /* h   = attention(qkv) */
    VIT_TRY(vit_plan_linear_add(p, p->x, p->h, rows, &b->proj));   /* x  += proj(h)        */
    VIT_TRY(vit_plan_norm(p, p->h, p->x, rows, &b->norm2));        /* h   = norm2(x)       */
    VIT_TRY(vit_plan_hidden(p, p->f, p->h, rows, &b->fc1));        /* f   = act(fc1(h))    */
    return vit_plan_linear_add(p, p->x, p->f, rows, &b->fc2);      /* x  += fc2(f)         */
}

/* The last block, when the head reads only the first tokens of each image: their queries meet all keys and values, and
 * the rest is done for them alone. They take x's place. */
static vit_status add_last_block(struct vit_plan *p, const struct vit_block *b, int64_t rows, int read)
{
    int64_t few = (int64_t)p->batch * read;
    VIT_TRY(vit_plan_norm(p, p->h, p->x, rows, &b->norm1));                          /* h  = norm1(x)        */
    VIT_TRY(vit_plan_linear(p, p->qkv, p->h, rows, &b->kv));                         /* kv = kv(h)           */
    VIT_TRY(vit_plan_gather(p, p->read_h, p->h, read, b->name));                     /* r  = h, those read   */
    VIT_TRY(vit_plan_linear(p, p->q, p->read_h, few, &b->q));                        /* q  = q(r)            */
    VIT_TRY(vit_plan_cross_attention(p, p->h, p->q, read, p->qkv, b->name));         /* h  = attention(q,kv) */
    VIT_TRY(vit_plan_gather(p, p->read, p->x, read, b->name));                       /* x  = x, those read   */
    p->x = p->read;
    p->tokens = read;
    VIT_TRY(vit_plan_linear_add(p, p->x, p->h, few, &b->proj));                      /* x += proj(h)         */
    VIT_TRY(vit_plan_norm(p, p->h, p->x, few, &b->norm2));                           /* h  = norm2(x)        */
    VIT_TRY(vit_plan_hidden(p, p->f, p->h, few, &b->fc1));                           /* f  = act(fc1(h))     */
    return vit_plan_linear_add(p, p->x, p->f, few, &b->fc2);                         /* x += fc2(f)          */
}

/* dst (B, D) = norm(token number t of x). The norm works on each token by itself, so the others are left alone. */
static vit_status add_token(struct vit_plan *p, const char *stage, struct vit_array dst, int t)
{
    const struct vit_config *c = vit_model_config(p->model);
    VIT_TRY(vit_plan_mean(p, dst, 0, p->x, t, 1));
    if (c->norm_place != VIT_NORM_NONE)
        VIT_TRY(vit_plan_norm(p, dst, dst, p->batch, &p->model->norm));
    vit_plan_tap(p, stage, dst, 0, c->width);
    return VIT_OK;
}

/* pooled (B, D) = what a learned query finds among the tokens of h. */
static vit_status add_attn_pool(struct vit_plan *p, const struct vit_attn_pool *a, int64_t T)
{
    int64_t B = p->batch;
    const float *latent;
    VIT_TRY(vit_params_vector(p->model->params, a->latent, &latent, p->err));
    VIT_TRY(vit_plan_repeat(p, p->latent_f32, latent, "attn_pool.latent"));
    VIT_TRY(vit_plan_convert(p, p->latent, p->latent_f32, B * a->q.in, "attn_pool.latent"));
    VIT_TRY(vit_plan_linear(p, p->query, p->latent, B, &a->q));                        /* q   = q(latent)        */
    VIT_TRY(vit_plan_linear(p, p->qkv, p->h, B * T, &a->kv));                          /* kv  = kv(h)            */
    VIT_TRY(vit_plan_cross_attention(p, p->h, p->query, 1, p->qkv, "attn_pool"));      /* h   = attention(q, kv) */
    VIT_TRY(vit_plan_linear(p, p->pooled, p->h, B, &a->proj));                         /* y   = proj(h)          */
    VIT_TRY(vit_plan_norm(p, p->h, p->pooled, B, &a->norm));                           /* h   = norm(y)          */
    VIT_TRY(vit_plan_linear_act(p, p->f, p->h, B, &a->fc1));                           /* f   = act(fc1(h))      */
    return vit_plan_linear_add(p, p->pooled, p->f, B, &a->fc2);                        /* y  += fc2(f)           */
}

/* pooled (B, D), or (B, 2D) with pool concat = what the head reads of all tokens of x. */
static vit_status add_pooled(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_norm *norm = &p->model->norm;
    int T = vit_config_tokens(c), N = vit_config_patches(c);
    int64_t rows = (int64_t)p->batch * T;
    if (c->norm_place == VIT_NORM_BEFORE)
        VIT_TRY(vit_plan_norm(p, c->pool == VIT_POOL_MAP ? p->h : p->x, p->x, rows, norm));
    if (c->pool == VIT_POOL_MAP) {
        VIT_TRY(add_attn_pool(p, &p->model->attn_pool, T));
    } else if (c->pool == VIT_POOL_CONCAT) {
        VIT_TRY(vit_plan_mean(p, p->pooled, 0, p->x, 0, 1));
        VIT_TRY(vit_plan_mean(p, p->pooled, c->width, p->x, T - N, N));
    } else {
        VIT_TRY(vit_plan_mean(p, p->pooled, 0, p->x, T - N, N));
    }
    if (c->norm_place == VIT_NORM_AFTER)
        VIT_TRY(vit_plan_norm(p, p->pooled, p->pooled, p->batch, norm));
    vit_plan_tap(p, "pooled", p->pooled, 0, vit_config_head_width(c));
    return VIT_OK;
}

static vit_status add_pooling(struct vit_plan *p, const struct vit_config *c)
{
    if (c->pool != VIT_POOL_TOKEN && c->pool != VIT_POOL_CLS_DIST_MEAN)
        return add_pooled(p, c);
    VIT_TRY(add_token(p, "pooled", p->pooled, 0));
    return c->pool == VIT_POOL_TOKEN ? VIT_OK : add_token(p, "pooled_dist", p->pooled_dist, 1);
}

/* logits (B, K) = head(pooled), or the mean of that and head_dist(pooled_dist). */
static vit_status add_head(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    if (c->pool == VIT_POOL_CLS_DIST_MEAN) {
        VIT_TRY(vit_plan_linear(p, p->pair, p->pooled, p->batch, &m->head));
        VIT_TRY(vit_plan_linear(p, vit_array_row(p->pair, p->batch, c->classes), p->pooled_dist, p->batch, &m->head_dist));
        VIT_TRY(vit_plan_average(p, p->logits, p->pair));
    } else {
        VIT_TRY(vit_plan_linear(p, p->logits, p->pooled, p->batch, &m->head));
    }
    vit_plan_tap(p, "logits", p->logits, 0, c->classes);
    return VIT_OK;
}

static vit_status check_supported(const struct vit_config *c, struct vit_error *err)
{
    if (c->classes == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s has no classifier; --head FILE brings one", c->arch);
    if ((c->pool == VIT_POOL_CONCAT && c->norm_place == VIT_NORM_AFTER) ||
        (c->pool == VIT_POOL_MAP && c->norm_place != VIT_NORM_BEFORE))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: pool %s with norm %s is not supported", c->arch,
                        vit_pool_name(c->pool), vit_norm_place_name(c->norm_place));
    return VIT_OK;
}

int vit_plan_tokens_read(const struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (p->traced || c->qk_norm || c->depth == 0)
        return 0;
    return c->pool == VIT_POOL_TOKEN ? 1 : c->pool == VIT_POOL_CLS_DIST_MEAN ? 2 : 0;
}

vit_status vit_forward(struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    int T = vit_config_tokens(c), read = vit_plan_tokens_read(p);
    VIT_TRY(check_supported(c, p->err));
    VIT_TRY(add_embedding(p, c));
    for (int i = 0; i < c->depth; i++) {
        char stage[16];
        snprintf(stage, sizeof stage, "block%02d", i);
        if (i + 1 == c->depth && read)
            VIT_TRY(add_last_block(p, &p->model->blocks[i], (int64_t)p->batch * T, read));
        else
            VIT_TRY(add_block(p, &p->model->blocks[i], (int64_t)p->batch * T));
        vit_plan_tap(p, stage, p->x, p->tokens, c->width);
    }
    VIT_TRY(add_pooling(p, c));
    return add_head(p, c);
}
