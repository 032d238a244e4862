/* family.h: what each origin of checkpoints does its own way. */
#ifndef VIT_FAMILY_H
#define VIT_FAMILY_H

#include <jansson.h>
#include <stdbool.h>

#include "weights/weights.h"

struct vit_family {
    const char *name;
    /* Whether the source, with the config.json beside it (NULL when there is none), is of this family. */
    bool (*detect)(const struct vit_source *source, const json_t *config);
    /* Fills weights->config, preprocess and labels. weights->source is open. */
    vit_status (*configure)(struct vit_weights *weights, const json_t *config, struct vit_error *err);
    const char *const *ignored; /* tensors without a use here: names, ended by NULL */
};

extern const struct vit_family vit_family_timm;

#endif
