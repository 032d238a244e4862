/* timm.c: checkpoints with timm's names: folders of its hub, and single files named with --arch.
 *
 * The canonical names are timm's own, so nothing is renamed here: the work is to find the configuration. Shapes decide
 * what they can; the rest comes from model_args, else from the architecture's name. */
#include <stdio.h>
#include <string.h>

#include "weights/containers/json.h"
#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "blocks.0.") && vit_checkpoint_search(cp, "patch_embed.proj.weight");
}

/* pretrained_cfg; older files hold its fields at the top. */
static const json_t *find_cfg(const struct vit_checkpoint *cp)
{
    const json_t *cfg = json_object_get(cp->config, "pretrained_cfg");
    if (cfg)
        return cfg;
    return json_object_get(cp->config, "mean") || json_object_get(cp->config, "input_size") ? cp->config : NULL;
}

static vit_status read_pooling(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    bool after = vit_checkpoint_has(cp, "fc_norm.weight"), before = vit_checkpoint_has(cp, "norm.weight");
    c->norm_place = after ? VIT_NORM_AFTER : before ? VIT_NORM_BEFORE : VIT_NORM_NONE;
    const char *pool = vit_checkpoint_has(cp, "attn_pool.latent") ? "map" : !c->cls || after ? "avg" : "token";
    const char *source = "the tensors";
    if (vit_json_string(json_object_get(cp->config, "model_args"), "global_pool", &pool) ||
        vit_json_string(cp->config, "global_pool", &pool))
        source = "config.json";
    if (strcmp(pool, "token") == 0 || (strcmp(pool, "") == 0 && c->cls))
        c->pool = c->dist ? VIT_POOL_CLS_DIST_MEAN : VIT_POOL_TOKEN;
    else if (strcmp(pool, "avg") == 0)
        c->pool = VIT_POOL_AVG;
    else if (strcmp(pool, "map") == 0)
        c->pool = VIT_POOL_MAP;
    else
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: global_pool \"%.40s\" is not supported", pool);
    if (c->pool == VIT_POOL_MAP && c->cls)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "attention pooling beside a class token is not supported");
    vit_report_set(&weights->report, "pool", source, "%s", pool);
    return VIT_OK;
}

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
    VIT_TRY(vit_choose_grid(weights, rows, prefix, err));
    int size;
    const json_t *args = json_object_get(cp->config, "model_args"), *cfg = find_cfg(cp);
    const json_t *input = json_object_get(cfg, "input_size");
    if (vit_json_int(args, "img_size", &size)) {
        c->image_size = size;
    } else if (json_array_size(input) == 3) {
        c->image_size = (int)json_integer_value(json_array_get(input, 2));
        if (json_integer_value(json_array_get(input, 1)) != c->image_size)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: input_size is not square");
    }
    return VIT_OK;
}

static vit_status read_act(struct vit_weights *weights, const struct vit_checkpoint *cp,
                           const struct vit_arch_choice *arch, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *word = NULL;
    if (!vit_json_string(json_object_get(cp->config, "model_args"), "act_layer", &word)) {
        c->act = arch->known && !c->swiglu ? arch->row.act : c->swiglu ? VIT_ACT_SILU : VIT_ACT_GELU_ERF;
        vit_report_set(&weights->report, "act", arch->known ? "the table of architectures" : "timm's default", "%s",
                       vit_act_name(c->act));
        return VIT_OK;
    }
    static const char *const words[] = {"gelu", "gelu_tanh", "quick_gelu", "silu"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(word, words[i]) == 0 || (i == VIT_ACT_QUICK_GELU && strcmp(word, "quickgelu") == 0)) {
            c->act = (enum vit_act)i;
            vit_report_set(&weights->report, "act", "config.json", "%s", word);
            return VIT_OK;
        }
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "config.json: act_layer \"%.40s\" is not supported", word);
}

