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
    const struct vit_family *text; /* how a text tower beside it is named; NULL: there is none beside this family's */
    const char *const *names;      /* of a text tower: patterns of its tensors' names; all others are not its own */
};

extern const struct vit_family vit_family_jax, vit_family_torchvision, vit_family_hf_clip, vit_family_hf_siglip,
    vit_family_open_clip, vit_family_hf_dinov2, vit_family_hf_vit, vit_family_facebook, vit_family_timm;

/* Of text towers, which detect and prefixes are not for; usual reads the files, whatever is there. */
extern const struct vit_family vit_text_hf, vit_text_open_clip;

/* The family of a checkpoint: config.json is asked first, then the names of tensors. Errors: unsupported, which names
 * what stands in the way. */
vit_status vit_family_find(const struct vit_family **family, const struct vit_checkpoint *cp, struct vit_error *err);

/* Whether OpenCLIP names the tensors, and its own file is beside them: then config.json is of another checkpoint. */
bool vit_open_clip_governs(const struct vit_checkpoint *cp);

/* Fills config and preprocess of weights: from the tensors, from the file beside them, from what is usual. */
vit_status vit_family_configure(const struct vit_family *family, struct vit_weights *weights,
                                const struct vit_checkpoint *cp, struct vit_error *err);

/* ---- The files, each by its reader: config has the shapes; the rest is set and reported ---- */

vit_configure vit_timm_configure;      /* timm's config.json, or none, as timm has it */
vit_configure vit_open_clip_configure; /* open_clip_config.json, or none */

/* transformers' config.json, or none, of any family; and preprocessor_config.json. */
vit_status vit_hf_configure(const struct vit_family *family, struct vit_weights *weights,
                            const struct vit_checkpoint *cp, struct vit_error *err);

/* An object of transformers' config.json that speaks of one of two towers, under that key: one under the older key,
 * NAME_dict, goes before it. */
vit_status vit_hf_within(struct vit_settings *s, struct vit_settings *top, const char *key, const char *older,
                         struct vit_error *err);

/* The form of GELU of one of OpenCLIP's own towers: quick_gelu of the model, else what act_kwargs choose. quick:
 * without a word of it, from source. */
vit_status vit_open_clip_act(struct vit_weights *weights, struct vit_settings *model, struct vit_settings *tower,
                             bool quick, const char *source, struct vit_error *err);

extern const char *const vit_hf_harmless[]; /* keys of transformers' files that change no answer, ended by NULL */

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

/* Whether a name fits one of these patterns of fnmatch, ended by NULL; there may be none of them. */
bool vit_name_fits(const char *const *patterns, const char *name);

/* ---- match.c: every canonical tensor finds its recipe, and every tensor of the checkpoint its use ---- */

/* Builds weights->layout and recipes from weights->config. family is NULL for a canonical file. Errors name the tensors
 * that are missing, surplus, or of a wrong shape or type. */
vit_status vit_match(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                     struct vit_error *err);

/* ---- text.c: the text tower beside an image tower ---- */

/* Fills weights->text and the scale and bias of logits, if there is a text tower beside the image tower, whose
 * configuration is in weights->config. What stands in the way of using it is in weights->text->why; folder is where its
 * tokenizer is. Errors: memory. */
vit_status vit_text_open(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                         const char *folder, struct vit_error *err);
void vit_text_close(struct vit_text_tower *text); /* NULL is fine */

/* Opens the separate classifier of --head as weights->head and fits config to it. */
vit_status vit_head_open(struct vit_weights *weights, const char *path, struct vit_error *err);

#endif
