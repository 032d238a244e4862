/* timm.c: checkpoints with timm's names, which facebookresearch's follow but for a few, and timm's config.json.
 *
 * The canonical names are timm's own, so little is renamed here: the work is to find the configuration. Shapes decide
 * what they can; the rest comes from model_args, else from the architecture's name. */
#include <stdio.h>
#include <string.h>

#include "vit/base/names.h"
#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "blocks.0") && vit_checkpoint_search(cp, "patch_embed.proj.weight");
}

/* ---- The tensors ---- */

/* Which prefix tokens pos_embed covers follows from its length: N, n + N, with n the class and distillation tokens or,
 * without them, the registers. */
static vit_status read_positions(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int rows = vit_checkpoint_dim(cp, "pos_embed", 1), own = c->cls + c->dist, prefix = own ? own : c->n_reg;
    if (prefix && vit_square_side(rows - prefix))
        c->pos_covers = !own ? VIT_POS_REG : c->dist ? VIT_POS_CLS_DIST : VIT_POS_CLS;
    else
        c->pos_covers = VIT_POS_PATCHES, prefix = 0;
    return vit_choose_grid(weights, rows, prefix, err);
}

vit_status vit_timm_shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    c->width = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 2);
    c->depth = vit_checkpoint_count(cp, "blocks.%d.norm1.weight");
    c->mlp = vit_checkpoint_dim(cp, "blocks.0.mlp.w3.weight", 1);
    c->swiglu = c->mlp > 0;
    if (!c->swiglu) {
        c->mlp = vit_checkpoint_dim(cp, "blocks.0.mlp.fc2.weight", 1);
        c->swiglu = c->mlp > 0 && vit_checkpoint_dim(cp, "blocks.0.mlp.fc1.weight", 0) / 2 == c->mlp;
    }
    c->act = c->swiglu ? VIT_ACT_SILU : VIT_ACT_GELU_ERF;
    c->classes = vit_checkpoint_dim(cp, "head.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "blocks.0.attn.qkv.bias");
    c->layer_scale = vit_checkpoint_has(cp, "blocks.0.ls1.gamma") || vit_checkpoint_has(cp, "blocks.0.gamma_1");
    c->pre_norm = vit_checkpoint_has(cp, "norm_pre.weight");
    c->qk_norm = vit_checkpoint_has(cp, "blocks.0.attn.q_norm.weight");
    c->cls = vit_checkpoint_has(cp, "cls_token");
    c->dist = vit_checkpoint_has(cp, "dist_token");
    c->n_reg = vit_checkpoint_dim(cp, "reg_token", 1) + vit_checkpoint_dim(cp, "register_tokens", 1);
    if (cp->trunk) { /* OpenCLIP projects by a layer of its own, else by the head */
        c->embedding = vit_checkpoint_dim(cp, "visual.head.proj.weight", 0);
        c->embedding = c->embedding ? c->embedding : c->classes;
        c->classes = 0;
    }
    bool after = vit_checkpoint_has(cp, "fc_norm.weight"), before = vit_checkpoint_has(cp, "norm.weight");
    c->norm_place = after ? VIT_NORM_AFTER : before ? VIT_NORM_BEFORE : VIT_NORM_NONE;
    c->pool = vit_checkpoint_has(cp, "attn_pool.latent") ? VIT_POOL_MAP
              : !c->cls || after                         ? VIT_POOL_AVG
              : c->dist                                  ? VIT_POOL_CLS_DIST_MEAN
                                                         : VIT_POOL_TOKEN;
    return read_positions(weights, cp, err);
}

/* ---- config.json ---- */

bool vit_timm_is_config(const struct vit_checkpoint *cp)
{
    return cp->architecture || json_object_get(cp->config, "pretrained_cfg") ||
           json_object_get(cp->config, "model_args") || json_object_get(cp->config, "input_size") ||
           json_object_get(cp->config, "mean");
}

