/* open_clip.c: the image towers of OpenCLIP and of OpenAI's CLIP, as state dicts. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

#define BLOCK "visual.transformer.resblocks.#."

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_has(cp, "visual.conv1.weight");
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    *c = (struct vit_config){.eps = 1e-5, .qkv_bias = true, .cls = true, .pre_norm = true};
    c->width = vit_checkpoint_dim(cp, "visual.conv1.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "visual.conv1.weight", 2);
    c->depth = vit_checkpoint_count(cp, "visual.transformer.resblocks.%d.ln_1.weight");
    c->mlp = vit_checkpoint_dim(cp, "visual.transformer.resblocks.0.mlp.c_fc.weight", 0);
    c->layer_scale = vit_checkpoint_has(cp, "visual.transformer.resblocks.0.ls_1.gamma");
    c->embedding = vit_checkpoint_dim(cp, "visual.proj", 1);
    c->pool = VIT_POOL_TOKEN;
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = VIT_POS_CLS;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC_AA;
    return vit_choose_grid(weights, vit_checkpoint_dim(cp, "visual.positional_embedding", 0), 1, err);
}

/* ---- open_clip_config.json ---- */

vit_status vit_open_clip_act(struct vit_weights *weights, struct vit_settings *model, struct vit_settings *tower,
                             bool quick, const char *source, struct vit_error *err)
{
    struct vit_settings gelu;
    const char *form = "none";
    VIT_TRY(vit_take_bool(model, "quick_gelu", &quick, err));
    VIT_TRY(vit_settings_within(&gelu, tower, "act_kwargs", err));
    VIT_TRY(vit_take_string(&gelu, "approximate", &form, err));
    if (strcmp(form, "none") != 0 && (strcmp(form, "tanh") != 0 || quick))
        return vit_settings_refuse(tower, "act_kwargs", "not supported", err);
    weights->config.act = quick ? VIT_ACT_QUICK_GELU : strcmp(form, "tanh") ? VIT_ACT_GELU_ERF : VIT_ACT_GELU_TANH;
    vit_report_set(&weights->report, "act",
                   vit_settings_source(model, "quick_gelu", vit_settings_source(tower, "act_kwargs", source)), "%s",
                   vit_act_name(weights->config.act));
    return vit_settings_end(&gelu, NULL, err);
}

/* OpenAI's own archives have quick_gelu and say so nowhere. */
static vit_status choose_act(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_settings *model,
                             struct vit_settings *vision, const struct vit_arch_choice *arch, struct vit_error *err)
{
    bool quick = !cp->open_clip && vit_checkpoint_has(cp, "input_resolution");
    VIT_TRY(vit_open_clip_act(weights, model, vision, quick, quick ? "OpenAI's own archives" : "OpenCLIP's default", err));
    if (!arch->known)
        return VIT_OK;
    weights->config.act = arch->row.act;
    vit_report_set(&weights->report, "act", "the table of architectures", "%s", vit_act_name(arch->row.act));
    return VIT_OK;
}

static vit_status choose_heads(struct vit_weights *weights, struct vit_settings *vision,
                               const struct vit_arch_choice *arch, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int head_width = 64;
    VIT_TRY(vit_take_int(vision, "head_width", 1, c->width, &head_width, err));
    if (vision->object && !arch->known) {
        if (c->width % head_width)
            return vit_settings_refuse(vision, "head_width", "the width is no multiple of it", err);
        c->heads = c->width / head_width;
        vit_report_set(&weights->report, "heads", vision->file, "%d", c->heads);
        return VIT_OK;
    }
    return vit_choose_heads(weights, arch, NULL, "", err);
}

/* A tower of OpenCLIP's own. */
static vit_status read_tower(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_settings *model,
                             struct vit_settings *vision, struct vit_error *err)
{
    static const char *const off[] = {"attentional_pool", "no_ln_pre", "final_ln_after_pool", "qk_norm", "scale_heads",
                                      "scaled_cosine_attn", "scale_attn_inner", "scale_attn", "scale_fc"};
    struct vit_config *c = &weights->config;
    struct vit_settings norm;
    struct vit_arch_choice arch;
    VIT_TRY(vit_choose_arch(&arch, cp, NULL, "", err));
    VIT_TRY(choose_heads(weights, vision, &arch, err));
    VIT_TRY(choose_act(weights, cp, model, vision, &arch, err));
    VIT_TRY(vit_settings_within(&norm, vision, "norm_kwargs", err));
    VIT_TRY(vit_choose_eps(weights, &norm, "eps", "OpenCLIP's default", err));
    VIT_TRY(vit_settings_end(&norm, NULL, err));
    VIT_TRY(vit_expect_word(vision, "pool_type", "tok", err));
    VIT_TRY(vit_expect_word(vision, "block_type", "default", err));
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        VIT_TRY(vit_expect_bool(vision, off[i], false, err));
    VIT_TRY(vit_expect_int(vision, "width", c->width, err));
    VIT_TRY(vit_expect_int(vision, "layers", c->depth, err));
    return vit_expect_int(vision, "patch_size", c->patch, err);
}

/* A tower of timm's, by its name. */
static vit_status read_trunk(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_settings *model,
                             struct vit_settings *vision, struct vit_error *err)
{
    struct vit_arch_choice arch;
    const char *name = NULL;
    VIT_TRY(vit_take_string(vision, "timm_model_name", &name, err));
    VIT_TRY(vit_choose_arch(&arch, cp, name, vision->file, err));
    if (!arch.known)
        return vit_settings_refuse(vision, "timm_model_name", "no architecture that is known", err);
    vit_take(model, "quick_gelu"); /* which is for towers of OpenCLIP's own */
    return vit_timm_tower(weights, &arch, vision, vision, "timm_pool", err);
}

