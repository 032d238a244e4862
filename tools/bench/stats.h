/* stats.h: what a list of measurements says. */
#ifndef VIT_TOOLS_STATS_H
#define VIT_TOOLS_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct vit_summary {
    size_t n;
    double min, median, p90, p99, max, mean;
    double stddev; /* of the sample (n - 1); 0 for a single value */
};

/* n >= 1. False: out of memory. */
bool vit_stats_summarise(struct vit_summary *summary, const double *values, size_t n);

/* Whether n values say anything of the quantile q >= 0.5: one of them at least is expected above it. */
bool vit_stats_has_quantile(size_t n, double q);

/* A ratio, and the interval that a bootstrap finds for it. What was measured one after the other is alike, so what is
 * drawn are blocks of neighbours; the values must be in the order of time. The same values give the same interval. */
struct vit_ratio {
    double value, low, high;
};

/* The ratio of two medians, a over b; n_a, n_b >= 1. error: how often, of 1, an interval may miss the truth. False: out
 * of memory. */
bool vit_stats_compare(struct vit_ratio *ratio, const double *a, size_t n_a, const double *b, size_t n_b, double error);

/* The median of n >= 1 ratios, each taken in a round of its own. Of few values the bootstrap sees too little: the
 * interval is at least that of the sign test, which is exact for rounds that are independent. */
bool vit_stats_rounds(struct vit_ratio *ratio, const double *ratios, size_t n, double error);

/* The fewest rounds that can tell anything with this error: so many in a row fall on one side by chance with error
 * / 2. */
int vit_stats_rounds_needed(double error);

#endif
