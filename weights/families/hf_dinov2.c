/* hf_dinov2.c: Hugging Face's DINOv2, with and without registers. */
#include "weights/families/family.h"

#define EMBEDDINGS "embeddings."
#define LAYER "encoder.layer.#."
#define FIRST "encoder.layer.0."

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "layer_scale1.lambda1") != NULL;
}

static void read_mlp(struct vit_config *c, const struct vit_checkpoint *cp)
{
    static const char *const gated[] = {FIRST "mlp.weights_out.weight", FIRST "mlp.down_proj.weight"};
    for (int i = 0; i < 2 && !c->swiglu; i++) {
        c->mlp = vit_checkpoint_dim(cp, gated[i], 1);
        c->swiglu = c->mlp > 0;
    }
    if (!c->swiglu)
        c->mlp = vit_checkpoint_dim(cp, FIRST "mlp.fc1.weight", 0);
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    c->width = vit_checkpoint_dim(cp, EMBEDDINGS "patch_embeddings.projection.weight", 0);
    c->patch = vit_checkpoint_dim(cp, EMBEDDINGS "patch_embeddings.projection.weight", 2);
    c->depth = vit_checkpoint_count(cp, "encoder.layer.%d.norm1.weight");
    c->qkv_bias = vit_checkpoint_has(cp, FIRST "attention.attention.query.bias") ||
                  vit_checkpoint_has(cp, FIRST "attention.q_proj.bias");
    c->layer_scale = true;
    c->cls = true;
    c->n_reg = vit_checkpoint_dim(cp, EMBEDDINGS "register_tokens", 1);
    c->classes = vit_checkpoint_dim(cp, "classifier.weight", 0);
    c->pool = c->classes ? VIT_POOL_CONCAT : VIT_POOL_TOKEN;
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = VIT_POS_CLS; /* registers are put in behind the positions */
    c->pos_resize = c->n_reg ? VIT_POS_RESIZE_BICUBIC_AA : VIT_POS_RESIZE_BICUBIC;
    read_mlp(c, cp);
    return vit_choose_grid(weights, vit_checkpoint_dim(cp, EMBEDDINGS "position_embeddings", 1), 1, err);
}

static const char *const prefixes[] = {"dinov2.", "dinov2_with_registers.", NULL};

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {EMBEDDINGS "cls_token"}},
    {.to = "reg_token", .from = {EMBEDDINGS "register_tokens"}},
    {.to = "pos_embed", .from = {EMBEDDINGS "position_embeddings"}},
    {.to = "patch_embed.proj.*", .from = {EMBEDDINGS "patch_embeddings.projection.*"}},
    {.to = "blocks.#.norm1.*", .from = {LAYER "norm1.*"}},
    {.to = "blocks.#.attn.qkv.*",
     .from = {LAYER "attention.attention.query.*", LAYER "attention.attention.key.*",
              LAYER "attention.attention.value.*"}},
    {.to = "blocks.#.attn.qkv.*",
     .from = {LAYER "attention.q_proj.*", LAYER "attention.k_proj.*", LAYER "attention.v_proj.*"}},
    {.to = "blocks.#.attn.proj.*", .from = {LAYER "attention.output.dense.*"}},
    {.to = "blocks.#.attn.proj.*", .from = {LAYER "attention.o_proj.*"}},
    {.to = "blocks.#.ls1.gamma", .from = {LAYER "layer_scale1.lambda1"}},
    {.to = "blocks.#.norm2.*", .from = {LAYER "norm2.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {LAYER "mlp.fc1.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {LAYER "mlp.weights_in.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {LAYER "mlp.gate_proj.*", LAYER "mlp.up_proj.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {LAYER "mlp.fc2.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {LAYER "mlp.weights_out.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {LAYER "mlp.down_proj.*"}},
    {.to = "blocks.#.ls2.gamma", .from = {LAYER "layer_scale2.lambda1"}},
    {.to = "norm.*", .from = {"layernorm.*"}},
    {.to = "head.*", .from = {"classifier.*"}},
    {0},
};

static const char *const ignored[] = {EMBEDDINGS "mask_token", NULL};

const struct vit_family vit_family_hf_dinov2 = {
    .name = "hf_dinov2", .detect = detect, .shapes = shapes, .prefixes = prefixes, .rules = rules, .ignored = ignored};
