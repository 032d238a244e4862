/* stats.c: quantiles, moments, and the bootstrap of medians. */
#include "tools/bench/stats.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RESAMPLES = 2000 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile q (0 .. 1) of n >= 1 values in ascending order, interpolated between neighbours. */
static double quantile(const double *sorted, size_t n, double q)
{
    double place = q * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

bool vit_stats_has_quantile(size_t n, double q)
{
    return (double)n * (1 - q) >= 1 - 1e-9;
}

bool vit_stats_summarise(struct vit_summary *summary, const double *values, size_t n)
{
    double *sorted = malloc(n * sizeof *sorted), sum = 0, squares = 0;
    if (!sorted)
        return false;
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    *summary = (struct vit_summary){
        .n = n,
        .min = sorted[0],
        .median = quantile(sorted, n, 0.5),
        .p90 = quantile(sorted, n, 0.9),
        .p99 = quantile(sorted, n, 0.99),
        .max = sorted[n - 1],
        .mean = mean,
        .stddev = n > 1 ? sqrt(squares / (double)(n - 1)) : 0,
    };
    free(sorted);
    return true;
}

/* ---- Bootstrap ---- */

/* Values in the order of time, and what drawing some of them needs. */
struct series {
    size_t n, block;  /* values; neighbours drawn together */
    double *sorted;   /* (n), ascending */
    uint32_t *rank;   /* (n): where in sorted the value of a time is */
    uint32_t *counts; /* (n): how often each of sorted was drawn */
};

struct placed {
    double value; /* first, for by_size */
    uint32_t time;
};

/* False: out of memory. close_series is due either way. */
static bool open_series(struct series *s, const double *values, size_t n)
{
    struct placed *order = malloc(n * sizeof *order);
    *s = (struct series){.n = n, .block = (size_t)ceil(cbrt((double)n) - 1e-9)};
    s->sorted = malloc(n * sizeof *s->sorted);
    s->rank = malloc(n * sizeof *s->rank);
    s->counts = malloc(n * sizeof *s->counts);
    bool ok = order && s->sorted && s->rank && s->counts;
    for (size_t i = 0; ok && i < n; i++)
        order[i] = (struct placed){values[i], (uint32_t)i};
    if (ok)
        qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; ok && i < n; i++) {
        s->sorted[i] = order[i].value;
        s->rank[order[i].time] = (uint32_t)i;
    }
    free(order);
    return ok;
}

static void close_series(struct series *s)
{
    free(s->sorted);
    free(s->rank);
    free(s->counts);
}

/* xorshift64*: seeded alike every time, so that an interval can be had again. */
static size_t draw(uint64_t *state, size_t n)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (size_t)(((*state * 0x2545f4914f6cdd1du) >> 32) * n >> 32);
}

/* The median of n values drawn with replacement, in blocks that go round at the end. Only how often each was drawn
 * matters. */
static double resampled_median(struct series *s, uint64_t *state)
{
    memset(s->counts, 0, s->n * sizeof *s->counts);
    for (size_t drawn = 0; drawn < s->n;) {
        size_t time = draw(state, s->n);
        for (size_t k = 0; k < s->block && drawn < s->n; k++, drawn++)
            s->counts[s->rank[(time + k) % s->n]]++;
    }
    size_t at = 0, seen = s->counts[0];
    while (seen <= (s->n - 1) / 2)
        seen += s->counts[++at];
    size_t upper = at; /* n even: the median lies between two of the drawn values */
    if (s->n % 2 == 0 && seen == s->n / 2)
        while (s->counts[++upper] == 0) {}
    return 0.5 * (s->sorted[at] + s->sorted[upper]);
}

/* b NULL: the median of a alone. */
static bool bootstrap(struct vit_ratio *ratio, struct series *a, struct series *b, double error)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    double *ratios = malloc(RESAMPLES * sizeof *ratios);
    if (!ratios)
        return false;
    for (int i = 0; i < RESAMPLES; i++) {
        ratios[i] = resampled_median(a, &state);
        ratios[i] /= b ? resampled_median(b, &state) : 1;
    }
    qsort(ratios, RESAMPLES, sizeof *ratios, by_size);
    ratio->value = quantile(a->sorted, a->n, 0.5) / (b ? quantile(b->sorted, b->n, 0.5) : 1);
    ratio->low = quantile(ratios, RESAMPLES, error / 2);
    ratio->high = quantile(ratios, RESAMPLES, 1 - error / 2);
    free(ratios);
    return true;
}

bool vit_stats_compare(struct vit_ratio *ratio, const double *a, size_t n_a, const double *b, size_t n_b, double error)
{
    struct series first, second;
    bool ok = open_series(&first, a, n_a);
    ok = open_series(&second, b, n_b) && ok && bootstrap(ratio, &first, &second, error);
    close_series(&first);
    close_series(&second);
    return ok;
}

/* Of n independent values k fall below the median with a chance of binomial(n, k) / 2^n, whatever their
 * distribution: how many may be left out at each end, that the rest holds the median. */
static size_t count_outside(size_t n, double error)
{
    double chance = exp2(-(double)n), below = chance;
    size_t k = 0;
    while (k < n / 2 && below <= error / 2) {
        chance *= (double)(n - k) / (double)(k + 1);
        below += chance;
        k++;
    }
    return k > 0 ? k - 1 : 0;
}

bool vit_stats_rounds(struct vit_ratio *ratio, const double *ratios, size_t n, double error)
{
    struct series series;
    bool ok = open_series(&series, ratios, n) && bootstrap(ratio, &series, NULL, error);
    if (ok) {
        size_t outside = count_outside(n, error);
        ratio->low = fmin(ratio->low, series.sorted[outside]);
        ratio->high = fmax(ratio->high, series.sorted[n - 1 - outside]);
    }
    close_series(&series);
    return ok;
}

int vit_stats_rounds_needed(double error)
{
    return (int)ceil(1 - log2(error) - 1e-9);
}
