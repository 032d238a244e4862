/* test_scores.c: the best classes, against a full sort by the rule in vit.h, and the time that many classes take. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "vit/network/model.h"

enum { MANY = 300000 };

/* A model that has as many classes, without labels, and nothing else. */
struct classes {
    struct vit_weights weights;
    struct vit_model model;
    float *logits;
    struct vit_result *results;
    int *order; /* classes, best first */
};

static const float *sorted_logits; /* for qsort */

/* vit.h: the larger logit, a NaN last, ties by index. */
static int by_rank(const void *a, const void *b)
{
    int i = *(const int *)a, j = *(const int *)b;
    float x = sorted_logits[i], y = sorted_logits[j];
    if (isnan(x) != isnan(y))
        return isnan(x) ? 1 : -1;
    if (!isnan(x) && x != y)
        return x > y ? -1 : 1;
    return i < j ? -1 : 1;
}

static void make_classes(struct classes *c, int K)
{
    *c = (struct classes){ .weights.config.classes = K };
    c->model.weights = &c->weights;
    c->model.indices = calloc((size_t)K, sizeof *c->model.indices);
    c->logits = calloc((size_t)K, sizeof *c->logits);
    c->results = calloc((size_t)K, sizeof *c->results);
    c->order = calloc((size_t)K, sizeof *c->order);
    cr_assert(c->model.indices && c->logits && c->results && c->order);
}

static void free_classes(struct classes *c)
{
    free(c->model.indices), free(c->logits), free(c->results), free(c->order);
}

static void sort_classes(struct classes *c)
{
    for (int i = 0; i < c->weights.config.classes; i++)
        c->order[i] = i;
    sorted_logits = c->logits;
    qsort(c->order, (size_t)c->weights.config.classes, sizeof *c->order, by_rank);
}

static void expect_best(struct classes *c, int k)
{
    int K = c->weights.config.classes;
    int n = vit_top_k(&c->model, c->logits, VIT_SCORE_LOGIT, k, c->results);
    cr_assert_eq(n, k < K ? k : K, "%d of %d: %d", k, K, n);
    for (int i = 0; i < n; i++)
        cr_assert_eq(c->results[i].index, c->order[i], "%d of %d, rank %d: class %d, expected %d", k, K, i,
                     c->results[i].index, c->order[i]);
}

/* Few different values, so that there are ties everywhere, and some NaN. */
Test(scores, best_classes_are_those_of_a_full_sort)
{
    srand(1);
    for (int K = 1; K <= 70; K++) {
        struct classes c;
        make_classes(&c, K);
        for (int i = 0; i < K; i++)
            c.logits[i] = rand() % 9 ? (float)(rand() % (K / 2 + 1)) : NAN;
        sort_classes(&c);
        for (int k = 0; k <= K + 1; k++)
            expect_best(&c, k);
        free_classes(&c);
    }
}

/* Falling, rising, equal and mixed logits, all of them wanted, and half. */
Test(scores, time_does_not_grow_with_the_square_of_the_classes, .timeout = 20)
{
    struct classes c;
    make_classes(&c, MANY);
    for (int pattern = 0; pattern < 4; pattern++) {
        for (int i = 0; i < MANY; i++)
            c.logits[i] = pattern == 0 ? (float)-i : pattern == 1 ? (float)i : pattern == 2 ? 1 : (float)rand();
        sort_classes(&c);
        expect_best(&c, MANY);
        expect_best(&c, MANY / 2);
    }
    free_classes(&c);
}
