/* numbers.c: a row of numbers that grows. */
#include "weights/tokenizers/numbers.h"

#include <stdlib.h>

static void grow(struct vit_numbers *row)
{
    size_t room = row->room ? 2 * row->room : 64;
    int32_t *larger = realloc(row->at, room * sizeof *larger);
    row->failed = !larger;
    if (larger) {
        row->at = larger;
        row->room = room;
    }
}

void vit_numbers_add(struct vit_numbers *row, int32_t number)
{
    if (row->n == row->room && !row->failed)
        grow(row);
    if (!row->failed)
        row->at[row->n++] = number;
}

vit_status vit_numbers_check(const struct vit_numbers *row, struct vit_error *err)
{
    if (row->failed)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a text of more than %zu characters or tokens", row->n);
    return VIT_OK;
}

void vit_numbers_free(struct vit_numbers *row)
{
    free(row->at);
    *row = (struct vit_numbers){0};
}
