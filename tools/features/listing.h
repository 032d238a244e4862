/* listing.h: what was found among the rows of an array, in the five output formats. Rows are counted from 0, as numpy
 * does, ranks and groups from 1. */
#ifndef VIT_TOOLS_LISTING_H
#define VIT_TOOLS_LISTING_H

#include "tools/features/groups.h"
#include "tools/features/names.h"
#include "tools/features/search.h"
#include "tools/output/output.h"

struct vit_listing {
    struct vit_output *output;
    int format; /* VIT_FORMAT_ */
    bool color;
};

/* names[i] is that of neighbours[i] or members[i]. Errors, of the output: read (writing failed), memory. */
vit_status vit_listing_neighbours(const struct vit_listing *listing, const struct vit_neighbour *neighbours,
                                  const struct vit_named_row *names, int64_t n, struct vit_error *err);
vit_status vit_listing_groups(const struct vit_listing *listing, const struct vit_member *members,
                              const struct vit_named_row *names, int64_t n, struct vit_error *err);

#endif
