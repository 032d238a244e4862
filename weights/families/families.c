/* families.c: which family a checkpoint is of, and which are known by sight and refused. */
#include <string.h>

#include "weights/families/family.h"

/* In the order of detection: the more particular first. */
static const struct vit_family *const families[] = {
    &vit_family_jax,       &vit_family_torchvision, &vit_family_hf_clip, &vit_family_hf_siglip, &vit_family_open_clip,
    &vit_family_hf_dinov2, &vit_family_hf_vit,      &vit_family_facebook, &vit_family_timm,
};
enum { N_FAMILIES = sizeof families / sizeof *families };

/* What computes otherwise than a plain Vision Transformer, by a part of a tensor's name. */
static const struct {
    const char *part, *what;
} refused[] = {
    {"relative_position_bias_table", "relative position biases (BEiT, data2vec, Swin)"},
    {"lambda_1", "BEiT"},
    {"attn.q_bias", "separate biases of queries and values (BEiT, EVA)"},
    {"patch_embed.backbone.", "a convolutional stem (hybrid models)"},
    {"conv_proj.conv_bn_relu", "a convolutional stem (hybrid models)"},
    {"blocks.0.in_proj.", "parallel attention and MLP"},
    {"blocks.0.attns.", "parallel attention layers"},
    {"blocks.0.ffns.", "parallel attention layers"},
    {"lambda_q1", "differential attention"},
    {"fc1_g.", "RMSNorm and gated MLP (AIMv2)"},
    {"blocks.0.attn.norm.", "a norm within attention (BEiT-3)"},
    {"blocks.0.mlp.norm.", "a norm within the MLP (BEiT-3, EVA-02)"},
    {"rope", "rotary positions"},
    {"patch_generator.", "RADIO's patch generator"},
};

vit_status vit_family_find(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *name = vit_checkpoint_search(cp, refused[i].part);
        if (name)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %s is not supported", name, refused[i].what);
    }
    for (int i = 0; i < N_FAMILIES; i++) {
        if (families[i]->detect(cp)) {
            *family = families[i];
            return VIT_OK;
        }
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "the names of its tensors (%s, ...) are those of no supported family of "
                    "Vision Transformers", vit_source_tensor(cp->source, 0)->name);
}
