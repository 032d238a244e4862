/* tiles_attention.h: attention on tiles, for activations in panels of 1 to 3 parts: tiles_attention.c has the memory
 * and the order of heads and queries, tiles_attention_loops.h computes.
 *
 * With several parts a product of two numbers is the sum of the products of their parts, without those that are smaller
 * than what the last part leaves out: 3 products of two parts, 6 of three. */
#ifndef VIT_TILES_ATTENTION_H
#define VIT_TILES_ATTENTION_H

#include "vit/operators/kernel.h"

enum { VIT_TILES_QUERIES = 32, VIT_TILES_KEYS = 32 }; /* in a block, at most */

/* Panels of one head: row r of part q of panel p is at line + 64 ((p parts + q) step + r). */
struct vit_tiles_rows {
    char *line;
    int64_t step;
    int from; /* the first panel's column where the head begins */
};

struct vit_tiles_head {
    struct vit_tiles_rows q, k, v, dst; /* q and dst (Q, HD), k and v (T, HD) */
    int parts, queries, tokens, head_dim;
    int seen, more; /* keys that the first query sees, and how many more each next one does, at most all */
    bool in_place;  /* each head is whole panels */
    bool ends;      /* after the head, the rest of dst's panel is written too: zeros */
};

/* What a run needs, all of it 64-byte aligned. Tiles lie in pairs, in the order in which they are multiplied. */
struct vit_tiles_memory {
    char *keys;   /* [block of keys][panel][part][2 tiles: keys 0-15 and 16-31, transposed] */
    char *values; /* [panel][block of keys][part][2 tiles: lower and upper halves of the words of keys r and 16 + r] */
    char *scores; /* [query]: f32 of all blocks of keys; then the probabilities, [block of keys][part] */
    int64_t scores_step;
    float *results;                     /* [panel][query][32], before division */
    struct vit_tiles_rows rows, q, dst; /* of a head that is not in place: keys or values; a block of queries */
};

struct vit_tiles_attention_isa {
    void (*begin)(void);
    void (*end)(void);
    void (*pack)(const struct vit_tiles_head *head, const struct vit_tiles_memory *memory);
    void (*attend)(const struct vit_tiles_head *head, const struct vit_tiles_memory *memory, int first, int n);
};

extern const struct vit_tiles_attention_isa vit_tiles_attention_amx;

/* how of the implementation is a struct vit_tiles_attention_isa. Unsupported where the format is not of panels. */
vit_status vit_tiles_attention_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                      const struct vit_problem *problem, struct vit_error *err);

#endif
