/* clean.h: what is done to a text before it is cut into tokens, step by step. */
#ifndef VIT_CLEAN_H
#define VIT_CLEAN_H

#include "weights/tokenizers/numbers.h"

/* Appends to out what becomes of a text. A failure of memory is out's. */
typedef void vit_clean_step(struct vit_numbers *out, const struct vit_numbers *in);

vit_clean_step vit_clean_compose;     /* normalisation form C */
vit_clean_step vit_clean_lower;       /* each character by itself, as the tokenizers library does it */
vit_clean_step vit_clean_lower_words; /* as Python does it: a sigma that ends a word is a final one */
vit_clean_step vit_clean_white;       /* each run of white space becomes a space */
vit_clean_step vit_clean_trim;        /* the same by Python's notion of white space, and none at the ends */
vit_clean_step vit_clean_punctuation; /* ASCII's 32 marks are taken out */
vit_clean_step vit_clean_low_lines;   /* "_" becomes a space */
vit_clean_step vit_clean_marked;      /* U+2581, which stands for a space in pieces, becomes one; */
vit_clean_step vit_clean_mark;        /* spaces become U+2581 */
vit_clean_step vit_clean_repair;      /* what ftfy mends, mojibake and escapes of terminals apart */
vit_clean_step vit_clean_entities;    /* HTML's character references, as Python's html.unescape reads them */

/* Does the steps, up to a NULL, in turn to chars. */
vit_status vit_clean(struct vit_numbers *chars, vit_clean_step *const *steps, struct vit_error *err);

#endif
