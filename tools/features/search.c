/* search.c: threads that take blocks of rows, and each keep the best that they see. */
#include "tools/features/search.h"

#include <math.h>
#include <stdlib.h>

#include "tools/common/threads.h"
#include "tools/features/blocks.h"
#include "tools/features/products.h"

enum { BLOCK = 1 << 18 }; /* bytes of rows that are read together, and stay in the cache until they are compared */

/* ---- The best so far ---- */

/* Twice as many as are wanted have room; when it is full, the better half stays. */
struct best {
    struct vit_neighbour *items; /* (2 k) */
    int64_t k, n;
    struct vit_neighbour last; /* of the k that stayed: only what ranks before it can be wanted */
    bool full;                 /* last is there */
};

static int by_rank(const void *a, const void *b)
{
    const struct vit_neighbour *x = a, *y = b;
    if (isnan(x->cosine) != isnan(y->cosine))
        return isnan(x->cosine) ? 1 : -1;
    if (x->cosine != y->cosine && !isnan(x->cosine))
        return x->cosine > y->cosine ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void sort(struct best *best)
{
    qsort(best->items, (size_t)best->n, sizeof *best->items, by_rank);
    best->n = best->n < best->k ? best->n : best->k;
}

static void offer(struct best *best, const struct vit_neighbour *one)
{
    if (best->full && by_rank(one, &best->last) > 0)
        return;
    best->items[best->n++] = *one;
    if (best->n < 2 * best->k)
        return;
    sort(best);
    best->last = best->items[best->k - 1];
    best->full = true;
}

static vit_status allocate(struct best *best, int64_t k, struct vit_error *err)
{
    *best = (struct best){ .items = calloc((size_t)k, 2 * sizeof *best->items), .k = k };
    return best->items ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %lld rows", (long long)k);
}

/* ---- The threads ---- */

struct search {
    const struct vit_features *features;
    const float *query;
    double square; /* of its length */
    struct vit_blocks blocks;
    struct best best; /* under the lock of blocks */
};

static void compare(const struct search *search, struct best *best, const float *rows, int64_t first, int64_t n)
{
    size_t width = (size_t)vit_features_width(search->features);
    for (int64_t i = 0; i < n; i++) {
        double product, square;
        vit_products(search->query, rows + (size_t)i * width, width, &product, &square);
        offer(best, &(struct vit_neighbour){ first + i, product / sqrt(search->square * square) });
    }
}

static vit_status search_blocks(struct search *search, struct best *best, struct vit_error *err)
{
    int64_t first, n;
    VIT_TRY(allocate(best, search->best.k, err));
    size_t row = (size_t)vit_features_width(search->features) * sizeof(float);
    float *rows = malloc((size_t)search->blocks.size * row);
    vit_status status =
        rows ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %lld rows", (long long)search->blocks.size);
    while (status == VIT_OK && vit_blocks_take(&search->blocks, &first, &n)) {
        status = vit_features_read(search->features, first, n, rows, err);
        if (status == VIT_OK)
            compare(search, best, rows, first, n);
    }
    free(rows);
    return status;
}

static void run(void *context, int i)
{
    (void)i;
    struct search *search = context;
    struct best best = { 0 };
    struct vit_error err;
    vit_status status = search_blocks(search, &best, &err);
    pthread_mutex_lock(&search->blocks.lock);
    vit_blocks_end(&search->blocks, status, &err);
    for (int64_t j = 0; j < best.n; j++)
        offer(&search->best, &best.items[j]);
    pthread_mutex_unlock(&search->blocks.lock);
    free(best.items);
}

/* ---- The search ---- */

static vit_status find(struct search *search, int64_t k, int threads, struct vit_error *err)
{
    size_t width = (size_t)vit_features_width(search->features);
    int64_t rows = vit_features_count(search->features), block = BLOCK / (int64_t)(width * sizeof(float));
    search->square = vit_square(search->query, width);
    if (!(search->square > 0 && isfinite(search->square)))
        return vit_fail(err, VIT_ERR_DECODE, "what is looked for has no direction: its features are %s",
                        search->square == 0 ? "all zero" : "not all finite");
    search->blocks.end = rows;
    search->blocks.size = block > 1 ? block : 1;
    VIT_TRY(allocate(&search->best, k < rows ? k : rows, err));
    VIT_TRY(vit_threads_run(threads, run, search, err));
    if (search->blocks.status != VIT_OK)
        *err = search->blocks.err;
    sort(&search->best);
    return search->blocks.status;
}

vit_status vit_search(const struct vit_features *features, const float *query, int64_t k, int threads,
                      struct vit_neighbour **found, int64_t *n_found, struct vit_error *err)
{
    struct search search = { .features = features, .query = query, .blocks = { .lock = PTHREAD_MUTEX_INITIALIZER } };
    vit_status status = find(&search, k, threads, err);
    if (status != VIT_OK) {
        free(search.best.items);
        search.best = (struct best){ 0 };
    }
    pthread_mutex_destroy(&search.blocks.lock);
    *found = search.best.items;
    *n_found = search.best.n;
    return status;
}
