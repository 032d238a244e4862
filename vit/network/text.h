/* text.h: texts through the text tower of a model. Private to vit/. */
#ifndef VIT_TEXT_H
#define VIT_TEXT_H

#include "vit/network/model.h"

/* The text tower, ready for texts: opened once for many calls. */
struct vit_text_reader {
    const struct vit_model *tower;
    struct vit_tokenizer *tokenizer;
};

/* tower: made of the weights of text. The caller closes it, also after a failure. */
vit_status vit_text_reader_open(struct vit_text_reader *reader, const struct vit_model *tower,
                         const struct vit_text_tower *text, struct vit_error *err);
void vit_text_reader_close(struct vit_text_reader *reader);

/* n texts -> features (n, E); adds to *n_cut those that were too long. options->watch is told of texts as if done had
 * been done before, of total. */
vit_status vit_text_embed(const struct vit_text_reader *reader, const char *const *texts, int n,
                          const struct vit_text_options *options, int64_t done, int64_t total, float *features,
                          int *n_cut, struct vit_error *err);

#endif
