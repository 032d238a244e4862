/* bench_compare.c: the runs of today beside those of an earlier day. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"

static vit_status check_entry(const json_t *entry, size_t i, const char *path, struct vit_error *err)
{
    static const char *const texts[] = {"model", "precision"}, *const numbers[] = {"batch", "threads", "streams"};
    for (size_t k = 0; k < 2; k++)
        if (!json_is_string(json_object_get(entry, texts[k])))
            return vit_fail(err, VIT_ERR_DECODE, "%s: entry %zu has no text %s", path, i, texts[k]);
    for (size_t k = 0; k < 3; k++)
        if (!json_is_integer(json_object_get(entry, numbers[k])))
            return vit_fail(err, VIT_ERR_DECODE, "%s: entry %zu has no whole number %s", path, i, numbers[k]);
    const json_t *samples = json_object_get(entry, "samples_ms");
    if (json_array_size(samples) == 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s: entry %zu has no samples_ms", path, i);
    for (size_t k = 0; k < json_array_size(samples); k++)
        if (!(json_number_value(json_array_get(samples, k)) > 0))
            return vit_fail(err, VIT_ERR_DECODE, "%s: entry %zu: sample %zu is not a positive number", path, i, k);
    return VIT_OK;
}

vit_status vit_bench_compare_load(json_t **old, const char *path, struct vit_error *err)
{
    json_error_t error;
    *old = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!*old && error.line < 0)
        return vit_fail(err, VIT_ERR_OPEN, "--compare %s: %s", path, error.text);
    if (!json_is_array(*old))
        return vit_fail(err, VIT_ERR_DECODE, "--compare %s: not the JSON array of an earlier run%s%s", path,
                        *old ? "" : ": ", *old ? "" : error.text);
    for (size_t i = 0; i < json_array_size(*old); i++)
        VIT_TRY(check_entry(json_array_get(*old, i), i, path, err));
    return VIT_OK;
}

static bool is_text(const json_t *entry, const char *key, const char *text)
{
    return strcmp(json_string_value(json_object_get(entry, key)), text) == 0;
}

static bool is_number(const json_t *entry, const char *key, int number)
{
    return json_integer_value(json_object_get(entry, key)) == number;
}

static const json_t *find_counterpart(const json_t *old, const struct vit_bench_run *run)
{
    const char *precision = vit_bench_precision_name(run->precision);
    for (size_t i = 0; i < json_array_size(old); i++) {
        const json_t *entry = json_array_get(old, i);
        if (is_text(entry, "model", run->model) && is_text(entry, "precision", precision) &&
            is_number(entry, "batch", run->batch) && is_number(entry, "threads", run->threads) &&
            is_number(entry, "streams", run->streams))
            return entry;
    }
    return NULL;
}

static vit_status compare_one(struct vit_ratio *ratio, double *old_median, const json_t *entry,
                              const struct vit_bench_run *run, struct vit_error *err)
{
    const json_t *array = json_object_get(entry, "samples_ms");
    size_t n = json_array_size(array);
    double *samples = malloc(n * sizeof *samples);
    struct vit_summary summary;
    for (size_t i = 0; samples && i < n; i++)
        samples[i] = json_number_value(json_array_get(array, i));
    bool ok = samples && vit_stats_summarise(&summary, samples, n) &&
              vit_stats_compare(ratio, run->samples_ms, run->n, samples, n);
    free(samples);
    if (!ok)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", n);
    *old_median = summary.median;
    return VIT_OK;
}

static void put_name(FILE *out, const struct vit_bench_run *run)
{
    fprintf(out, "| %s | %s | %d | %d | %d |", run->model, vit_bench_precision_name(run->precision), run->batch,
            run->threads, run->streams);
}

vit_status vit_bench_compare(FILE *out, const json_t *old, const struct vit_bench_run *runs, int n, double fail_over,
                             bool *failed, struct vit_error *err)
{
    int n_pairs = 0;
    fputs("\n| model | precision | batch | threads | streams "
          "| old ms | new ms | new / old | 95 % interval | verdict |\n"
          "|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n", out);
    for (int i = 0; i < n; i++) {
        const json_t *entry = find_counterpart(old, &runs[i]);
        struct vit_ratio ratio = {0};
        double old_median = 0;
        put_name(out, &runs[i]);
        if (!entry) {
            fprintf(out, " - | %.2f | - | - | not there before |\n", runs[i].latency.median);
            continue;
        }
        VIT_TRY(compare_one(&ratio, &old_median, entry, &runs[i], err));
        bool slower = ratio.low > 1;
        *failed = *failed || (slower && fail_over >= 0 && ratio.value > 1 + fail_over / 100);
        fprintf(out, " %.2f | %.2f | %.3f | %.3f .. %.3f | %s |\n", old_median, runs[i].latency.median, ratio.value,
                ratio.low, ratio.high, slower ? "slower" : ratio.high < 1 ? "faster" : "no difference");
        n_pairs++;
    }
    if (n_pairs == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "--compare: no run has a counterpart of the same model, batch, threads, precision and streams");
    return VIT_OK;
}
