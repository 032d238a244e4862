/* bpe.c: byte pair encoding. A word is a list of tokens linked to their neighbours; the pairs that may be merged wait
 * in a heap, by rank and place. One whose tokens were merged away meanwhile is passed over when its turn comes. */
#include "weights/tokenizers/bpe.h"

#include <stdlib.h>

/* ---- Rules ---- */

vit_status vit_bpe_add(struct vit_bpe *bpe, int left, int right, int made, struct vit_error *err)
{
    if (bpe->n == bpe->room) {
        int room = bpe->room ? 2 * bpe->room : 1024;
        struct vit_bpe_rule *larger = realloc(bpe->rules, (size_t)room * sizeof *larger);
        if (!larger)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d merges", room);
        bpe->rules = larger;
        bpe->room = room;
    }
    bpe->rules[bpe->n] = (struct vit_bpe_rule){left, right, made, bpe->n};
    bpe->n++;
    return VIT_OK;
}

static int compare(const void *a, const void *b)
{
    const struct vit_bpe_rule *x = a, *y = b;
    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    return x->right < y->right ? -1 : x->right > y->right;
}

vit_status vit_bpe_sort(struct vit_bpe *bpe, int vocabulary, struct vit_error *err)
{
    bpe->first = calloc((size_t)vocabulary + 1, sizeof *bpe->first);
    if (!bpe->first)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d tokens", vocabulary);
    if (bpe->n > 0)
        qsort(bpe->rules, (size_t)bpe->n, sizeof *bpe->rules, compare);
    for (int i = 0; i < bpe->n; i++) {
        if (i > 0 && compare(&bpe->rules[i - 1], &bpe->rules[i]) == 0)
            return vit_fail(err, VIT_ERR_DECODE, "merges %d and %d are of the same pair", bpe->rules[i - 1].rank,
                            bpe->rules[i].rank);
        bpe->first[bpe->rules[i].left + 1]++;
    }
    for (int left = 0; left < vocabulary; left++)
        bpe->first[left + 1] += bpe->first[left];
    return VIT_OK;
}

void vit_bpe_free(struct vit_bpe *bpe)
{
    free(bpe->rules);
    free(bpe->first);
    *bpe = (struct vit_bpe){0};
}

static const struct vit_bpe_rule *find(const struct vit_bpe *bpe, int32_t left, int32_t right)
{
    int low = bpe->first[left], high = bpe->first[left + 1];
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (bpe->rules[middle].right < right)
            low = middle + 1;
        else
            high = middle;
    }
    return low < bpe->first[left + 1] && bpe->rules[low].right == right ? &bpe->rules[low] : NULL;
}

/* ---- A word ---- */

static const uint32_t NONE = UINT32_MAX;

struct symbol {
    int32_t token; /* -1: merged into the one before it */
    uint32_t previous, next;
};

struct word {
    const struct vit_bpe *bpe;
    struct symbol *symbols;
    uint64_t *heap; /* rank, then place of the left symbol, as one number; the least is the first */
    size_t n_heap;
};

static void push(struct word *word, uint64_t pair)
{
    size_t i = word->n_heap++;
    for (; i > 0 && word->heap[(i - 1) / 2] > pair; i = (i - 1) / 2)
        word->heap[i] = word->heap[(i - 1) / 2];
    word->heap[i] = pair;
}

static uint64_t pop(struct word *word)
{
    uint64_t top = word->heap[0], last = word->heap[--word->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < word->n_heap; i = child) {
        if (child + 1 < word->n_heap && word->heap[child + 1] < word->heap[child])
            child++;
        if (word->heap[child] >= last)
            break;
        word->heap[i] = word->heap[child];
    }
    word->heap[i] = last;
    return top;
}

/* The rule for a symbol and the one behind it. */
static const struct vit_bpe_rule *rule_at(const struct word *word, uint32_t i)
{
    const struct symbol *left = &word->symbols[i];
    if (left->token < 0 || left->next == NONE)
        return NULL;
    return find(word->bpe, left->token, word->symbols[left->next].token);
}

static void consider(struct word *word, uint32_t i)
{
    const struct vit_bpe_rule *rule = rule_at(word, i);
    if (rule)
        push(word, (uint64_t)rule->rank << 32 | i);
}

static void merge(struct word *word, uint32_t i, int32_t made)
{
    struct symbol *left = &word->symbols[i], *right = &word->symbols[left->next];
    left->token = made;
    left->next = right->next;
    right->token = -1;
    if (left->next != NONE)
        word->symbols[left->next].previous = i;
    if (left->previous != NONE)
        consider(word, left->previous);
    consider(word, i);
}

static void merge_all(struct word *word, uint32_t n)
{
    for (uint32_t i = 0; i + 1 < n; i++)
        consider(word, i);
    while (word->n_heap > 0) {
        uint64_t pair = pop(word);
        const struct vit_bpe_rule *rule = rule_at(word, (uint32_t)pair);
        if (rule && (uint64_t)rule->rank == pair >> 32)
            merge(word, (uint32_t)pair, rule->made);
    }
}

vit_status vit_bpe_merge(const struct vit_bpe *bpe, struct vit_numbers *tokens, size_t from, struct vit_error *err)
{
    uint32_t n = (uint32_t)(tokens->n - from);
    if (n < 2)
        return VIT_OK;
    struct word word = {bpe, malloc(n * sizeof *word.symbols), malloc(2 * (size_t)n * sizeof *word.heap), 0};
    vit_status status = VIT_OK;
    if (word.symbols && word.heap) { /* a merge takes one pair out of the heap and puts in two at most */
        for (uint32_t i = 0; i < n; i++)
            word.symbols[i] = (struct symbol){tokens->at[from + i], i > 0 ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE};
        merge_all(&word, n);
        tokens->n = from;
        for (uint32_t i = 0; i < n; i++)
            if (word.symbols[i].token >= 0)
                vit_numbers_add(tokens, word.symbols[i].token);
    } else
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for a word of %u symbols", n);
    free(word.symbols);
    free(word.heap);
    return status;
}
