/* timm.c: checkpoints with timm's names and timm's hub config.json.
 *
 * The canonical names are timm's own, so nothing is renamed here: the work is to find the configuration. Shapes decide
 * what they can; the number of heads, which no shape shows, comes from model_args, else from the architecture's name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/family.h"
#include "weights/json.h"
#include "weights/limits.h"
#include "weights/names.h"

/* Architectures whose heads are not 64 wide. The first prefix that fits holds. */
static const struct {
    const char *arch;
    int heads;
} heads_by_arch[] = {
    {"vit_huge_", 16},        {"vit_giant_patch14_dinov2", 24}, {"vit_giant_patch14_reg4_dinov2", 24},
    {"vit_giant_", 16},       {"vit_gigantic_", 16},            {"vit_so400m_", 16},
    {"vit_giantopt_", 16},    {"vit_base_patch16_gap_224", 16}, {"test_vit3", 3},
    {"test_vit", 2},
};

static bool detect(const struct vit_source *source, const json_t *config)
{
    return json_is_string(json_object_get(config, "architecture")) &&
           vit_source_find(source, "patch_embed.proj.weight") >= 0;
}

static const struct vit_tensor *tensor(const struct vit_source *source, const char *name)
{
    int i = vit_source_find(source, name);
    return i < 0 ? NULL : vit_source_tensor(source, i);
}

static int dim(const struct vit_tensor *t, int axis)
{
    int64_t size = t && axis < t->n_dims ? t->shape[axis] : 0;
    return size > 0 && size <= INT32_MAX ? (int)size : 0;
}

static int count_blocks(const struct vit_source *source)
{
    int depth = 0;
    char name[64];
    do
        snprintf(name, sizeof name, "blocks.%d.norm1.weight", depth);
    while (vit_source_find(source, name) >= 0 && depth++ < VIT_LIMIT_DEPTH);
    return depth;
}

static int find_heads(const char *arch, const json_t *args, int width)
{
    int heads;
    if (vit_json_int(args, "num_heads", &heads))
        return heads;
    for (size_t i = 0; i < sizeof heads_by_arch / sizeof *heads_by_arch; i++)
        if (strncmp(arch, heads_by_arch[i].arch, strlen(heads_by_arch[i].arch)) == 0)
            return heads_by_arch[i].heads;
    return width / 64;
}

/* The side of the square grid that rows of pos_embed leave for patches, or 0. */
static int grid_side(int rows)
{
    int side = (int)lround(sqrt((double)rows));
    return rows > 0 && side * side == rows ? side : 0;
}

static vit_status read_pooling(struct vit_config *c, const struct vit_source *source, const json_t *config,
                               struct vit_error *err)
{
    const char *pool = c->cls ? "token" : "avg";
    vit_json_string(config, "global_pool", &pool);
    if (strcmp(pool, "token") == 0)
        c->pool = VIT_POOL_TOKEN;
    else if (strcmp(pool, "avg") == 0)
        c->pool = VIT_POOL_AVG;
    else
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "global_pool \"%.40s\" of timm is not supported", pool);
    c->norm_place = tensor(source, "fc_norm.weight") ? VIT_NORM_AFTER : VIT_NORM_BEFORE;
    return VIT_OK;
}

/* Which prefix tokens pos_embed covers follows from its length (facts: N, 1 + N or n_reg + N rows). */
static vit_status read_positions(struct vit_config *c, const struct vit_source *source, struct vit_error *err)
{
    int rows = dim(tensor(source, "pos_embed"), 1), prefix = vit_config_prefix(c);
    int side = grid_side(rows), side_prefixed = grid_side(rows - prefix);
    if (prefix && side_prefixed) {
        c->pos_covers = c->cls ? VIT_POS_CLS : VIT_POS_REG;
        side = side_prefixed;
    } else {
        c->pos_covers = VIT_POS_PATCHES;
    }
    if (side == 0)
        return vit_fail(err, VIT_ERR_DECODE, "pos_embed: %d rows are no square grid of patches", rows);
    c->pos_grid[0] = c->pos_grid[1] = side;
    c->pos_resize = VIT_POS_RESIZE_BICUBIC_AA;
    return VIT_OK;
}

