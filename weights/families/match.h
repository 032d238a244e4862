/* match.h: every canonical tensor finds its recipe, and every tensor of the checkpoint its use. Private to weights/. */
#ifndef VIT_MATCH_H
#define VIT_MATCH_H

#include "weights/families/family.h"

/* Builds weights->layout and recipes from weights->config. family is NULL for a canonical file. Errors name the tensors
 * that are missing, surplus, or of a wrong shape or type. */
vit_status vit_match(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                     struct vit_error *err);

/* Opens the separate classifier of --head as weights->head and fits config to it. */
vit_status vit_head_open(struct vit_weights *weights, const char *path, struct vit_error *err);

#endif
