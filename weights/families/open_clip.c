/* open_clip.c: the image towers of OpenCLIP and of OpenAI's CLIP, as state dicts. */
#include <stdio.h>
#include <string.h>

#include "weights/containers/json.h"
#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

#define BLOCK "visual.transformer.resblocks.#."

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_has(cp, "visual.conv1.weight");
}

static void read_shapes(struct vit_config *c, const struct vit_checkpoint *cp)
{
    *c = (struct vit_config){.eps = 1e-5, .qkv_bias = true, .cls = true, .pre_norm = true};
    c->width = vit_checkpoint_dim(cp, "visual.conv1.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "visual.conv1.weight", 2);
    c->depth = vit_checkpoint_count(cp, "visual.transformer.resblocks.%d.ln_1.weight");
    c->mlp = vit_checkpoint_dim(cp, "visual.transformer.resblocks.0.mlp.c_fc.weight", 0);
    c->layer_scale = vit_checkpoint_has(cp, "visual.transformer.resblocks.0.ls_1.gamma");
    c->classes = vit_checkpoint_dim(cp, "visual.proj", 1);
    c->pool = VIT_POOL_TOKEN;
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_covers = VIT_POS_CLS;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC_AA;
}

static void choose_act(struct vit_weights *weights, const json_t *model, const struct vit_arch_choice *arch)
{
    struct vit_config *c = &weights->config;
    const json_t *quick = json_object_get(model, "quick_gelu");
    c->act = arch->known ? arch->row.act : json_is_true(quick) ? VIT_ACT_QUICK_GELU : VIT_ACT_GELU_ERF;
    vit_report_set(&weights->report, "act",
                   arch->known ? "the table of architectures" : quick ? "open_clip_config.json" : "OpenCLIP's default",
                   "%s", vit_act_name(c->act));
}

/* OpenCLIP's transform in timm's words. */
static vit_status choose_preprocess(struct vit_weights *weights, const json_t *file, struct vit_error *err)
{
    const char *mode = "shortest", *interpolation = "bicubic";
    const json_t *given = json_object_get(file, "preprocess_cfg");
    if (!given)
        return vit_preprocess_timm(weights, NULL, NULL, "vit_large_patch14_clip_224.openai", err);
    vit_json_string(given, "resize_mode", &mode);
    vit_json_string(given, "interpolation", &interpolation);
    json_t *cfg = json_pack("{s:f, s:s, s:s, s:O*, s:O*}", "crop_pct", 1.0, "interpolation", interpolation, "crop_mode",
                            strcmp(mode, "squash") == 0 ? "squash" : strcmp(mode, "longest") == 0 ? "border" : "center",
                            "mean", json_object_get(given, "mean"), "std", json_object_get(given, "std"));
    if (!cfg)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = vit_preprocess_timm(weights, cfg, "open_clip_config.json", "", err);
    json_decref(cfg);
    return status;
}

static vit_status choose_heads(struct vit_weights *weights, const json_t *vision, const struct vit_arch_choice *arch,
                               struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int head_width;
    if (arch->known || !vit_json_int(vision, "head_width", &head_width) || head_width < 1)
        return vit_choose_heads(weights, arch, NULL, "", err);
    c->heads = c->width / head_width;
    vit_report_set(&weights->report, "heads", "open_clip_config.json", "%d", c->heads);
    return VIT_OK;
}

static vit_status configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const json_t *model = json_object_get(cp->open_clip, "model_cfg");
    struct vit_arch_choice arch;
    read_shapes(c, cp);
    VIT_TRY(vit_choose_arch(&arch, cp, NULL, "", err));
    VIT_TRY(choose_heads(weights, json_object_get(model, "vision_cfg"), &arch, err));
    choose_act(weights, model, &arch);
    if (c->classes)
        vit_report_set(&weights->report, "head", "visual.proj", "the joint embedding, not classes");
    VIT_TRY(vit_choose_grid(weights, vit_checkpoint_dim(cp, "visual.positional_embedding", 0), 1, err));
    return choose_preprocess(weights, cp->open_clip, err);
}

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
    {.to = "head.weight", .from = {"visual.proj"}, .change = VIT_TRANSPOSED},
    {.to = "head.bias", .change = VIT_ZERO}, /* the projection has none */
};

/* The text tower. */
static const char *const ignored[] = {"transformer.*",    "text.*",         "token_embedding.*", "positional_embedding",
                                      "ln_final.*",       "text_projection", "logit_scale",      "logit_bias",
                                      "attn_mask",        "input_resolution", "context_length",  "vocab_size",
                                      "visual.proj",      NULL};

const struct vit_family vit_family_open_clip = {
    "open_clip", detect, configure, prefixes, rules, sizeof rules / sizeof *rules, ignored,
};
