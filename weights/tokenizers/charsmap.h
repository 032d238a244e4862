/* charsmap.h: the table by which SentencePiece writes some characters in others: NFKC and a little more. */
#ifndef VIT_CHARSMAP_H
#define VIT_CHARSMAP_H

#include "weights/tokenizers/numbers.h"

/* A trie over the bytes of what is replaced, as a double array, and what replaces it. All zero replaces nothing. */
struct vit_charsmap {
    uint32_t *units;
    size_t n_units;
    char *replacements; /* each ends with a NUL */
    size_t n_replacements;
};

/* Reads the n bytes that SentencePiece calls precompiled_charsmap; they are copied. Errors: decode, memory. */
vit_status vit_charsmap_read(struct vit_charsmap *map, const void *bytes, size_t n, struct vit_error *err);
void vit_charsmap_free(struct vit_charsmap *map);

/* Replaces, from left to right, each time the longest that the table has, as SentencePiece does it. */
void vit_charsmap_apply(struct vit_numbers *out, const struct vit_charsmap *map, const struct vit_numbers *in);

/* As the tokenizers library does it: a short cluster of characters that begins as one in the table becomes its
 * replacement as a whole, and may so lose its accents; in longer ones each character is replaced by itself. */
void vit_charsmap_apply_clusters(struct vit_numbers *out, const struct vit_charsmap *map, const struct vit_numbers *in);

#endif
