/* layout.h: the tensors of a model in canonical form, which sees pictures or reads texts: names and shapes, all of them
 * decided by the configuration.
 *
 * This is the one list of a model's tensors. Checking, converting and loading walk it; whatever is in a file beyond it
 * is surplus. */
#ifndef VIT_LAYOUT_H
#define VIT_LAYOUT_H

#include "vit/base/config.h"
#include "vit/base/error.h"
#include "vit/base/tensor.h"

struct vit_layout {
    int n_tensors;
    struct vit_tensor *tensors; /* names owned; dtype is set by whoever knows the file, F32 until then */
};

/* Lists the tensors of a model of this configuration. The caller frees *layout. Errors: memory. */
vit_status vit_layout_build(struct vit_layout *layout, const struct vit_config *config, struct vit_error *err);
void vit_layout_free(struct vit_layout *layout);

/* The position of name, or -1. */
int vit_layout_find(const struct vit_layout *layout, const char *name);

/* "[384, 3, 8, 8]", cut when longer than n bytes; returns text. */
char *vit_shape_text(char *text, size_t n, int n_dims, const int64_t *shape);

#endif
