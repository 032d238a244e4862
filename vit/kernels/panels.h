/* panels.h: how own kernels cut a matrix of n columns into panels: of 1 to TILE_VECS vectors of so many lanes, as even as
 * can be. */
#ifndef VIT_PANELS_H
#define VIT_PANELS_H

#include <stdint.h>

enum { TILE_VECS = 3 };

static inline int vit_n_panels(int n, int lanes)
{
    return (n + TILE_VECS * lanes - 1) / (TILE_VECS * lanes);
}

/* The column that panel p begins with; that of panel number vit_n_panels is where the matrix ends, filled up to whole vectors. */
static inline int vit_panel_start(int n, int lanes, int p)
{
    int64_t vecs = (n + lanes - 1) / lanes;
    return (int)(vecs * p / vit_n_panels(n, lanes)) * lanes;
}

#endif