static void read_shapes(struct vit_config *c, const struct vit_checkpoint *cp)
{
    c->width = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 0);
    c->patch = vit_checkpoint_dim(cp, "patch_embed.proj.weight", 2);
    c->depth = vit_checkpoint_count(cp, "blocks.%d.norm1.weight");
    c->mlp = vit_checkpoint_dim(cp, "blocks.0.mlp.fc2.weight", 1);
    c->swiglu = c->mlp > 0 && vit_checkpoint_dim(cp, "blocks.0.mlp.fc1.weight", 0) / 2 == c->mlp;
    c->classes = vit_checkpoint_dim(cp, "head.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "blocks.0.attn.qkv.bias");
    c->layer_scale = vit_checkpoint_has(cp, "blocks.0.ls1.gamma");
    c->pre_norm = vit_checkpoint_has(cp, "norm_pre.weight");
    c->qk_norm = vit_checkpoint_has(cp, "blocks.0.attn.q_norm.weight");
    c->cls = vit_checkpoint_has(cp, "cls_token");
    c->dist = vit_checkpoint_has(cp, "dist_token");
    c->n_reg = vit_checkpoint_dim(cp, "reg_token", 1);
}

/* "vit_tiny_patch16_224" and "augreg_in21k" as timm writes the two in one. */
static void spell_name(char *name, size_t n, const struct vit_arch_choice *arch, const json_t *cfg)
{
    const char *tag = json_string_value(json_object_get(cfg, "tag"));
    bool tagged = !arch->name || strchr(arch->name, '.') || !tag || !*tag;
    snprintf(name, n, "%s%s%s", arch->name ? arch->name : "", tagged ? "" : ".", tagged ? "" : tag);
}

/* Files of OpenCLIP may have a tower of timm's. */
static vit_status choose_arch(struct vit_arch_choice *arch, const struct vit_checkpoint *cp, struct vit_error *err)
{
    const char *named = json_string_value(json_object_get(cp->config, "architecture"));
    if (named)
        return vit_choose_arch(arch, cp, named, "config.json", err);
    const json_t *vision = json_object_get(json_object_get(cp->open_clip, "model_cfg"), "vision_cfg");
    named = json_string_value(json_object_get(vision, "timm_model_name"));
    return vit_choose_arch(arch, cp, named, "open_clip_config.json", err);
}

static vit_status configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_arch_choice arch;
    const json_t *args = json_object_get(cp->config, "model_args"), *cfg = find_cfg(cp);
    VIT_TRY(choose_arch(&arch, cp, err));
    char name[2 * VIT_ARCH_MAX];
    spell_name(name, sizeof name, &arch, cfg);
    if (strstr(name, "_rpn_"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: norms behind attention and MLP are not supported", name);
    read_shapes(c, cp);
    VIT_TRY(vit_choose_heads(weights, &arch, args, "num_heads", err));
    c->eps = c->pre_norm ? 1e-5 : arch.known ? arch.row.eps : 1e-6;
    vit_report_set(&weights->report, "eps", c->pre_norm ? "the family: norm before the first block" : "timm's default",
                   "%g", c->eps);
    VIT_TRY(read_act(weights, cp, &arch, err));
    VIT_TRY(read_pooling(weights, cp, err));
    VIT_TRY(read_positions(weights, cp, err));
    c->pos_resize = arch.known ? arch.row.pos_resize : VIT_POS_RESIZE_BICUBIC_AA;
    VIT_TRY(vit_preprocess_timm(weights, cfg, "config.json", name, err));
    if (strstr(name, "in1k"))
        weights->imagenet = "a release for ImageNet-1k";
    return VIT_OK;
}

static const char *const prefixes[] = {"encoder.", NULL};

static const struct vit_rule rules[] = {VIT_SAME_NAME};

/* MAE's decoder, OpenCLIP's text tower. */
static const char *const ignored[] = {"mask_token", "decoder_*", "text.*", "logit_scale", "logit_bias", NULL};

const struct vit_family vit_family_timm = {
    "timm", detect, configure, prefixes, rules, sizeof rules / sizeof *rules, ignored,
};
