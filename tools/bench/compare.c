/* compare.c: samples against samples, and what else is not as it was. */
#include "tools/bench/compare.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ---- */

static const char *judge(const struct vit_ratio *ratio)
{
    return ratio->low > 1 ? "slower" : ratio->high < 1 ? "faster" : "no difference";
}

bool vit_bench_row_fails(const struct vit_bench_row *row, double fail_over)
{
    return isfinite(fail_over) && row->ratio.low > 1 + fail_over / 100;
}

static const char *quantity(const struct vit_bench_row *row)
{
    return row->per_picture ? "ms/picture" : "median ms";
}

static void put_header_md(FILE *out)
{
    fputs("\n| model | precision | batch | threads | streams | n, other n | of | other | this "
          "| this / other | 95 % interval | verdict |\n"
          "|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|---|\n", out);
}

static void put_row_md(FILE *out, const struct vit_bench_row *row)
{
    vit_bench_put_name(out, row->run);
    fprintf(out, "%zu, %zu | %s | ", row->n, row->n_other, quantity(row));
    vit_bench_put_ms(out, row->other_ms);
    vit_bench_put_ms(out, row->ms);
    fprintf(out, "%.3f | %.3f .. %.3f | %s |\n", row->ratio.value, row->ratio.low, row->ratio.high, judge(&row->ratio));
}

static void put_row_csv(FILE *out, const struct vit_bench_row *row)
{
    vit_bench_put_csv_configuration(out, row->run);
    fprintf(out, ",%zu,%zu,%s", row->n, row->n_other, quantity(row));
    const double values[] = {row->other_ms, row->ms, row->ratio.value, row->ratio.low, row->ratio.high};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        vit_bench_put_csv_real(out, values[i]);
    fprintf(out, ",%s\n", judge(&row->ratio));
}

static void put_row_json(FILE *out, const struct vit_bench_row *row)
{
    vit_bench_put_configuration(out, row->run);
    fprintf(out, "\"n\":%zu,\"other_n\":%zu,", row->n, row->n_other);
    vit_bench_put_text(out, "of", quantity(row));
    vit_bench_put_real(out, "other", row->other_ms);
    vit_bench_put_real(out, "this", row->ms);
    vit_bench_put_real(out, "ratio", row->ratio.value);
    vit_bench_put_real(out, "low", row->ratio.low);
    vit_bench_put_real(out, "high", row->ratio.high);
    fprintf(out, "\"verdict\":\"%s\"}", judge(&row->ratio));
}

void vit_bench_report_row(struct vit_bench_report *report, const struct vit_bench_row *row)
{
    bool first = vit_bench_begin_record(report);
    if (report->format == VIT_BENCH_JSON) {
        put_row_json(report->out, row);
    } else if (report->format == VIT_BENCH_CSV) {
        if (first)
            fputs(VIT_BENCH_CSV_CONFIGURATION ",n,other_n,of,other,this,ratio,low,high,verdict\n",
                  report->out);
        put_row_csv(report->out, row);
    } else {
        if (first)
            put_header_md(report->out);
        put_row_md(report->out, row);
    }
}

/* ---- Saved runs ---- */

vit_status vit_bench_check_entry(const json_t *entry, size_t i, const char *path, struct vit_error *err)
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
        VIT_TRY(vit_bench_check_entry(json_array_get(*old, i), i, path, err));
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

/* Runs that do not tell their size were of the model's own. */
static bool is_size(const json_t *entry, int size)
{
    return !json_object_get(entry, "image_size") || is_number(entry, "image_size", size);
}

