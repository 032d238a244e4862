/* damaged.h: a checkpoint written anew with one of its tensors damaged. Included by tests. */
#ifndef TESTS_DAMAGED_H
#define TESTS_DAMAGED_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "weights/containers/source.h"

enum damage { NONE, MISSING, SURPLUS, WRONG_SHAPE, WRONG_TYPE, ADDED };

struct copying {
    struct vit_source *source;
    int *from; /* (n) tensors of source; -1: zeros */
    size_t *sizes;
};

static inline vit_status copy_tensor(void *context, int i, void *dst, struct vit_error *error)
{
    const struct copying *copying = context;
    if (copying->from[i] >= 0)
        return vit_source_read(copying->source, copying->from[i], dst, error);
    memset(dst, 0, copying->sizes[i]);
    return VIT_OK;
}

/* Writes the tensors of a checkpoint to path, one of them damaged, of halves as much as of f32; or one of that name
 * added. */
static inline void write_damaged(const char *path, const char *original, const char *name, enum damage damage)
{
    struct copying copying;
    struct vit_error err;
    char added[] = "extra.gate.weight", *own = strdup(name);
    cr_assert_eq(vit_source_open(&copying.source, original, &err), VIT_OK, "%s", err.message);
    int n = vit_source_n_tensors(copying.source), count = 0;
    struct vit_tensor *tensors = calloc((size_t)n + 1, sizeof *tensors);
    copying.from = calloc((size_t)n + 1, sizeof *copying.from);
    copying.sizes = calloc((size_t)n + 1, sizeof *copying.sizes);
    cr_assert(tensors && copying.from && copying.sizes);
    for (int i = 0; i < n; i++) {
        struct vit_tensor t = *vit_source_tensor(copying.source, i);
        bool it = strcmp(t.name, name) == 0;
        if (it && damage == MISSING)
            continue;
        if (it && damage == WRONG_SHAPE) {
            t.shape[0] = vit_tensor_count(&t) / t.shape[t.n_dims - 1];
            t.shape[1] = t.shape[t.n_dims - 1];
            t.n_dims = 2;
            if (t.shape[0] == 1)
                t.shape[0] = t.shape[1] / 2, t.shape[1] = 2;
            int64_t first = t.shape[0];
            t.shape[0] = t.shape[1], t.shape[1] = first;
        }
        if (it && damage == WRONG_TYPE)
            t.dtype = t.dtype == VIT_F32 ? VIT_I32 : VIT_I16;
        copying.from[count] = i;
        tensors[count++] = t;
    }
    if (damage == SURPLUS || damage == ADDED) {
        tensors[count] =
            (struct vit_tensor){.name = damage == ADDED ? own : added, .dtype = VIT_F32, .n_dims = 1, .shape = {3}};
        copying.from[count] = -1;
        copying.sizes[count++] = 12;
    }
    struct vit_safetensors_content content = {
        .n_tensors = count, .tensors = tensors, .read = copy_tensor, .context = &copying};
    cr_assert_eq(vit_safetensors_write(path, true, &content, &err), VIT_OK, "%s", err.message);
    vit_source_close(copying.source);
    free(tensors);
    free(own);
    free(copying.from);
    free(copying.sizes);
}

#endif