/* The mean is over the patches, and attention pooling over all tokens: with registers each has to be told so. */
static vit_status choose_pool(struct vit_weights *weights, struct vit_settings *args, struct vit_settings *top,
                              const char *key, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *word = vit_pool_name(c->pool == VIT_POOL_CLS_DIST_MEAN ? VIT_POOL_TOKEN : c->pool);
    const char *source = vit_settings_source(args, key, vit_settings_source(top, "global_pool", "the tensors"));
    bool with_prefix = strcmp(c->arch, "test_vit3") == 0; /* the one architecture that has it */
    VIT_TRY(vit_take_string(top, "global_pool", &word, err));
    VIT_TRY(vit_take_string(args, key, &word, err));
    VIT_TRY(vit_take_bool(args, "pool_include_prefix", &with_prefix, err));
    int pool = !*word && c->cls && c->classes == 0 ? (int)VIT_POOL_TOKEN : vit_name_find(vit_pool_names, word);
    if (pool < 0 || pool > (int)VIT_POOL_MAP)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: global_pool \"%.40s\": not supported", source, word);
    c->pool = pool == VIT_POOL_TOKEN && c->dist ? VIT_POOL_CLS_DIST_MEAN : (enum vit_pool)pool;
    if (c->pool == VIT_POOL_MAP && c->cls)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "attention pooling beside a class token is not supported");
    if (c->pool == VIT_POOL_MAP && c->n_reg && !with_prefix)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "attention pooling that leaves out the %d registers "
                        "(pool_include_prefix false) is not supported", c->n_reg);
    if (c->pool == VIT_POOL_AVG && c->cls + c->dist + c->n_reg && with_prefix)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a mean over the class token or registers beside the patches "
                        "(pool_include_prefix true) is not supported");
    vit_report_set(&weights->report, "pool", source, "%s", vit_pool_name(c->pool));
    return VIT_OK;
}

/* What model_args say of shapes, which the tensors have, too. */
static vit_status check_args(struct vit_settings *args, const struct vit_config *c, struct vit_error *err)
{
    static const char *const harmless[] = {"*drop*_rate", "class_token", "dynamic_img_*", "fc_norm", "final_norm",
                                           "fix_init", "init_values", "mlp_ratio", "no_embed_class",
                                           "num_classes", "pre_norm", "proj_bias", "reg_tokens", "weight_init", NULL};
    VIT_TRY(vit_expect_int(args, "embed_dim", c->width, err));
    VIT_TRY(vit_expect_int(args, "depth", c->depth, err));
    VIT_TRY(vit_expect_int(args, "patch_size", c->patch, err));
    VIT_TRY(vit_expect_int(args, "in_chans", 3, err));
    VIT_TRY(vit_expect_bool(args, "qkv_bias", c->qkv_bias, err));
    VIT_TRY(vit_expect_bool(args, "qk_norm", c->qk_norm, err));
    VIT_TRY(vit_expect_bool(args, "scale_attn_norm", false, err));
    VIT_TRY(vit_expect_bool(args, "scale_mlp_norm", false, err));
    VIT_TRY(vit_expect_word(args, "pos_embed", "learn", err));
    return vit_settings_end(args, harmless, err);
}

/* "vit_tiny_patch16_224" and "augreg_in21k" as timm writes the two in one. */
static void spell_name(char *name, size_t n, const struct vit_arch_choice *arch, const char *tag)
{
    bool tagged = !arch->name || strchr(arch->name, '.') || !*tag;
    snprintf(name, n, "%s%s%s", arch->name ? arch->name : "", tagged ? "" : ".", tagged ? "" : tag);
}

/* timm gives CLIP's projections as heads: as wide as a joint embedding, of models that nobody has fine-tuned. */
static bool is_projection(const struct vit_config *c, const char *name, const json_t *config)
{
    static const int widths[] = {384, 512, 640, 768, 1024, 1280};
    bool as_wide = false;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        as_wide = as_wide || c->classes == widths[i];
    return as_wide && c->pre_norm && strstr(name, "_clip_") && !strstr(name, "_ft_") &&
           !json_object_get(config, "label_names") && !json_object_get(config, "id2label");
}

vit_status vit_timm_tower(struct vit_weights *weights, const struct vit_arch_choice *arch, struct vit_settings *args,
                          struct vit_settings *top, const char *pool_key, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *source = arch->known ? "the table of architectures" : "timm's default";
    VIT_TRY(vit_choose_heads(weights, arch, args, "num_heads", err));
    c->eps = arch->known ? arch->row.eps : c->pre_norm ? 1e-5 : 1e-6;
    vit_report_set(&weights->report, "eps", source, "%g", c->eps);
    if (arch->known && !c->swiglu)
        c->act = arch->row.act;
    c->pos_resize = arch->known ? arch->row.pos_resize : VIT_POS_RESIZE_BICUBIC_AA;
    VIT_TRY(vit_choose_act(weights, args, "act_layer", source, err));
    return choose_pool(weights, args, top, pool_key, err);
}

