/* families.c: which family a checkpoint is of, which are known by sight and refused, and whose settings count. */
#include "weights/canonical/arch.h"
#include "weights/families/family.h"

/* In the order of detection: the more particular first. */
static const struct vit_family *const families[] = {
    &vit_family_jax,       &vit_family_torchvision, &vit_family_hf_clip, &vit_family_hf_siglip, &vit_family_open_clip,
    &vit_family_hf_dinov2, &vit_family_hf_vit,      &vit_family_facebook, &vit_family_timm,
};
enum { N_FAMILIES = sizeof families / sizeof *families };

/* What computes otherwise than a plain Vision Transformer, by components of a tensor's name. */
static const struct {
    const char *part, *what;
} refused[] = {
    {"relative_position_bias_table", "relative position biases (BEiT, data2vec, Swin)"},
    {"lambda_1", "BEiT"},
    {"attn.q_bias", "separate biases of queries and values (BEiT, EVA)"},
    {"patch_embed.backbone", "a convolutional stem (hybrid models)"},
    {"conv_proj.conv_bn_relu_0", "a convolutional stem (hybrid models)"},
    {"blocks.0.in_proj", "parallel attention and MLP"},
    {"blocks.0.attns", "parallel attention layers"},
    {"blocks.0.ffns", "parallel attention layers"},
    {"lambda_q1", "differential attention"},
    {"fc1_g", "RMSNorm and gated MLP (AIMv2)"},
    {"blocks.0.attn.norm", "a norm within attention (BEiT-3)"},
    {"blocks.0.mlp.norm", "a norm within the MLP (BEiT-3, EVA-02)"},
    {"rope", "rotary positions"},
    {"rope_embed", "rotary positions (DINOv3)"},
    {"rope_embeddings", "rotary positions (DINOv3)"},
    {"patch_generator", "RADIO's patch generator"},
};

bool vit_open_clip_governs(const struct vit_checkpoint *cp)
{
    return cp->open_clip && (cp->trunk || vit_family_open_clip.detect(cp));
}

/* The family that transformers' model_type tells, if the tensors have its names; and refusals by name. */
static vit_status ask_config(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err)
{
    if (vit_open_clip_governs(cp))
        return VIT_OK;
    if (cp->architecture) {
        struct vit_config row;
        if (!cp->options->arch && !vit_arch_find(&row, cp->architecture))
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: architecture \"%.100s\" is not known, and names of "
                            "tensors do not tell how it computes; --arch NAME says that it computes as NAME does",
                            cp->architecture);
    } else if (cp->model_type) {
        VIT_TRY(vit_hf_find(family, cp->model_type, err));
        if (!(*family)->detect(cp))
            *family = NULL;
    }
    return VIT_OK;
}

vit_status vit_family_find(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err)
{
    *family = NULL;
    VIT_TRY(ask_config(family, cp, err));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *name = vit_checkpoint_search(cp, refused[i].part);
        if (name)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %s: not supported", name, refused[i].what);
    }
    for (int i = 0; i < N_FAMILIES && !*family; i++)
        if (families[i]->detect(cp))
            *family = families[i];
    if (*family)
        return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "the names of its tensors (%s, ...) are those of no supported family of "
                    "Vision Transformers", vit_source_tensor(cp->source, 0)->name);
}

static vit_status configure(const struct vit_family *family, struct vit_weights *weights, const struct vit_checkpoint *cp,
                            struct vit_error *err)
{
    static const char *const harmless[] = {"label*", "id2label", "num_classes", NULL}; /* of no library's config.json */
    const struct vit_config *c = &weights->config;
    VIT_TRY(family->shapes(weights, cp, err));
    if (c->width < 1 || c->patch < 1 || c->mlp < 1)
        return vit_fail(err, VIT_ERR_DECODE, "no width, patch or mlp can be told from the tensors");
    if (vit_open_clip_governs(cp))
        return vit_open_clip_configure(weights, cp, err);
    if (vit_timm_is_config(cp) || (family == &vit_family_timm && !cp->model_type))
        return vit_timm_configure(weights, cp, err);
    if (cp->model_type || !family->usual)
        return vit_hf_configure(family, weights, cp, err);
    const struct vit_settings config = {.file = "config.json", .object = cp->config};
    VIT_TRY(vit_settings_end(&config, harmless, err));
    return family->usual(weights, cp, err);
}

/* What shares an embedding with texts has no classes of its own, and is compared with them by directions. */
vit_status vit_family_configure(const struct vit_family *family, struct vit_weights *weights,
                                const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    VIT_TRY(configure(family, weights, cp, err));
    c->normalize = c->classes == 0 && (c->embedding > 0 || vit_checkpoint_has(cp, "logit_scale"));
    c->sigmoid = c->normalize && vit_checkpoint_has(cp, "logit_bias");
    if (c->normalize)
        vit_report_set(&weights->report, "head", "the tensors", "none: an embedding of %d numbers shared with texts",
                       vit_config_head_width(c));
    return VIT_OK;
}
