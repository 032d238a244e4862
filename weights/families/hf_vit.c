/* hf_vit.c: Hugging Face's ViT and DeiT, under the names of their files and those that transformers 5 has in memory. */
#include "weights/families/family.h"

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "embeddings.patch_embeddings.projection.weight") != NULL;
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    c->width = vit_checkpoint_dim(cp, "embeddings.patch_embeddings.projection.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "embeddings.patch_embeddings.projection.weight", 2);
    c->depth = vit_checkpoint_count(cp, "encoder.layer.%d.layernorm_before.weight");
    c->mlp = vit_checkpoint_dim(cp, "encoder.layer.0.intermediate.dense.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "encoder.layer.0.attention.attention.query.bias");
    if (c->depth == 0) {
        c->depth = vit_checkpoint_count(cp, "layers.%d.layernorm_before.weight");
        c->mlp = vit_checkpoint_dim(cp, "layers.0.mlp.fc1.weight", 0);
        c->qkv_bias = vit_checkpoint_has(cp, "layers.0.attention.q_proj.bias");
    }
    c->cls = vit_checkpoint_has(cp, "embeddings.cls_token");
    c->dist = vit_checkpoint_has(cp, "embeddings.distillation_token");
    bool teacher = vit_checkpoint_has(cp, "cls_classifier.weight");
    c->classes = vit_checkpoint_dim(cp, teacher ? "cls_classifier.weight" : "classifier.weight", 0);
    c->pool = teacher ? VIT_POOL_CLS_DIST_MEAN : c->cls ? VIT_POOL_TOKEN : VIT_POOL_AVG;
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = c->dist ? VIT_POS_CLS_DIST : c->cls ? VIT_POS_CLS : VIT_POS_PATCHES;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC;
    vit_report_set(&weights->report, "pool", "the tensors", "%s", vit_pool_name(c->pool));
    return vit_choose_grid(weights, vit_checkpoint_dim(cp, "embeddings.position_embeddings", 1), c->cls + c->dist, err);
}

static const char *const prefixes[] = {"vit.", "deit.", "ijepa.", NULL};

#define EMBEDDINGS "embeddings."
#define OLD "encoder.layer.#."
#define NEW "layers.#."

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {EMBEDDINGS "cls_token"}},
    {.to = "dist_token", .from = {EMBEDDINGS "distillation_token"}},
    {.to = "pos_embed", .from = {EMBEDDINGS "position_embeddings"}},
    {.to = "patch_embed.proj.*", .from = {EMBEDDINGS "patch_embeddings.projection.*"}},
    {.to = "blocks.#.norm1.*", .from = {OLD "layernorm_before.*"}},
    {.to = "blocks.#.norm1.*", .from = {NEW "layernorm_before.*"}},
    {.to = "blocks.#.attn.qkv.*",
     .from = {OLD "attention.attention.query.*", OLD "attention.attention.key.*", OLD "attention.attention.value.*"}},
    {.to = "blocks.#.attn.qkv.*",
     .from = {NEW "attention.q_proj.*", NEW "attention.k_proj.*", NEW "attention.v_proj.*"}},
    {.to = "blocks.#.attn.proj.*", .from = {OLD "attention.output.dense.*"}},
    {.to = "blocks.#.attn.proj.*", .from = {NEW "attention.o_proj.*"}},
    {.to = "blocks.#.norm2.*", .from = {OLD "layernorm_after.*"}},
    {.to = "blocks.#.norm2.*", .from = {NEW "layernorm_after.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {OLD "intermediate.dense.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {NEW "mlp.fc1.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {OLD "output.dense.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {NEW "mlp.fc2.*"}},
    {.to = "norm.*", .from = {"layernorm.*"}},
    {.to = "head.*", .from = {"classifier.*"}},
    {.to = "head.*", .from = {"cls_classifier.*"}},
    {.to = "head_dist.*", .from = {"distillation_classifier.*"}},
    {0},
};

static const char *const ignored[] = {"pooler.*", EMBEDDINGS "mask_token", "*position_ids", "decoder.*", NULL};

const struct vit_family vit_family_hf_vit = {
    .name = "hf_vit", .detect = detect, .shapes = shapes, .prefixes = prefixes, .rules = rules, .ignored = ignored};
