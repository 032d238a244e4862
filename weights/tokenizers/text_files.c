/* text_files.c: CLIP's tokenizer from the forms that are older than tokenizer.json: merges as lines of text. */
#include <string.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

/* Cuts off a line, up to its end or that of the text. NULL: nothing is left. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!*line)
        return NULL;
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    line[strcspn(line, "\r")] = '\0';
    return line;
}

/* The lines behind the first, at most max of them, without empty ones. *merges is the caller's to json_decref. */
static vit_status read_lines(json_t **merges, char *text, size_t n, size_t max, struct vit_error *err)
{
    *merges = json_array();
    if (!*merges)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for merges");
    if (memchr(text, '\0', n))
        return vit_fail(err, VIT_ERR_DECODE, "not a text file");
    char *first = next_line(&text);
    if (!first || !strstr(first, "#version"))
        return vit_fail(err, VIT_ERR_DECODE, "its first line is not \"#version: ...\"");
    for (char *line; json_array_size(*merges) < max && (line = next_line(&text));)
        if (*line && json_array_append_new(*merges, json_string(line)) != 0)
            return vit_fail(err, VIT_ERR_DECODE, "line %zu: no UTF-8", json_array_size(*merges) + 2);
    return VIT_OK;
}

/* Without tokenizer.json, the tokens around a text are all that are added. */
static vit_status add_ends(struct vit_tokenizer *t, struct vit_error *err)
{
    const char *const names[] = {t->recipe->begin, t->recipe->end};
    const int ids[] = {t->begin, t->end};
    for (int i = 0; i < 2; i++)
        if (ids[i] >= 0)
            VIT_TRY(vit_tokenizer_add(t, names[i], strlen(names[i]), (struct vit_added_token){.id = ids[i]}, err));
    return vit_added_sort(&t->added, err);
}

vit_status vit_vocab_merges_read(struct vit_tokenizer *t, const json_t *vocab, char *text, size_t n,
                                 struct vit_error *err)
{
    json_t *merges;
    t->recipe = &vit_clip;
    vit_status status = read_lines(&merges, text, n, 2 * VIT_LIMIT_PIECES, err);
    if (status == VIT_OK && !json_is_object(vocab))
        status = vit_fail(err, VIT_ERR_DECODE, "vocab.json is no object");
    if (status == VIT_OK)
        status = vit_vocabulary_take(t, vocab, merges, err);
    json_decref(merges);
    return status == VIT_OK ? add_ends(t, err) : status;
}

/* ---- bpe_simple_vocab_16e6.txt.gz: the merges, from which the vocabulary follows ---- */

/* The characters that stand for bytes, in their own order. */
static int32_t nth_character(int i)
{
    return i < 94 ? '!' + i : i < 106 ? 0xa1 + i - 94 : i < 188 ? 0xae + i - 106 : 0x100 + i - 188;
}

static vit_status name_token(json_t *vocabulary, const char *piece, struct vit_error *err)
{
    size_t id = json_object_size(vocabulary);
    if (json_object_get(vocabulary, piece))
        return vit_fail(err, VIT_ERR_DECODE, "token %zu, %.64s, is there already", id, piece);
    if (json_object_set_new(vocabulary, piece, json_integer((json_int_t)id)) != 0)
        return vit_fail(err, VIT_ERR_DECODE, "token %zu: no UTF-8", id);
    return VIT_OK;
}

/* The bytes, these at the end of a word, what the merges make, and the ends. */
static vit_status name_tokens(json_t *vocabulary, const json_t *merges, struct vit_error *err)
{
    static const char *const ends[] = {"", "</w>"};
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < 256; i++) {
            char piece[8];
            strcpy(piece + vit_utf8_write(nth_character(i), (uint8_t *)piece), ends[last]);
            VIT_TRY(name_token(vocabulary, piece, err));
        }
    for (size_t i = 0; i < json_array_size(merges); i++) {
        char piece[8 * VIT_LIMIT_PIECE];
        const char *merge = json_string_value(json_array_get(merges, i)), *space = strchr(merge, ' ');
        if (!space || strlen(merge) > sizeof piece)
            return vit_fail(err, VIT_ERR_DECODE, "line %zu is not \"a b\"", i + 2);
        strcpy(stpncpy(piece, merge, (size_t)(space - merge)), space + 1);
        VIT_TRY(name_token(vocabulary, piece, err));
    }
    VIT_TRY(name_token(vocabulary, vit_clip.begin, err));
    return name_token(vocabulary, vit_clip.end, err);
}

vit_status vit_simple_vocab_read(struct vit_tokenizer *t, char *text, size_t n, struct vit_error *err)
{
    enum { OTHERS = 2 * 256 + 2 }; /* tokens that no merge makes */
    json_t *merges = NULL, *vocabulary = json_object();
    t->recipe = &vit_clip;
    int n_merges = t->options.vocabulary - OTHERS;
    vit_status status = vocabulary ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for a vocabulary");
    if (status == VIT_OK && n_merges < 0)
        status = vit_fail(err, VIT_ERR_DECODE, "a vocabulary of %d; CLIP has %d without any merges",
                          t->options.vocabulary, OTHERS);
    if (status == VIT_OK)
        status = read_lines(&merges, text, n, (size_t)n_merges, err);
    if (status == VIT_OK && json_array_size(merges) < (size_t)n_merges)
        status = vit_fail(err, VIT_ERR_DECODE, "%zu merges; a vocabulary of %d has %d", json_array_size(merges),
                          t->options.vocabulary, n_merges);
    if (status == VIT_OK)
        status = name_tokens(vocabulary, merges, err);
    if (status == VIT_OK)
        status = vit_vocabulary_take(t, vocabulary, merges, err);
    json_decref(merges);
    json_decref(vocabulary);
    return status == VIT_OK ? add_ends(t, err) : status;
}
