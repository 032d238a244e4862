/* output.c: what is made of the tokens behind the last block, as the steps of a plan: pooled, projected, classified. */
#include "vit/network/plan.h"

/* dst (B, D) = norm(token number t of x). The norm works on each token by itself, so the others are left alone. */
static vit_status add_token(struct vit_plan *p, const char *stage, struct vit_array dst, int t, bool norm)
{
    const struct vit_config *c = vit_model_config(p->model);
    VIT_TRY(vit_plan_mean(p, dst, 0, p->x, t, 1));
    if (norm)
        VIT_TRY(vit_plan_norm(p, dst, dst, p->batch, &p->model->norm));
    vit_plan_tap(p, stage, dst, 0, c->width);
    return VIT_OK;
}

/* pooled (B, D) = what a learned query finds among the tokens of h (B, T, D). */
static vit_status add_attn_pool(struct vit_plan *p, struct vit_array pooled, struct vit_array h)
{
    const struct vit_attn_pool *a = &p->model->attn_pool;
    int64_t B = p->batch, D = a->q.in, T = p->length;
    struct vit_array latent = vit_plan_take_stream(p, B, D);
    struct vit_array l = vit_plan_take_as(p, p->types->activation, latent, B, D);
    struct vit_array q = vit_plan_take_activation(p, B, D), kv = vit_plan_take_activation(p, B * T, 2 * D);
    struct vit_array r = vit_plan_take_activation(p, B, D), f = vit_plan_take_activation(p, B, a->fc2.in);
    const float *values;
    VIT_TRY(vit_params_vector(p->model->params, a->latent, &values, p->err));
    VIT_TRY(vit_plan_repeat(p, latent, values, "attn_pool.latent"));
    VIT_TRY(vit_plan_convert(p, l, latent, B, (int)D, "attn_pool.latent"));
    VIT_TRY(vit_plan_linear(p, q, l, B, &a->q));                    /* q  = q(latent)        */
    VIT_TRY(vit_plan_linear(p, kv, h, B * T, &a->kv));              /* kv = kv(h)            */
    VIT_TRY(vit_plan_cross_attention(p, r, q, 1, kv, "attn_pool")); /* r  = attention(q, kv) */
    VIT_TRY(vit_plan_linear(p, pooled, r, B, &a->proj));            /* y  = proj(r)          */
    VIT_TRY(vit_plan_norm(p, r, pooled, B, &a->norm));              /* r  = norm(y)          */
    VIT_TRY(vit_plan_linear_act(p, f, r, B, &a->fc1));              /* f  = act(fc1(r))      */
    return vit_plan_linear_add(p, pooled, f, B, &a->fc2);           /* y += fc2(f)           */
}

static vit_status add_map(struct vit_plan *p, const struct vit_config *c, struct vit_array pooled)
{
    int64_t rows = (int64_t)p->batch * p->length;
    struct vit_array h = vit_plan_take_activation(p, rows, c->width);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &p->model->norm));
    VIT_TRY(add_attn_pool(p, pooled, h));
    vit_plan_tap(p, "pooled", pooled, 0, c->width);
    return VIT_OK;
}

/* All tokens behind the final norm, where that is before pooling. */
static vit_status add_norm_before(struct vit_plan *p, const struct vit_config *c)
{
    if (c->norm_place != VIT_NORM_BEFORE)
        return VIT_OK;
    return vit_plan_norm(p, p->x, p->x, (int64_t)p->batch * p->length, &p->model->norm);
}

/* pooled (B, D) = the mean of the patch tokens; (B, 2D) with pool concat, the CLS token in front. */
static vit_status add_mean(struct vit_plan *p, const struct vit_config *c, struct vit_array pooled)
{
    int N = vit_config_patches(c);
    bool concat = c->pool == VIT_POOL_CONCAT;
    VIT_TRY(add_norm_before(p, c));
    if (concat)
        VIT_TRY(vit_plan_mean(p, pooled, 0, p->x, 0, 1));
    VIT_TRY(vit_plan_mean(p, pooled, concat ? c->width : 0, p->x, p->length - N, N));
    if (c->norm_place == VIT_NORM_AFTER)
        VIT_TRY(vit_plan_norm(p, pooled, pooled, p->batch, &p->model->norm));
    vit_plan_tap(p, "pooled", pooled, 0, vit_config_pooled_width(c));
    return VIT_OK;
}

/* pair (2, B, D) = the CLS and the distillation token. */
static vit_status add_pair(struct vit_plan *p, struct vit_array pair)
{
    VIT_TRY(add_token(p, "pooled", pair, 0, true));
    return add_token(p, "pooled_dist", vit_array_row(pair, p->batch), 1, true);
}

/* pooled (B, D or 2D) = what the projection or the head reads. */
static vit_status add_pooled(struct vit_plan *p, const struct vit_config *c, struct vit_array pooled)
{
    bool norm = c->norm_place != VIT_NORM_NONE;
    struct vit_array pair;
    switch (c->pool) {
    case VIT_POOL_TOKEN: return add_token(p, "pooled", pooled, 0, norm);
    case VIT_POOL_LAST: return add_token(p, "pooled", pooled, p->tokens - 1, norm);
    case VIT_POOL_AVG:
    case VIT_POOL_CONCAT: return add_mean(p, c, pooled);
    case VIT_POOL_MAP: return add_map(p, c, pooled);
    case VIT_POOL_CLS_DIST_MEAN:
        pair = vit_plan_take_stream(p, 2 * (int64_t)p->batch, c->width);
        VIT_TRY(add_pair(p, pair));
        return vit_plan_average(p, pooled, pair, c->width);
    }
    return VIT_OK;
}

