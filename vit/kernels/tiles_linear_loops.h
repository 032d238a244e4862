/* tiles_linear_loops.h: the pieces of a linear layer on tiles, in the words of tiles.h, vec.h and parts.h. Included
 * once by each body. */
#include <stdbool.h>
#include <string.h>

#include "vit/kernels/activate.h"
#include "vit/kernels/products.h"
#include "vit/kernels/tiles_linear.h"

enum { SUMS_STEP = 2 * TILE_LINE }; /* bytes of a row of sums */

/* ---- Packing ---- */

/* The largest number that does not round to an infinite bf16 is just below this. */
#define ROUNDS_TO_INFINITY 3.3961775e38f

/* One row of a weight for 32 inputs, in parts. Where rounding would make one infinite, all are cut off. */
INLINE void split_weight(void *line, int64_t step, const int parts, const float *x)
{
    vec low = v_load(x), high = v_load(x + LANES), top = v_max(low, high), bottom = v_min(low, high);
    if (v_top(v_max(top, v_sub(v_zero(), bottom))) >= ROUNDS_TO_INFINITY)
        split(line, step, parts, low, high, true);
    else
        split(line, step, parts, low, high, false);
}

/* The tiles of a step, one for each part, from 16 lines in parts. */
static inline void transpose_words(char *dst, int64_t tile_step, const uint32_t *words, int parts)
{
    for (int q = 0; q < parts; q++)
        for (int r = 0; r < TILE_SIDE; r++) {
            uint32_t row[TILE_SIDE];
            for (int o = 0; o < TILE_SIDE; o++)
                row[o] = words[(q * TILE_SIDE + o) * TILE_SIDE + r];
            memcpy(dst + q * tile_step + r * TILE_LINE, row, sizeof row);
        }
}

INLINE void pack(char *dst, const float *weight, int in, int n, const int parts)
{
    for (int k = 0; k < in; k += VIT_PANEL, dst += parts * 2 * TILE_BYTES)
        for (int o = 0; o < VIT_PANEL; o += TILE_SIDE) {
            uint32_t words[3 * TILE_SIDE * TILE_SIDE];
            for (int i = 0; i < TILE_SIDE; i++) {
                float x[VIT_PANEL] = {0};
                if (o + i < n)
                    memcpy(x, weight + (int64_t)(o + i) * in + k,
                           (size_t)(in - k < VIT_PANEL ? in - k : VIT_PANEL) * sizeof *x);
                split_weight(words + i * TILE_SIDE, TILE_BYTES, parts, x);
            }
            transpose_words(dst + o / TILE_SIDE * TILE_BYTES, 2 * TILE_BYTES, words, parts);
        }
}

/* ---- What is done with the sums ---- */

/* Columns beyond the last are zero in a panel. */
INLINE void clear(vec *low, vec *high, int columns)
{
    float x[VIT_PANEL] = {0}, kept[VIT_PANEL] = {0};
    v_store(x, *low);
    v_store(x + LANES, *high);
    memcpy(kept, x, (size_t)columns * sizeof *x);
    *low = v_load(kept), *high = v_load(kept + LANES);
}

INLINE void put_panel(char *to, int64_t step, const int parts, vec low, vec high, int columns)
{
    if (columns < VIT_PANEL)
        clear(&low, &high, columns);
    store_parts(to, step, parts, low, high);
}

INLINE void put_row(float *to, vec low, vec high, int columns, const bool add)
{
    int n = columns < LANES ? columns : LANES, m = columns - n;
    if (add) {
        low = v_add(v_load_some(to, n), low);
        high = v_add(v_load_some(to + LANES, m), high);
    }
    v_store_some(to, low, n);
    v_store_some(to + LANES, high, m);
}

/* The next rows of the first sums. What is done is a constant where this is called. */
INLINE void finish_as(struct vit_tiles_queue *q, const int parts, const bool panels, const bool add, const int act)
{
    const struct vit_tiles_sums *s = &q->ring[q->done % q->size];
    const float *sums = s->sums + q->row * VIT_PANEL;
    char *dst = s->dst + q->row * q->row_step;
    int rows = s->rows - q->row, columns = s->columns;
    vec x[2 * VIT_TILES_UNIT];
#pragma GCC unroll 8
    for (int i = 0; i < 2 * VIT_TILES_UNIT; i++)
        x[i] = v_load(sums + i * LANES);
    activate(x, 2 * VIT_TILES_UNIT, act, parts == 1);
#pragma GCC unroll 4
    for (int i = 0; i < VIT_TILES_UNIT; i++, dst += q->row_step)
        if (i < rows) {
            if (panels)
                put_panel(dst, q->part_step, parts, x[2 * i], x[2 * i + 1], columns);
            else
                put_row((float *)(void *)dst, x[2 * i], x[2 * i + 1], columns, add);
        }
    q->row += VIT_TILES_UNIT;
    if (q->row >= s->rows)
        q->row = 0, q->done++;
}

INLINE void finish(struct vit_tiles_queue *q, const int parts)
{
#define FINISH(act)                                                                                                    \
    if (q->panels)                                                                                                     \
        finish_as(q, parts, true, false, act);                                                                         \
    else                                                                                                               \
        finish_as(q, parts, false, false, act);                                                                        \
    break
    switch (q->act) {
    case NO_ACT:
        if (q->add) {
            finish_as(q, parts, false, true, NO_ACT);
            break;
        }
        FINISH(NO_ACT);
    case VIT_ACT_GELU_ERF: FINISH(VIT_ACT_GELU_ERF);
    case VIT_ACT_GELU_TANH: FINISH(VIT_ACT_GELU_TANH);
    case VIT_ACT_QUICK_GELU: FINISH(VIT_ACT_QUICK_GELU);
    case VIT_ACT_SILU: FINISH(VIT_ACT_SILU);
    }
#undef FINISH
}

