/* index.h: the things of an array, found by their names. */
#ifndef VIT_INDEX_H
#define VIT_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"

/* All zero before the first vit_index_sort. */
struct vit_index {
    const char *items;
    size_t size;
    int n, *order; /* numbers of the items, sorted by name, then by number */
};

/* Sorts n items of size bytes, each of which begins with a pointer to its name. They must stay where they are while the
 * index is used, and it must be sorted again when a name changes. The caller frees it, also after a failure. */
vit_status vit_index_sort(struct vit_index *index, const void *items, size_t size, int n, struct vit_error *err);
void vit_index_free(struct vit_index *index);

int vit_index_find(const struct vit_index *index, const char *name); /* the first item of this name, or -1 */

/* Whether two items, a before b, have one name. */
bool vit_index_twice(const struct vit_index *index, int *a, int *b);

#endif
