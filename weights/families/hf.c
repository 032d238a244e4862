/* hf.c: transformers' config.json: which model types there are, and what their settings mean. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

/* What the class of a model type takes for settings that its file lacks. */
static const struct model_type {
    const char *name;
    const struct vit_family *family;
    double eps;
    enum vit_act act;
    const char *processor; /* how the class of its image processor begins; without a family: why there is none */
} types[] = {
    {"vit", &vit_family_hf_vit, 1e-12, VIT_ACT_GELU_ERF, "ViT"},
    {"deit", &vit_family_hf_vit, 1e-12, VIT_ACT_GELU_ERF, "DeiT"},
    {"ijepa", &vit_family_hf_vit, 1e-12, VIT_ACT_GELU_ERF, "ViT"},
    {"vit_mae", &vit_family_hf_vit, 1e-12, VIT_ACT_GELU_ERF, "ViT"},
    {"vit_msn", &vit_family_hf_vit, 1e-6, VIT_ACT_GELU_ERF, "ViT"},
    {"dinov2", &vit_family_hf_dinov2, 1e-6, VIT_ACT_GELU_ERF, "Bit"},
    {"dinov2_with_registers", &vit_family_hf_dinov2, 1e-6, VIT_ACT_GELU_ERF, "Bit"},
    {"clip", &vit_family_hf_clip, 1e-5, VIT_ACT_QUICK_GELU, "CLIP"},
    {"clip_vision_model", &vit_family_hf_clip, 1e-5, VIT_ACT_QUICK_GELU, "CLIP"},
    {"metaclip_2", &vit_family_hf_clip, 1e-5, VIT_ACT_QUICK_GELU, "CLIP"},
    {"metaclip_2_vision_model", &vit_family_hf_clip, 1e-5, VIT_ACT_QUICK_GELU, "CLIP"},
    {"siglip", &vit_family_hf_siglip, 1e-6, VIT_ACT_GELU_TANH, "Siglip"},
    {"siglip_vision_model", &vit_family_hf_siglip, 1e-6, VIT_ACT_GELU_TANH, "Siglip"},
    {"beit", NULL, 0, 0, "relative position biases (BEiT)"},
    {"data2vec-vision", NULL, 0, 0, "relative position biases (data2vec)"},
    {"dinov3_vit", NULL, 0, 0, "rotary positions (DINOv3)"},
    {"siglip2", NULL, 0, 0, "pictures of any shape (NaFlex)"},
    {"siglip2_vision_model", NULL, 0, 0, "pictures of any shape (NaFlex)"},
};
enum { N_TYPES = sizeof types / sizeof *types, HEADS = 12 };

