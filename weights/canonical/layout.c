/* layout.c: from a configuration to the names and shapes of a tower's tensors: timm's names, and for what timm has
 * not token_embed of a text tower and proj. */
#include "weights/canonical/layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list under construction. A failure is remembered, so that the lists below need no checks between their lines. */
struct builder {
    struct vit_layout *layout;
    int capacity;
    vit_status status;
};

static void add(struct builder *b, const char *prefix, const char *suffix, int n_dims, ...)
{
    struct vit_layout *layout = b->layout;
    if (b->status != VIT_OK)
        return;
    if (layout->n_tensors == b->capacity) {
        int capacity = b->capacity ? 2 * b->capacity : 64;
        void *grown = realloc(layout->tensors, (size_t)capacity * sizeof *layout->tensors);
        if (!grown) {
            b->status = VIT_ERR_MEMORY;
            return;
        }
        layout->tensors = grown;
        b->capacity = capacity;
    }
    struct vit_tensor tensor = {.dtype = VIT_F32, .n_dims = n_dims};
    if (asprintf(&tensor.name, "%s%s", prefix, suffix) < 0) {
        b->status = VIT_ERR_MEMORY;
        return;
    }
    va_list dims;
    va_start(dims, n_dims);
    for (int i = 0; i < n_dims; i++)
        tensor.shape[i] = va_arg(dims, int);
    va_end(dims);
    layout->tensors[layout->n_tensors++] = tensor;
}

static void add_norm(struct builder *b, const char *prefix, const char *name, int width)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(b, full, ".weight", 1, width);
    add(b, full, ".bias", 1, width);
}

static void add_linear(struct builder *b, const char *prefix, const char *name, int out, int in, bool bias)
{
    char full[96];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    add(b, full, ".weight", 2, out, in);
    if (bias)
        add(b, full, ".bias", 1, out);
}

static void add_embedding(struct builder *b, const struct vit_config *c)
{
    int D = c->width, P = c->patch;
    if (c->context) {
        add(b, "token_embed", ".weight", 2, c->vocabulary, D);
        add(b, "pos_embed", "", 3, 1, c->context, D);
        return;
    }
    if (c->cls)
        add(b, "cls_token", "", 3, 1, 1, D);
    if (c->dist)
        add(b, "dist_token", "", 3, 1, 1, D);
    if (c->n_reg)
        add(b, "reg_token", "", 3, 1, c->n_reg, D);
    add(b, "pos_embed", "", 3, 1, vit_config_pos_rows(c), D);
    add(b, "patch_embed.proj", ".weight", 4, D, 3, P, P);
    if (c->pre_norm)
        add_norm(b, "", "norm_pre", D);
    else
        add(b, "patch_embed.proj", ".bias", 1, D);
}

static void add_block(struct builder *b, const struct vit_config *c, int i)
{
    int D = c->width, F = c->mlp, HD = D / c->heads;
    char p[32];
    snprintf(p, sizeof p, "blocks.%d.", i);
    add_norm(b, p, "norm1", D);
    add_linear(b, p, "attn.qkv", 3 * D, D, c->qkv_bias);
    if (c->qk_norm) {
        add_norm(b, p, "attn.q_norm", HD);
        add_norm(b, p, "attn.k_norm", HD);
    }
    add_linear(b, p, "attn.proj", D, D, true);
    if (c->layer_scale)
        add(b, p, "ls1.gamma", 1, D);
    add_norm(b, p, "norm2", D);
    add_linear(b, p, "mlp.fc1", c->swiglu ? 2 * F : F, D, true);
    add_linear(b, p, "mlp.fc2", D, F, true);
    if (c->layer_scale)
        add(b, p, "ls2.gamma", 1, D);
}

static void add_head(struct builder *b, const struct vit_config *c)
{
    int D = c->width;
    if (c->norm_place != VIT_NORM_NONE)
        add_norm(b, "", c->norm_place == VIT_NORM_BEFORE ? "norm" : "fc_norm", D);
    if (c->pool == VIT_POOL_MAP) {
        add(b, "attn_pool.latent", "", 3, 1, 1, D);
        add_linear(b, "", "attn_pool.q", D, D, true);
        add_linear(b, "", "attn_pool.kv", 2 * D, D, true);
        add_linear(b, "", "attn_pool.proj", D, D, true);
        add_norm(b, "", "attn_pool.norm", D);
        add_linear(b, "", "attn_pool.mlp.fc1", c->mlp, D, true);
        add_linear(b, "", "attn_pool.mlp.fc2", D, c->mlp, true);
    }
    if (c->embedding)
        add_linear(b, "", "proj", c->embedding, vit_config_pooled_width(c), true);
    if (c->classes == 0)
        return;
    add_linear(b, "", "head", c->classes, vit_config_head_width(c), true);
    if (c->pool == VIT_POOL_CLS_DIST_MEAN)
        add_linear(b, "", "head_dist", c->classes, D, true);
}

vit_status vit_layout_build(struct vit_layout *layout, const struct vit_config *config, struct vit_error *err)
{
    *layout = (struct vit_layout){0};
    struct builder b = {.layout = layout};
    add_embedding(&b, config);
    for (int i = 0; i < config->depth; i++)
        add_block(&b, config, i);
    add_head(&b, config);
    if (b.status != VIT_OK) {
        vit_layout_free(layout);
        return vit_fail(err, b.status, "out of memory for the list of a model's tensors");
    }
    return VIT_OK;
}

void vit_layout_free(struct vit_layout *layout)
{
    for (int i = 0; i < layout->n_tensors; i++)
        free(layout->tensors[i].name);
    free(layout->tensors);
    *layout = (struct vit_layout){0};
}

int vit_layout_find(const struct vit_layout *layout, const char *name)
{
    for (int i = 0; i < layout->n_tensors; i++)
        if (strcmp(layout->tensors[i].name, name) == 0)
            return i;
    return -1;
}

char *vit_shape_text(char *text, size_t n, int n_dims, const int64_t *shape)
{
    size_t used = (size_t)snprintf(text, n, "[");
    for (int i = 0; i < n_dims && used < n; i++)
        used += (size_t)snprintf(text + used, n - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (used < n)
        snprintf(text + used, n - used, "]");
    return text;
}