/* Names are of the same model when they lead to the same file. */
static bool is_model(const json_t *entry, const char *model)
{
    if (is_text(entry, "model", model))
        return true;
    char *a = realpath(json_string_value(json_object_get(entry, "model")), NULL), *b = realpath(model, NULL);
    bool same = a && b && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

static const json_t *find_counterpart(const json_t *old, const struct vit_bench_run *run)
{
    const char *precision = vit_precision_name(run->precision);
    for (size_t i = 0; i < json_array_size(old); i++) {
        const json_t *entry = json_array_get(old, i);
        if (is_model(entry, run->model) && is_size(entry, run->image_size) && is_text(entry, "precision", precision) &&
            is_number(entry, "batch", run->batch) && is_number(entry, "threads", run->threads) &&
            is_number(entry, "streams", run->streams))
            return entry;
    }
    return NULL;
}

double *vit_bench_entry_samples(const json_t *entry, size_t *n)
{
    const json_t *array = json_object_get(entry, "samples_ms");
    *n = json_array_size(array);
    double *samples = malloc(*n * sizeof *samples);
    for (size_t i = 0; samples && i < *n; i++)
        samples[i] = json_number_value(json_array_get(array, i));
    return samples;
}

bool vit_bench_is_json(const char *path)
{
    int c;
    FILE *file = fopen(path, "re");
    do
        c = file ? getc(file) : EOF;
    while (isspace(c));
    if (file)
        fclose(file);
    return c == '[' || c == '{';
}

static vit_status compare_one(struct vit_bench_row *row, const json_t *entry, double error, struct vit_error *err)
{
    struct vit_summary summary;
    double *samples = vit_bench_entry_samples(entry, &row->n_other);
    bool ok = samples && vit_stats_summarise(&summary, samples, row->n_other) &&
              vit_stats_compare(&row->ratio, row->run->samples_ms, row->n, samples, row->n_other, error);
    free(samples);
    if (!ok)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", row->n_other);
    row->other_ms = summary.median;
    return VIT_OK;
}

/* What a ratio of two days may come from instead of the program. known: what was said already. */
static void note_differences(const struct vit_bench_report *report, const json_t *entry, const json_t *ours,
                             char known[512])
{
    static const char *const facts[] = {"cpu", "cpus", "governor", "isa", "onednn", "tune"};
    char text[512] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof facts / sizeof *facts && length < sizeof text; i++) {
        const char *was = json_string_value(json_object_get(entry, facts[i]));
        const char *is = json_string_value(json_object_get(ours, facts[i]));
        if (is && strcmp(was ? was : "", is) != 0)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %s, now %s", length ? "; " : "",
                                       facts[i], was ? was : "not said", is);
    }
    if (length > 0 && strcmp(text, known) != 0)
        vit_bench_note(report, "the saved run is of other circumstances: %s", text);
    snprintf(known, 512, "%s", text);
}

/* Rows of runs without a counterpart say so, beside data nothing. */
static vit_status put_rows(struct vit_bench_report *report, const json_t *const *entries,
                           const struct vit_bench_run *runs, int n, double error, double fail_over, bool *failed,
                           struct vit_error *err)
{
    for (int i = 0; i < n; i++) {
        struct vit_bench_row row = {.run = &runs[i], .n = runs[i].latency.n, .ms = runs[i].latency.median};
        if (!entries[i])
            continue;
        VIT_TRY(compare_one(&row, entries[i], error, err));
        *failed = *failed || vit_bench_row_fails(&row, fail_over);
        vit_bench_report_row(report, &row);
    }
    return VIT_OK;
}

static vit_status note_all(const struct vit_bench_report *report, const json_t *const *entries,
                           const struct vit_bench_run *runs, int n, struct vit_error *err)
{
    char known[512] = "";
    for (int i = 0; i < n; i++) {
        if (!entries[i]) {
            vit_bench_note(report, "%s, %s, batch %d, threads %d, streams %d: not there before", runs[i].model,
                           vit_precision_name(runs[i].precision), runs[i].batch, runs[i].threads,
                           runs[i].streams);
            continue;
        }
        json_t *ours = vit_bench_run_json(&runs[i]);
        if (!ours)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a comparison");
        note_differences(report, entries[i], ours, known);
        json_decref(ours);
    }
    vit_bench_note(report, "the saved run is of another time: how the machine changed since then is in no interval; "
                   "--compare PROGRAM and --against take turns");
    return VIT_OK;
}

vit_status vit_bench_compare(struct vit_bench_report *report, const json_t *old, const struct vit_bench_run *runs,
                             int n, double fail_over, bool *failed, struct vit_error *err)
{
    const json_t **entries = calloc((size_t)n, sizeof *entries);
    if (!entries)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d rows", n);
    int n_pairs = 0;
    for (int i = 0; i < n; i++)
        n_pairs += (entries[i] = find_counterpart(old, &runs[i])) != NULL;
    vit_status status = VIT_OK;
    if (n_pairs == 0)
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "--compare: no run has a counterpart of the same model, batch, "
                          "threads, precision and streams");
    if (status == VIT_OK)
        status = put_rows(report, entries, runs, n, VIT_BENCH_ERROR / n_pairs, fail_over, failed, err);
    if (status == VIT_OK)
        status = note_all(report, entries, runs, n, err);
    free(entries);
    return status;
}
