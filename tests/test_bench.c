/* test_bench.c: `vit bench` with a very small model: what it reports, what it compares and refuses, and the statistics
 * behind it on numbers that are known. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "tools/bench/stats.h"

#define TINY "tests/goldens/tiny"
#define QUICK "-m", TINY, "--tune=off", "-t1", "-r3", "--warm-up=1"

/* ---- Statistics ---- */

static void expect_near(const char *what, double got, double want, double tolerance)
{
    cr_assert(fabs(got - want) <= tolerance, "%s: got %.9g, expected %.9g", what, got, want);
}

Test(bench, summary_of_known_numbers)
{
    /* 0 .. 100 in another order: every quantile is its percent; numpy.percentile and numpy.std(ddof=1) say the same. */
    double values[101];
    struct vit_summary s;
    for (int i = 0; i <= 100; i++)
        values[i] = (i * 37) % 101;
    cr_assert(vit_stats_summarise(&s, values, 101));
    expect_near("min", s.min, 0, 0);
    expect_near("median", s.median, 50, 1e-12);
    expect_near("p90", s.p90, 90, 1e-12);
    expect_near("p99", s.p99, 99, 1e-12);
    expect_near("max", s.max, 100, 0);
    expect_near("mean", s.mean, 50, 1e-12);
    expect_near("stddev", s.stddev, 29.300170647967224, 1e-9);
}

Test(bench, summary_of_few_numbers)
{
    struct vit_summary s;
    cr_assert(vit_stats_summarise(&s, (const double[]){ 4, 1, 3, 2 }, 4));
    expect_near("median between two", s.median, 2.5, 0);
    expect_near("p90 between two", s.p90, 3.7, 1e-12);
    cr_assert(vit_stats_summarise(&s, (const double[]){ 7 }, 1));
    cr_assert(s.min == 7 && s.median == 7 && s.p99 == 7 && s.max == 7 && s.mean == 7 && s.stddev == 0);
}

/* Numbers around 100, evenly spread over a width of 20. */
static void spread(double *values, int n, double factor)
{
    for (int i = 0; i < n; i++)
        values[i] = factor * (90 + 20 * (double)((i * 61) % n) / n);
}

Test(bench, interval_of_a_ratio)
{
    enum { N = 200 };
    double a[N], b[N];
    struct vit_ratio ratio;
    spread(a, N, 1);
    spread(b, N, 1);
    cr_assert(vit_stats_compare(&ratio, a, N, b, N));
    expect_near("ratio of equals", ratio.value, 1, 0);
    cr_assert(ratio.low < 1 && ratio.high > 1, "%.6f .. %.6f", ratio.low, ratio.high);
    /* The median of 200 evenly spread numbers strays by 20 / (2 sqrt 200) = 0.71; a ratio of two by sqrt 2 more, and
     * 1.96 of it to each side, over 100: 0.0196. */
    expect_near("lower end", ratio.low, 1 - 0.0196, 0.004);
    expect_near("upper end", ratio.high, 1 + 0.0196, 0.004);

    spread(a, N, 1.1);
    cr_assert(vit_stats_compare(&ratio, a, N, b, N / 2));
    cr_assert(ratio.low > 1 && ratio.low < ratio.value && ratio.value < ratio.high, "%.6f .. %.6f", ratio.low,
              ratio.high);
    cr_assert(vit_stats_compare(&ratio, (const double[]){ 3 }, 1, (const double[]){ 2, 2 }, 2));
    cr_assert(ratio.value == 1.5 && ratio.low == 1.5 && ratio.high == 1.5);
}

/* ---- Reports ---- */

static void expect_keys(const json_t *object, const char *const *keys)
{
    size_t n = 0;
    for (; keys[n]; n++)
        cr_assert(json_object_get(object, keys[n]), "no %s", keys[n]);
    cr_assert_eq(json_object_size(object), n, "%zu keys, expected %zu", json_object_size(object), n);
}

static double real(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "%s is no number", key);
    return json_number_value(value);
}

