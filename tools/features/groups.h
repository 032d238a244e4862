/* groups.h: rows of an array that are nearly equal. */
#ifndef VIT_TOOLS_GROUPS_H
#define VIT_TOOLS_GROUPS_H

#include "vit/vit.h"

/* Members in order: those of one group beside each other, by row, the groups by their first row. */
struct vit_member {
    int64_t group; /* from 0 on */
    int64_t row;
};

/* Groups of two rows or more: two rows whose cosine is at least `least` are in one group, and so is who is connected to
 * them by such pairs (single linkage). All pairs are compared: n^2 / 2 products, by so many threads, read in blocks.
 * Rows without a direction are in none. A stop (stop.h) ends it: what is found then is not all. Progress is shown
 * unless quiet. *members is the caller's to free, NULL on failure. Errors: read, memory, internal. */
vit_status vit_groups_find(const struct vit_features *features, double least, int threads, bool quiet,
                           struct vit_member **members, int64_t *n_members, struct vit_error *err);

#endif
