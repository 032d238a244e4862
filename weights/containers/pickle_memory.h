/* pickle_memory.h: the memory of a pickle's nodes. Private to the pickle interpreter. */
#ifndef VIT_PICKLE_MEMORY_H
#define VIT_PICKLE_MEMORY_H

#include "weights/containers/pickle.h"

/* n bytes that live until vit_pickle_free, aligned for nodes and pointers; NULL when memory ran out. */
void *vit_pickle_allocate(struct vit_pickle *pickle, size_t n);

/* Appends to the items of a container; false when memory ran out. items may not be the container's own. */
bool vit_pickle_append(struct vit_pickle *pickle, struct vit_pickle_node *container, struct vit_pickle_node **items,
                       size_t n);

#endif
