/* tokenizer.c: opens the tokenizer of a folder, whichever files it consists of, and leads a text through it. */
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/files.h"
#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

/* ---- Opening ---- */

void vit_tokenizer_note(struct vit_tokenizer *t, const char *piece, size_t n, int id)
{
    const char *const names[] = {t->recipe->begin, t->recipe->end, t->recipe->fill};
    int *const ids[] = {&t->begin, &t->end, &t->fill};
    for (int i = 0; i < 3; i++)
        if (names[i] && strlen(names[i]) == n && memcmp(names[i], piece, n) == 0)
            *ids[i] = id;
}

vit_status vit_tokenizer_add(struct vit_tokenizer *t, const char *piece, size_t n, struct vit_added_token token,
                             struct vit_error *err)
{
    if (t->options.cleaning == VIT_CLEANED_AS_OPEN_CLIP && t->recipe == &vit_clip)
        return VIT_OK; /* it reads CLIP's texts by itself */
    return vit_added_add(&t->added, piece, n, token, err);
}

vit_status vit_tokenizer_check(const struct vit_tokenizer *t, int64_t id, const char *piece, struct vit_error *err)
{
    if (id < 0 || id >= t->options.vocabulary)
        return vit_fail(err, VIT_ERR_DECODE, "token %lld, %.64s, is not among the %d of the text tower", (long long)id,
                        piece, t->options.vocabulary);
    return VIT_OK;
}

int vit_byte_of(const char *piece, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    if (n != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>' || !piece[3] || !piece[4])
        return -1;
    const char *high = strchr(digits, piece[3]), *low = strchr(digits, piece[4]);
    return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

/* Whether all is there that the recipe counts on. */
static vit_status check_whole(struct vit_tokenizer *t, struct vit_error *err)
{
    const char *const names[] = {t->recipe->begin, t->recipe->end, t->recipe->fill};
    const int ids[] = {t->begin, t->end, t->fill};
    for (int i = 0; i < 3; i++)
        if (names[i] && ids[i] < 0)
            return vit_fail(err, VIT_ERR_DECODE, "no token for %s, which %s needs", names[i], t->recipe->name);
    if (t->recipe == &vit_siglip)
        return vit_siglip_finish(t, err);
    return VIT_OK;
}

vit_status vit_tokenizer_open(struct vit_tokenizer **tokenizer, const char *folder,
                              const struct vit_tokenizer_options *options, struct vit_error *err)
{
    struct vit_tokenizer *t = *tokenizer = calloc(1, sizeof *t);
    if (!t)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a tokenizer");
    t->options = *options;
    t->begin = t->end = t->fill = t->unknown = -1;
    memset(t->bytes, 0xff, sizeof t->bytes); /* -1 */
    vit_status status = VIT_OK;
    if (options->context < 2 || options->vocabulary < 1)
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "texts of %d tokens of a vocabulary of %d", options->context,
                          options->vocabulary);
    const char *file = "";
    if (status == VIT_OK)
        status = vit_tokenizer_files_read(t, folder, &file, err);
    if (status == VIT_OK && (status = check_whole(t, err)) != VIT_OK)
        vit_context(err, status, "%s/%s", folder, file);
    if (status == VIT_OK)
        return VIT_OK;
    vit_tokenizer_free(t);
    *tokenizer = NULL;
    return status;
}

void vit_tokenizer_free(struct vit_tokenizer *t)
{
    if (!t)
        return;
    vit_added_free(&t->added);
    vit_bpe_free(&t->bpe);
    vit_strings_free(&t->pieces);
    vit_charsmap_free(&t->charsmap);
    free(t->scores);
    free(t);
}

/* ---- A text ---- */

int vit_tokenizer_end(const struct vit_tokenizer *t)
{
    return t->end;
}

bool vit_tokenizer_fills(const struct vit_tokenizer *t)
{
    return t->fill >= 0;
}

typedef vit_status encode_fn(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                             struct vit_error *err);

/* Takes the added tokens out of a text and gives each stretch between them to encode. */
static vit_status split(const struct vit_tokenizer *t, bool cleaned, const int32_t *chars, size_t n,
                        struct vit_numbers *ids, encode_fn *encode, struct vit_error *err)
{
    struct vit_match match;
    for (size_t from = 0; from < n; from = match.to) {
        bool found = vit_added_find(&t->added, cleaned, chars, n, from, &match);
        if (!found)
            match = (struct vit_match){n, n, -1};
        if (match.from > from)
            VIT_TRY(encode(t, chars + from, match.from - from, ids, err));
        if (found)
            vit_numbers_add(ids, match.id);
    }
    return vit_numbers_check(ids, err);
}

static vit_status clean_and_encode(const struct vit_tokenizer *t, const int32_t *chars, size_t n,
                                   struct vit_numbers *ids, struct vit_error *err)
{
    struct vit_numbers stretch = {0};
    for (size_t i = 0; i < n; i++)
        vit_numbers_add(&stretch, chars[i]);
    vit_status status = vit_numbers_check(&stretch, err);
    if (status == VIT_OK)
        status = vit_clean(&stretch, t->recipe->after[t->options.cleaning], err);
    if (status == VIT_OK)
        status = split(t, true, stretch.at, stretch.n, ids, t->recipe->encode, err);
    vit_numbers_free(&stretch);
    return status;
}

/* Cuts the tokens to the context, the end staying, and puts them where they are wanted. */
static void deliver(const struct vit_tokenizer *t, const struct vit_numbers *tokens, int *ids, int *n, bool *cut)
{
    int context = t->options.context, begin = t->begin >= 0;
    size_t room = (size_t)(context - begin - 1);
    *cut = tokens->n > room;
    *n = begin + (int)(*cut ? room : tokens->n);
    if (begin)
        ids[0] = t->begin;
    for (int i = begin; i < *n; i++)
        ids[i] = tokens->at[i - begin];
    ids[(*n)++] = t->end;
    while (t->fill >= 0 && *n < context)
        ids[(*n)++] = t->fill;
}

vit_status vit_tokenize(const struct vit_tokenizer *t, const char *text, int *ids, int *n, bool *cut,
                        struct vit_error *err)
{
    struct vit_numbers chars = {0}, tokens = {0};
    size_t length = strlen(text);
    vit_status status = VIT_OK;
    if (length > VIT_LIMIT_TEXT)
        status = vit_fail(err, VIT_ERR_TOO_LARGE, "a text of %zu bytes; at most %d are read", length, VIT_LIMIT_TEXT);
    if (status == VIT_OK)
        status = vit_utf8_read(&chars, text, length, err);
    if (status == VIT_OK)
        status = vit_clean(&chars, t->recipe->before[t->options.cleaning], err);
    if (status == VIT_OK)
        status = split(t, false, chars.at, chars.n, &tokens, clean_and_encode, err);
    if (status == VIT_OK)
        deliver(t, &tokens, ids, n, cut);
    vit_numbers_free(&chars);
    vit_numbers_free(&tokens);
    return status;
}
