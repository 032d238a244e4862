/* bpe.h: byte pair encoding: rules that make one token of two neighbours, each time the one that comes first. */
#ifndef VIT_BPE_H
#define VIT_BPE_H

#include "weights/tokenizers/numbers.h"

struct vit_bpe_rule {
    int32_t left, right, made; /* tokens */
    int32_t rank;              /* its place in the file */
};

/* All zero is without rules. */
struct vit_bpe {
    struct vit_bpe_rule *rules; /* by left and right, once sorted */
    int n, room;
    int *first; /* (V + 1): where the rules of a left begin */
};

/* Adds a rule, which ranks behind those before it. Errors: memory. */
vit_status vit_bpe_add(struct vit_bpe *bpe, int left, int right, int made, struct vit_error *err);

/* After the last was added; tokens are below vocabulary. Errors: decode (two rules for one pair), memory. */
vit_status vit_bpe_sort(struct vit_bpe *bpe, int vocabulary, struct vit_error *err);
void vit_bpe_free(struct vit_bpe *bpe);

/* Merges the tokens from place from on, which are a word, until no rule fits: the rule of the lowest rank first, where
 * it fits more than once from left to right. Takes n log n steps. Errors: memory. */
vit_status vit_bpe_merge(const struct vit_bpe *bpe, struct vit_numbers *tokens, size_t from, struct vit_error *err);

#endif
