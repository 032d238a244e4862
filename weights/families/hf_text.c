/* hf_text.c: the text towers of Hugging Face's CLIP and SigLIP: CLIP's attends to what came before and projects without
 * a bias, SigLIP's attends to all and has a head with one. */
#include <string.h>

#include "weights/families/family.h"
#include "weights/families/hf_clip_blocks.h"

#define EMBEDDINGS "text_model.embeddings."
#define LAYER "text_model.encoder.layers.#."

static bool is_siglip(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_has(cp, "text_model.head.weight");
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *head = is_siglip(cp) ? "text_model.head.weight" : "text_projection.weight";
    *c = (struct vit_config){.causal = !is_siglip(cp)};
    c->vocabulary = vit_checkpoint_dim(cp, EMBEDDINGS "token_embedding.weight", 0);
    c->width = vit_checkpoint_dim(cp, EMBEDDINGS "token_embedding.weight", 1);
    c->context = vit_checkpoint_dim(cp, EMBEDDINGS "position_embedding.weight", 0);
    c->depth = vit_checkpoint_count(cp, "text_model.encoder.layers.%d.layer_norm1.weight");
    c->mlp = vit_checkpoint_dim(cp, "text_model.encoder.layers.0.mlp.fc1.weight", 0);
    c->qkv_bias = vit_checkpoint_has(cp, "text_model.encoder.layers.0.self_attn.q_proj.bias");
    c->embedding = vit_checkpoint_dim(cp, head, 0);
    if (!c->width || !c->context || !c->embedding)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "no " EMBEDDINGS "token_embedding and position_embedding, or no %s: a text "
                        "tower of another kind",
                        head);
    return VIT_OK;
}

/* What the file says of shapes, which the tensors have, too. */
static vit_status check_shapes(struct vit_settings *s, const struct vit_config *c, struct vit_error *err)
{
    VIT_TRY(vit_expect_int(s, "vocab_size", c->vocabulary, err));
    VIT_TRY(vit_expect_int(s, "hidden_size", c->width, err));
    VIT_TRY(vit_expect_int(s, "num_hidden_layers", c->depth, err));
    VIT_TRY(vit_expect_int(s, "intermediate_size", c->mlp, err));
    VIT_TRY(vit_expect_int(s, "max_position_embeddings", c->context, err));
    return vit_expect_int(s, "projection_size", c->embedding, err);
}

/* The defaults are those of the classes, which a file may leave out whole. */
static vit_status read_settings(struct vit_weights *weights, struct vit_settings *s, bool file, bool siglip,
                                struct vit_error *err)
{
    const struct vit_arch_choice none = {0};
    const char *usual = "the default of transformers";
    struct vit_config *c = &weights->config;
    VIT_TRY(vit_expect_word(s, "model_type", siglip ? "siglip_text_model" : "clip_text_model", err));
    if (file && !vit_take(s, "num_attention_heads"))
        c->heads = siglip ? 12 : 8;
    VIT_TRY(vit_choose_heads(weights, &none, s, "num_attention_heads", err));
    c->eps = siglip ? 1e-6 : 1e-5;
    VIT_TRY(vit_choose_eps(weights, s, "layer_norm_eps", usual, err));
    c->act = siglip ? VIT_ACT_GELU_TANH : VIT_ACT_QUICK_GELU;
    VIT_TRY(vit_choose_act(weights, s, "hidden_act", usual, err));
    return check_shapes(s, c, err);
}

static vit_status configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    const char *expected = is_siglip(cp) ? "siglip" : "clip";
    struct vit_settings top = {.file = "config.json", .object = cp->config}, within;
    if (cp->model_type && strcmp(cp->model_type, expected) != 0)
        return vit_settings_refuse(&top, "model_type", "its text tower is not supported", err);
    VIT_TRY(vit_hf_within(&within, &top, "text_config", "text_config_dict", err));
    VIT_TRY(read_settings(weights, &within, cp->config, is_siglip(cp), err));
    return vit_settings_end(&within, vit_hf_harmless, err);
}

static const struct vit_rule rules[] = {
    {.to = "token_embed.weight", .from = {EMBEDDINGS "token_embedding.weight"}},
    {.to = "pos_embed", .from = {EMBEDDINGS "position_embedding.weight"}, .change = VIT_SQUEEZED},
    VIT_HF_CLIP_BLOCKS(LAYER),
    {.to = "norm.*", .from = {"text_model.final_layer_norm.*"}},
    {.to = "proj.*", .from = {"text_model.head.*"}},
    {.to = "proj.weight", .from = {"text_projection.weight"}},
    {.to = "proj.bias", .from = {"text_projection.weight"}, .change = VIT_ZERO},
    {0},
};

static const char *const names[] = {"text_model.*", "text_projection.*", "logit_scale", "logit_bias", NULL};
static const char *const ignored[] = {"*position_ids", "logit_*", NULL};

const struct vit_family vit_text_hf = {
    .name = "hf_text", .shapes = shapes, .usual = configure, .rules = rules, .ignored = ignored, .names = names};