static void check_run(const json_t *run, int batch, int streams)
{
    static const char *const keys[] = {
        "model", "arch", "batch", "threads", "precision", "streams", "latency_ms", "images_per_s", "gflops",
        "peak_gflops", "percent_of_peak", "load_ms", "first_result_ms", "peak_rss_mb", "samples_ms", "cpu", "isa",
        "onednn", "commit", NULL };
    static const char *const latencies[] = { "min", "median", "p90", "p99", "mean", "stddev", NULL };
    const json_t *latency = json_object_get(run, "latency_ms"), *samples = json_object_get(run, "samples_ms");
    expect_keys(run, keys);
    expect_keys(latency, latencies);
    cr_assert(real(run, "batch") == batch && real(run, "threads") == 2 && real(run, "streams") == streams);
    cr_assert_str_eq(json_string_value(json_object_get(run, "model")), TINY);
    cr_assert_str_eq(json_string_value(json_object_get(run, "precision")), "f32");

    cr_assert_eq(json_array_size(samples), (size_t)(3 * streams));
    double sorted[6], median = real(latency, "median");
    for (size_t i = 0; i < json_array_size(samples); i++)
        sorted[i] = json_number_value(json_array_get(samples, i));
    struct vit_summary s;
    cr_assert(vit_stats_summarise(&s, sorted, json_array_size(samples)));
    expect_near("median", median, s.median, 1e-6 * median);
    expect_near("min", real(latency, "min"), s.min, 1e-6 * median);
    cr_assert(s.min > 0, "a sample of %g ms", s.min);
    expect_near("images/s", real(run, "images_per_s"), 1e3 * batch * streams / median, 1e-3 * 1e3 / median);
    expect_near("% of peak", real(run, "percent_of_peak"), 100 * real(run, "gflops") / real(run, "peak_gflops"), 1e-6);
    cr_assert(real(run, "gflops") > 0 && real(run, "peak_gflops") > 1 && real(run, "peak_rss_mb") > 1);
    cr_assert(0 < real(run, "load_ms") && real(run, "load_ms") < real(run, "first_result_ms"));
}

Test(bench, json_has_a_run_for_each_configuration)
{
    struct program p = RUN("bench", QUICK, "-t2", "-b3,1", "--streams=1,2", "-fjson");
    program_expect(&p, 0, NULL);
    json_t *runs = program_json(&p);
    cr_assert_eq(json_array_size(runs), 4);
    check_run(json_array_get(runs, 0), 3, 1);
    check_run(json_array_get(runs, 1), 3, 2);
    check_run(json_array_get(runs, 2), 1, 1);
    check_run(json_array_get(runs, 3), 1, 2);
    json_decref(runs);
    program_free(&p);
}

Test(bench, csv_and_plot)
{
    char *folder = folder_make(), *plot = folder_write(folder, "plot.svg", "");
    struct program p = RUN("bench", QUICK, "-b1,2", "-fcsv", "--plot", plot);
    program_expect(&p, 0, NULL);
    cr_assert_eq(program_lines(&p), 3, "%s", p.out);
    cr_assert(strstr(p.out, "\n" TINY ","), "%s", p.out);
    int commas[2] = { 0 };
    for (const char *at = p.out, *end = strchr(at, '\n'); *at; at++)
        commas[at > end] += *at == ',';
    cr_assert_eq(commas[1], 2 * commas[0], "rows unlike the header:\n%s", p.out);
    program_free(&p);

    char start[128] = "";
    FILE *file = fopen(plot, "r");
    cr_assert(file && fread(start, 1, sizeof start - 1, file) > 0);
    fclose(file);
    cr_assert_eq(strncmp(start, "<svg xmlns=", 11), 0, "%s", start);
    free(plot);
    folder_remove(folder);
}

/* The sum of a number over all records. */
static double total(const json_t *records, const char *key)
{
    double sum = 0;
    for (size_t i = 0; i < json_array_size(records); i++)
        sum += real(json_array_get(records, i), key);
    return sum;
}

Test(bench, profile_is_complete)
{
    struct program p = RUN("bench", QUICK, "--profile", "-fjson");
    program_expect(&p, 0, NULL);
    json_t *steps = program_json(&p);
    expect_near("shares", total(steps, "share"), 1, 1e-6);
    cr_assert(json_array_size(steps) > 9);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(steps, 0), "step")), "patch_embed.proj");
    cr_assert(json_is_string(json_object_get(json_array_get(steps, 0), "implementation")));
    json_decref(steps);
    program_free(&p);
}

Test(bench, end_to_end_has_three_stages)
{
    struct program p = RUN("bench", QUICK, "--end-to-end", TINY, "-b2", "-fjson");
    program_expect(&p, 0, NULL);
    json_t *stages = program_json(&p);
    cr_assert_eq(json_array_size(stages), 3);
    expect_near("shares", total(stages, "share"), 1, 1e-6);
    expect_near("pictures", real(json_array_get(stages, 0), "pictures"), 6, 0);
    json_decref(stages);
    program_free(&p);
}

Test(bench, wrong_answers_are_not_timed)
{
    char *folder = folder_make();
    free(folder_copy(folder, "config.json", TINY "/config.json", -1));
    char *weights = folder_copy(folder, "model.safetensors", TINY "/model.safetensors", -1);
    FILE *file = fopen(weights, "r+b");
    cr_assert(file && fseek(file, -64, SEEK_END) == 0); /* the last tensor ends with numbers that are none */
    for (int i = 0; i < 64; i++)
        putc(0xff, file);
    fclose(file);
    struct program p = RUN("bench", "-m", folder, "--tune=off", "-r3");
    program_expect(&p, 2, "the answers are wrong, nothing was timed: logit");
    cr_assert_null(strstr(p.out, "|"), "%s", p.out);
    program_free(&p);
    free(weights);
    folder_remove(folder);
}

