/* tiles_linear.c: a linear layer on tiles: how its weight is packed, and which job comes when. */
#include "vit/kernels/tiles_linear.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64, SUMS = VIT_TILES_ROWS * VIT_PANEL /* floats of a job */, AT_ONCE = VIT_TILES_ROWS / VIT_TILES_UNIT };

struct linear {
    struct vit_kernel base;
    struct vit_linear_problem p;
    const struct vit_tiles_linear_isa *isa;
    const struct vit_tiles_linear_parts *of;
    int parts, panels, steps; /* of a number; of the weight; of a panel */
    int blocks;               /* of a panel */
    bool turns;               /* all panels take their first block, then all their second one: see lay_out */
    int64_t rows;             /* of a stretch, at most */
    int ring;                 /* sums of jobs that are kept */
};

/* Rows of src that go through the whole layer together. */
struct stretch {
    int64_t first, rows;
};

/* 32 of them, or what is left: then the tiles end with the last row where there are enough before it. */
struct piece {
    int64_t first;  /* of the tiles */
    int skip, rows; /* that are another piece's, and its own */
    bool tall;
};

struct run {
    const struct linear *l;
    const struct vit_buffers *buffers;
    struct stretch stretch;
    float *sums;           /* the ring */
    float bias[VIT_PANEL]; /* of the panel at hand, where the layer has none, or not so much of it */
    const float *begin;    /* that, or the layer's */
    float *last;           /* where the sums go that the tiles still hold; NULL: nowhere */
    struct vit_tiles_ahead ahead;
    struct vit_tiles_queue queue;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- The weight ---- */

static size_t step_size(const struct linear *l)
{
    return (size_t)l->parts * VIT_PANEL * LINE;
}

static vit_status pack_weight(struct vit_kernel *base, void *dst, const float *weight, struct vit_error *err)
{
    (void)err;
    const struct linear *l = (struct linear *)base;
    for (int p = 0; p < l->panels; p++) {
        int first = p * VIT_PANEL, n = (int)smaller(l->p.out - first, VIT_PANEL);
        char *panel = (char *)dst + (size_t)p * (size_t)l->steps * step_size(l);
        l->of->pack(panel, weight + (int64_t)first * l->p.in, l->p.in, n);
    }
    return VIT_OK;
}

static int first_step(const struct linear *l, int block)
{
    return (int)((int64_t)l->steps * block / l->blocks);
}

/* A block of a panel. */
struct place {
    int panel, block;
};

/* That which is multiplied as number i. */
static struct place place_at(const struct linear *l, int i)
{
    return l->turns ? (struct place){i % l->panels, i / l->panels} : (struct place){i / l->blocks, i % l->blocks};
}

static size_t place_size(const struct linear *l, struct place at)
{
    return (size_t)(first_step(l, at.block + 1) - first_step(l, at.block)) * step_size(l);
}

static const char *weight_at(const struct run *r, struct place at)
{
    const struct linear *l = r->l;
    size_t steps = (size_t)at.panel * (size_t)l->steps + (size_t)first_step(l, at.block);
    return (const char *)r->buffers->in[VIT_WEIGHT] + steps * step_size(l);
}

/* ---- A job ---- */

static int n_pieces(const struct stretch *s)
{
    return (int)divide_up(s->rows, VIT_TILES_ROWS);
}

static struct piece piece_at(const struct stretch *s, int i)
{
    int64_t own = (int64_t)i * VIT_TILES_ROWS, rows = smaller(s->rows - own, VIT_TILES_ROWS);
    bool tall = rows > VIT_TILES_ROWS / 2;
    int64_t first = smaller(own, s->rows - (tall ? VIT_TILES_ROWS : VIT_TILES_ROWS / 2));
    first = first < 0 ? 0 : first;
    return (struct piece){s->first + first, (int)(own - first), (int)rows, tall};
}

static void queue_sums(struct run *r, const struct piece *piece, int panel, const float *sums)
{
    const struct linear *l = r->l;
    struct vit_tiles_queue *q = &r->queue;
    int64_t panel_step = q->panels ? l->parts * q->part_step : VIT_PANEL * (int64_t)sizeof(float);
    q->ring[q->queued++ % q->size] = (struct vit_tiles_sums){
        .sums = sums + piece->skip * VIT_PANEL,
        .dst = (char *)r->buffers->dst + panel * panel_step + (piece->first + piece->skip) * q->row_step,
        .rows = piece->rows,
        .columns = (int)smaller(l->p.out - panel * VIT_PANEL, VIT_PANEL)};
}

/* Piece i of the stretch by a block. The place of its sums in the ring is free once those are finished that had it. */
static void run_job(struct run *r, struct place at, int i)
{
    const struct linear *l = r->l;
    struct vit_tiles_queue *q = &r->queue;
    struct piece piece = piece_at(&r->stretch, i);
    int64_t number = (int64_t)at.panel * n_pieces(&r->stretch) + i, part_step = l->p.src_step * LINE;
    float *sums = r->sums + number % l->ring * SUMS;
    bool begins = at.block == 0;
    while (q->done <= number - l->ring)
        l->of->finish(q);
    q->ready = q->stored;
    q->stored = q->queued;
    l->of->multiply(
        &(struct vit_tiles_job){.a = (const char *)r->buffers->in[VIT_SRC] +
                                     first_step(l, at.block) * l->parts * part_step + piece.first * LINE,
                                .b = weight_at(r, at),
                                .part_step = part_step,
                                .steps = (int)(place_size(l, at) / step_size(l)),
                                .tall = piece.tall,
                                .begin = (const char *)(begins ? r->begin : sums),
                                .begin_step = begins ? 0 : VIT_PANEL * (int64_t)sizeof *sums,
                                .store = r->last ? r->last : sums,
                                .units = q->act < 0 || l->turns ? AT_ONCE : (int)divide_up(AT_ONCE, l->blocks),
                                .ahead = &r->ahead,
                                .queue = q});
    r->last = sums;
    if (at.block == l->blocks - 1)
        queue_sums(r, &piece, at.panel, sums);
}

/* ---- Their order ---- */

static void begin_panel(struct run *r, int panel)
{
    const struct vit_linear_problem *p = &r->l->p;
    const float *bias = p->bias ? (const float *)r->buffers->in[VIT_BIAS] + panel * VIT_PANEL : r->bias;
    int columns = (int)smaller(p->out - panel * VIT_PANEL, VIT_PANEL);
    r->begin = columns < VIT_PANEL ? r->bias : bias;
    if (p->bias && columns < VIT_PANEL)
        memcpy(r->bias, bias, (size_t)columns * sizeof *bias);
}

/* What follows number i: the next block, the first one for the next stretch, or of another layer no more than that. */
static void look_ahead(struct run *r, int i)
{
    const struct linear *l = r->l;
    bool last = i == l->panels * l->blocks - 1, over = r->stretch.first + r->stretch.rows == l->p.rows;
    struct place at = place_at(l, i), follows = place_at(l, last ? 0 : i + 1);
    const char *next = weight_at(r, follows);
    size_t size = place_size(l, follows);
    if (last && over) {
        next = r->buffers->ahead;
        size = size < r->buffers->ahead_size ? size : r->buffers->ahead_size;
    }
    int64_t groups = n_pieces(&r->stretch) * (int64_t)(place_size(l, at) / step_size(l)) * l->of->groups;
    r->ahead = (struct vit_tiles_ahead){next, next + size, (int)divide_up((int64_t)size / LINE, groups)};
}

static void run_stretch(struct run *r)
{
    const struct linear *l = r->l;
    struct vit_tiles_queue *q = &r->queue;
    q->done = q->stored = q->queued = 0;
    r->last = NULL;
    for (int i = 0; i < l->panels * l->blocks; i++) {
        struct place at = place_at(l, i);
        if (at.block == 0)
            begin_panel(r, at.panel);
        look_ahead(r, i);
        for (int job = 0; job < n_pieces(&r->stretch); job++)
            run_job(r, at, job);
    }
    l->isa->store(r->last);
    while (q->done < q->queued)
        l->of->finish(q);
}

/* The scratch: the ring of sums, of which a few more rows are read, and what is to become of each. */
static size_t sums_size(const struct linear *l)
{
    return (size_t)(l->ring * SUMS + VIT_TILES_UNIT * VIT_PANEL) * sizeof(float);
}

static vit_status run_linear(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                             struct vit_error *err)
{
    (void)err;
    const struct linear *l = (struct linear *)base;
    const struct vit_linear_problem *p = &l->p;
    bool panels = p->dst != VIT_ROWS_F32;
    struct run r = {.l = l,
                    .buffers = buffers,
                    .sums = scratch,
                    .queue = {.ring = (void *)((char *)scratch + sums_size(l)),
                              .size = l->ring,
                              .row_step = panels ? LINE : p->dst_step * (int64_t)sizeof(float),
                              .part_step = p->dst_step * LINE,
                              .panels = panels,
                              .add = p->add,
                              .act = p->activate ? (int)p->act : -1}};
    l->isa->begin();
    for (int64_t row = 0; row < p->rows; row += l->rows) {
        r.stretch = (struct stretch){row, smaller(p->rows - row, l->rows)};
        run_stretch(&r);
    }
    l->isa->end();
    return VIT_OK;
}

/* ---- Making it ready ---- */

static void free_linear(struct vit_kernel *base)
{
    free(base);
}

static bool supported(const struct vit_linear_problem *p)
{
    return vit_format_parts(p->src) > 0 && (p->dst == p->src || p->dst == VIT_ROWS_F32) &&
           !(p->add && (p->activate || p->dst != VIT_ROWS_F32));
}

/* Of one part, a block of a deep layer's weight is to stay in the first cache while the rows of a stretch pass: that
 * pays for storing the sums between blocks. Of several a step has so many multiplies that it does not; but then it is
 * the rows that are too large for the second cache, where they are to stay while panels pass: so all panels take turns,
 * for a block of the rows' depth after the other. */
static void lay_out(struct linear *l)
{
    const int deep = 24, deepest = 96, shallow = l->steps < deepest ? 8 : 6;
    const int64_t cache = 1 << 20;
    l->turns = l->parts > 1;
    l->blocks = (int)divide_up(l->steps, l->turns ? deep : l->steps < deep ? deep : shallow);
    int64_t row = (l->turns ? divide_up(l->steps, l->blocks) : l->steps) * l->parts * LINE, stretches = 1;
    if (l->p.rows * row > cache)
        stretches = divide_up(l->p.rows * row, l->parts == 3 ? cache / 2 : cache);
    int64_t pieces = divide_up(divide_up(l->p.rows, stretches), VIT_TILES_ROWS);
    l->rows = pieces * VIT_TILES_ROWS;
    l->ring = l->blocks == 1 ? 3 : (int)(l->turns ? l->panels * pieces : 2 * pieces + 1);
    if (l->ring < 3)
        l->ring = 3;
}

vit_status vit_tiles_linear_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                   const struct vit_problem *problem, struct vit_error *err)
{
    if (!supported(&problem->linear))
        return VIT_ERR_UNSUPPORTED;
    struct linear *l = calloc(1, sizeof *l);
    if (!l)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    l->base = (struct vit_kernel){.pack = pack_weight, .run = run_linear, .free = free_linear};
    l->p = problem->linear;
    l->isa = implementation->how;
    l->parts = vit_format_parts(l->p.src);
    l->of = &l->isa->of[l->parts - 1];
    l->panels = (int)divide_up(l->p.out, VIT_PANEL);
    l->steps = (int)divide_up(l->p.in, VIT_PANEL);
    lay_out(l);
    strcpy(l->base.name, implementation->name);
    l->base.scratch_size = sums_size(l) + (size_t)l->ring * sizeof(struct vit_tiles_sums);
    l->base.packing.size = (size_t)l->panels * (size_t)l->steps * step_size(l);
    snprintf(l->base.packing.key, sizeof l->base.packing.key, "tiles, parts: %d", l->parts);
    *kernel = &l->base;
    return VIT_OK;
}
