/* words.h: classes that are given in words. Private to vit/. */
#ifndef VIT_WORDS_H
#define VIT_WORDS_H

#include "vit/network/model.h"

/* Whether options give the classes of a model with these weights in words. */
bool vit_words_given(const struct vit_weights *weights, const struct vit_model_options *options);

/* Gives weights the classifier that the words of options make; tower is the text tower, or NULL. *n_cut: texts that
 * were too long. Errors: those of the names, the templates, the file of embeddings and the tokenizer; unsupported: no
 * text tower that could be used. */
vit_status vit_words_classify(struct vit_weights *weights, const struct vit_model *tower,
                              const struct vit_model_options *options, int *n_cut, struct vit_error *err);

#endif
