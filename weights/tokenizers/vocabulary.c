/* vocabulary.c: the tokens and merges of CLIP and SigLIP 2, from whichever files they come. */
#include <string.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

static vit_status no_token(const char *piece, size_t n, const char *what, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_DECODE, "no token for %.*s, %s", n < 64 ? (int)n : 64, piece, what);
}

/* The token of a piece, or -1. */
static int find(const json_t *vocabulary, const char *piece, size_t n)
{
    const json_t *id = json_object_getn(vocabulary, piece, n);
    return id ? (int)json_integer_value(id) : -1;
}

/* Each token is a number of the table, and none has two pieces. */
static vit_status check_tokens(const struct vit_tokenizer *t, const json_t *vocabulary, struct vit_error *err)
{
    const char *piece;
    json_t *id;
    struct vit_numbers seen = {0};
    for (int i = 0; i < t->options.vocabulary; i++)
        vit_numbers_add(&seen, false);
    vit_status status = vit_numbers_check(&seen, err);
    json_object_foreach((json_t *)vocabulary, piece, id)
    {
        if (status != VIT_OK)
            break;
        if (!json_is_integer(id))
            status = vit_fail(err, VIT_ERR_DECODE, "the token of %.64s is no whole number", piece);
        else if ((status = vit_tokenizer_check(t, json_integer_value(id), piece, err)) == VIT_OK) {
            if (seen.at[json_integer_value(id)])
                status = vit_fail(err, VIT_ERR_DECODE, "two pieces have token %lld: one is %.64s",
                                  (long long)json_integer_value(id), piece);
            seen.at[json_integer_value(id)] = true;
        }
    }
    vit_numbers_free(&seen);
    return status;
}

/* ---- Merges ---- */

struct pair {
    const char *left, *right;
    size_t n_left, n_right;
};

static bool read_pair(struct pair *pair, const json_t *merge)
{
    const char *text = json_string_value(merge);
    if (text) {
        const char *space = strchr(text, ' ');
        *pair = (struct pair){text, space ? space + 1 : "", space ? (size_t)(space - text) : 0,
                              space ? strlen(space + 1) : 0};
        return space && !strchr(space + 1, ' ');
    }
    const json_t *left = json_array_get(merge, 0), *right = json_array_get(merge, 1);
    *pair = (struct pair){json_string_value(left), json_string_value(right), json_string_length(left),
                          json_string_length(right)};
    return json_array_size(merge) == 2 && pair->left && pair->right;
}

static vit_status add_merge(struct vit_tokenizer *t, const json_t *vocabulary, const struct pair *pair,
                            struct vit_error *err)
{
    char made[8 * VIT_LIMIT_PIECE];
    if (pair->n_left == 0 || pair->n_right == 0)
        return vit_fail(err, VIT_ERR_DECODE, "not two pieces");
    if (pair->n_left + pair->n_right > sizeof made)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "a piece of %zu bytes; at most %zu are read",
                        pair->n_left + pair->n_right, sizeof made);
    memcpy(made, pair->left, pair->n_left);
    memcpy(made + pair->n_left, pair->right, pair->n_right);
    int left = find(vocabulary, pair->left, pair->n_left), right = find(vocabulary, pair->right, pair->n_right);
    int both = find(vocabulary, made, pair->n_left + pair->n_right);
    if (left < 0)
        return no_token(pair->left, pair->n_left, "the left of it", err);
    if (right < 0)
        return no_token(pair->right, pair->n_right, "the right of it", err);
    if (both < 0)
        return no_token(made, pair->n_left + pair->n_right, "which it makes", err);
    return vit_bpe_add(&t->bpe, left, right, both, err);
}

static vit_status add_merges(struct vit_tokenizer *t, const json_t *vocabulary, const json_t *merges,
                             struct vit_error *err)
{
    size_t n = json_array_size(merges);
    if (n > 2 * VIT_LIMIT_PIECES)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%zu merges; at most %d are read", n, 2 * VIT_LIMIT_PIECES);
    for (size_t i = 0; i < n; i++) {
        struct pair pair;
        vit_status status = read_pair(&pair, json_array_get(merges, i))
                                ? add_merge(t, vocabulary, &pair, err)
                                : vit_fail(err, VIT_ERR_DECODE, "neither \"a b\" nor [\"a\", \"b\"]");
        if (status != VIT_OK)
            return vit_context(err, status, "merge %zu", i);
    }
    return vit_bpe_sort(&t->bpe, t->options.vocabulary, err);
}

/* ---- Bytes and characters ---- */

/* CLIP writes a byte as a character: those that ASCII and Latin-1 print as themselves, the others from U+0100 on. */
static int32_t character_of_byte(int byte)
{
    int32_t others = 0;
    for (int b = 0; b <= byte; b++) {
        bool printed = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (b == byte && printed)
            return byte;
        others += !printed;
    }
    return 0xff + others;
}

static vit_status take_clip_bytes(struct vit_tokenizer *t, const json_t *vocabulary, struct vit_error *err)
{
    static const char *const ends[2] = {"", "</w>"};
    for (int byte = 0; byte < 256; byte++)
        for (int last = 0; last < 2; last++) {
            char piece[8];
            size_t n = (size_t)vit_utf8_write(character_of_byte(byte), (uint8_t *)piece);
            strcpy(piece + n, ends[last]);
            t->bytes[last][byte] = find(vocabulary, piece, strlen(piece));
            if (t->bytes[last][byte] < 0)
                return no_token(piece, strlen(piece), "which a byte of a text may be", err);
        }
    return VIT_OK;
}

/* Pieces of one character, and what stands for a byte of a character that is none. */
static vit_status take_characters(struct vit_tokenizer *t, const json_t *vocabulary, struct vit_error *err)
{
    const char *piece;
    json_t *id;
    json_object_foreach((json_t *)vocabulary, piece, id)
    {
        size_t n = strlen(piece);
        int byte = vit_byte_of(piece, n);
        if (byte >= 0)
            t->bytes[0][byte] = (int)json_integer_value(id);
        else if (vit_is_one_character(piece, n))
            VIT_TRY(vit_strings_add(&t->pieces, piece, n, (int)json_integer_value(id), err));
    }
    VIT_TRY(vit_strings_sort(&t->pieces, err));
    for (int32_t byte = 0; byte < 256; byte++) {
        size_t length;
        if (t->bytes[0][byte] < 0 && (byte >= 0x80 || vit_strings_longest(&t->pieces, &byte, 1, &length) < 0))
            return vit_fail(err, VIT_ERR_DECODE, "no token for <0x%02X>, which a byte of a text may be", byte);
    }
    return VIT_OK;
}

vit_status vit_vocabulary_take(struct vit_tokenizer *t, const json_t *vocabulary, const json_t *merges,
                               struct vit_error *err)
{
    const char *const names[] = {t->recipe->begin, t->recipe->end, t->recipe->fill};
    VIT_TRY(check_tokens(t, vocabulary, err));
    for (int i = 0; i < 3; i++)
        if (names[i] && find(vocabulary, names[i], strlen(names[i])) >= 0)
            vit_tokenizer_note(t, names[i], strlen(names[i]), find(vocabulary, names[i], strlen(names[i])));
    VIT_TRY(t->recipe == &vit_clip ? take_clip_bytes(t, vocabulary, err) : take_characters(t, vocabulary, err));
    return add_merges(t, vocabulary, merges, err);
}
