/* labels.h: an id and a name for each class of a model. */
#ifndef VIT_LABELS_H
#define VIT_LABELS_H

#include "vit/error.h"

struct vit_labels {
    int n; /* 0 or K */
    char **ids, **names; /* as "n02123045" and "tabby, tabby cat"; where a model has but one of them, both are that */
};

/* Makes room for n labels, which are then set one by one. The caller frees them, also after a failure. */
vit_status vit_labels_alloc(struct vit_labels *labels, int n, struct vit_error *err);
vit_status vit_labels_set(struct vit_labels *labels, int i, const char *id, const char *name, struct vit_error *err);
void vit_labels_free(struct vit_labels *labels);

#endif
