/* forward.c: the Vision Transformer, from patches to logits, as the steps of a plan. Nothing else here. */
#include <stdio.h>

#include "vit/network/plan.h"

/* An array of what the encoder's layers read, and one of f32, as the residual stream is. */
static struct vit_array take(struct vit_plan *p, int64_t rows, int64_t width)
{
    return vit_plan_take(p, p->types->activation, rows, width);
}

static struct vit_array take_stream(struct vit_plan *p, int64_t rows, int64_t width)
{
    return vit_plan_take(p, VIT_ROWS_F32, rows, width);
}

/* x = [prefix tokens, patches] + positions. */
static vit_status add_embedding(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    int64_t B = p->batch, D = c->width, T = vit_config_tokens(c), N = vit_config_patches(c), PP3 = m->patch.in;
    struct vit_array h = take(p, B * N, PP3), e = take_stream(p, B * N, D);
    struct vit_array patches = p->traced ? vit_plan_take_as(p, VIT_ROWS_F32, h, B * N, PP3) : h;
    p->x = take_stream(p, B * T, D);
    VIT_TRY(vit_plan_patchify(p, patches));                             /* patches of the pixels  */
    if (p->traced)
        vit_plan_tap(p, "patches", patches, (int)N, (int)PP3);
    VIT_TRY(vit_plan_convert(p, h, patches, B * N, (int)PP3, "patches"));
    VIT_TRY(vit_plan_linear(p, e, h, B * N, &m->patch));                /* e = patches W^T + b    */
    VIT_TRY(vit_plan_embed(p, p->x, e));                                /* x = [prefix, e + pos]  */
    if (c->pre_norm)
        VIT_TRY(vit_plan_norm(p, p->x, p->x, B * T, &m->norm_pre));     /* x = norm_pre(x)        */
    vit_plan_give_back(p, h);
    vit_plan_give_back(p, e);
    vit_plan_tap(p, "tokens", p->x, (int)T, c->width);
    return VIT_OK;
}

/* The second half of a block, for so many rows of x. */
static vit_status add_mlp(struct vit_plan *p, const struct vit_block *b, int64_t rows)
{
    struct vit_array h = take(p, rows, b->fc2.out), f = take(p, rows, b->fc2.in);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &b->norm2));          /* h  = norm2(x)    */
    VIT_TRY(vit_plan_hidden(p, f, h, rows, &b->fc1));             /* f  = act(fc1(h)) */
    VIT_TRY(vit_plan_linear_add(p, p->x, f, rows, &b->fc2));      /* x += fc2(f)      */
    vit_plan_give_back(p, h);
    vit_plan_give_back(p, f);
    return VIT_OK;
}

/* One pre-norm encoder block over x (B, T, D). */
static vit_status add_block(struct vit_plan *p, const struct vit_block *b, int64_t rows)
{
    struct vit_array h = take(p, rows, b->proj.in), qkv = take(p, rows, b->qkv.out);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &b->norm1));          /* h   = norm1(x)       */
    VIT_TRY(vit_plan_qkv(p, qkv, h, rows, b));                    /* qkv = qkv(h)         */
    VIT_TRY(vit_plan_attention(p, h, qkv, b->name));              /* h   = attention(qkv) */
    VIT_TRY(vit_plan_linear_add(p, p->x, h, rows, &b->proj));     /* x  += proj(h)        */
    vit_plan_give_back(p, h);
    vit_plan_give_back(p, qkv);
    return add_mlp(p, b, rows);
}

/* The last block, when the head reads only the first tokens of each image: their queries meet all keys and values, and
 * the rest is done for them alone. They take x's place. */
static vit_status add_last_block(struct vit_plan *p, const struct vit_block *b, int64_t rows, int read)
{
    int64_t few = (int64_t)p->batch * read, D = b->proj.in;
    struct vit_array h = take(p, rows, D), kv = take(p, rows, 2 * D), r = take(p, few, D), q = take(p, few, D);
    struct vit_array x = take_stream(p, few, D);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &b->norm1));                  /* h  = norm1(x)        */
    VIT_TRY(vit_plan_linear(p, kv, h, rows, &b->kv));                     /* kv = kv(h)           */
    VIT_TRY(vit_plan_gather(p, r, h, read, b->name));                     /* r  = h, those read   */
    VIT_TRY(vit_plan_linear(p, q, r, few, &b->q));                        /* q  = q(r)            */
    VIT_TRY(vit_plan_cross_attention(p, r, q, read, kv, b->name));        /* r  = attention(q,kv) */
    VIT_TRY(vit_plan_gather(p, x, p->x, read, b->name));                  /* x  = x, those read   */
    VIT_TRY(vit_plan_linear_add(p, x, r, few, &b->proj));                 /* x += proj(r)         */
    const struct vit_array done[] = {h, kv, r, q, p->x};
    for (int i = 0; i < 5; i++)
        vit_plan_give_back(p, done[i]);
    p->x = x;
    p->tokens = read;
    return add_mlp(p, b, few);
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

