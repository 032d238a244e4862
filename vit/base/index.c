/* index.c: the things of an array, found by their names: their numbers sorted by name, and searched by halving. */
#include "vit/base/index.h"

#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct vit_index *index, int item)
{
    const char *const *name = (const void *)(index->items + (size_t)item * index->size);
    return *name;
}

static int compare(const void *a, const void *b, void *index)
{
    int x = *(const int *)a, y = *(const int *)b, order = strcmp(name_of(index, x), name_of(index, y));
    return order ? order : x - y;
}

vit_status vit_index_sort(struct vit_index *index, const void *items, size_t size, int n, struct vit_error *err)
{
    vit_index_free(index);
    *index = (struct vit_index){items, size, n, malloc(((size_t)n + 1) * sizeof *index->order)};
    if (!index->order)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d names", n);
    for (int i = 0; i < n; i++)
        index->order[i] = i;
    qsort_r(index->order, (size_t)n, sizeof *index->order, compare, index);
    return VIT_OK;
}

void vit_index_free(struct vit_index *index)
{
    free(index->order);
    *index = (struct vit_index){0};
}

int vit_index_find(const struct vit_index *index, const char *name)
{
    int low = 0, high = index->n;
    while (low < high) { /* names before low are smaller, those from high on are not */
        int middle = low + (high - low) / 2;
        if (strcmp(name_of(index, index->order[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->n && strcmp(name_of(index, index->order[low]), name) == 0 ? index->order[low] : -1;
}

bool vit_index_twice(const struct vit_index *index, int *a, int *b)
{
    for (int i = 1; i < index->n; i++) {
        *a = index->order[i - 1];
        *b = index->order[i];
        if (strcmp(name_of(index, *a), name_of(index, *b)) == 0)
            return true;
    }
    return false;
}
