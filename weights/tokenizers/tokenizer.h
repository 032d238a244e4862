/* tokenizer.h: from a text to the numbers of its tokens, as the libraries make them that published CLIP and SigLIP. The
 * door of this room.
 *
 * Three recipes are known, told by the files of the model's folder: CLIP's byte-level BPE (vocab.json and merges.txt,
 * tokenizer.json, or OpenAI's bpe_simple_vocab_16e6.txt.gz), SigLIP's unigrams (spiece.model or tokenizer.json), and
 * SigLIP 2's BPE over characters (tokenizer.json). Others are refused by name. Of several files the first counts:
 * spiece.model, tokenizer.json, merges.txt, OpenAI's.
 *
 * The names of tokens in a text, as "<|endoftext|>", are these tokens wherever the library finds them; OpenCLIP's own
 * tokenizer knows "<start_of_text>" and "<end_of_text>" instead, where a word begins with them. SigLIP 2's texts are
 * put in small letters, as it was trained, whichever class tokenizer_config.json names. Of what ftfy does for OpenCLIP,
 * three things are not done: it repairs text that was decoded wrongly (of UTF-8 as Latin-1, say), takes out the escapes
 * of terminals, and reads names of references in capitals that HTML does not know ("&EACUTE;"). Characters later than
 * libutf8proc's Unicode have no category and no small letters. */
#ifndef VIT_TOKENIZER_H
#define VIT_TOKENIZER_H

#include <stdbool.h>

#include "vit/base/error.h"

struct vit_tokenizer;

/* Who cleans a text before it is cut into tokens: they differ in what they do to other than plain words. */
enum vit_cleaning { VIT_CLEANED_AS_HF, VIT_CLEANED_AS_OPEN_CLIP };

struct vit_tokenizer_options {
    int context;    /* tokens that the text tower takes at most, at least 2 */
    int vocabulary; /* V: rows of its table; a token beyond them is an error of the files */
    enum vit_cleaning cleaning;
};

/* Opens the tokenizer of a folder as downloaded. What its files hold is checked whole: nothing that they say can make
 * vit_tokenize fail later on. Messages name the file. Errors: open (no tokenizer is there), read, decode, unsupported,
 * too_large, memory. The caller frees *tokenizer; NULL on failure. */
vit_status vit_tokenizer_open(struct vit_tokenizer **tokenizer, const char *folder,
                              const struct vit_tokenizer_options *options, struct vit_error *err);
void vit_tokenizer_free(struct vit_tokenizer *tokenizer); /* NULL is fine */

/* The token that ends every text, and may be within one, too; and whether texts are filled up behind it. */
int vit_tokenizer_end(const struct vit_tokenizer *tokenizer);
bool vit_tokenizer_fills(const struct vit_tokenizer *tokenizer);

/* Writes the tokens of a text in UTF-8 to ids, which has room for context: with those that begin and end it, and, where
 * the tower reads what fills up a text, filled up to context. A text that is longer is cut to it, as the libraries do:
 * the token that ends it stays, and *cut says so. Any number of threads may do this at once. Errors: decode (no UTF-8),
 * too_large (VIT_LIMIT_TEXT), memory. */
vit_status vit_tokenize(const struct vit_tokenizer *tokenizer, const char *text, int *ids, int *n, bool *cut,
                        struct vit_error *err);

#endif
