/* pickle_nodes.c: questions to nodes. */
#include "weights/containers/pickle_nodes.h"

#include <string.h>

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
