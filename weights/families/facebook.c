/* facebook.c: the files of facebookresearch's DeiT, DeiT-III and DINOv2: timm's names but for a few. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

/* DINOv2 is trained at 518 and evaluated at 224, its positions resized. */
enum { DINOV2_PATCH = 14, DINOV2_SIZE = 224 };

static bool is_dinov2(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "register_tokens") || vit_checkpoint_search(cp, "blocks.0.mlp.w12.") ||
           (vit_checkpoint_search(cp, "mask_token") && !vit_checkpoint_search(cp, "decoder_pos_embed"));
}

/* DeiT's names are timm's very own: then the name of the architecture decides. */
static bool detect(const struct vit_checkpoint *cp)
{
    const char *arch = cp->options->arch;
    bool named = !cp->config && arch && strncmp(arch, "deit", 4) == 0 && !strchr(arch, '.');
    return vit_checkpoint_search(cp, "blocks.0.") && vit_checkpoint_search(cp, "patch_embed.proj.weight") &&
           (is_dinov2(cp) || vit_checkpoint_search(cp, "blocks.0.gamma_1") || named);
}

static void read_shapes(struct vit_config *c, const struct vit_checkpoint *cp)
{
    *c = (struct vit_config){.eps = 1e-6, .cls = true, .norm_place = VIT_NORM_BEFORE};
    c->width = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 2);
    c->depth = vit_checkpoint_count(cp, "blocks.%d.norm1.weight");
    c->mlp = vit_checkpoint_dim(cp, "blocks.0.mlp.w3.weight", 1);
    c->swiglu = c->mlp > 0;
    if (!c->swiglu)
        c->mlp = vit_checkpoint_dim(cp, "blocks.0.mlp.fc1.weight", 0);
    c->act = c->swiglu ? VIT_ACT_SILU : VIT_ACT_GELU_ERF;
    c->classes = vit_checkpoint_dim(cp, "head.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "blocks.0.attn.qkv.bias");
    c->layer_scale = vit_checkpoint_has(cp, "blocks.0.ls1.gamma") || vit_checkpoint_has(cp, "blocks.0.gamma_1");
    c->dist = vit_checkpoint_has(cp, "dist_token");
    c->n_reg = vit_checkpoint_dim(cp, "register_tokens", 1);
    c->pool = c->dist ? VIT_POOL_CLS_DIST_MEAN : VIT_POOL_TOKEN;
}

/* The position embedding covers the CLS token and that of distillation, in DeiT-III neither. */
static vit_status read_positions(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int rows = vit_checkpoint_dim(cp, "pos_embed", 1), prefix = c->dist ? 2 : 1;
    c->pos_covers = c->dist ? VIT_POS_CLS_DIST : VIT_POS_CLS;
    if (!vit_square_side(rows - prefix)) {
        c->pos_covers = VIT_POS_PATCHES;
        prefix = 0;
    }
    return vit_choose_grid(weights, rows, prefix, err);
}

static vit_status configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_arch_choice arch;
    bool dinov2 = is_dinov2(cp);
    read_shapes(c, cp);
    const char *named = dinov2 && c->width == 1536 ? "dinov2_vitg14" : NULL;
    VIT_TRY(vit_choose_arch(&arch, cp, named, "the tensors", err));
    VIT_TRY(vit_choose_heads(weights, &arch, NULL, "", err));
    VIT_TRY(read_positions(weights, cp, err));
    c->pos_resize = !dinov2    ? VIT_POS_RESIZE_BICUBIC
                    : c->n_reg ? VIT_POS_RESIZE_BICUBIC_AA
                               : VIT_POS_RESIZE_BICUBIC_OFF01;
    if (dinov2 && c->patch == DINOV2_PATCH)
        c->image_size = DINOV2_SIZE;
    vit_preprocess_imagenet(weights, 256 * c->image_size / 224, VIT_FILTER_BICUBIC,
                            dinov2 ? "DINOv2's evaluation" : "DeiT's evaluation");
    weights->imagenet = dinov2 ? "DINOv2's releases" : "DeiT's releases";
    return VIT_OK;
}

static const char *const prefixes[] = {NULL};

static const struct vit_rule rules[] = {
    {.to = "reg_token", .from = {"register_tokens"}},
    {.to = "blocks.#.ls1.gamma", .from = {"blocks.#.gamma_1"}},
    {.to = "blocks.#.ls2.gamma", .from = {"blocks.#.gamma_2"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {"blocks.#.mlp.w12.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {"blocks.#.mlp.w3.*"}},
    VIT_SAME_NAME,
};

static const char *const ignored[] = {"mask_token", NULL};

const struct vit_family vit_family_facebook = {
    "facebook", detect, configure, prefixes, rules, sizeof rules / sizeof *rules, ignored,
};
