/* json_parts.h: the steps before and after the model of a tokenizer.json, compared with those that a recipe does. */
#ifndef VIT_JSON_PARTS_H
#define VIT_JSON_PARTS_H

#include "weights/tokenizers/recipe.h"

/* Refuses (unsupported, naming the part) a normalizer, pre_tokenizer or post_processor of root that does other than t's
 * recipe, and cutting or filling up on the left. The tokens of t are known by now. */
vit_status vit_json_parts_check(const struct vit_tokenizer *t, const json_t *root, struct vit_error *err);

/* Member i of a part that is a Sequence, else, for 0, the part itself; NULL: there is none. members: the key of them.
 */
const json_t *vit_json_part(const json_t *part, const char *members, size_t i);

#endif
