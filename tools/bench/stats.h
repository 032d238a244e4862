/* stats.h: what a list of measurements says. */
#ifndef VIT_TOOLS_STATS_H
#define VIT_TOOLS_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct vit_summary {
    double min, median, p90, p99, max, mean;
    double stddev; /* of the sample (n - 1); 0 for a single value */
};

/* n >= 1. False: out of memory. */
bool vit_stats_summarise(struct vit_summary *summary, const double *values, size_t n);

/* The quantile q (0 .. 1) of n >= 1 values in ascending order, interpolated between neighbours. */
double vit_stats_quantile(const double *sorted, size_t n, double q);

/* A ratio of medians, a over b, and the 95 % interval that a bootstrap finds for it. */
struct vit_ratio {
    double value, low, high;
};

/* n_a, n_b >= 1. The same values give the same interval. False: out of memory. */
bool vit_stats_compare(struct vit_ratio *ratio, const double *a, size_t n_a, const double *b, size_t n_b);

#endif
