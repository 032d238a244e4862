/* numbers.h: a row of numbers that grows: the characters of a text, or its tokens. */
#ifndef VIT_NUMBERS_H
#define VIT_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/base/error.h"

/* All zero is an empty row. */
struct vit_numbers {
    int32_t *at;
    size_t n, room;
    bool failed; /* memory ran out: what was added from then on is not there */
};

/* Whoever adds asks once, at the end, whether all of it is there. */
void vit_numbers_add(struct vit_numbers *row, int32_t number);
vit_status vit_numbers_check(const struct vit_numbers *row, struct vit_error *err);
void vit_numbers_free(struct vit_numbers *row);

#endif
