/* groups.c: blocks of rows against all that follow. Products of rows of length 1 in f32 tell most pairs apart; those
 * that its error leaves open are compared in f64. */
#include "tools/features/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/stop.h"
#include "tools/common/threads.h"
#include "tools/features/blocks.h"
#include "tools/features/products.h"
#include "tools/output/progress.h"

enum {
    BLOCK_A = 1 << 24, /* bytes of the rows that all threads share: the more, the less often the file is read */
    BLOCK_B = 1 << 18, /* bytes of the rows that a thread compares with them, in its cache */
    PAIRS = 1024       /* that are kept before they are connected */
};

struct groups {
    const struct vit_features *features;
    double least, error;
    int64_t n;
    size_t stride;
    int64_t rows_a;       /* of a block that all threads share */
    int64_t first_a, n_a; /* of the one that is there */
    float *a;             /* (rows_a, stride), each of length 1, or 0 */
    struct vit_blocks b;  /* what is compared with it */

    /* Under the lock of b. */
    int64_t *parent; /* (n): of one group, up to its first row, whose parent it is itself */
    struct vit_progress progress;
};

/* ---- What is connected ---- */

static int64_t first_of(int64_t *parent, int64_t row)
{
    while (parent[row] != row)
        row = parent[row] = parent[parent[row]];
    return row;
}

static void connect(int64_t *parent, int64_t a, int64_t b)
{
    a = first_of(parent, a);
    b = first_of(parent, b);
    parent[a > b ? a : b] = a > b ? b : a;
}

/* ---- Blocks ---- */

/* Reads n rows into block, of rows of room, divides them by their lengths, and fills up with zeros. */
static vit_status load(const struct groups *groups, float *block, int64_t room, int64_t first, int64_t n,
                       struct vit_error *err)
{
    size_t width = (size_t)vit_features_width(groups->features), stride = groups->stride;
    VIT_TRY(vit_features_read(groups->features, first, n, block, err));
    memset(block + (size_t)n * width, 0, ((size_t)room * stride - (size_t)n * width) * sizeof *block);
    for (size_t i = (size_t)n; i-- > 0;) { /* from behind: a row moves to where those behind it were */
        float *row = block + i * stride;
        memmove(row, block + i * width, width * sizeof *row);
        memset(row + width, 0, (stride - width) * sizeof *row);
        double square = vit_square(row, width);
        double scale = square > 0 && isfinite(square) ? 1 / sqrt(square) : 0;
        for (size_t j = 0; j < width; j++)
            row[j] = scale > 0 ? (float)((double)row[j] * scale) : 0;
    }
    return VIT_OK;
}

/* The cosine of two rows, without an error that matters. */
static vit_status compare_exactly(const struct groups *groups, int64_t a, int64_t b, double *cosine,
                                  struct vit_error *err)
{
    size_t width = (size_t)vit_features_width(groups->features);
    float *rows = malloc(2 * width * sizeof *rows);
    if (!rows)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for two rows");
    vit_status status = vit_features_read(groups->features, a, 1, rows, err);
    if (status == VIT_OK)
        status = vit_features_read(groups->features, b, 1, rows + width, err);
    if (status == VIT_OK)
        *cosine = vit_cosine(rows, rows + width, width);
    free(rows);
    return status;
}

/* ---- The threads ---- */

struct pairs {
    int n;
    int64_t rows[PAIRS][2];
};

static void connect_all(struct groups *groups, struct pairs *pairs)
{
    pthread_mutex_lock(&groups->b.lock);
    for (int i = 0; i < pairs->n; i++)
        connect(groups->parent, pairs->rows[i][0], pairs->rows[i][1]);
    pthread_mutex_unlock(&groups->b.lock);
    pairs->n = 0;
}

static vit_status consider(struct groups *groups, struct pairs *pairs, int64_t a, int64_t b, float product,
                           struct vit_error *err)
{
    double cosine = (double)product;
    if (cosine < groups->least - groups->error || a >= b)
        return VIT_OK;
    if (cosine < groups->least + groups->error)
        VIT_TRY(compare_exactly(groups, a, b, &cosine, err));
    if (!(cosine >= groups->least))
        return VIT_OK;
    pairs->rows[pairs->n][0] = a;
    pairs->rows[pairs->n++][1] = b;
    if (pairs->n == PAIRS)
        connect_all(groups, pairs);
    return VIT_OK;
}

/* The rows that fill the blocks up have no number: they are behind the last. */
static vit_status compare(struct groups *groups, const float *rows_b, int64_t first_b, int64_t n_b, struct pairs *pairs,
                          struct vit_error *err)
{
    float products[VIT_TILE_A][VIT_TILE_B];
    for (int64_t i = 0; i < groups->n_a; i += VIT_TILE_A) {
        for (int64_t j = 0; j < n_b; j += VIT_TILE_B) {
            vit_products_tile(groups->a + (size_t)i * groups->stride, rows_b + (size_t)j * groups->stride,
                              groups->stride, products);
            for (int k = 0; k < VIT_TILE_A * VIT_TILE_B; k++) {
                int64_t row_a = i + k / VIT_TILE_B, row_b = j + k % VIT_TILE_B;
                if (row_a < groups->n_a && row_b < n_b)
                    VIT_TRY(consider(groups, pairs, groups->first_a + row_a, first_b + row_b,
                                     products[k / VIT_TILE_B][k % VIT_TILE_B], err));
            }
        }
    }
    return VIT_OK;
}

