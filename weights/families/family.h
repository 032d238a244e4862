/* family.h: what each origin of checkpoints does its own way, and what several of them share. Private to weights/.
 *
 * A family is a way to name tensors. Settings come from the file beside the checkpoint, whatever the names are: timm's
 * config.json, transformers', OpenCLIP's; only where there is none does the family say what is usual. */
#ifndef VIT_FAMILY_H
#define VIT_FAMILY_H

#include <stdbool.h>

#include "weights/canonical/form.h"
#include "weights/families/recipe.h"
#include "weights/json/settings.h"
#include "weights/settings/checkpoint.h"

typedef vit_status vit_configure(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err);

struct vit_family {
    const char *name;
    bool (*detect)(const struct vit_checkpoint *cp); /* before its prefixes are stripped */
    vit_configure *shapes;       /* fills weights->config with what the tensors say, the grid of positions included */
    vit_configure *usual;        /* without a file: the rest of config, preprocessing and what else it knows, reported;
                                  * NULL: as transformers has it */
    const char *const *prefixes; /* stripped from names; ended by NULL */
    const struct vit_rule *rules;
    const char *const *ignored; /* tensors without a use here: patterns of fnmatch, ended by NULL */
};

extern const struct vit_family vit_family_jax, vit_family_torchvision, vit_family_hf_clip, vit_family_hf_siglip,
    vit_family_open_clip, vit_family_hf_dinov2, vit_family_hf_vit, vit_family_facebook, vit_family_timm;

/* The family of a checkpoint: config.json is asked first, then the names of tensors. Errors: unsupported, which names
 * what stands in the way. */
vit_status vit_family_find(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err);

/* Fills config and preprocess of weights: from the tensors, from the file beside them, from what is usual. */
vit_status vit_family_configure(const struct vit_family *family, struct vit_weights *weights,
                                const struct vit_checkpoint *cp, struct vit_error *err);

/* ---- The files, each by its reader: config has the shapes; the rest is set and reported ---- */

vit_configure vit_timm_configure;      /* timm's config.json, or none, as timm has it */
vit_configure vit_open_clip_configure; /* open_clip_config.json, or none */

/* transformers' config.json, or none, of any family; and preprocessor_config.json. */
vit_status vit_hf_configure(const struct vit_family *family, struct vit_weights *weights,
                            const struct vit_checkpoint *cp, struct vit_error *err);

/* Whether config.json is timm's: it names an architecture, or has the fields of its older form. */
bool vit_timm_is_config(const struct vit_checkpoint *cp);

/* The family whose names models of transformers' model_type have, or an error that says why there is none. */
vit_status vit_hf_find(const struct vit_family **family, const char *model_type, struct vit_error *err);

/* Names of timm's models, which facebookresearch's follow but for a few. */
vit_configure vit_timm_shapes;
extern const struct vit_rule vit_timm_rules[];

/* What timm's models decide by args, else by the architecture: heads, eps, act, pooling and how positions are resized.
 * top may have global_pool, too; pool_key is its name in args. */
struct vit_arch_choice;
vit_status vit_timm_tower(struct vit_weights *weights, const struct vit_arch_choice *arch, struct vit_settings *args,
                          struct vit_settings *top, const char *pool_key, struct vit_error *err);

/* ---- choose.c: decisions that several make alike ---- */

/* An architecture by name, from --arch or the files beside the checkpoint. */
struct vit_arch_choice {
    const char *name, *source; /* name NULL: nothing names it */
    bool known;                /* row is filled */
    struct vit_config row;
};

/* Looks in options, then at `named` (NULL: nothing), which `source` says. An --arch that is in no table is refused. */
vit_status vit_choose_arch(struct vit_arch_choice *choice, const struct vit_checkpoint *cp, const char *named,
                           const char *source, struct vit_error *err);

/* Sets config.arch and heads: heads from the key, else from the architecture, else 64 wide where that is usual. */
vit_status vit_choose_heads(struct vit_weights *weights, const struct vit_arch_choice *arch, struct vit_settings *s,
                            const char *key, struct vit_error *err);

/* Sets pos_grid and image_size from the rows of the position embedding, of which `prefix` come before the patches. */
vit_status vit_choose_grid(struct vit_weights *weights, int rows, int prefix, struct vit_error *err);

/* The side of the square that n patches make, or 0. */
int vit_square_side(int n);

/* Sets act to the word under key, timm's or transformers', else leaves it as source has it. */
vit_status vit_choose_act(struct vit_weights *weights, struct vit_settings *s, const char *key, const char *source,
                          struct vit_error *err);

/* Sets eps from the key, else leaves it as source has it. */
vit_status vit_choose_eps(struct vit_weights *weights, struct vit_settings *s, const char *key, const char *source,
                          struct vit_error *err);

/* ---- match.c: every canonical tensor finds its recipe, and every tensor of the checkpoint its use ---- */

/* Builds weights->layout and recipes from weights->config. family is NULL for a canonical file. Errors name the tensors
 * that are missing, surplus, or of a wrong shape or type. */
vit_status vit_match(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                     struct vit_error *err);

/* Opens the separate classifier of --head as weights->head and fits config to it. */
vit_status vit_head_open(struct vit_weights *weights, const char *path, struct vit_error *err);

#endif