static vit_status read_config(struct vit_config *c, const struct vit_source *source, const json_t *config,
                              struct vit_error *err)
{
    const json_t *args = json_object_get(config, "model_args");
    const struct vit_tensor *proj = tensor(source, "patch_embed.proj.weight");
    const char *arch = json_string_value(json_object_get(config, "architecture"));
    *c = (struct vit_config){.eps = strstr(arch, "_clip_") ? 1e-5 : 1e-6, .act = VIT_ACT_GELU_ERF};
    snprintf(c->arch, sizeof c->arch, "%s", arch);
    c->width = dim(proj, 0);
    c->patch = dim(proj, 2);
    c->depth = count_blocks(source);
    c->heads = find_heads(arch, args, c->width);
    c->mlp = dim(tensor(source, "blocks.0.mlp.fc2.weight"), 1);
    c->classes = dim(tensor(source, "head.weight"), 0);
    c->qkv_bias = tensor(source, "blocks.0.attn.qkv.bias") != NULL;
    c->layer_scale = tensor(source, "blocks.0.ls1.gamma") != NULL;
    c->pre_norm = tensor(source, "norm_pre.weight") != NULL;
    c->qk_norm = tensor(source, "blocks.0.attn.q_norm.weight") != NULL;
    c->cls = tensor(source, "cls_token") != NULL;
    c->dist = tensor(source, "dist_token") != NULL;
    c->n_reg = dim(tensor(source, "reg_token"), 1);
    if (c->width < 1 || c->patch < 1 || c->mlp < 1 || c->heads < 1)
        return vit_fail(err, VIT_ERR_DECODE, "no width, patch, mlp or heads can be told from the tensors of %s", arch);
    VIT_TRY(read_pooling(c, source, config, err));
    VIT_TRY(read_positions(c, source, err));
    c->image_size = c->pos_grid[0] * c->patch;
    return VIT_OK;
}

static void read_triple(double triple[3], const json_t *object, const char *key)
{
    const json_t *array = json_object_get(object, key);
    for (size_t i = 0; i < 3 && json_array_size(array) == 3; i++)
        triple[i] = json_number_value(json_array_get(array, i));
}

/* timm's evaluation transform: resize to floor(size / crop_pct), centre crop to size. */
static vit_status read_preprocess(struct vit_preprocess *p, int size, const json_t *config, struct vit_error *err)
{
    const json_t *cfg = json_object_get(config, "pretrained_cfg");
    if (!cfg)
        cfg = config; /* older files hold the fields at the top */
    double crop_pct = 0.875;
    const char *interpolation = "bicubic", *crop_mode = "center";
    vit_json_real(cfg, "crop_pct", &crop_pct);
    vit_json_string(cfg, "interpolation", &interpolation);
    vit_json_string(cfg, "crop_mode", &crop_mode);
    if (!(crop_pct > 0 && crop_pct <= 1))
        return vit_fail(err, VIT_ERR_DECODE, "crop_pct %g is outside 0..1", crop_pct);
    int filter = vit_name_find(vit_filter_names, interpolation);
    if (filter < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "interpolation \"%.40s\" is not supported", interpolation);

    *p = (struct vit_preprocess){.size = size, .crop_to = size, .filter = (enum vit_filter)filter};
    p->resize_to = (int)floor(size / crop_pct);
    if (strcmp(crop_mode, "center") == 0)
        p->resize = VIT_RESIZE_SHORTEST;
    else if (strcmp(crop_mode, "squash") == 0)
        p->resize = VIT_RESIZE_SQUASH;
    else if (strcmp(crop_mode, "border") == 0)
        p->resize = VIT_RESIZE_BORDER;
    else
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "crop_mode \"%.40s\" is not supported", crop_mode);
    memcpy(p->mean, (double[]){0.485, 0.456, 0.406}, sizeof p->mean);
    memcpy(p->std, (double[]){0.229, 0.224, 0.225}, sizeof p->std);
    read_triple(p->mean, cfg, "mean");
    read_triple(p->std, cfg, "std");
    return VIT_OK;
}

static vit_status read_labels(struct vit_weights *weights, const json_t *config, struct vit_error *err)
{
    const json_t *ids = json_object_get(config, "label_names");
    const json_t *names = json_object_get(config, "label_descriptions");
    size_t n = json_array_size(ids);
    if (n == 0)
        return VIT_OK;
    if (n != (size_t)weights->config.classes)
        return vit_fail(err, VIT_ERR_DECODE, "label_names: %zu labels for %d classes", n, weights->config.classes);
    VIT_TRY(vit_labels_alloc(&weights->labels, (int)n, err));
    for (size_t i = 0; i < n; i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (!id)
            return vit_fail(err, VIT_ERR_DECODE, "label_names: entry %zu is not a string", i);
        const char *name = id;
        vit_json_string(names, id, &name);
        VIT_TRY(vit_labels_set(&weights->labels, (int)i, id, name, err));
    }
    return VIT_OK;
}

static vit_status configure(struct vit_weights *weights, const json_t *config, struct vit_error *err)
{
    VIT_TRY(read_config(&weights->config, weights->source, config, err));
    VIT_TRY(read_preprocess(&weights->preprocess, weights->config.image_size, config, err));
    return read_labels(weights, config, err);
}

static const char *const ignored[] = {NULL};

const struct vit_family vit_family_timm = {"timm", detect, configure, ignored};