/* ---- Comparison ---- */

#define ENTRY(batch, samples) \
    "{\"model\":\"" TINY "\",\"batch\":" batch ",\"threads\":1,\"precision\":\"f32\",\"streams\":1," \
    "\"samples_ms\":" samples "}"
#define LONG_AGO_FAST "[1e-6,1.1e-6,1.2e-6]"
#define LONG_AGO_SLOW "[1e6,1.1e6,1.2e6]"

static void expect_comparison(const char *old, const char *fail_over, int status, const char *const *verdicts)
{
    char *folder = folder_make(), *path = folder_write(folder, "old.json", old);
    struct program p = RUN("bench", QUICK, "-b1,2", "--compare", path, fail_over);
    cr_assert_eq(p.status, status, "exit status %d, expected %d\n%s%s", p.status, status, p.out, p.err);
    for (; *verdicts; verdicts++)
        cr_assert(strstr(p.out, *verdicts) || strstr(p.err, *verdicts), "no \"%s\" in\n%s%s", *verdicts, p.out, p.err);
    program_free(&p);
    free(path);
    folder_remove(folder);
}

#define COMPARED(old, fail_over, status, ...) \
    expect_comparison(old, fail_over, status, (const char *const[]){ __VA_ARGS__, NULL })

Test(bench, comparison_judges_and_gates)
{
    COMPARED("[" ENTRY("2", LONG_AGO_SLOW) "," ENTRY("1", LONG_AGO_FAST) "]", "--fail-over=5", 1, "| slower |",
             "| faster |", "slower than before by more than 5 %");
    COMPARED("[" ENTRY("1", LONG_AGO_FAST) "]", NULL, 0, "| slower |", "| not there before |");
    COMPARED("[" ENTRY("1", LONG_AGO_SLOW) "]", "--fail-over=0", 0, "| faster |");
    COMPARED("[" ENTRY("8", LONG_AGO_SLOW) "]", "--fail-over=5", 2, "no run has a counterpart");
}

Test(bench, comparison_needs_sound_data)
{
    COMPARED("{}", NULL, 2, "not the JSON array of an earlier run");
    COMPARED("[", NULL, 2, "not the JSON array of an earlier run");
    COMPARED("[{}]", NULL, 2, "entry 0 has no text model");
    COMPARED("[" ENTRY("1", "[]") "]", NULL, 2, "entry 0 has no samples_ms");
    COMPARED("[" ENTRY("1", "[1,0]") "]", NULL, 2, "sample 1 is not a positive number");
    COMPARED("[" ENTRY("1.5", "[1]") "]", NULL, 2, "no whole number batch");
}

/* ---- Refusals ---- */

static void expect_refused(const char *part, const char *const *arguments)
{
    struct program p = { .arguments = arguments };
    program_run(&p);
    program_expect(&p, 2, part);
    program_free(&p);
}

#define REFUSED(part, ...) expect_refused(part, (const char *const[]){ "bench", __VA_ARGS__, NULL })

Test(bench, contradictions_are_refused)
{
    REFUSED("bench takes options only", "vit.safetensors");
    REFUSED("-m and --arch", "-m", TINY, "--arch", "vit_tiny_patch16_224");
    REFUSED("-r and --seconds", "-r1", "--seconds=1");
    REFUSED("--fail-over needs --compare", "--fail-over=5");
    REFUSED("--profile and --end-to-end", "--profile", "--end-to-end", TINY);
    REFUSED("--profile goes without", "--profile", "--streams=2", "-t2");
    REFUSED("3 threads cannot be shared equally by 2 streams", "-t2,3", "--streams=2");
    REFUSED("--batch-size 1,,2: expected a whole number", "-b1,,2");
    REFUSED("--precision f32,f16: expected one or some of f32|bf16|auto", "--precision=f32,f16");
    REFUSED("--compare /nonexistent.json", "--compare", "/nonexistent.json");
    REFUSED("no pictures in this folder", "-m", TINY, "--tune=off", "--end-to-end", "tests/containers");
}

Test(bench, unknown_architecture_lists_the_known)
{
    REFUSED("unknown architecture xyzzy", "--arch", "xyzzy");
    REFUSED("\n  vit_base_patch16_224\n", "--arch", "vit_tiny_patch16_224,xyzzy");
    REFUSED("did you mean vit_tiny_patch16_224?", "--arch", "vit_tiny_patch16_244");
}
