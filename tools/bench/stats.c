/* stats.c: quantiles, moments, and the bootstrap of a ratio of medians. */
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

static double *sorted_copy(const double *values, size_t n)
{
    double *copy = malloc(n * sizeof *copy);
    if (copy) {
        memcpy(copy, values, n * sizeof *copy);
        qsort(copy, n, sizeof *copy, by_size);
    }
    return copy;
}

double vit_stats_quantile(const double *sorted, size_t n, double q)
{
    double place = q * (double)(n - 1);
    size_t below = (size_t)place;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

bool vit_stats_summarise(struct vit_summary *summary, const double *values, size_t n)
{
    double *sorted = sorted_copy(values, n), sum = 0, squares = 0;
    if (!sorted)
        return false;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    *summary = (struct vit_summary){
        .min = sorted[0],
        .median = vit_stats_quantile(sorted, n, 0.5),
        .p90 = vit_stats_quantile(sorted, n, 0.9),
        .p99 = vit_stats_quantile(sorted, n, 0.99),
        .max = sorted[n - 1],
        .mean = mean,
        .stddev = n > 1 ? sqrt(squares / (double)(n - 1)) : 0,
    };
    free(sorted);
    return true;
}

/* ---- Bootstrap ---- */

/* xorshift64*: seeded alike every time, so that an interval can be had again. */
static size_t draw(uint64_t *state, size_t n)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (size_t)(((*state * 0x2545f4914f6cdd1du) >> 32) * n >> 32);
}

/* The median of n values drawn from sorted with replacement. Only how often each was drawn matters: counts (n). */
static double resampled_median(const double *sorted, size_t n, uint32_t *counts, uint64_t *state)
{
    memset(counts, 0, n * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        counts[draw(state, n)]++;
    size_t at = 0, seen = counts[0];
    while (seen <= (n - 1) / 2)
        seen += counts[++at];
    size_t upper = at; /* n even: the median lies between two of the drawn values */
    if (n % 2 == 0 && seen == n / 2)
        while (counts[++upper] == 0) {}
    return 0.5 * (sorted[at] + sorted[upper]);
}

bool vit_stats_compare(struct vit_ratio *ratio, const double *a, size_t n_a, const double *b, size_t n_b)
{
    double *sorted_a = sorted_copy(a, n_a), *sorted_b = sorted_copy(b, n_b);
    double *ratios = malloc(RESAMPLES * sizeof *ratios);
    uint32_t *counts = malloc((n_a > n_b ? n_a : n_b) * sizeof *counts);
    uint64_t state = 0x9e3779b97f4a7c15u;
    bool ok = sorted_a && sorted_b && ratios && counts;
    if (ok) {
        for (int i = 0; i < RESAMPLES; i++)
            ratios[i] = resampled_median(sorted_a, n_a, counts, &state)
                        / resampled_median(sorted_b, n_b, counts, &state);
        qsort(ratios, RESAMPLES, sizeof *ratios, by_size);
        ratio->value = vit_stats_quantile(sorted_a, n_a, 0.5) / vit_stats_quantile(sorted_b, n_b, 0.5);
        ratio->low = vit_stats_quantile(ratios, RESAMPLES, 0.025);
        ratio->high = vit_stats_quantile(ratios, RESAMPLES, 0.975);
    }
    free(sorted_a);
    free(sorted_b);
    free(ratios);
    free(counts);
    return ok;
}
