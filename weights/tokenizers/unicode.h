/* unicode.h: what libutf8proc knows of characters, in the words of the tokenizers. */
#ifndef VIT_UNICODE_H
#define VIT_UNICODE_H

#include "weights/tokenizers/numbers.h"

enum { VIT_UNDERLINE = 0x2581 }; /* what stands for a space in the pieces of SentencePiece */

/* Appends the characters of n bytes of UTF-8. Errors: decode, memory. */
vit_status vit_utf8_read(struct vit_numbers *chars, const char *text, size_t n, struct vit_error *err);

bool vit_is_one_character(const char *text, size_t n);

/* How many of n characters a reader takes for one (an extended grapheme cluster), and in how many bytes. */
size_t vit_measure_cluster(const int32_t *chars, size_t n, size_t *n_bytes);

/* Writes 1 to 4 bytes; how many. */
int vit_utf8_write(int32_t c, uint8_t bytes[4]);

enum vit_kind { VIT_KIND_WHITE, VIT_KIND_LETTER, VIT_KIND_NUMBER, VIT_KIND_OTHER };

/* White_Space, the general categories L and N, or none of these. */
enum vit_kind vit_kind_of(int32_t c);

/* What Python's str.isspace takes for white: four separators of ASCII more. */
bool vit_is_python_white(int32_t c);

/* ASCII's 32 marks: neither letters, digits, spaces nor controls. */
bool vit_is_punctuation(int32_t c);

/* The one character, or the two, that a capital letter has in lower case; without regard to what stands beside it. */
void vit_add_lower(struct vit_numbers *out, int32_t c);

/* Python's str.lower, where a capital sigma that ends a word is a final one. */
void vit_lower_as_python(struct vit_numbers *out, const struct vit_numbers *in);

/* Normalisation form C; and of one character, the compatible form that is written in others. */
void vit_compose(struct vit_numbers *out, const struct vit_numbers *in);
void vit_add_compatible(struct vit_numbers *out, int32_t c);

#endif
