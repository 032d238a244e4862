/* json_file.c: reads tokenizer.json, the form of the tokenizers library. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/json/settings.h"
#include "weights/tokenizers/base64.h"
#include "weights/tokenizers/json_parts.h"

/* ---- Added tokens ---- */

static vit_status add_token(struct vit_tokenizer *t, const json_t *entry, struct vit_error *err)
{
    struct vit_settings s = {.file = "tokenizer.json", .within = "added_tokens", .object = entry};
    const char *content = NULL;
    int id = -1;
    bool left = false, right = false, cleaned = false;
    VIT_TRY(vit_take_string(&s, "content", &content, err));
    VIT_TRY(vit_take_int(&s, "id", 0, INT_MAX, &id, err));
    VIT_TRY(vit_expect_bool(&s, "single_word", false, err));
    VIT_TRY(vit_take_bool(&s, "lstrip", &left, err));
    VIT_TRY(vit_take_bool(&s, "rstrip", &right, err));
    VIT_TRY(vit_take_bool(&s, "normalized", &cleaned, err));
    VIT_TRY(vit_settings_end(&s, (const char *const[]){"special", NULL}, err));
    if (!content || id < 0)
        return vit_fail(err, VIT_ERR_DECODE, "an added token without content or id");
    if (t->recipe == &vit_siglip && id >= t->options.vocabulary)
        return VIT_OK; /* T5's sentinels, which SigLIP's table lacks */
    VIT_TRY(vit_tokenizer_check(t, id, content, err));
    vit_tokenizer_note(t, content, strlen(content), id);
    return vit_tokenizer_add(t, content, strlen(content), (struct vit_added_token){id, cleaned, left, right}, err);
}

static vit_status add_tokens(struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    const json_t *tokens = json_object_get(root, "added_tokens");
    for (size_t i = 0; i < json_array_size(tokens); i++)
        VIT_TRY(add_token(t, json_array_get(tokens, i), err));
    return vit_added_sort(&t->added, err);
}

/* ---- Models ---- */

static vit_status read_bpe(struct vit_tokenizer *t, struct vit_settings *model, struct vit_error *err)
{
    const char *suffix = "", *prefix = "";
    bool bytes = false;
    double dropout = 0;
    VIT_TRY(vit_take_string(model, "end_of_word_suffix", &suffix, err));
    VIT_TRY(vit_take_string(model, "continuing_subword_prefix", &prefix, err));
    VIT_TRY(vit_take_bool(model, "byte_fallback", &bytes, err));
    VIT_TRY(vit_take_real(model, "dropout", &dropout, err));
    VIT_TRY(vit_expect_bool(model, "ignore_merges", false, err));
    bool clip = strcmp(suffix, "</w>") == 0;
    if (dropout != 0)
        return vit_settings_refuse(model, "dropout", "merges would be left to chance", err);
    if (*prefix || (*suffix && !clip) || clip == bytes)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "model: a BPE with end_of_word_suffix \"%.20s\", continuing_subword_prefix \"%.20s\" and "
                        "byte_fallback %s: neither CLIP's (\"</w>\", none, false) nor SigLIP 2's (none, none, true)",
                        suffix, prefix, bytes ? "true" : "false");
    t->recipe = clip ? &vit_clip : &vit_siglip2;
    const json_t *vocabulary = vit_take(model, "vocab"), *merges = vit_take(model, "merges");
    if (!json_is_object(vocabulary) || !json_is_array(merges))
        return vit_fail(err, VIT_ERR_DECODE, "model: vocab is no object, or merges is no array");
    /* There is a token for each byte, so that nothing in a text is unknown. */
    VIT_TRY(vit_settings_end(model, (const char *const[]){"type", "unk_token", "fuse_unk", NULL}, err));
    return vit_vocabulary_take(t, vocabulary, merges, err);
}

