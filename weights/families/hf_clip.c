/* hf_clip.c: the image towers of Hugging Face's CLIP and SigLIP, whose names are nearly the same. */
#include "weights/families/family.h"
#include "weights/families/hf_clip_blocks.h"

static bool is_tower(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "embeddings.patch_embedding.weight") != NULL;
}

static bool detect_clip(const struct vit_checkpoint *cp)
{
    return is_tower(cp) && vit_checkpoint_search(cp, "pre_layrnorm.weight");
}

static void read_shapes(struct vit_config *c, const struct vit_checkpoint *cp)
{
    c->width = vit_checkpoint_dim(cp, "embeddings.patch_embedding.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "embeddings.patch_embedding.weight", 2);
    c->depth = vit_checkpoint_count(cp, "encoder.layers.%d.layer_norm1.weight");
    c->mlp = vit_checkpoint_dim(cp, "encoder.layers.0.mlp.fc1.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "encoder.layers.0.self_attn.q_proj.bias");
    c->cls = vit_checkpoint_has(cp, "embeddings.class_embedding");
    c->pre_norm = vit_checkpoint_has(cp, "pre_layrnorm.weight");
    c->classes = vit_checkpoint_dim(cp, "classifier.weight", 0);
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = c->cls ? VIT_POS_CLS : VIT_POS_PATCHES;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC;
}

static vit_status read_positions(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    const struct vit_config *c = &weights->config;
    vit_report_set(&weights->report, "pool", "the tensors", "%s", vit_pool_name(c->pool));
    return vit_choose_grid(weights, vit_checkpoint_dim(cp, "embeddings.position_embedding.weight", 0), c->cls, err);
}

/* The classifier reads the mean of the patches without a final norm; the projection to the joint embedding reads the CLS
 * token behind it. */
static vit_status shapes_clip(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    read_shapes(c, cp);
    if (c->classes) {
        c->pool = VIT_POOL_AVG;
        c->norm_place = VIT_NORM_NONE;
    } else {
        c->pool = VIT_POOL_TOKEN;
        c->embedding = vit_checkpoint_dim(cp, "visual_projection.weight", 0);
    }
    return read_positions(weights, cp, err);
}

/* The classifier reads the mean of the patches; what else uses the tower, its attention pooling. */
static vit_status shapes_siglip(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    read_shapes(c, cp);
    c->pool = c->classes == 0 && vit_checkpoint_has(cp, "head.probe") ? VIT_POOL_MAP : VIT_POOL_AVG;
    return read_positions(weights, cp, err);
}

static const char *const prefixes[] = {"vision_model.", NULL};

#define LAYER "encoder.layers.#."

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {"embeddings.class_embedding"}, .change = VIT_SQUEEZED},
    {.to = "pos_embed", .from = {"embeddings.position_embedding.weight"}, .change = VIT_SQUEEZED},
    {.to = "patch_embed.proj.*", .from = {"embeddings.patch_embedding.*"}},
    {.to = "norm_pre.*", .from = {"pre_layrnorm.*"}},
    VIT_HF_CLIP_BLOCKS(LAYER),
    {.to = "norm.*", .from = {"post_layernorm.*"}},
    {.to = "attn_pool.latent", .from = {"head.probe"}},
    {.to = "attn_pool.q.weight", .from = {"head.attention.in_proj_weight"}, .change = VIT_FIRST_THIRD},
    {.to = "attn_pool.q.bias", .from = {"head.attention.in_proj_bias"}, .change = VIT_FIRST_THIRD},
    {.to = "attn_pool.kv.weight", .from = {"head.attention.in_proj_weight"}, .change = VIT_LAST_THIRDS},
    {.to = "attn_pool.kv.bias", .from = {"head.attention.in_proj_bias"}, .change = VIT_LAST_THIRDS},
    {.to = "attn_pool.proj.*", .from = {"head.attention.out_proj.*"}},
    {.to = "attn_pool.norm.*", .from = {"head.layernorm.*"}},
    {.to = "attn_pool.mlp.fc1.*", .from = {"head.mlp.fc1.*"}},
    {.to = "attn_pool.mlp.fc2.*", .from = {"head.mlp.fc2.*"}},
    {.to = "head.*", .from = {"classifier.*"}},
    {.to = "proj.weight", .from = {"visual_projection.weight"}},
    {.to = "proj.bias", .from = {"visual_projection.weight"}, .change = VIT_ZERO},
    {0},
};

static const char *const ignored_clip[] = {"*position_ids", "post_layernorm.*", "visual_projection.*", NULL};
static const char *const ignored_siglip[] = {"*position_ids", "head.*", NULL};

const struct vit_family vit_family_hf_clip = {
    .name = "hf_clip", .detect = detect_clip, .shapes = shapes_clip,
    .prefixes = prefixes, .rules = rules, .ignored = ignored_clip,
    .text = &vit_text_hf
};
const struct vit_family vit_family_hf_siglip = {
    .name = "hf_siglip", .detect = is_tower, .shapes = shapes_siglip,
    .prefixes = prefixes, .rules = rules, .ignored = ignored_siglip,
    .text = &vit_text_hf
};
