/* weights.h: the door of weights/: a checkpoint of any origin, opened in the one canonical form, read and saved. */
#ifndef VIT_WEIGHTS_H
#define VIT_WEIGHTS_H

#include "weights/canonical/form.h"

/* Opens a file or a folder. options may be NULL. Every tensor that the configuration calls for is there, rightly shaped and
 * of a floating-point type, and none is surplus; no data is read yet. On failure *weights is NULL. */
vit_status vit_weights_open(struct vit_weights **weights, const char *path, const struct vit_model_options *options,
                            struct vit_error *err);
void vit_weights_close(struct vit_weights *weights); /* NULL is fine */

/* The same from nothing but a configuration; see vit_model_random. */
vit_status vit_weights_random(struct vit_weights **weights, const struct vit_config *config, struct vit_error *err);

/* Reads canonical tensor i into dst, in its own type or widened to f32: vit_tensor_count elements, C order. */
vit_status vit_weights_read(const struct vit_weights *weights, int i, void *dst, struct vit_error *err);
vit_status vit_weights_read_f32(const struct vit_weights *weights, int i, float *dst, struct vit_error *err);

/* Whether a model without a classifier is one that pictures and texts share: names of classes then become its classes. */
bool vit_weights_takes_words(const struct vit_weights *weights);

/* Reads n rows of the matrix that tensor i is, by their numbers, widened to f32 into dst (n, columns); the others are not
 * read where the container allows it. */
vit_status vit_weights_read_rows(const struct vit_weights *weights, int i, const int *rows, int n, float *dst,
                                 struct vit_error *err);

/* Gives a model without a classifier one: labels, K of them, weight (K, vit_config_head_width) and bias (K), all three
 * allocated by malloc and taken over, also when it fails; what labels held is empty then. words, a JSON object, borrowed,
 * is added to the origin under that key. */
vit_status vit_weights_set_head(struct vit_weights *weights, struct vit_labels *labels, float *weight, float *bias,
                                const json_t *words, struct vit_error *err);

/* Writes the canonical file, atomically; see vit_model_save. options may be NULL. */
vit_status vit_weights_save(const struct vit_weights *weights, const char *out, const struct vit_save_options *options,
                            struct vit_error *err);

#endif