/* Resizes to the size of the picture, by its shorter side or both, and crops what is over. */
static vit_status read_preprocess(struct vit_weights *weights, struct vit_settings *given, struct vit_error *err)
{
    static const char *const harmless[] = {"fill_color", NULL}; /* of what is padded, which nothing is here */
    struct vit_preprocess *p = &weights->preprocess;
    const char *mode = "shortest", *interpolation = "bicubic", *usual = "OpenCLIP's default";
    int size = weights->config.image_size;
    VIT_TRY(vit_expect_word(given, "mode", "RGB", err));
    VIT_TRY(vit_take_string(given, "resize_mode", &mode, err));
    VIT_TRY(vit_take_string(given, "interpolation", &interpolation, err));
    VIT_TRY(vit_expect_int(given, "size", size, err));
    bool squash = strcmp(mode, "squash") == 0, bilinear = strcmp(interpolation, "bilinear") == 0;
    if (!squash && strcmp(mode, "shortest") != 0)
        return vit_settings_refuse(given, "resize_mode", "only \"shortest\" and \"squash\" are supported", err);
    if (!bilinear && strcmp(interpolation, "bicubic") != 0 && strcmp(interpolation, "random") != 0)
        return vit_settings_refuse(given, "interpolation", "only \"bicubic\" and \"bilinear\" are supported", err);
    *p = (struct vit_preprocess){.size = size, .crop_to = size, .resize_to = size, .crop_round = VIT_CROP_HALF_EVEN};
    p->resize = squash ? VIT_RESIZE_SQUASH : VIT_RESIZE_SHORTEST;
    p->filter = bilinear ? VIT_FILTER_BILINEAR : VIT_FILTER_BICUBIC;
    weights->crop_pct = 1;
    vit_report_set(&weights->report, "resize", vit_settings_source(given, "resize_mode", usual), "%s to %d",
                   squash ? "both sides" : "the shorter side", size);
    vit_report_set(&weights->report, "interpolation", vit_settings_source(given, "interpolation", usual), "%s",
                   vit_filter_name(p->filter));
    VIT_TRY(vit_preprocess_colours(weights, given, "mean", "std", &vit_colours_clip, usual, err));
    return vit_settings_end(given, harmless, err);
}

vit_status vit_open_clip_configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    static const char *const harmless_vision[] = {"attn_pooler_*", "ls_init_value", "mlp_ratio", "output_tokens",
                                                  "patch_dropout", "pos_embed_type", "timm_*", NULL};
    static const char *const harmless[] = {"cast_dtype", "custom_text", "embed_dim", "init_logit_*", "output_dict",
                                           "nonscalar_logit_scale", "text_cfg", NULL};
    struct vit_settings file = {.file = "open_clip_config.json", .object = cp->open_clip}, model, vision, given;
    VIT_TRY(vit_settings_within(&model, &file, "model_cfg", err));
    VIT_TRY(vit_settings_within(&vision, &model, "vision_cfg", err));
    VIT_TRY(vit_settings_within(&given, &file, "preprocess_cfg", err));
    VIT_TRY((cp->trunk ? read_trunk : read_tower)(weights, cp, &model, &vision, err));
    VIT_TRY(vit_take_side(&vision, "image_size", &weights->config.image_size, err));
    VIT_TRY(vit_settings_end(&vision, harmless_vision, err));
    VIT_TRY(vit_settings_end(&model, harmless, err));
    VIT_TRY(read_preprocess(weights, &given, err));
    return vit_settings_end(&file, NULL, err);
}

/* ---- The family ---- */

static const char *const prefixes[] = {NULL};

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {"visual.class_embedding"}, .change = VIT_SQUEEZED},
    {.to = "pos_embed", .from = {"visual.positional_embedding"}, .change = VIT_SQUEEZED},
    {.to = "patch_embed.proj.weight", .from = {"visual.conv1.weight"}},
    {.to = "norm_pre.*", .from = {"visual.ln_pre.*"}},
    {.to = "blocks.#.norm1.*", .from = {BLOCK "ln_1.*"}},
    {.to = "blocks.#.attn.qkv.weight", .from = {BLOCK "attn.in_proj_weight"}},
    {.to = "blocks.#.attn.qkv.bias", .from = {BLOCK "attn.in_proj_bias"}},
    {.to = "blocks.#.attn.proj.*", .from = {BLOCK "attn.out_proj.*"}},
    {.to = "blocks.#.ls1.gamma", .from = {BLOCK "ls_1.gamma"}},
    {.to = "blocks.#.norm2.*", .from = {BLOCK "ln_2.*"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {BLOCK "mlp.c_fc.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {BLOCK "mlp.c_proj.*"}},
    {.to = "blocks.#.ls2.gamma", .from = {BLOCK "ls_2.gamma"}},
    {.to = "norm.*", .from = {"visual.ln_post.*"}},
    {.to = "proj.weight", .from = {"visual.proj"}, .change = VIT_TRANSPOSED},
    {.to = "proj.bias", .from = {"visual.proj"}, .change = VIT_ZERO},
    {0},
};

static const char *const ignored[] = {"input_resolution", "context_length", "vocab_size", "visual.proj", NULL};

const struct vit_family vit_family_open_clip = {
    .name = "open_clip", .detect = detect, .shapes = shapes, .usual = vit_open_clip_configure,
    .prefixes = prefixes, .rules = rules, .ignored = ignored,
    .text = &vit_text_open_clip
};
