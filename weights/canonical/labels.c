/* labels.c: ids and names of classes. */
#include "weights/canonical/labels.h"

#include <stdlib.h>
#include <string.h>

vit_status vit_labels_alloc(struct vit_labels *labels, int n, struct vit_error *err)
{
    *labels = (struct vit_labels){.n = n};
    if (n == 0)
        return VIT_OK;
    labels->ids = calloc((size_t)n, sizeof *labels->ids);
    labels->names = calloc((size_t)n, sizeof *labels->names);
    if (!labels->ids || !labels->names)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d labels", n);
    return VIT_OK;
}

vit_status vit_labels_set(struct vit_labels *labels, int i, const char *id, const char *name, struct vit_error *err)
{
    labels->ids[i] = strdup(id);
    labels->names[i] = strdup(name);
    if (!labels->ids[i] || !labels->names[i])
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for label %d", i);
    return VIT_OK;
}

void vit_labels_free(struct vit_labels *labels)
{
    for (int i = 0; i < labels->n; i++) {
        if (labels->ids)
            free(labels->ids[i]);
        if (labels->names)
            free(labels->names[i]);
    }
    free(labels->ids);
    free(labels->names);
    *labels = (struct vit_labels){0};
}