static vit_status compare_blocks(struct groups *groups, struct pairs *pairs, struct vit_error *err)
{
    int64_t first, n;
    float *rows = malloc((size_t)groups->b.size * groups->stride * sizeof *rows);
    vit_status status =
        rows ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %lld rows", (long long)groups->b.size);
    while (status == VIT_OK && vit_blocks_take(&groups->b, &first, &n)) {
        status = load(groups, rows, groups->b.size, first, n, err);
        if (status == VIT_OK)
            status = compare(groups, rows, first, n, pairs, err);
        connect_all(groups, pairs);
        pthread_mutex_lock(&groups->b.lock);
        vit_progress_step(&groups->progress);
        pthread_mutex_unlock(&groups->b.lock);
    }
    free(rows);
    return status;
}

static void run(void *context, int i)
{
    (void)i;
    struct groups *groups = context;
    struct pairs pairs = { 0 };
    struct vit_error err;
    vit_status status = compare_blocks(groups, &pairs, &err);
    pthread_mutex_lock(&groups->b.lock);
    vit_blocks_end(&groups->b, status, &err);
    pthread_mutex_unlock(&groups->b.lock);
}

/* ---- All pairs ---- */

static int64_t rows_in(size_t bytes, size_t stride, int64_t multiple)
{
    int64_t rows = (int64_t)(bytes / (stride * sizeof(float))) / multiple * multiple;
    return rows > multiple ? rows : multiple;
}

static vit_status prepare(struct groups *groups, bool quiet, struct vit_error *err)
{
    size_t width = (size_t)vit_features_width(groups->features), blocks = 0;
    groups->n = groups->b.end = vit_features_count(groups->features);
    groups->error = vit_products_error(width);
    groups->stride = vit_products_stride(width);
    groups->rows_a = rows_in(BLOCK_A, groups->stride, VIT_TILE_A);
    groups->b.size = rows_in(BLOCK_B, groups->stride, VIT_TILE_B);
    groups->a = malloc((size_t)groups->rows_a * groups->stride * sizeof *groups->a);
    groups->parent = calloc((size_t)groups->n, sizeof *groups->parent);
    if (!groups->a || !groups->parent)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory to compare %lld rows", (long long)groups->n);
    for (int64_t row = 0; row < groups->n; row++)
        groups->parent[row] = row;
    for (int64_t a = 0; a < groups->n; a += groups->rows_a)
        blocks += (size_t)((groups->n - a + groups->b.size - 1) / groups->b.size);
    vit_progress_start(&groups->progress, blocks, -1, quiet);
    return VIT_OK;
}

static vit_status compare_all(struct groups *groups, int threads, struct vit_error *err)
{
    while (groups->first_a < groups->n && !vit_stop_requested()) {
        int64_t left = groups->n - groups->first_a;
        groups->n_a = left < groups->rows_a ? left : groups->rows_a;
        VIT_TRY(load(groups, groups->a, groups->rows_a, groups->first_a, groups->n_a, err));
        groups->b.next = groups->first_a;
        VIT_TRY(vit_threads_run(threads, run, groups, err));
        if (groups->b.status != VIT_OK) {
            *err = groups->b.err;
            return groups->b.status;
        }
        groups->first_a += groups->n_a;
    }
    return VIT_OK;
}

/* ---- The groups ---- */

static int by_group(const void *a, const void *b)
{
    const struct vit_member *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Marks the rows that are in a group with others, and counts them. grouped (n) is false everywhere. */
static int64_t mark(struct groups *groups, bool *grouped)
{
    int64_t n = 0;
    for (int64_t row = 0; row < groups->n; row++) {
        int64_t first = first_of(groups->parent, row);
        if (first == row)
            continue;
        n += grouped[first] ? 1 : 2;
        grouped[row] = grouped[first] = true;
    }
    return n;
}

/* Fills members, which are then sorted by the first rows of their groups; these get numbers in their place. */
static void gather(struct groups *groups, const bool *grouped, struct vit_member *members, int64_t n)
{
    for (int64_t row = 0, i = 0; row < groups->n; row++)
        if (grouped[row])
            members[i++] = (struct vit_member){ first_of(groups->parent, row), row };
    qsort(members, (size_t)n, sizeof *members, by_group);
    for (int64_t i = 0, group = -1, first = -1; i < n; i++) {
        group += members[i].group != first;
        first = members[i].group;
        members[i].group = group;
    }
}

static vit_status list(struct groups *groups, struct vit_member **members, int64_t *n_members, struct vit_error *err)
{
    bool *grouped = calloc((size_t)groups->n, sizeof *grouped);
    int64_t n = grouped ? mark(groups, grouped) : 0;
    *members = calloc((size_t)n + 1, sizeof **members);
    vit_status status = VIT_OK;
    if (grouped && *members)
        gather(groups, grouped, *members, n);
    else
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for groups of %lld rows", (long long)n);
    free(grouped);
    *n_members = n;
    return status;
}

vit_status vit_groups_find(const struct vit_features *features, double least, int threads, bool quiet,
                           struct vit_member **members, int64_t *n_members, struct vit_error *err)
{
    struct groups groups = { .features = features, .least = least, .b = { .lock = PTHREAD_MUTEX_INITIALIZER } };
    *members = NULL;
    *n_members = 0;
    vit_status status = prepare(&groups, quiet, err);
    if (status == VIT_OK)
        status = compare_all(&groups, threads, err);
    vit_progress_clear(&groups.progress);
    if (status == VIT_OK)
        status = list(&groups, members, n_members, err);
    if (status != VIT_OK) {
        free(*members);
        *members = NULL;
    }
    pthread_mutex_destroy(&groups.b.lock);
    free(groups.a);
    free(groups.parent);
    return status;
}
