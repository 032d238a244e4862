/* search.h: the rows of an array that are nearest to a vector. */
#ifndef VIT_TOOLS_SEARCH_H
#define VIT_TOOLS_SEARCH_H

#include "vit/vit.h"

struct vit_neighbour {
    int64_t row;
    double cosine; /* NaN: the row has no direction, being zero or not finite */
};

/* The k rows nearest to query (width) by the cosine, at most n, or all: nearest first, ties by row, NaN last. Every row
 * is compared. The file is read once, in blocks, by so many threads; a stop (stop.h) ends that, and less is found.
 * *found is the caller's to free, NULL on failure, and *n_found long. Errors: decode (the query has no direction),
 * read, memory, internal. */
vit_status vit_search(const struct vit_features *features, const float *query, int64_t k, int threads,
                      struct vit_neighbour **found, int64_t *n_found, struct vit_error *err);

#endif
