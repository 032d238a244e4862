/* facebook.c: the files of facebookresearch's DeiT, DeiT-III and DINOv2, which come without settings: timm's names but
 * for a few, and evaluated otherwise. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

/* DINOv2 is trained at 518 and evaluated at 224, its positions resized. */
enum { DINOV2_PATCH = 14, DINOV2_SIZE = 224 };

static bool is_dinov2(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "register_tokens") || vit_checkpoint_search(cp, "blocks.0.mlp.w12") ||
           (vit_checkpoint_search(cp, "mask_token") && !vit_checkpoint_search(cp, "decoder_pos_embed"));
}

/* DeiT's names are timm's very own: then the architecture's name decides. What comes with timm's config is timm's. */
static bool detect(const struct vit_checkpoint *cp)
{
    const char *arch = cp->options->arch;
    bool named = !cp->config && arch && strncmp(arch, "deit", 4) == 0 && !strchr(arch, '.');
    return !vit_timm_is_config(cp) && !cp->trunk && vit_family_timm.detect(cp) &&
           (is_dinov2(cp) || vit_checkpoint_search(cp, "blocks.0.gamma_1") || named);
}

static vit_status usual(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_arch_choice arch;
    bool dinov2 = is_dinov2(cp);
    const char *named = dinov2 && c->width == 1536 ? "dinov2_vitg14" : NULL;
    VIT_TRY(vit_choose_arch(&arch, cp, named, "the tensors", err));
    VIT_TRY(vit_choose_heads(weights, &arch, NULL, "", err));
    c->eps = 1e-6;
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
static const char *const ignored[] = {"mask_token", NULL};

const struct vit_family vit_family_facebook = {
    .name = "facebook", .detect = detect, .shapes = vit_timm_shapes, .usual = usual,
    .prefixes = prefixes, .rules = vit_timm_rules, .ignored = ignored};
