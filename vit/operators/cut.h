/* cut.h: a step cut into parts, one for each thread: every part is a problem of its own, on a part of the arrays.
 *
 * Rows are cut at the same places for all operators over as many rows, so that a thread finds in its cache what it
 * wrote in the step before, and waits for nobody. A linear layer may be cut by outputs as well: each thread then reads
 * a part of the weight alone, but rows that others have written. Attention is cut by queries and by heads. What weighs
 * little is left to the first thread. */
#ifndef VIT_CUT_H
#define VIT_CUT_H

#include "vit/operators/kernel.h"

struct vit_part {
    struct vit_problem problem;
    struct vit_buffers buffers; /* a packed weight is left to the caller */
    int output;                 /* of a linear layer: its first one */
};

struct vit_cut {
    int n; /* parts; the threads from n on have none */
    /* Two steps with the same number here need not wait in between: part i reads and writes the rows that part i of the
     * other does, of so many; or both are for the first thread alone. */
    int64_t place;
};

enum { VIT_PLACE_NONE = 0, VIT_PLACE_FIRST = -1 };

/* Cuts problem into at most threads parts. columns: into how many parts the outputs of a linear layer should be cut, a
 * divisor of threads; the others cut its rows. Where there are few rows, more of them cut its outputs. */
struct vit_cut vit_cut(struct vit_part *parts, const struct vit_problem *problem, const struct vit_buffers *buffers,
                       int threads, int columns);

#endif
