/* forward.c: the Transformer, from patches or the tokens of a text to the last block, as the steps of a plan; output.c
 * goes on. Nothing else here. */
#include <stdio.h>

#include "vit/network/plan.h"

/* x = [prefix tokens, patches] + positions. */
static vit_status add_embedding(struct vit_plan *p, const struct vit_config *c)
{
    const struct vit_model *m = p->model;
    int64_t B = p->batch, D = c->width, T = p->length, N = vit_config_patches(c), PP3 = m->patch.in;
    struct vit_array h = vit_plan_take_activation(p, B * N, PP3), e = vit_plan_take_stream(p, B * N, D);
    struct vit_array patches = p->traced ? vit_plan_take_as(p, VIT_ROWS_F32, h, B * N, PP3) : h;
    p->x = vit_plan_take_stream(p, B * T, D);
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

/* x = the rows of the tokens + positions. */
static vit_status add_text(struct vit_plan *p, const struct vit_config *c)
{
    p->x = vit_plan_take_stream(p, (int64_t)p->batch * p->length, c->width);
    return vit_plan_embed(p, p->x, (struct vit_array){.format = VIT_ROWS_F32});
}

/* The second half of a block, for so many rows of x. */
static vit_status add_mlp(struct vit_plan *p, const struct vit_block *b, int64_t rows)
{
    struct vit_array h = vit_plan_take_activation(p, rows, b->fc2.out), f = vit_plan_take_activation(p, rows, b->fc2.in);
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
    struct vit_array h = vit_plan_take_activation(p, rows, b->proj.in), qkv = vit_plan_take_activation(p, rows, b->qkv.out);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &b->norm1));          /* h   = norm1(x)       */
    VIT_TRY(vit_plan_qkv(p, qkv, h, rows, b));                    /* qkv = qkv(h)         */
    VIT_TRY(vit_plan_attention(p, h, qkv, b->name));              /* h   = attention(qkv) */
    VIT_TRY(vit_plan_linear_add(p, p->x, h, rows, &b->proj));     /* x  += proj(h)        */
    vit_plan_give_back(p, h);
    vit_plan_give_back(p, qkv);
    return add_mlp(p, b, rows);
}

/* The last block, when what comes behind it reads only `read` tokens of each image, from the first on: their queries meet
 * all keys and values, and the rest is done for them alone. They take x's place. The last token of a text, where there
 * is a causal mask, sees all. */
static vit_status add_last_block(struct vit_plan *p, const struct vit_block *b, int64_t rows, int first, int read)
{
    int64_t few = (int64_t)p->batch * read, D = b->proj.in;
    struct vit_array h = vit_plan_take_activation(p, rows, D), kv = vit_plan_take_activation(p, rows, 2 * D);
    struct vit_array r = vit_plan_take_activation(p, few, D), q = vit_plan_take_activation(p, few, D);
    struct vit_array x = vit_plan_take_stream(p, few, D);
    VIT_TRY(vit_plan_norm(p, h, p->x, rows, &b->norm1));                             /* h  = norm1(x)        */
    VIT_TRY(vit_plan_linear(p, kv, h, rows, &b->kv));                                /* kv = kv(h)           */
    VIT_TRY(vit_plan_gather(p, r, vit_array_row(h, first), read, b->name));          /* r  = h, those read   */
    VIT_TRY(vit_plan_linear(p, q, r, few, &b->q));                                   /* q  = q(r)            */
    VIT_TRY(vit_plan_cross_attention(p, r, q, read, kv, b->name));                   /* r  = attention(q,kv) */
    VIT_TRY(vit_plan_gather(p, x, vit_array_row(p->x, first), read, b->name));       /* x  = x, those read   */
    VIT_TRY(vit_plan_linear_add(p, x, r, few, &b->proj));                            /* x += proj(r)         */
    const struct vit_array done[] = {h, kv, r, q, p->x};
    for (int i = 0; i < 5; i++)
        vit_plan_give_back(p, done[i]);
    p->x = x;
    p->tokens = read;
    return add_mlp(p, b, few);
}

/* How many tokens, from *first on, are read behind the last block, when that is fewer than T and it may leave the others
 * out; else 0. */
static int tokens_read(const struct vit_plan *p, int *first)
{
    const struct vit_config *c = vit_model_config(p->model);
    *first = 0;
    if (p->traced || c->qk_norm || c->depth == 0 || p->output == VIT_OUTPUT_TOKENS || p->output == VIT_OUTPUT_MEAN)
        return 0;
    if (p->output == VIT_OUTPUT_CLS || c->pool == VIT_POOL_TOKEN)
        return 1;
    if (c->pool == VIT_POOL_LAST)
        *first = p->length - 1;
    return c->pool == VIT_POOL_LAST ? 1 : c->pool == VIT_POOL_CLS_DIST_MEAN ? 2 : 0;
}

vit_status vit_forward(struct vit_plan *p)
{
    const struct vit_config *c = vit_model_config(p->model);
    int first, read = tokens_read(p, &first);
    int64_t rows = (int64_t)p->batch * p->length;
    VIT_TRY(vit_forward_check(c, p->output, p->err));
    VIT_TRY(c->context ? add_text(p, c) : add_embedding(p, c));
    for (int i = 0; i < c->depth; i++) {
        char stage[16];
        snprintf(stage, sizeof stage, "block%02d", i);
        if (i + 1 == c->depth && read)
            VIT_TRY(add_last_block(p, &p->model->blocks[i], rows, first, read));
        else
            VIT_TRY(add_block(p, &p->model->blocks[i], rows));
        vit_plan_tap(p, stage, p->x, p->tokens, c->width);
    }
    return vit_forward_output(p);
}