/* ---- A job ---- */

/* Sums are in tiles 0 to 3, 16 rows by 16 columns each; two tiles of src in 4 and 5, two of the weight in 6 and 7. */

INLINE void load_a(const char *a, const bool tall)
{
    tile_load(4, a, TILE_LINE);
    if (tall)
        tile_load(5, a + TILE_BYTES, TILE_LINE);
}

INLINE void load_b(const char *b)
{
    tile_load(6, b, TILE_LINE);
    tile_load(7, b + TILE_BYTES, TILE_LINE);
}

INLINE void multiply_tiles(const bool tall)
{
    tile_bf16(0, 4, 6);
    tile_bf16(1, 4, 7);
    if (tall) {
        tile_bf16(2, 5, 6);
        tile_bf16(3, 5, 7);
    }
}

/* The same, as each tile is emptied and filled. */
INLINE void multiply_first(const struct vit_tiles_job *j, const bool tall)
{
    char *old = (char *)j->store, *old_below = old + TILE_SIDE * SUMS_STEP;
    const char *new = j->begin, *new_below = new + TILE_SIDE * j->begin_step;
    tile_store(old, SUMS_STEP, 0);
    tile_load(0, new, j->begin_step);
    tile_bf16(0, 4, 6);
    tile_store(old + TILE_LINE, SUMS_STEP, 1);
    tile_load(1, new + TILE_LINE, j->begin_step);
    tile_bf16(1, 4, 7);
    tile_store(old_below, SUMS_STEP, 2);
    if (tall) {
        tile_load(2, new_below, j->begin_step);
        tile_bf16(2, 5, 6);
    }
    tile_store(old_below + TILE_LINE, SUMS_STEP, 3);
    if (tall) {
        tile_load(3, new_below + TILE_LINE, j->begin_step);
        tile_bf16(3, 5, 7);
    }
}

/* What is done beside a group of multiplies. due: finished units that are owed, in groups of this job. */
INLINE void work_beside(const struct vit_tiles_job *j, int *due, int groups,
                        void (*const finish_unit)(struct vit_tiles_queue *))
{
    struct vit_tiles_ahead *ahead = j->ahead;
    const char *next = ahead->next;
    for (int i = 0; i < ahead->lines && next < ahead->end; i++, next += TILE_LINE)
        __builtin_prefetch(next, 0, 2);
    ahead->next = next;
    for (*due += j->units; *due >= groups; *due -= groups)
        if (j->queue->done < j->queue->ready)
            finish_unit(j->queue);
}

/* parts and tall are constants where this is called. */
INLINE void multiply_rows(const struct vit_tiles_job *j, const int parts, const bool tall,
                          void (*const finish_unit)(struct vit_tiles_queue *))
{
    const struct products *p = &products[parts - 1];
    const char *a = j->a, *b = j->b;
    int due = 0, groups = j->steps * p->n;
    for (int step = 0; step < j->steps; step++, a += parts * j->part_step, b += parts * 2 * TILE_BYTES)
#pragma GCC unroll 6
        for (int i = 0; i < p->n; i++) {
            if (i == 0 || p->of[i].a != p->of[i - 1].a)
                load_a(a + p->of[i].a * j->part_step, tall);
            if (i == 0 || p->of[i].b != p->of[i - 1].b)
                load_b(b + p->of[i].b * 2 * TILE_BYTES);
            if (i == 0 && step == 0)
                multiply_first(j, tall);
            else
                multiply_tiles(tall);
            work_beside(j, &due, groups, finish_unit);
        }
}

#define PARTS(parts)                                                                                                   \
    TARGET static void pack_##parts(char *dst, const float *weight, int in, int n)                                     \
    {                                                                                                                  \
        pack(dst, weight, in, n, parts);                                                                               \
    }                                                                                                                  \
    TARGET static void finish_##parts(struct vit_tiles_queue *queue)                                                   \
    {                                                                                                                  \
        finish(queue, parts);                                                                                          \
    }                                                                                                                  \
    TARGET static void multiply_##parts(const struct vit_tiles_job *job)                                               \
    {                                                                                                                  \
        if (job->tall)                                                                                                 \
            multiply_rows(job, parts, true, finish_##parts);                                                           \
        else                                                                                                           \
            multiply_rows(job, parts, false, finish_##parts);                                                          \
    }
PARTS(1)
PARTS(2)
PARTS(3)

static void begin(void)
{
    tiles_begin();
}

static void end(void)
{
    tiles_end();
}

static void store(float *sums)
{
    tile_store((char *)sums, SUMS_STEP, 0);
    tile_store((char *)sums + TILE_LINE, SUMS_STEP, 1);
    tile_store((char *)sums + TILE_SIDE * SUMS_STEP, SUMS_STEP, 2);
    tile_store((char *)sums + TILE_SIDE * SUMS_STEP + TILE_LINE, SUMS_STEP, 3);
}

#define TILES_LINEAR_ISA                                                                                               \
    {                                                                                                                  \
        begin, end, store,                                                                                             \
        {                                                                                                              \
            {1, pack_1, multiply_1, finish_1}, {3, pack_2, multiply_2, finish_2},                                      \
            {                                                                                                          \
                6, pack_3, multiply_3, finish_3                                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }
