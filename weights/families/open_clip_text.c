/* open_clip_text.c: the text towers of OpenCLIP and of OpenAI's CLIP. CLIP's reads the token that ends a text and attends
 * to what came before; SigLIP's reads the last place, whatever fills it, and attends to all. */
#include <stdio.h>
#include <string.h>

#include "weights/families/family.h"

/* Models with a tower of timm's, and others by choice, have the text tower in a part of its own. */
#define PART "text."

static bool is_part(const struct vit_checkpoint *cp)
{
    return vit_checkpoint_has(cp, PART "token_embedding.weight");
}

static int dim(const struct vit_checkpoint *cp, const char *name, int axis)
{
    char full[96];
    snprintf(full, sizeof full, PART "%s", name);
    return vit_checkpoint_dim(cp, is_part(cp) ? full : name, axis);
}

static vit_status shapes(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *format = PART "transformer.resblocks.%d.ln_1.weight";
    *c = (struct vit_config){.eps = 1e-5, .causal = true};
    c->vocabulary = dim(cp, "token_embedding.weight", 0);
    c->width = dim(cp, "token_embedding.weight", 1);
    c->context = dim(cp, "positional_embedding", 0);
    c->depth = vit_checkpoint_count(cp, is_part(cp) ? format : format + strlen(PART));
    c->mlp = dim(cp, "transformer.resblocks.0.mlp.c_fc.weight", 0);
    c->qkv_bias = dim(cp, "transformer.resblocks.0.attn.in_proj_bias", 0) > 0;
    c->layer_scale = dim(cp, "transformer.resblocks.0.ls_1.gamma", 0) > 0;
    c->embedding = dim(cp, "text_projection.weight", 0); /* with a bias; else [D, E] */
    c->embedding = c->embedding ? c->embedding : dim(cp, "text_projection", 1);
    if (!c->width || !c->context || !c->embedding)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "no token_embedding, positional_embedding or text_projection: a text "
                        "tower of another kind");
    return VIT_OK;
}

/* ---- open_clip_config.json ---- */

static vit_status refuse_others(struct vit_settings *text, struct vit_error *err)
{
    static const char *const off[] = {"embed_cls", "qk_norm", "scale_heads", "scaled_cosine_attn", "scale_attn_inner",
                                      "scale_attn", "scale_fc"};
    const char *tokenizer = "";
    if (vit_take(text, "hf_model_name"))
        return vit_settings_refuse(text, "hf_model_name", "a text tower of another kind, not supported", err);
    VIT_TRY(vit_take_string(text, "hf_tokenizer_name", &tokenizer, err));
    if (strstr(tokenizer, "bert"))
        return vit_settings_refuse(text, "hf_tokenizer_name", "not supported", err);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        VIT_TRY(vit_expect_bool(text, off[i], false, err));
    VIT_TRY(vit_expect_word(text, "block_type", "default", err));
    VIT_TRY(vit_expect_word(text, "tokenizer_mode", "", err));
    return vit_expect_word(text, "proj_type", "linear", err);
}

/* Which token is read, and who attends to whom: the two ways that texts are computed here, to their end and filled up. */
static vit_status choose_pool(struct vit_weights *weights, struct vit_settings *text, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    const char *pool = "argmax";
    bool all = false;
    struct vit_settings tokenizer;
    VIT_TRY(vit_take_string(text, "pool_type", &pool, err));
    VIT_TRY(vit_take_bool(text, "no_causal_mask", &all, err));
    if (strcmp(pool, "argmax") != 0 && strcmp(pool, "last") != 0)
        return vit_settings_refuse(text, "pool_type", "only \"argmax\" and \"last\" are supported", err);
    if (all != (strcmp(pool, "last") == 0))
        return vit_settings_refuse(text, "no_causal_mask", all ? "supported with pool_type \"last\" alone"
                                                               : "pool_type \"last\" is supported without a mask alone",
                                   err);
    c->causal = !all;
    vit_report_set(&weights->report, "attention", vit_settings_source(text, "no_causal_mask", "OpenCLIP's default"), "%s",
                   c->causal ? "causal" : "to all tokens");
    VIT_TRY(vit_settings_within(&tokenizer, text, "tokenizer_kwargs", err));
    VIT_TRY(vit_expect_word(&tokenizer, "clean", all ? "canonicalize" : "lower", err));
    return vit_settings_end(&tokenizer, NULL, err);
}

