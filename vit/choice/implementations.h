/* implementations.h: all implementations there are: the table that an instruction set, a type or an operator is added
 * to. */
#ifndef VIT_IMPLEMENTATIONS_H
#define VIT_IMPLEMENTATIONS_H

#include "vit/operators/kernel.h"

/* They are listed in three parts, in the order of preference: own kernels; oneDNN's; and the own ones that are behind
 * those here, with the plain loops at the very end. */
enum { VIT_PARTS_OF_IMPLEMENTATIONS = 3, VIT_MAX_IMPLEMENTATIONS = 32 };

/* Writes one part of the implementations for problem to list and returns their number. name: the one of that name
 * alone; NULL: all. */
int vit_implementations(struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS], int part,
                        const struct vit_problem *problem, const char *name);

/* The plain loops for problem: the specification. */
const struct vit_implementation *vit_plain_implementation(const struct vit_problem *problem);

#endif
