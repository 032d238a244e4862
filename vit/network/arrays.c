/* arrays.c: the memory that the arrays of a plan's steps share, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "vit/network/plan.h"

void *vit_plan_room(void *array, int n, size_t size, struct vit_error *err)
{
    if (n & (n - 1)) /* it grows at powers of two */
        return array;
    void *grown = realloc(array, (n ? 2 * (size_t)n : 1) * size);
    if (!grown)
        vit_fail(err, VIT_ERR_MEMORY, "out of memory for the steps of a plan");
    return grown;
}

static struct vit_piece *piece_of(struct vit_plan *p, struct vit_array array)
{
    int i = 0;
    while (p->pieces[i].data != array.data)
        i++;
    return &p->pieces[i];
}

/* Whether a thread that is ahead may write an array there: where all threads have waited for each other since, or the
 * rows lie at the same places, and each has its own. */
static bool is_left(const struct vit_plan *p, const struct vit_piece *piece, enum vit_format format, int64_t rows,
                    int64_t width)
{
    return p->threads == 1 || piece->until <= p->last_wait ||
           (piece->format == format && piece->rows == rows && piece->width == width);
}

/* The smallest piece that is not in use, or a new one, which is written to: fresh memory would cost whoever asks for it
 * first. */
static struct vit_piece *find_piece(struct vit_plan *p, enum vit_format format, int64_t rows, int64_t width)
{
    size_t size = vit_format_size(format, rows, width);
    struct vit_piece *best = NULL, *pieces;
    for (int i = 0; i < p->n_pieces; i++)
        if (p->pieces[i].arrays == 0 && p->pieces[i].size >= size && (!best || p->pieces[i].size < best->size) &&
            is_left(p, &p->pieces[i], format, rows, width))
            best = &p->pieces[i];
    if (best)
        return best;
    struct vit_piece fresh = {.data = aligned_alloc(64, size), .size = size};
    if (!fresh.data || !(pieces = vit_plan_room(p->pieces, p->n_pieces, sizeof fresh, p->err))) {
        free(fresh.data);
        return NULL;
    }
    memset(fresh.data, 0, size);
    p->pieces = pieces;
    p->pieces[p->n_pieces] = fresh;
    return &p->pieces[p->n_pieces++];
}

struct vit_array vit_plan_take(struct vit_plan *p, enum vit_format format, int64_t rows, int64_t width)
{
    struct vit_piece *piece = find_piece(p, format, rows, width);
    if (!piece) {
        vit_fail(p->err, VIT_ERR_MEMORY, "out of memory for the activations of batch %d: %zu bytes", p->batch,
                 vit_format_size(format, rows, width));
        return (struct vit_array){NULL, format, 0};
    }
    piece->arrays++;
    piece->format = format, piece->rows = rows, piece->width = width;
    return (struct vit_array){piece->data, format, vit_format_step(format, rows, width)};
}

struct vit_array vit_plan_take_as(struct vit_plan *p, enum vit_format format, struct vit_array other, int64_t rows,
                                  int64_t width)
{
    if (other.format != format || !other.data)
        return vit_plan_take(p, format, rows, width);
    piece_of(p, other)->arrays++;
    return other;
}

struct vit_array vit_plan_take_activation(struct vit_plan *p, int64_t rows, int64_t width)
{
    return vit_plan_take(p, p->types->activation, rows, width);
}

struct vit_array vit_plan_take_stream(struct vit_plan *p, int64_t rows, int64_t width)
{
    return vit_plan_take(p, VIT_ROWS_F32, rows, width);
}

void vit_plan_give_back(struct vit_plan *p, struct vit_array array)
{
    if (!array.data)
        return;
    struct vit_piece *piece = piece_of(p, array);
    piece->arrays--;
    piece->until = p->n_steps;
}