static const struct model_type *find(const char *name)
{
    for (int i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

/* Of the family, when no file tells. */
static const struct model_type *find_usual(const struct vit_family *family, const struct vit_config *c)
{
    const struct model_type *type = types;
    while (type->family != family)
        type++;
    return c->dist ? find("deit") : type;
}

vit_status vit_hf_find(const struct vit_family **family, const char *model_type, struct vit_error *err)
{
    const struct model_type *type = find(model_type);
    if (!type || !type->family)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: model_type \"%.100s\": %s%snot supported", model_type,
                        type ? type->processor : "", type ? ": " : "");
    *family = type->family;
    return VIT_OK;
}

/* What the file says of shapes, which the tensors have, too. */
static vit_status check_shapes(struct vit_settings *s, const struct vit_config *c, struct vit_error *err)
{
    int size = c->image_size;
    VIT_TRY(vit_take_side(s, "image_size", &size, err));
    if (size / c->patch != c->pos_grid[0])
        return vit_settings_refuse(s, "image_size", "the tensors have positions for another number of patches", err);
    VIT_TRY(vit_expect_int(s, "hidden_size", c->width, err));
    VIT_TRY(vit_expect_int(s, "num_hidden_layers", c->depth, err));
    VIT_TRY(vit_expect_int(s, "intermediate_size", c->mlp, err));
    VIT_TRY(vit_expect_int(s, "patch_size", c->patch, err));
    VIT_TRY(vit_expect_int(s, "num_channels", 3, err));
    VIT_TRY(vit_expect_int(s, "num_register_tokens", c->n_reg, err));
    return vit_expect_bool(s, "qkv_bias", c->qkv_bias, err);
}

vit_status vit_hf_within(struct vit_settings *s, struct vit_settings *top, const char *key, const char *older,
                         struct vit_error *err)
{
    struct vit_settings other;
    VIT_TRY(vit_settings_within(s, top, key, err));
    VIT_TRY(vit_settings_within(&other, top, older, err));
    if (json_object_size(other.object))
        *s = other;
    return VIT_OK;
}

static vit_status read_settings(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_settings *s,
                                const struct model_type *type, struct vit_error *err)
{
    static const char *const needed[] = {"num_attention_heads", "layer_norm_eps", "hidden_act"};
    struct vit_config *c = &weights->config;
    struct vit_arch_choice arch;
    for (int i = 0; i < 3; i++)
        if (json_is_null(json_object_get(s->object, needed[i])))
            return vit_settings_refuse(s, needed[i], "a value is needed", err);
    VIT_TRY(vit_choose_arch(&arch, cp, cp->model_type, "config.json", err));
    if (cp->model_type && !cp->options->arch && !json_object_get(s->object, needed[0]) && !c->heads)
        c->heads = HEADS;
    VIT_TRY(vit_choose_heads(weights, &arch, s, needed[0], err));
    c->eps = type->eps;
    VIT_TRY(vit_choose_eps(weights, s, needed[1], "the default of transformers", err));
    if (c->swiglu) {
        vit_take(s, needed[2]); /* the gated MLP has its own */
        c->act = VIT_ACT_SILU;
    } else {
        c->act = type->act;
        VIT_TRY(vit_choose_act(weights, s, needed[2], "the default of transformers", err));
    }
    return check_shapes(s, c, err);
}

/* What concerns training, generating text, other towers, labels and libraries. */
const char *const vit_hf_harmless[] = {
    "_*", "add_cross_attention", "apply_layernorm", "architectures", "attn_implementation", "*dropout*",
    "bad_words_ids", "*_token_id", "chunk_size_feed_forward", "cross_attention_hidden_size", "decoder_*",
    "*_penalty", "do_sample", "drop_path_rate", "dtype", "early_stopping", "encoder_stride", "finetuning_task",
    "forced_*", "gradient_checkpointing", "id2label", "initializer_*", "interpolate_*", "is_*decoder", "label2id",
    "layerscale_value", "logit_scale_init_value", "m??_length", "mask_ratio", "mlp_ratio", "model_type",
    "*ngram_size", "norm_pix_loss", "num_beam*", "num_labels", "num_return_sequences", "out_*", "output_*",
    "pooler_*", "prefix", "problem_type", "projection_dim", "remove_invalid_values", "reshape_hidden_states",
    "return_dict*", "stage_names", "*suppress_tokens", "task_specific_params", "temperature", "text_config*",
    "tf_legacy_loss", "tie_*", "tokenizer_class", "top_?", "torch_dtype", "torchscript", "transformers_version",
    "typical_p", "use_bfloat16", "use_cache", "use_mask_token", "use_swiglu_ffn", "vision_use_head", NULL};

vit_status vit_hf_configure(const struct vit_family *family, struct vit_weights *weights,
                            const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_settings top = {.file = "config.json", .object = cp->config}, within;
    const struct model_type *type = cp->model_type ? find(cp->model_type) : find_usual(family, &weights->config);
    VIT_TRY(vit_hf_within(&within, &top, "vision_config", "vision_config_dict", err));
    VIT_TRY(read_settings(weights, cp, within.object ? &within : &top, type, err));
    VIT_TRY(vit_settings_end(&within, vit_hf_harmless, err));
    VIT_TRY(vit_settings_end(&top, vit_hf_harmless, err));
    return vit_preprocess_hf(weights, cp, type->processor, err);
}