vit_status vit_timm_configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    /* What concerns training, publishing and labels; the last line is of transformers' wrapper of timm. */
    static const char *const harmless[] = {
        "num_classes", "num_features", "label_names", "label_descriptions", "labels", "url", "file", "state_dict",
        "hf_hub_*", "source", "custom_load", "test_input_size", "min_input_size", "fixed_input_size", "test_crop_pct",
        "pool_size", "test_pool_size", "first_conv", "classifier", "license", "description", "origin_url", "paper_*",
        "notes", "architecture", "tag",
        "architectures", "do_pooling", "dtype", "id2label", "initializer_range", "label2id", "model_type",
        "problem_type", "torch_dtype", "transformers_version", NULL};
    struct vit_config *c = &weights->config;
    struct vit_settings top = {.file = "config.json", .object = cp->config}, args, inner, *cfg = &inner;
    struct vit_arch_choice arch;
    char name[2 * VIT_ARCH_MAX];
    const char *tag = "";
    VIT_TRY(vit_settings_within(&args, &top, "model_args", err));
    VIT_TRY(vit_settings_within(&inner, &top, "pretrained_cfg", err));
    if (!inner.object && (json_object_get(cp->config, "mean") || json_object_get(cp->config, "input_size")))
        cfg = &top; /* the older form */
    VIT_TRY(vit_take_string(cfg, "tag", &tag, err));
    VIT_TRY(vit_choose_arch(&arch, cp, cp->architecture, "config.json", err));
    spell_name(name, sizeof name, &arch, tag);
    if (strstr(name, "_rpn_"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: norms behind attention and MLP are not supported", name);
    VIT_TRY(vit_timm_tower(weights, &arch, &args, &top, "global_pool", err));
    VIT_TRY(vit_take_side(cfg, "input_size", &c->image_size, err));
    VIT_TRY(vit_take_side(&args, "img_size", &c->image_size, err));
    VIT_TRY(check_args(&args, c, err));
    if (is_projection(c, name, cp->config)) {
        c->embedding = c->classes, c->classes = 0;
        vit_report_set(&weights->report, "projection", "its width and the architecture's name", "the head");
    }
    if (strstr(name, "in1k"))
        weights->imagenet = "a release for ImageNet-1k";
    VIT_TRY(vit_preprocess_timm(weights, cfg, name, err));
    VIT_TRY(vit_settings_end(&inner, harmless, err));
    return vit_settings_end(&top, harmless, err);
}

/* ---- The family ---- */

static const char *const prefixes[] = {"encoder.", NULL};

const struct vit_rule vit_timm_rules[] = {
    {.change = VIT_SAME_NAME},
    {.to = "proj.*", .from = {"visual.head.proj.*"}},
    {.to = "proj.bias", .from = {"visual.head.proj.weight"}, .change = VIT_ZERO},
    {.to = "proj.*", .from = {"head.*"}},
    {.to = "reg_token", .from = {"register_tokens"}},
    {.to = "blocks.#.ls1.gamma", .from = {"blocks.#.gamma_1"}},
    {.to = "blocks.#.ls2.gamma", .from = {"blocks.#.gamma_2"}},
    {.to = "blocks.#.mlp.fc1.*", .from = {"blocks.#.mlp.w12.*"}},
    {.to = "blocks.#.mlp.fc2.*", .from = {"blocks.#.mlp.w3.*"}},
    {0},
};

/* MAE's decoder, OpenCLIP's projection where another head takes its place. */
static const char *const ignored[] = {"mask_token", "decoder_*", "visual.head.proj.*", NULL};

const struct vit_family vit_family_timm = {
    .name = "timm", .detect = detect, .shapes = vit_timm_shapes, .usual = vit_timm_configure,
    .prefixes = prefixes, .rules = vit_timm_rules, .ignored = ignored,
    .text = &vit_text_open_clip
};
