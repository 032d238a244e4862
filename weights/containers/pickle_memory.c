/* pickle_memory.c: the memory of a pickle's nodes: chunks that are freed together, since nodes may form cycles; and
 * ways to look at nodes. */
#include "weights/containers/pickle_memory.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16, ALIGNMENT = 16 };

struct vit_pickle_chunk {
    struct vit_pickle_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

void *vit_pickle_allocate(struct vit_pickle *pickle, size_t n)
{
    struct vit_pickle_chunk *chunk = pickle->memory;
    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || chunk->size - chunk->used < n) {
        size_t size = n > CHUNK ? n : CHUNK;
        chunk = malloc(sizeof *chunk + size);
        if (!chunk)
            return NULL;
        *chunk = (struct vit_pickle_chunk){.next = pickle->memory, .size = size};
        pickle->memory = chunk;
    }
    void *bytes = chunk->bytes + chunk->used;
    chunk->used += n;
    return bytes;
}

bool vit_pickle_append(struct vit_pickle *pickle, struct vit_pickle_node *container, struct vit_pickle_node **items,
                       size_t n)
{
    size_t wanted = container->items.n + n;
    if (wanted > container->items.capacity) {
        size_t capacity = wanted > 2 * container->items.capacity ? wanted : 2 * container->items.capacity;
        struct vit_pickle_node **larger = vit_pickle_allocate(pickle, capacity * sizeof *larger);
        if (!larger)
            return false;
        if (container->items.n > 0)
            memcpy(larger, container->items.at, container->items.n * sizeof *larger);
        container->items.at = larger;
        container->items.capacity = capacity;
    }
    if (n > 0)
        memcpy(container->items.at + container->items.n, items, n * sizeof *items);
    container->items.n = wanted;
    return true;
}

void vit_pickle_free(struct vit_pickle *pickle)
{
    while (pickle->memory) {
        struct vit_pickle_chunk *next = pickle->memory->next;
        free(pickle->memory);
        pickle->memory = next;
    }
    free(pickle->persistent);
    *pickle = (struct vit_pickle){0};
}

bool vit_pickle_is_global(const struct vit_pickle_node *item, const char *module, const char *name)
{
    return item->kind == VIT_PICKLE_GLOBAL && strcmp(item->global.module, module) == 0 &&
           strcmp(item->global.name, name) == 0;
}

bool vit_pickle_is_text(const struct vit_pickle_node *item, const char *text)
{
    return item->kind == VIT_PICKLE_STRING && item->text.n == strlen(text) && strcmp(item->text.bytes, text) == 0;
}

const struct vit_pickle_node *vit_pickle_get(const struct vit_pickle_node *dict, const char *key)
{
    if (dict->kind != VIT_PICKLE_DICT)
        return NULL;
    for (size_t i = 0; i < dict->items.n; i += 2) {
        if (vit_pickle_is_text(dict->items.at[i], key))
            return dict->items.at[i + 1];
    }
    return NULL;
}
