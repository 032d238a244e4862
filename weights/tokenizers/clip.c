/* clip.c: CLIP's recipe: words of bytes, merged. */
#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

/* The length of text when n characters begin with it, else 0. */
static size_t match_text(const int32_t *chars, size_t n, const char *text)
{
    size_t length = 0;
    while (text[length] && length < n && chars[length] == text[length])
        length++;
    return text[length] ? 0 : length;
}

/* OpenCLIP's pattern disregards case. So to it a long s is an s; and a small iota below, whose capital is a letter
 * while it is none itself, is neither a letter nor anything else, and is dropped like white space. */
enum { LONG_S = 0x17f, IOTA_BELOW = 0x345 };

static bool without_case(const struct vit_tokenizer *t)
{
    return t->options.cleaning == VIT_CLEANED_AS_OPEN_CLIP;
}

static enum vit_kind kind_of(const struct vit_tokenizer *t, int32_t c)
{
    return without_case(t) && c == IOTA_BELOW ? VIT_KIND_WHITE : vit_kind_of(c);
}

/* How many of n characters begin with one of the endings that English cuts off: 's 't 're 've 'm 'll 'd. */
static size_t match_ending(const struct vit_tokenizer *t, const int32_t *chars, size_t n)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    size_t length = 0;
    if (without_case(t) && n > 1 && chars[0] == '\'' && chars[1] == LONG_S)
        return 2;
    for (size_t i = 0; i < sizeof endings / sizeof *endings && length == 0; i++)
        length = match_text(chars, n, endings[i]);
    return length;
}

/* Characters of the word that n of them begin with: an ending, one digit, or a run of letters or of what is neither. */
static size_t measure_word(const struct vit_tokenizer *t, const int32_t *chars, size_t n)
{
    size_t length = match_ending(t, chars, n);
    enum vit_kind kind = kind_of(t, chars[0]);
    if (length > 0 || kind == VIT_KIND_NUMBER)
        return length > 0 ? length : 1;
    do
        length++;
    while (length < n && kind_of(t, chars[length]) == kind);
    return length;
}

static vit_status add_word(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                           struct vit_error *err)
{
    size_t from = ids->n;
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        int length = vit_utf8_write(chars[i], bytes);
        for (int j = 0; j < length; j++)
            vit_numbers_add(ids, t->bytes[i + 1 == n && j + 1 == length][bytes[j]]);
    }
    VIT_TRY(vit_numbers_check(ids, err));
    return vit_bpe_merge(&t->bpe, ids, from, err);
}

static vit_status add_words(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                            struct vit_error *err)
{
    for (size_t i = 0, length; i < n; i += length) {
        length = measure_word(t, chars + i, n - i);
        if (kind_of(t, chars[i]) != VIT_KIND_WHITE)
            VIT_TRY(add_word(t, chars + i, length, ids, err));
    }
    return VIT_OK;
}

/* The two names that end a word wherever one begins with them. To OpenCLIP they are tokens. In Hugging Face's pattern
 * they remain from the time before added tokens, and only keep their last words from those behind them. */
static size_t match_name(const struct vit_tokenizer *t, const int32_t *chars, size_t n, int *id)
{
    static const char *const names[2][2] = {
        [VIT_CLEANED_AS_HF] = {"<|startoftext|>", "<|endoftext|>"},
        [VIT_CLEANED_AS_OPEN_CLIP] = {"<start_of_text>", "<end_of_text>"},
    };
    size_t length = match_text(chars, n, names[t->options.cleaning][0]);
    *id = length ? t->begin : t->end;
    return length ? length : match_text(chars, n, names[t->options.cleaning][1]);
}

static vit_status encode(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                         struct vit_error *err)
{
    for (size_t i = 0, length; i < n; i += length) {
        int id;
        bool name = (length = match_name(t, chars + i, n - i, &id)) > 0;
        if (!name)
            length = measure_word(t, chars + i, n - i);
        if (name && t->options.cleaning == VIT_CLEANED_AS_OPEN_CLIP)
            vit_numbers_add(ids, id);
        else
            VIT_TRY(add_words(t, chars + i, length, ids, err));
    }
    return vit_numbers_check(ids, err);
}

const struct vit_recipe vit_clip = {
    .name = "CLIP",
    .begin = "<|startoftext|>",
    .end = "<|endoftext|>",
    .before = {[VIT_CLEANED_AS_OPEN_CLIP] = {vit_clean_repair, vit_clean_compose, vit_clean_entities,
                                             vit_clean_entities, vit_clean_trim, vit_clean_lower_words}},
    .after = {[VIT_CLEANED_AS_HF] = {vit_clean_compose, vit_clean_white, vit_clean_lower}},
    .encode = encode,
};