/* pooled (B, D) = what a learned query finds among the tokens of h (B, T, D). */
static vit_status add_attn_pool(struct vit_plan *p, struct vit_array pooled, struct vit_array h, int64_t T)
{
    const struct vit_attn_pool *a = &p->model->attn_pool;
    int64_t B = p->batch, D = a->q.in;
    struct vit_array latent = take_stream(p, B, D), l = vit_plan_take_as(p, p->types->activation, latent, B, D);
    struct vit_array q = take(p, B, D), kv = take(p, B * T, 2 * D), r = take(p, B, D), f = take(p, B, a->fc2.in);
    const float *values;
    VIT_TRY(vit_params_vector(p->model->params, a->latent, &values, p->err));
    VIT_TRY(vit_plan_repeat(p, latent, values, "attn_pool.latent"));
    VIT_TRY(vit_plan_convert(p, l, latent, B, (int)D, "attn_pool.latent"));
    VIT_TRY(vit_plan_linear(p, q, l, B, &a->q));                          /* q  = q(latent)        */
    VIT_TRY(vit_plan_linear(p, kv, h, B * T, &a->kv));                    /* kv = kv(h)            */
    VIT_TRY(vit_plan_cross_attention(p, r, q, 1, kv, "attn_pool"));       /* r  = attention(q, kv) */
    VIT_TRY(vit_plan_linear(p, pooled, r, B, &a->proj));                  /* y  = proj(r)          */
    VIT_TRY(vit_plan_norm(p, r, pooled, B, &a->norm));                    /* r  = norm(y)          */
    VIT_TRY(vit_plan_linear_act(p, f, r, B, &a->fc1));                    /* f  = act(fc1(r))      */
    return vit_plan_linear_add(p, pooled, f, B, &a->fc2);                 /* y += fc2(f)           */
}

/* pooled (B, D), or (B, 2D) with pool concat = what the head reads of all tokens of x. */
static vit_status add_pooled(struct vit_plan *p, const struct vit_config *c, struct vit_array pooled)
{
    const struct vit_norm *norm = &p->model->norm;
    int T = vit_config_tokens(c), N = vit_config_patches(c);
    int64_t rows = (int64_t)p->batch * T;
    if (c->pool == VIT_POOL_MAP) {
        struct vit_array h = take(p, rows, c->width);
        VIT_TRY(vit_plan_norm(p, h, p->x, rows, norm));
        VIT_TRY(add_attn_pool(p, pooled, h, T));
        vit_plan_tap(p, "pooled", pooled, 0, c->width);
        return VIT_OK;
    }
    if (c->norm_place == VIT_NORM_BEFORE)
        VIT_TRY(vit_plan_norm(p, p->x, p->x, rows, norm));
    if (c->pool == VIT_POOL_CONCAT)
        VIT_TRY(vit_plan_mean(p, pooled, 0, p->x, 0, 1));
    VIT_TRY(vit_plan_mean(p, pooled, c->pool == VIT_POOL_CONCAT ? c->width : 0, p->x, T - N, N));
    if (c->norm_place == VIT_NORM_AFTER)
        VIT_TRY(vit_plan_norm(p, pooled, pooled, p->batch, norm));
    vit_plan_tap(p, "pooled", pooled, 0, vit_config_head_width(c));
    return VIT_OK;
}

/* logits (B, K) = head of what is pooled; with pool cls_dist_mean, the mean of that of the CLS token and head_dist of the
 * distillation token. */
static vit_status add_head(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    int64_t B = p->batch, K = c->classes;
    struct vit_array pooled = take_stream(p, B, vit_config_head_width(c));
    p->logits = take_stream(p, B, K);
    if (c->pool == VIT_POOL_CLS_DIST_MEAN) {
        struct vit_array pair = take_stream(p, 2 * B, K), dist = take_stream(p, B, c->width);
        VIT_TRY(add_token(p, "pooled", pooled, 0));
        VIT_TRY(add_token(p, "pooled_dist", dist, 1));
        VIT_TRY(vit_plan_linear(p, pair, pooled, B, &m->head));
        VIT_TRY(vit_plan_linear(p, vit_array_row(pair, B), dist, B, &m->head_dist));
        VIT_TRY(vit_plan_average(p, p->logits, pair));
    } else {
        VIT_TRY(c->pool == VIT_POOL_TOKEN ? add_token(p, "pooled", pooled, 0) : add_pooled(p, c, pooled));
        VIT_TRY(vit_plan_linear(p, p->logits, pooled, B, &m->head));
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

/* How many tokens, from the first on, the head reads, when that is fewer than T and the last block may leave the others
 * out; else 0. */
static int tokens_read(const struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    if (p->traced || c->qk_norm || c->depth == 0)
        return 0;
    return c->pool == VIT_POOL_TOKEN ? 1 : c->pool == VIT_POOL_CLS_DIST_MEAN ? 2 : 0;
}

vit_status vit_forward(struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    int T = vit_config_tokens(c), read = tokens_read(p);
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
    return add_head(p, c);
}
