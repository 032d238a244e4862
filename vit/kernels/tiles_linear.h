/* tiles_linear.h: linear layers on tiles: tiles_linear.c schedules, the inner loops of a body compute
 * (tiles_linear_loops.h).
 *
 * src is in panels of 1 to 3 parts, dst in the same or in rows of f32. A product of two numbers in parts is the sum of
 * the products of their parts but for the smallest: of two parts three, of three six.
 *
 *     parts  products, in this order: part of src, part of the weight
 *     1      0 0
 *     2      0 1, 0 0, 1 0
 *     3      2 0, 1 0, 1 1, 0 1, 0 2, 0 0
 *
 * The weight is packed in panels of 32 outputs, one after the other, each with zeros for outputs that are missing: so a
 * layer of some of the outputs, from a multiple of 32 on, has the bytes from there on. A panel is a sequence of steps
 * of 32 inputs, the last one filled up with zeros; of each, part by part, two tiles of 16 outputs. Row r of a tile
 * holds for each output the two elements that a row of src's panel has in its word r.
 *
 * A job multiplies 32 rows, or 16, by a block of a panel. The tiles keep its sums: the next job stores them between its
 * own first multiplies, where storing costs nothing, and those after it make the rows of dst from them, a few after
 * each group of multiplies, from a queue.
 *
 *     for each stretch of rows that stays in the second cache        (run_stretch)
 *       for each panel of the weight, and for each block of its steps
 *         for each 32 rows: a job                                    (run_job)
 *
 * A sum begins with the bias and takes 32 inputs after the other, whatever the blocks; between them it lies in memory
 * in full. What is computed for a row depends neither on the rows beside it nor on how rows, inputs or outputs are cut.
 */
#ifndef VIT_TILES_LINEAR_H
#define VIT_TILES_LINEAR_H

#include "vit/operators/kernel.h"

enum { VIT_TILES_ROWS = 32, VIT_TILES_UNIT = 4 /* rows finished at once */ };

/* Sums (32 rows, 32 columns) on their way to dst. */
struct vit_tiles_sums {
    const float *sums; /* the first row that is wanted */
    char *dst;
    int rows, columns; /* those that dst has */
};

/* What is made of them: as in vit_linear_problem. The first to be finished is number done of the ring, from row on. */
struct vit_tiles_queue {
    struct vit_tiles_sums *ring;
    int size, row;
    int64_t done, ready, stored, queued; /* numbers of sums */
    int64_t row_step, part_step;         /* bytes of dst */
    bool panels, add;
    int act; /* of enum vit_act, or -1 */
};

/* What will be read next, a few lines after each group of multiplies. */
struct vit_tiles_ahead {
    const char *next, *end;
    int lines;
};

struct vit_tiles_job {
    const char *a; /* the first row of src's panel */
    const char *b;
    int64_t part_step; /* bytes from a part of src to the next, and from the last to the next panel */
    int steps;
    bool tall;         /* 32 rows, not 16 */
    const char *begin; /* what the sums begin with: rows of 32, begin_step bytes apart; 0: one for all */
    int64_t begin_step;
    float *store; /* where the sums of the job before go */
    int units;    /* to finish meanwhile */
    struct vit_tiles_ahead *ahead;
    struct vit_tiles_queue *queue;
};

/* The inner loops for one body of the tiles, and for 1, 2 and 3 parts. */
struct vit_tiles_linear_isa {
    void (*begin)(void);
    void (*end)(void);
    void (*store)(float *sums);
    struct vit_tiles_linear_parts {
        int groups; /* of multiplies of a step */
        /* A panel from n rows of a weight (.., in). */
        void (*pack)(char *dst, const float *weight, int in, int n);
        void (*multiply)(const struct vit_tiles_job *job);
        void (*finish)(struct vit_tiles_queue *queue); /* up to VIT_TILES_UNIT rows */
    } of[3];
};

extern const struct vit_tiles_linear_isa vit_tiles_linear_amx;

/* Kernels for linear layers; how of the implementation is a struct vit_tiles_linear_isa. */
vit_status vit_tiles_linear_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                   const struct vit_problem *problem, struct vit_error *err);

#endif
