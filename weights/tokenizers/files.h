/* files.h: which of a folder's files are its tokenizer. */
#ifndef VIT_TOKENIZER_FILES_H
#define VIT_TOKENIZER_FILES_H

#include "weights/tokenizers/recipe.h"

/* Reads the first that is there: spiece.model, which is SentencePiece's own; tokenizer.json, which is whole; vocab.json
 * and merges.txt; bpe_simple_vocab_16e6.txt.gz. *file is the name of what was read. Messages begin with the path. */
vit_status vit_tokenizer_files_read(struct vit_tokenizer *t, const char *folder, const char **file,
                                    struct vit_error *err);

#endif
