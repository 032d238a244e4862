/* jax.c: Google's npz files, of vit_jax and of big_vision, with blocks apart or stacked; configured as timm's reader of
 * these files does. */
#include <stdio.h>

#include "weights/families/family.h"
#include "weights/settings/preprocessing.h"

static bool detect(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_search(cp, "Transformer/encoderblock") ||
           vit_checkpoint_search(cp, "Transformer/encoderblock_0") ||
           vit_checkpoint_search(cp, "Transformer/encoder_norm");
}

#define BLOCK_0 "Transformer/encoderblock_0/"
#define STACK "Transformer/encoderblock/"

/* vit_jax and big_vision number the layers of a block differently. */
static const char *find_query(const struct vit_checkpoint *cp)
{
    static const char *const names[] = {
        BLOCK_0 "MultiHeadDotProductAttention_1/query/kernel", BLOCK_0 "MultiHeadDotProductAttention_0/query/kernel",
        STACK "MultiHeadDotProductAttention_1/query/kernel", STACK "MultiHeadDotProductAttention_0/query/kernel"};
    for (int i = 0; i < 4; i++)
        if (vit_checkpoint_has(cp, names[i]))
            return names[i];
    return "";
}

static void read_shapes(struct vit_config *c, const struct vit_checkpoint *cp)
{
    static const char *const dense[] = {BLOCK_0 "MlpBlock_3/Dense_0/kernel", BLOCK_0 "MlpBlock_0/Dense_0/kernel",
                                        STACK "MlpBlock_3/Dense_0/kernel", STACK "MlpBlock_0/Dense_0/kernel"};
    const char *query = find_query(cp);
    *c = (struct vit_config){.eps = 1e-6, .act = VIT_ACT_GELU_ERF, .qkv_bias = true};
    c->width = vit_checkpoint_dim(cp, "embedding/kernel", 3);
    c->patch = vit_checkpoint_dim(cp, "embedding/kernel", 0);
    c->depth = vit_checkpoint_count(cp, "Transformer/encoderblock_%d/LayerNorm_0/scale");
    if (c->depth == 0)
        c->depth = vit_checkpoint_dim(cp, STACK "LayerNorm_0/scale", 0);
    c->heads = vit_checkpoint_dim(cp, query, -2);
    for (int i = 0; i < 4 && c->mlp == 0; i++)
        c->mlp = vit_checkpoint_dim(cp, dense[i], -1);
    c->cls = vit_checkpoint_has(cp, "cls");
    c->norm_place = VIT_NORM_BEFORE;
    c->pos_resize = VIT_POS_RESIZE_BILINEAR;
    bool map = vit_checkpoint_has(cp, "MAPHead_0/probe");
    c->pool = map ? VIT_POOL_MAP : c->cls ? VIT_POOL_TOKEN : VIT_POOL_AVG;
    c->classes = vit_checkpoint_dim(cp, "head/kernel", 1);
}

static vit_status read_positions(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int rows = vit_checkpoint_dim(cp, "Transformer/posembed_input/pos_embedding", 1);
    if (rows == 0)
        rows = vit_checkpoint_dim(cp, "pos_embedding", 1);
    bool covered = c->cls && vit_square_side(rows - 1);
    c->pos_covers = covered ? VIT_POS_CLS : VIT_POS_PATCHES;
    return vit_choose_grid(weights, rows, covered, err);
}

/* A model of timm's whose pictures are prepared in the same way. */
static const char *find_like(const struct vit_config *c)
{
    if (c->cls && c->pos_covers == VIT_POS_PATCHES)
        return "flexivit_base";
    if (c->pool == VIT_POOL_MAP)
        return "vit_base_patch16_siglip_224";
    return c->image_size == 384 ? "vit_base_patch16_384" : "vit_base_patch16_224";
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    read_shapes(c, cp);
    if (c->heads < 1)
        return vit_fail(err, VIT_ERR_DECODE, "no heads can be told from the tensors");
    if (c->pool == VIT_POOL_MAP && c->cls)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "attention pooling beside a class token is not supported");
    if (vit_checkpoint_has(cp, "pre_logits/kernel")) {
        c->classes = 0;
        vit_report_set(&weights->report, "head", "pre_logits", "none: a tanh layer before it is not supported");
    }
    return read_positions(weights, cp, err);
}

static vit_status usual(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    struct vit_settings none = {.file = ""};
    struct vit_arch_choice arch;
    VIT_TRY(vit_choose_arch(&arch, cp, NULL, "", err));
    VIT_TRY(vit_choose_heads(weights, &arch, NULL, "", err));
    if (!arch.name)
        snprintf(c->arch, sizeof c->arch, "vit_patch%d_%d", c->patch, c->image_size);
    weights->imagenet = "the releases for ImageNet-1k";
    return vit_preprocess_timm(weights, &none, arch.name ? arch.name : find_like(c), err);
}

static const char *const prefixes[] = {"opt/target/", "params/", "img/", NULL};

