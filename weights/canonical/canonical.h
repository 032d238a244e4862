/* canonical.h: the texts that the canonical file carries in its safetensors `__metadata__`, beside the tensors:
 *   format          "pt"
 *   vit.version     "1"
 *   vit.config      JSON object, the fields of struct vit_config
 *   vit.preprocess  JSON object, the fields of struct vit_preprocess
 *   vit.labels      JSON array of {"id", "name"}, empty or one per class
 *   vit.source      JSON object: what the model was made from */
#ifndef VIT_CANONICAL_H
#define VIT_CANONICAL_H

#include "weights/canonical/form.h"
#include "weights/containers/source.h"

/* Whether source carries the canonical texts. */
bool vit_canonical_detect(const struct vit_source *source);

/* Fills config, preprocess, labels and origin of weights from the texts of its source. */
vit_status vit_canonical_read(struct vit_weights *weights, struct vit_error *err);

enum { VIT_CANONICAL_TEXTS = 6 };

/* The six texts of weights, which were made from origin, JSON; the caller frees the values (vit_canonical_free). */
vit_status vit_canonical_write(const struct vit_weights *weights, const char *origin,
                               struct vit_metadata texts[VIT_CANONICAL_TEXTS], struct vit_error *err);
void vit_canonical_free(struct vit_metadata texts[VIT_CANONICAL_TEXTS]);

/* Refuses a configuration or preprocessing whose numbers contradict each other, naming them. */
vit_status vit_canonical_check(const struct vit_config *config, const struct vit_preprocess *preprocess,
                               struct vit_error *err);

/* The same of a text tower's configuration. */
vit_status vit_canonical_check_text(const struct vit_config *config, struct vit_error *err);

#endif
