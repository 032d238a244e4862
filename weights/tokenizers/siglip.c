/* siglip.c: SigLIP's recipe, SentencePiece's unigrams: of all ways to cut a text into pieces, the one whose scores add
 * up to most. */
#include <stdlib.h>

#include "weights/tokenizers/recipe.h"
#include "weights/tokenizers/unicode.h"

/* ---- Pieces ---- */

static bool has_punctuation(const char *piece, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (vit_is_punctuation((unsigned char)piece[i]))
            return true;
    return false;
}

static vit_status add_normal(struct vit_tokenizer *t, int id, const char *piece, size_t n, float score,
                             struct vit_error *err)
{
    if (!t->scores && !(t->scores = calloc((size_t)t->options.vocabulary, sizeof *t->scores)))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d scores", t->options.vocabulary);
    t->least_score = t->pieces.n == 0 || score < t->least_score ? score : t->least_score;
    t->scores[id] = score;
    return vit_strings_add(&t->pieces, piece, n, id, err);
}

vit_status vit_siglip_add(struct vit_tokenizer *t, int id, const char *piece, size_t n, float score,
                          enum vit_piece_type type, struct vit_error *err)
{
    int byte = type == VIT_PIECE_BYTE ? vit_byte_of(piece, n) : 0;
    bool beyond = id >= t->options.vocabulary || type == VIT_PIECE_USER;
    if (type == VIT_PIECE_UNUSED || (beyond && has_punctuation(piece, n))) /* cleaning leaves no punctuation */
        return VIT_OK;
    if (type < VIT_PIECE_NORMAL || type > VIT_PIECE_BYTE || type == VIT_PIECE_USER)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "piece %d, %.*s, is of type %d", id, n < 64 ? (int)n : 64, piece,
                        type);
    VIT_TRY(vit_tokenizer_check(t, id, "a piece", err));
    if (byte < 0 || !(score > -1e30f && score < 1e30f))
        return vit_fail(err, VIT_ERR_DECODE, "piece %d, %.*s: %s", id, n < 64 ? (int)n : 64, piece,
                        byte < 0 ? "no byte" : "its score is no number");
    vit_tokenizer_note(t, piece, n, id);
    if (type == VIT_PIECE_UNKNOWN)
        t->unknown = id;
    if (type == VIT_PIECE_BYTE)
        t->bytes[0][byte] = id;
    return type == VIT_PIECE_NORMAL ? add_normal(t, id, piece, n, score, err) : VIT_OK;
}

/* ---- Texts ---- */

/* What SentencePiece makes of a text: the characters of its table, spaces as U+2581, one of them in front of the text,
 * none behind another and none at the end. */
static vit_status normalize(const struct vit_tokenizer *t, const int32_t *chars, size_t n, bool first,
                            struct vit_numbers *out, struct vit_error *err)
{
    struct vit_numbers in = {(int32_t *)chars, n, n, false}, mapped = {0};
    if (t->options.cleaning == VIT_CLEANED_AS_HF)
        vit_charsmap_apply(&mapped, &t->charsmap, &in);
    else
        vit_charsmap_apply_clusters(&mapped, &t->charsmap, &in);
    if (first)
        vit_numbers_add(out, VIT_UNDERLINE);
    bool after_space = first;
    for (size_t i = 0; i < mapped.n; i++) {
        bool space = mapped.at[i] == ' ';
        if (!space || !after_space)
            vit_numbers_add(out, space ? VIT_UNDERLINE : mapped.at[i]);
        after_space = space;
    }
    while (out->n > 0 && out->at[out->n - 1] == VIT_UNDERLINE)
        out->n--;
    out->failed = out->failed || mapped.failed;
    vit_numbers_free(&mapped);
    return vit_numbers_check(out, err);
}

/* The best way to a place in the text. */
struct way {
    double score;
    int id;          /* of its last piece */
    size_t from, to; /* where that begins, and where the next one ends */
    bool found;
};

/* Of equal ways the first is kept; which are equal, depends on how a library rounds: SentencePiece adds in f32. */
static void offer(const struct vit_tokenizer *t, struct way *way, double score, int id, size_t from)
{
    if (t->options.cleaning == VIT_CLEANED_AS_HF)
        score = (float)score;
    if (!way->found || score > way->score)
        *way = (struct way){score, id, from, 0, true};
}

/* ways (n + 1): the first has a score, the others are zero. */
static void find_ways(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct way *ways)
{
    for (size_t i = 0; i < n; i++) {
        bool is_piece = false;
        for (struct vit_prefix p = vit_prefix_start(&t->pieces, chars + i, n - i); vit_prefix_next(&p);) {
            offer(t, &ways[i + p.length], ways[i].score + t->scores[p.value], p.value, i);
            is_piece |= p.length == 1;
        }
        if (!is_piece)
            offer(t, &ways[i + 1], ways[i].score + t->unknown_score, t->unknown, i);
    }
}