/* The tensors of a block, from the folders of its two norms, its attention and its MLP. */
#define BLOCK(folder, in_one, ln_1, mha, ln_2, mlp)                                                                    \
    {.to = "blocks.#.norm1.weight", .from = {folder ln_1 "/scale"}, .stacked = in_one},                                \
    {.to = "blocks.#.norm1.bias", .from = {folder ln_1 "/bias"}, .stacked = in_one},                                   \
    {.to = "blocks.#.attn.qkv.weight",                                                                                 \
     .from = {folder mha "/query/kernel", folder mha "/key/kernel", folder mha "/value/kernel"},                       \
     .change = VIT_HEADS_OUT, .stacked = in_one},                                                                      \
    {.to = "blocks.#.attn.qkv.bias",                                                                                   \
     .from = {folder mha "/query/bias", folder mha "/key/bias", folder mha "/value/bias"},                             \
     .change = VIT_HEADS, .stacked = in_one},                                                                          \
    {.to = "blocks.#.attn.proj.weight", .from = {folder mha "/out/kernel"}, .change = VIT_HEADS_IN, .stacked = in_one},\
    {.to = "blocks.#.attn.proj.bias", .from = {folder mha "/out/bias"}, .stacked = in_one},                            \
    {.to = "blocks.#.norm2.weight", .from = {folder ln_2 "/scale"}, .stacked = in_one},                                \
    {.to = "blocks.#.norm2.bias", .from = {folder ln_2 "/bias"}, .stacked = in_one},                                   \
    {.to = "blocks.#.mlp.fc1.weight", .from = {folder mlp "/Dense_0/kernel"}, .change = VIT_TRANSPOSED,                \
     .stacked = in_one},                                                                                               \
    {.to = "blocks.#.mlp.fc1.bias", .from = {folder mlp "/Dense_0/bias"}, .stacked = in_one},                          \
    {.to = "blocks.#.mlp.fc2.weight", .from = {folder mlp "/Dense_1/kernel"}, .change = VIT_TRANSPOSED,                \
     .stacked = in_one},                                                                                               \
    {.to = "blocks.#.mlp.fc2.bias", .from = {folder mlp "/Dense_1/bias"}, .stacked = in_one}
#define VIT_JAX(folder, in_one)                                                                                        \
    BLOCK(folder, in_one, "LayerNorm_0", "MultiHeadDotProductAttention_1", "LayerNorm_2", "MlpBlock_3")
#define BIG_VISION(folder, in_one)                                                                                     \
    BLOCK(folder, in_one, "LayerNorm_0", "MultiHeadDotProductAttention_0", "LayerNorm_1", "MlpBlock_0")

#define MAP "MAPHead_0/"
#define MAP_MHA MAP "MultiHeadDotProductAttention_0/"

static const struct vit_rule rules[] = {
    {.to = "cls_token", .from = {"cls"}},
    {.to = "pos_embed", .from = {"Transformer/posembed_input/pos_embedding"}},
    {.to = "pos_embed", .from = {"pos_embedding"}},
    {.to = "patch_embed.proj.weight", .from = {"embedding/kernel"}, .change = VIT_HWIO},
    {.to = "patch_embed.proj.bias", .from = {"embedding/bias"}},
    VIT_JAX("Transformer/encoderblock_#/", false),
    BIG_VISION("Transformer/encoderblock_#/", false),
    VIT_JAX(STACK, true),
    BIG_VISION(STACK, true),
    {.to = "norm.weight", .from = {"Transformer/encoder_norm/scale"}},
    {.to = "norm.bias", .from = {"Transformer/encoder_norm/bias"}},
    {.to = "attn_pool.latent", .from = {MAP "probe"}},
    {.to = "attn_pool.q.weight", .from = {MAP_MHA "query/kernel"}, .change = VIT_HEADS_OUT},
    {.to = "attn_pool.q.bias", .from = {MAP_MHA "query/bias"}, .change = VIT_HEADS},
    {.to = "attn_pool.kv.weight", .from = {MAP_MHA "key/kernel", MAP_MHA "value/kernel"}, .change = VIT_HEADS_OUT},
    {.to = "attn_pool.kv.bias", .from = {MAP_MHA "key/bias", MAP_MHA "value/bias"}, .change = VIT_HEADS},
    {.to = "attn_pool.proj.weight", .from = {MAP_MHA "out/kernel"}, .change = VIT_HEADS_IN},
    {.to = "attn_pool.proj.bias", .from = {MAP_MHA "out/bias"}},
    {.to = "attn_pool.norm.weight", .from = {MAP "LayerNorm_0/scale"}},
    {.to = "attn_pool.norm.bias", .from = {MAP "LayerNorm_0/bias"}},
    {.to = "attn_pool.mlp.fc1.weight", .from = {MAP "MlpBlock_0/Dense_0/kernel"}, .change = VIT_TRANSPOSED},
    {.to = "attn_pool.mlp.fc1.bias", .from = {MAP "MlpBlock_0/Dense_0/bias"}},
    {.to = "attn_pool.mlp.fc2.weight", .from = {MAP "MlpBlock_0/Dense_1/kernel"}, .change = VIT_TRANSPOSED},
    {.to = "attn_pool.mlp.fc2.bias", .from = {MAP "MlpBlock_0/Dense_1/bias"}},
    {.to = "head.weight", .from = {"head/kernel"}, .change = VIT_TRANSPOSED},
    {.to = "head.bias", .from = {"head/bias"}},
    {0},
};

/* The state of training, the text tower and its scale, and what a head behind a tanh layer leaves. */
static const char *const ignored[] = {"opt/*", "txt/*", "t", "b", "pre_logits/*", "head/*", NULL};

const struct vit_family vit_family_jax = {
    .name = "jax", .detect = detect, .shapes = shapes, .usual = usual,
    .prefixes = prefixes, .rules = rules, .ignored = ignored
};
