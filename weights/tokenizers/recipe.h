/* recipe.h: what a tokenizer consists of, inside this room. Those who read files (json_file.c, text_files.c, spiece.c)
 * choose a recipe and fill in a struct vit_tokenizer by what is declared here; the recipes (clip.c, siglip.c,
 * siglip2.c) cut texts by it. */
#ifndef VIT_RECIPE_H
#define VIT_RECIPE_H

#include <jansson.h>

#include "weights/tokenizers/added.h"
#include "weights/tokenizers/bpe.h"
#include "weights/tokenizers/charsmap.h"
#include "weights/tokenizers/clean.h"
#include "weights/tokenizers/strings.h"
#include "weights/tokenizers/tokenizer.h"

/* One of the ways from a text to tokens. */
struct vit_recipe {
    const char *name;
    const char *begin, *end, *fill; /* tokens before and after those of a text, and the one that fills up; NULL: none */

    /* What is done to a text before added tokens are looked for, and to what is between these; by enum vit_cleaning, up
     * to a NULL. */
    vit_clean_step *before[2][9], *after[2][5];

    /* Appends the tokens of a stretch of cleaned text. Errors: memory. */
    vit_status (*encode)(const struct vit_tokenizer *t, const int32_t *chars, size_t n, struct vit_numbers *ids,
                         struct vit_error *err);
};

extern const struct vit_recipe vit_clip, vit_siglip, vit_siglip2;

/* Tokens are -1 where there is none. */
struct vit_tokenizer {
    const struct vit_recipe *recipe;
    struct vit_tokenizer_options options;
    int begin, end, fill, unknown;
    int bytes[2][256]; /* the tokens of bytes; in CLIP's words those within one and those that end it */
    struct vit_added added;
    struct vit_bpe bpe;                /* CLIP, SigLIP 2 */
    struct vit_strings pieces;         /* SigLIP: those that a text is cut into; SigLIP 2: those of one character */
    float *scores;                     /* (V) SigLIP: of the pieces, by token */
    float least_score;                 /* of these */
    double unknown_score, start_score; /* of a character that is no piece; of what is before a text */
    struct vit_charsmap charsmap;      /* SigLIP */
};

/* Takes note of a token when it is the recipe's begin, end or fill. */
void vit_tokenizer_note(struct vit_tokenizer *t, const char *piece, size_t n, int id);

/* Adds an added token, unless OpenCLIP has none. */
vit_status vit_tokenizer_add(struct vit_tokenizer *t, const char *piece, size_t n, struct vit_added_token token,
                             struct vit_error *err);

/* The token, unless it is beyond the vocabulary: decode. */
vit_status vit_tokenizer_check(const struct vit_tokenizer *t, int64_t id, const char *piece, struct vit_error *err);

/* "<0x41>" -> 0x41; -1 for another piece. */
int vit_byte_of(const char *piece, size_t n);

/* ---- CLIP and SigLIP 2 (vocabulary.c) ---- */

/* Takes a vocabulary, an object of tokens by piece, and merges, an array of "a b" or ["a", "b"]. Both are borrowed. */
vit_status vit_vocabulary_take(struct vit_tokenizer *t, const json_t *vocabulary, const json_t *merges,
                               struct vit_error *err);

/* ---- SigLIP (siglip.c) ---- */

enum vit_piece_type {
    VIT_PIECE_NORMAL = 1,
    VIT_PIECE_UNKNOWN,
    VIT_PIECE_CONTROL,
    VIT_PIECE_USER,
    VIT_PIECE_UNUSED,
    VIT_PIECE_BYTE
};

vit_status vit_siglip_add(struct vit_tokenizer *t, int id, const char *piece, size_t n, float score,
                          enum vit_piece_type type, struct vit_error *err);
vit_status vit_siglip_finish(struct vit_tokenizer *t, struct vit_error *err); /* after the last */

/* ---- Files: each sets the recipe and fills in all that belongs to it; messages do not name the file ---- */

vit_status vit_json_file_read(struct vit_tokenizer *t, const json_t *root, struct vit_error *err); /* tokenizer.json */
vit_status vit_spiece_read(struct vit_tokenizer *t, const uint8_t *bytes, size_t n, struct vit_error *err);

/* vocab.json with merges.txt; bpe_simple_vocab_16e6.txt.gz, unpacked. The texts of n bytes are cut into lines. */
vit_status vit_vocab_merges_read(struct vit_tokenizer *t, const json_t *vocab, char *merges, size_t n,
                                 struct vit_error *err);
vit_status vit_simple_vocab_read(struct vit_tokenizer *t, char *text, size_t n, struct vit_error *err);

#endif
