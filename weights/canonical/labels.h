/* labels.h: an id and a name for each class of a model. */
#ifndef VIT_LABELS_H
#define VIT_LABELS_H

#include <jansson.h>

#include "vit/base/error.h"

struct vit_labels {
    int n; /* 0 or K */
    char **ids, **names; /* as "n02123045" and "tabby, tabby cat"; where a model has but one of them, both are that */
};

/* Makes room for n labels, which are then set one by one. The caller frees them, also after a failure. */
vit_status vit_labels_alloc(struct vit_labels *labels, int n, struct vit_error *err);
vit_status vit_labels_set(struct vit_labels *labels, int i, const char *id, const char *name, struct vit_error *err);
void vit_labels_free(struct vit_labels *labels);

/* Each fills labels, empty before, with names for n classes, and refuses another number of them. */

/* "imagenet-1k", or a file: a name a line, or JSON in one of the forms below. */
vit_status vit_labels_named(struct vit_labels *labels, int n, const char *name, struct vit_error *err);

/* Of any number, at least one; none is empty and none there twice: names with commas between them, blanks around them
 * left out; or what vit_labels_named takes. */
vit_status vit_labels_split(struct vit_labels *labels, const char *names, struct vit_error *err);
vit_status vit_labels_load(struct vit_labels *labels, const char *name, struct vit_error *err);

/* ["cat", ...], [{"id": "n02123045", "name": "tabby, tabby cat"}, ...] or {"0": "cat", ...}. */
vit_status vit_labels_from_json(struct vit_labels *labels, int n, const json_t *json, struct vit_error *err);

/* The label_names and label_descriptions, or the id2label, of a config.json; none when it has none. Names that only number
 * the classes, LABEL_0 and so on, are none. *key is the one they came from, or NULL. */
vit_status vit_labels_from_config(struct vit_labels *labels, int n, const json_t *config, const char **key,
                                  struct vit_error *err);

struct vit_label {
    const char *id, *name;
};
enum { VIT_IMAGENET_1K = 1000 };
extern const struct vit_label vit_imagenet_1k[VIT_IMAGENET_1K];

#endif