/* An unknown character is written in bytes where there are tokens for them; else those in a row are one token. */
static void add_unknown(const struct vit_tokenizer *t, int32_t c, bool again, struct vit_numbers *ids)
{
    uint8_t bytes[4];
    int n = t->bytes[0][0] < 0 ? 0 : vit_utf8_write(c, bytes);
    if (n == 0 && !again)
        vit_numbers_add(ids, t->unknown);
    for (int i = 0; i < n; i++)
        vit_numbers_add(ids, t->bytes[0][bytes[i]]);
}

/* The best way is known from its end; to is filled in from there. */
static void add_best(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct way *ways,
                     struct vit_numbers *ids)
{
    for (size_t i = n; i > 0; i = ways[i].from)
        ways[ways[i].from].to = i;
    bool unknown = false;
    for (size_t i = 0; i < n; i = ways[i].to) {
        int id = ways[ways[i].to].id;
        if (id == t->unknown)
            add_unknown(t, chars[i], unknown, ids);
        else
            vit_numbers_add(ids, id);
        unknown = id == t->unknown;
    }
}

/* Cuts n characters, before which the score is start. What it is behind them becomes *end, unless that is NULL. */
static vit_status cut(const struct vit_tokenizer *t, const int32_t *chars, size_t n, double start, double *end,
                      struct vit_numbers *ids, struct vit_error *err)
{
    struct way *ways = calloc(n + 1, sizeof *ways);
    if (!ways)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a text of %zu characters", n);
    ways[0].score = start;
    find_ways(t, chars, n, ways);
    add_best(t, chars, n, ways, ids);
    if (end)
        *end = ways[n].score;
    free(ways);
    return vit_numbers_check(ids, err);
}

/* Each word with the U+2581 before it by itself. */
static vit_status cut_words(const struct vit_tokenizer *t, const struct vit_numbers *text, struct vit_numbers *ids,
                            struct vit_error *err)
{
    for (size_t i = 0, end; i < text->n; i = end) {
        for (end = i + 1; end < text->n && text->at[end] != VIT_UNDERLINE;)
            end++;
        VIT_TRY(cut(t, text->at + i, end - i, 0, NULL, ids, err));
    }
    return VIT_OK;
}

static vit_status encode(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                         struct vit_error *err)
{
    struct vit_numbers text = {0};
    vit_status status = normalize(t, chars, n, ids->n == 0, &text, err);
    if (status == VIT_OK)
        status = t->options.cleaning == VIT_CLEANED_AS_HF ? cut(t, text.at, text.n, t->start_score, NULL, ids, err)
                                                          : cut_words(t, &text, ids, err);
    vit_numbers_free(&text);
    return status;
}

/* ---- The recipe ---- */

vit_status vit_siglip_finish(struct vit_tokenizer *t, struct vit_error *err)
{
    const double penalty = 10;
    int n_bytes = 0;
    for (int byte = 0; byte < 256; byte++)
        n_bytes += t->bytes[0][byte] >= 0;
    if (n_bytes != 0 && n_bytes != 256)
        return vit_fail(err, VIT_ERR_DECODE, "tokens for %d bytes; it takes 256 or none", n_bytes);
    if (t->unknown < 0 || t->pieces.n == 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s", t->unknown < 0 ? "no piece for what is unknown" : "no pieces");
    VIT_TRY(vit_strings_sort(&t->pieces, err));
    t->unknown_score = (float)(t->least_score - penalty);

    /* Hugging Face's library has these in front of each text, and drops their tokens; their score decides about ties.
     */
    const int32_t before[] = {VIT_UNDERLINE, '<', 'u', 'n', 'k', '>'};
    struct vit_numbers dropped = {0};
    vit_status status = cut(t, before, sizeof before / sizeof *before, 0, &t->start_score, &dropped, err);
    vit_numbers_free(&dropped);
    return status;
}

const struct vit_recipe vit_siglip = {
    .name = "SigLIP",
    .end = "</s>",
    .fill = "</s>",
    .before = {[VIT_CLEANED_AS_OPEN_CLIP] = {vit_clean_repair, vit_clean_compose, vit_clean_entities,
                                             vit_clean_entities, vit_clean_low_lines, vit_clean_punctuation,
                                             vit_clean_lower_words, vit_clean_trim}},
    .after = {[VIT_CLEANED_AS_HF] = {vit_clean_marked, vit_clean_lower_words, vit_clean_punctuation, vit_clean_trim}},
    .encode = encode,
};
