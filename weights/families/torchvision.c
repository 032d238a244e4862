/* torchvision.c: torchvision's vit_b_16 and its kin. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

#define LAYER "encoder.layers.encoder_layer_#."
#define FIRST "encoder.layers.encoder_layer_0."

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, FIRST "ln_1.weight") != NULL;
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    *c = (struct vit_config){.eps = 1e-6, .act = VIT_ACT_GELU_ERF, .qkv_bias = true, .cls = true};
    c->width = vit_checkpoint_dim(cp, "conv_proj.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "conv_proj.weight", 2);
    c->depth = vit_checkpoint_count(cp, "encoder.layers.encoder_layer_%d.ln_1.weight");
    c->mlp = vit_checkpoint_dim(cp, FIRST "mlp.0.weight", 0);
    if (c->mlp == 0)
        c->mlp = vit_checkpoint_dim(cp, FIRST "mlp.linear_1.weight", 0);
    c->classes = vit_checkpoint_dim(cp, "heads.head.weight", 0);
    c->pool = VIT_POOL_TOKEN;
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = VIT_POS_CLS;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC_CORNERS;
    if (vit_checkpoint_has(cp, "heads.pre_logits.weight"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "heads.pre_logits.weight: a layer in front of the classifier is not "
                        "supported");
    return vit_choose_grid(weights, vit_checkpoint_dim(cp, "encoder.pos_embedding", 1), 1, err);
}

/* The published weights: those trained with SWAG, told by their size or the file's name, crop nothing. */
static void choose_preprocess(struct vit_weights *weights, const struct vit_checkpoint *cp)
{
    const struct vit_config *c = &weights->config;
    int S = c->image_size;
    const char *path = vit_source_path(cp->source), *slash = strrchr(path, '/');
    bool swag = S == 384 || S == 512 || S == 518 || (c->width == 1280 && c->patch == 14) ||
                strstr(slash ? slash : path, "swag");
    bool l_16 = c->width == 1024 && c->patch == 16 && S == 224;
    if (swag)
        vit_preprocess_imagenet(weights, S, VIT_FILTER_BICUBIC, "torchvision's weights of SWAG");
    else
        vit_preprocess_imagenet(weights, l_16 ? 242 : S * 256 / 224, VIT_FILTER_BILINEAR, "torchvision's weights V1");
}

static vit_status usual(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_arch_choice arch;
    const char *named = c->width == 1280 && c->patch == 14 ? "vit_h_14" : NULL;
    VIT_TRY(vit_choose_arch(&arch, cp, named, "the tensors", err));
    VIT_TRY(vit_choose_heads(weights, &arch, NULL, "", err));
    choose_preprocess(weights, cp);
    weights->imagenet = "torchvision's releases";
    return VIT_OK;
}

static const char *const prefixes[] = {NULL};

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {"class_token"}},
    {.to = "pos_embed", .from = {"encoder.pos_embedding"}},
    {.to = "patch_embed.proj.*", .from = {"conv_proj.*"}},
    {.to = "blocks.#.norm1.*", .from = {LAYER "ln_1.*"}},
    {.to = "blocks.#.attn.qkv.weight", .from = {LAYER "self_attention.in_proj_weight"}},
    {.to = "blocks.#.attn.qkv.bias", .from = {LAYER "self_attention.in_proj_bias"}},
    {.to = "blocks.#.attn.proj.*", .from = {LAYER "self_attention.out_proj.*"}},
    {.to = "blocks.#.norm2.*", .from = {LAYER "ln_2.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {LAYER "mlp.0.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {LAYER "mlp.linear_1.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {LAYER "mlp.3.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {LAYER "mlp.linear_2.*"}},
    {.to = "norm.*", .from = {"encoder.ln.*"}},
    {.to = "head.*", .from = {"heads.head.*"}},
    {0},
};

static const char *const ignored[] = {NULL};

const struct vit_family vit_family_torchvision = {
    .name = "torchvision", .detect = detect, .shapes = shapes, .usual = usual,
    .prefixes = prefixes, .rules = rules, .ignored = ignored
};
