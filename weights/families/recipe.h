/* recipe.h: how a canonical tensor is made of a checkpoint's tensors. Nothing is computed: elements are renamed, joined and
 * put in another order, in the type that they have. */
#ifndef VIT_RECIPE_H
#define VIT_RECIPE_H

#include "vit/base/config.h"
#include "weights/settings/checkpoint.h"

enum vit_change {
    VIT_AS_IS,
    VIT_SQUEEZED,   /* the same but for axes of length 1 */
    VIT_TRANSPOSED, /* [in, out] -> [out, in] */
    VIT_HWIO,       /* [P, P, 3, D] -> [D, 3, P, P] */
    VIT_HEADS,      /* [NH, HD] -> [D] */
    VIT_HEADS_OUT,  /* [D, NH, HD] -> [D, D]: transposed, the last two axes being one */
    VIT_HEADS_IN,   /* [NH, HD, D] -> [D, D]: transposed, the first two axes being one */
    VIT_FIRST_THIRD, /* [3n, ...] -> its first n rows */
    VIT_LAST_THIRDS, /* [3n, ...] -> its other 2n rows */
    VIT_ZERO,       /* zeros, for a bias that those have not whose tensors the rule names */
    VIT_SAME_NAME   /* of a rule for all tensors: as it is, and called as in the canonical form */
};

enum { VIT_RECIPE_PARTS = 3 };

/* One line of a family's name map. '#' in `to` and in `from` stands for the number of a block; a final '*' for weight and
 * for bias. Of several rules for a canonical name, the first whose tensors are all there holds. A list of rules ends
 * with {0}. */
struct vit_rule {
    const char *to;
    const char *from[VIT_RECIPE_PARTS]; /* joined along the first axis, in this order; fewer end with NULL */
    enum vit_change change;
    bool stacked; /* the tensors of all blocks lie in one, along a leading axis */
};

struct vit_recipe {
    const struct vit_source *source;
    int n_parts;
    int parts[VIT_RECIPE_PARTS]; /* tensors of source */
    enum vit_change change;
    int slice; /* of the leading axis that a stacked part has; -1: not stacked */
};

/* Finds the recipe for *tensor, whose type it sets. Errors name what is missing, or both shapes, or the type. */
vit_status vit_recipe_find(struct vit_recipe *recipe, struct vit_tensor *tensor, const struct vit_rule *rules,
                           const struct vit_checkpoint *cp, const struct vit_config *config, struct vit_error *err);

/* Reads tensor into dst, in its own type. */
vit_status vit_recipe_read(const struct vit_recipe *recipe, const struct vit_tensor *tensor, void *dst,
                           struct vit_error *err);

/* Reads n rows, along the first axis, by their numbers, each below shape[0]; the others are not read where the container
 * allows it and nothing is put in another order. */
vit_status vit_recipe_read_rows(const struct vit_recipe *recipe, const struct vit_tensor *tensor, const int *rows, int n,
                                void *dst, struct vit_error *err);

#endif