static vit_status add_piece(struct vit_tokenizer *t, int id, const json_t *entry, bool bytes, struct vit_error *err)
{
    const json_t *text = json_array_get(entry, 0), *score = json_array_get(entry, 1);
    const char *piece = json_string_value(text);
    if (json_array_size(entry) != 2 || !piece || !json_is_number(score))
        return vit_fail(err, VIT_ERR_DECODE, "model: vocab: entry %d is not [piece, score]", id);
    size_t n = json_string_length(text);
    bool is_byte = bytes && vit_byte_of(piece, n) >= 0;
    enum vit_piece_type type = id == t->unknown ? VIT_PIECE_UNKNOWN : is_byte ? VIT_PIECE_BYTE : VIT_PIECE_NORMAL;
    return vit_siglip_add(t, id, piece, n, (float)json_number_value(score), type, err);
}

static vit_status read_unigram(struct vit_tokenizer *t, struct vit_settings *model, struct vit_error *err)
{
    bool bytes = false;
    t->recipe = &vit_siglip;
    VIT_TRY(vit_take_bool(model, "byte_fallback", &bytes, err));
    VIT_TRY(vit_take_int(model, "unk_id", 0, t->options.vocabulary - 1, &t->unknown, err));
    const json_t *pieces = vit_take(model, "vocab");
    size_t n = json_array_size(pieces);
    if (!json_is_array(pieces) || n > VIT_LIMIT_PIECES)
        return vit_fail(err, VIT_ERR_DECODE, "model: vocab is no array of at most %d pieces", VIT_LIMIT_PIECES);
    VIT_TRY(vit_settings_end(model, (const char *const[]){"type", NULL}, err));
    for (size_t i = 0; i < n; i++)
        VIT_TRY(add_piece(t, (int)i, json_array_get(pieces, i), bytes, err));
    return VIT_OK;
}

/* The table of characters, which is a step of the normalizer. */
static vit_status read_charsmap(struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    const json_t *normalizer = json_object_get(root, "normalizer"), *part;
    for (size_t i = 0; (part = vit_json_part(normalizer, "normalizers", i)); i++) {
        const json_t *text = json_object_get(part, "precompiled_charsmap");
        if (!json_is_string(text))
            continue;
        uint8_t *bytes;
        size_t n;
        VIT_TRY(vit_base64_read(&bytes, &n, json_string_value(text), json_string_length(text), err));
        vit_charsmap_free(&t->charsmap);
        vit_status status = vit_charsmap_read(&t->charsmap, bytes, n, err);
        free(bytes);
        VIT_TRY(status);
    }
    return VIT_OK;
}

static vit_status read_model(struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    struct vit_settings s = {.file = "tokenizer.json", .object = root}, model;
    const char *type = NULL;
    VIT_TRY(vit_settings_within(&model, &s, "model", err));
    VIT_TRY(vit_take_string(&model, "type", &type, err));
    if (type && strcmp(type, "BPE") == 0)
        return read_bpe(t, &model, err);
    if (type && strcmp(type, "Unigram") == 0)
        return read_unigram(t, &model, err);
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "model: a tokenizer of type %.40s; those of CLIP and SigLIP 2 (BPE) and SigLIP (Unigram) are read",
                    type ? type : "(none)");
}

vit_status vit_json_file_read(struct vit_tokenizer *t, const json_t *root, struct vit_error *err)
{
    static const char *const harmless[] = {
        "version",       "decoder",        "model",      "added_tokens", "normalizer",
        "pre_tokenizer", "post_processor", "truncation", "padding",      NULL};
    struct vit_settings s = {.file = "tokenizer.json", .object = root};
    VIT_TRY(vit_settings_end(&s, harmless, err));
    VIT_TRY(read_model(t, root, err));
    VIT_TRY(read_charsmap(t, root, err));
    VIT_TRY(add_tokens(t, root, err));
    return vit_json_parts_check(t, root, err);
}
