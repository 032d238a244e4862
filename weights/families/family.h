/* family.h: what each origin of checkpoints does its own way, and what several of them share. Private to weights/. */
#ifndef VIT_FAMILY_H
#define VIT_FAMILY_H

#include <jansson.h>
#include <stdbool.h>

#include "weights/canonical/form.h"
#include "weights/families/recipe.h"
#include "weights/settings/checkpoint.h"

struct vit_family {
    const char *name;
    bool (*detect)(const struct vit_checkpoint *cp); /* before its prefixes are stripped */
    /* Fills weights->config, preprocess and what else it knows, and reports every setting that no shape decides. */
    vit_status (*configure)(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err);
    const char *const *prefixes; /* stripped from names; ended by NULL */
    const struct vit_rule *rules;
    int n_rules;
    const char *const *ignored; /* tensors without a use here: patterns of fnmatch, ended by NULL */
};

/* In the order of detection. */
extern const struct vit_family vit_family_jax, vit_family_torchvision, vit_family_hf_clip, vit_family_hf_siglip,
    vit_family_open_clip, vit_family_hf_dinov2, vit_family_hf_vit, vit_family_facebook, vit_family_timm;

/* The family of a checkpoint. Errors: unsupported, which names what stands in the way. */
vit_status vit_family_find(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err);

/* ---- choose.c: decisions that several families make alike ---- */

/* An architecture by name, from --arch or the files beside the checkpoint. */
struct vit_arch_choice {
    const char *name, *source; /* name NULL: nothing names it */
    bool known;                /* row is filled */
    struct vit_config row;
};

/* Looks in options, then at `named` (NULL: nothing), which `source` says. An --arch that is not in the table is refused. */
vit_status vit_choose_arch(struct vit_arch_choice *choice, const struct vit_checkpoint *cp, const char *named,
                           const char *source, struct vit_error *err);

/* Sets config.arch and heads: heads from object's key, else from the architecture, else 64 wide where that is usual. */
vit_status vit_choose_heads(struct vit_weights *weights, const struct vit_arch_choice *arch, const json_t *object,
                            const char *key, struct vit_error *err);

/* Sets pos_grid and image_size from the rows of the position embedding, of which `prefix` come before the patches. */
vit_status vit_choose_grid(struct vit_weights *weights, int rows, int prefix, struct vit_error *err);

/* The side of the square that n patches make, or 0. */
int vit_square_side(int n);

/* Hugging Face's word for an activation. */
vit_status vit_choose_act(struct vit_weights *weights, const json_t *config, const char *fallback,
                          struct vit_error *err);

/* Reports name from source with object's number under key, or the fallback. */
double vit_choose_real(struct vit_weights *weights, const char *name, const json_t *object, const char *key,
                       double fallback, const char *fallback_source);

#endif
