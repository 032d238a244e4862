/* checkpoint.h: a checkpoint as its family looks at it: tensors by name, without the prefixes that wrappers leave, and
 * the JSON files beside it. */
#ifndef VIT_CHECKPOINT_H
#define VIT_CHECKPOINT_H

#include <jansson.h>
#include <stdbool.h>

#include "vit/base/index.h"
#include "vit/base/options.h"
#include "weights/canonical/report.h"
#include "weights/containers/source.h"

struct vit_checkpoint {
    const struct vit_source *source;
    const char **names; /* of every tensor, stripped; they point into the source */
    struct vit_index by_name;
    json_t *config;     /* config.json or what stands for it, else NULL */
    json_t *processor;  /* preprocessor_config.json or what stands for it, else NULL */
    json_t *open_clip;  /* open_clip_config.json, else NULL */
    const char *architecture, *model_type; /* what config.json calls the model: timm's word, transformers'; or NULL */
    bool trunk;         /* the tensors are of a tower of timm's within OpenCLIP's model */
    const struct vit_model_options *options;
};

/* Reads the JSON files of folder, and strips what training wrappers prefix to names. The caller closes it, also after a
 * failure. source and options must outlive it. */
vit_status vit_checkpoint_open(struct vit_checkpoint *cp, const struct vit_source *source, const char *folder,
                               const struct vit_model_options *options, struct vit_error *err);
void vit_checkpoint_close(struct vit_checkpoint *cp);

/* Strips the prefixes, a list ended by NULL, from the names as well, as often as they occur. Two tensors that then have
 * the same name are an error. */
vit_status vit_checkpoint_strip(struct vit_checkpoint *cp, const char *const *prefixes, struct vit_error *err);

int vit_checkpoint_find(const struct vit_checkpoint *cp, const char *name); /* index, or -1 */
bool vit_checkpoint_has(const struct vit_checkpoint *cp, const char *name);

/* The first name with the components of part, whole, in a row; or NULL. Dots and slashes part components. */
const char *vit_checkpoint_search(const struct vit_checkpoint *cp, const char *part);

/* The size of a tensor along an axis, counted from the end when negative; 0 when there is no such tensor or axis. */
int vit_checkpoint_dim(const struct vit_checkpoint *cp, const char *name, int axis);

/* How many tensors there are of a name with the block's number at %d, counted from 0 without a gap. */
int vit_checkpoint_count(const struct vit_checkpoint *cp, const char *format);

#endif