/* y (B, K) = the mean of head of the CLS token and head_dist of the distillation token. */
static vit_status add_two_heads(struct vit_plan *p, const struct vit_config *c)
{
    int64_t B = p->batch, K = c->classes;
    struct vit_array tokens = vit_plan_take_stream(p, 2 * B, c->width), pair = vit_plan_take_stream(p, 2 * B, K);
    VIT_TRY(add_pair(p, tokens));
    VIT_TRY(vit_plan_linear(p, pair, tokens, B, &p->model->head));
    VIT_TRY(vit_plan_linear(p, vit_array_row(pair, B), vit_array_row(tokens, B), B, &p->model->head_dist));
    return vit_plan_average(p, p->y, pair, (int)K);
}

/* y (B, K) = head of the embedding h (B, E). */
static vit_status add_head(struct vit_plan *p, const struct vit_config *c, struct vit_array h)
{
    if (c->normalize)
        VIT_TRY(vit_plan_normalize(p, h, h, p->batch, vit_config_head_width(c)));
    return vit_plan_linear(p, p->y, h, p->batch, &p->model->head);
}

/* y = what pooling gives, projected or classified. */
static vit_status add_from_pooled(struct vit_plan *p, const struct vit_config *c)
{
    int64_t B = p->batch;
    bool project = c->embedding > 0 && p->output != VIT_OUTPUT_POOLED, classify = p->output == VIT_OUTPUT_LOGITS;
    struct vit_array pooled = project || classify ? vit_plan_take_stream(p, B, vit_config_pooled_width(c)) : p->y;
    struct vit_array h = !project ? pooled : classify ? vit_plan_take_stream(p, B, c->embedding) : p->y;
    VIT_TRY(add_pooled(p, c, pooled));
    if (project)
        VIT_TRY(vit_plan_linear(p, h, pooled, B, &p->model->proj));
    return classify ? add_head(p, c, h) : VIT_OK;
}

/* y = all tokens, which are x, or one number for each channel of them. */
static vit_status add_tokens(struct vit_plan *p, const struct vit_config *c)
{
    int N = vit_config_patches(c);
    if (p->output == VIT_OUTPUT_CLS)
        return add_token(p, "cls", p->y, 0, c->norm_place == VIT_NORM_BEFORE);
    VIT_TRY(add_norm_before(p, c));
    return p->output == VIT_OUTPUT_MEAN ? vit_plan_mean(p, p->y, 0, p->x, p->length - N, N) : VIT_OK;
}

static int output_width(const struct vit_config *c, enum vit_output_kind output)
{
    switch (output) {
    case VIT_OUTPUT_LOGITS: return c->classes;
    case VIT_OUTPUT_PROJECTED: return vit_config_head_width(c);
    case VIT_OUTPUT_POOLED: return vit_config_pooled_width(c);
    default: return c->width;
    }
}

vit_status vit_forward_output(struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    int width = output_width(c, p->output);
    bool tokens = p->output == VIT_OUTPUT_TOKENS, from_pooled = p->output <= VIT_OUTPUT_POOLED;
    int64_t rows = (int64_t)p->batch * (tokens ? p->length : 1);
    p->y = tokens ? p->x : vit_plan_take_stream(p, rows, width);
    p->width = (int64_t)width * (tokens ? p->length : 1);
    if (p->output == VIT_OUTPUT_LOGITS && c->pool == VIT_POOL_CLS_DIST_MEAN)
        VIT_TRY(add_two_heads(p, c));
    else
        VIT_TRY(from_pooled ? add_from_pooled(p, c) : add_tokens(p, c));
    if (p->normalize)
        VIT_TRY(vit_plan_normalize(p, p->y, p->y, rows, width));
    if (p->output == VIT_OUTPUT_LOGITS)
        vit_plan_tap(p, "logits", p->y, 0, width);
    return VIT_OK;
}

enum vit_output_kind vit_forward_kind(const struct vit_config *c, enum vit_output_kind output)
{
    if (output == VIT_OUTPUT_FEATURES)
        return c->embedding > 0 || c->normalize ? VIT_OUTPUT_PROJECTED : VIT_OUTPUT_POOLED;
    return output;
}

vit_status vit_forward_check(const struct vit_config *c, enum vit_output_kind output, struct vit_error *err)
{
    if (output == VIT_OUTPUT_LOGITS && c->classes == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s has no classifier; --head FILE brings one", c->arch);
    if (output == VIT_OUTPUT_CLS && !c->cls)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s has no CLS token", c->arch);
    if ((c->pool == VIT_POOL_CONCAT && c->norm_place == VIT_NORM_AFTER) ||
        (c->pool == VIT_POOL_MAP && c->norm_place != VIT_NORM_BEFORE))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: pool %s with norm %s is not supported", c->arch,
                        vit_pool_name(c->pool), vit_norm_place_name(c->norm_place));
    return VIT_OK;
}
