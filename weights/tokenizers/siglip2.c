/* siglip2.c: SigLIP 2's recipe, which is Gemma's: characters, merged over the whole text. */
#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

/* A character that is no piece is written in bytes. */
static void add_character(const struct vit_tokenizer *t, int32_t c, struct vit_numbers *ids)
{
    size_t length;
    int id = vit_strings_longest(&t->pieces, &c, 1, &length);
    uint8_t bytes[4];
    int n = id < 0 ? vit_utf8_write(c, bytes) : 0;
    if (id >= 0)
        vit_numbers_add(ids, id);
    for (int i = 0; i < n; i++)
        vit_numbers_add(ids, t->bytes[0][bytes[i]]);
}

static vit_status encode(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                         struct vit_error *err)
{
    size_t from = ids->n;
    for (size_t i = 0; i < n; i++)
        add_character(t, chars[i], ids);
    VIT_TRY(vit_numbers_check(ids, err));
    return vit_bpe_merge(&t->bpe, ids, from, err);
}

/* The model was trained on small letters. */
const struct vit_recipe vit_siglip2 = {
    .name = "SigLIP 2",
    .end = "<eos>",
    .fill = "<pad>",
    .before = {[VIT_CLEANED_AS_OPEN_CLIP] = {vit_clean_repair, vit_clean_compose, vit_clean_entities,
                                             vit_clean_entities, vit_clean_low_lines, vit_clean_punctuation,
                                             vit_clean_lower_words, vit_clean_trim}},
    .after = {[VIT_CLEANED_AS_HF] = {vit_clean_lower, vit_clean_mark}, [VIT_CLEANED_AS_OPEN_CLIP] = {vit_clean_mark}},
    .encode = encode,
};