static vit_status choose_numbers(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_settings *model,
                                 struct vit_settings *text, struct vit_error *err)
{
    struct vit_arch_choice arch;
    struct vit_settings norm;
    VIT_TRY(vit_choose_arch(&arch, cp, NULL, "", err)); /* whose GELU --arch may tell, where no file does */
    bool openai = !cp->open_clip && vit_checkpoint_has(cp, "input_resolution");
    bool named = !cp->open_clip && arch.known && arch.row.act == VIT_ACT_QUICK_GELU;
    VIT_TRY(vit_open_clip_act(weights, model, text, openai || named,
                              openai ? "OpenAI's own archives" : named ? "--arch" : "OpenCLIP's default", err));
    VIT_TRY(vit_settings_within(&norm, text, "norm_kwargs", err));
    VIT_TRY(vit_choose_eps(weights, &norm, "eps", "OpenCLIP's default", err));
    VIT_TRY(vit_settings_end(&norm, NULL, err));
    if (text->object && !vit_take(text, "heads"))
        weights->config.heads = 8;
    return vit_choose_heads(weights, &(struct vit_arch_choice){0}, text, "heads", err);
}

static vit_status configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    static const char *const harmless[] = {"eos_id", "final_ln_after_pool", "hf_*", "ls_init_value", "mlp_ratio",
                                           "output_tokens", "pad_id", "proj_bias", NULL};
    const struct vit_config *c = &weights->config;
    struct vit_settings file = {.file = "open_clip_config.json", .object = cp->open_clip}, model, text;
    VIT_TRY(vit_settings_within(&model, &file, "model_cfg", err));
    VIT_TRY(vit_settings_within(&text, &model, "text_cfg", err));
    VIT_TRY(refuse_others(&text, err));
    VIT_TRY(choose_pool(weights, &text, err));
    VIT_TRY(choose_numbers(weights, cp, &model, &text, err));
    VIT_TRY(vit_expect_int(&text, "context_length", c->context, err));
    VIT_TRY(vit_expect_int(&text, "vocab_size", c->vocabulary, err));
    VIT_TRY(vit_expect_int(&text, "width", c->width, err));
    VIT_TRY(vit_expect_int(&text, "layers", c->depth, err));
    return vit_settings_end(&text, harmless, err);
}

/* ---- The family ---- */

#define BLOCK "transformer.resblocks.#."
#define EITHER(canonical, name, how)                                                                                   \
    {.to = canonical, .from = {name}, .change = how}, {.to = canonical, .from = {PART name}, .change = how}

static const struct vit_rule rules[] = {
    EITHER("token_embed.weight", "token_embedding.weight", VIT_AS_IS),
    EITHER("pos_embed", "positional_embedding", VIT_SQUEEZED),
    EITHER("blocks.#.norm1.*", BLOCK "ln_1.*", VIT_AS_IS),
    EITHER("blocks.#.attn.qkv.weight", BLOCK "attn.in_proj_weight", VIT_AS_IS),
    EITHER("blocks.#.attn.qkv.bias", BLOCK "attn.in_proj_bias", VIT_AS_IS),
    EITHER("blocks.#.attn.proj.*", BLOCK "attn.out_proj.*", VIT_AS_IS),
    EITHER("blocks.#.ls1.gamma", BLOCK "ls_1.gamma", VIT_AS_IS),
    EITHER("blocks.#.norm2.*", BLOCK "ln_2.*", VIT_AS_IS),
    EITHER("blocks.#.mlp.fc1.*", BLOCK "mlp.c_fc.*", VIT_AS_IS),
    EITHER("blocks.#.mlp.fc2.*", BLOCK "mlp.c_proj.*", VIT_AS_IS),
    EITHER("blocks.#.ls2.gamma", BLOCK "ls_2.gamma", VIT_AS_IS),
    EITHER("norm.*", "ln_final.*", VIT_AS_IS),
    EITHER("proj.*", "text_projection.*", VIT_AS_IS),
    EITHER("proj.weight", "text_projection", VIT_TRANSPOSED),
    EITHER("proj.bias", "text_projection", VIT_ZERO),
    {0},
};

static const char *const names[] = {PART "*", "token_embedding.*", "positional_embedding", "transformer.*", "ln_final.*",
                                    "text_projection", "text_projection.*", "attn_mask", "logit_scale", "logit_bias", NULL};
static const char *const ignored[] = {"*attn_mask", "logit_*", NULL};

const struct vit_family vit_text_open_clip = {
    .name = "open_clip_text", .shapes = shapes, .usual = configure, .rules = rules, .ignored = ignored, .names = names
};
