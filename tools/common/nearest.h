/* nearest.h: the known word that a mistyped one was probably meant to be. */
#ifndef VIT_TOOLS_NEAREST_H
#define VIT_TOOLS_NEAREST_H

struct vit_nearest {
    const char *word; /* as typed */
    const char *best; /* NULL while nothing is near enough */
    int distance;     /* of best */
};

/* Offers one known word; best becomes it when it is nearer than those before and near enough to be meant. */
void vit_nearest_offer(struct vit_nearest *nearest, const char *known);

#endif
