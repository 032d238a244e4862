/* test_bench.c: `vit bench` with a very small model: what it reports, what it compares and refuses, and the statistics
 * behind it on numbers that are known. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/program.h"
#include "tools/bench/stats.h"
#include "tools/bench/surroundings.h"
#include "vit/vit.h"

#define TINY "tests/goldens/tiny"
#define QUICK "-m", TINY, "--tune=off", "-t1", "-r3", "--warm-up=1", "--no-peak"

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

/* Numbers around 100, evenly spread over a width of 20, in an order without a pattern. */
static void spread(double *values, int n, double factor)
{
    unsigned noise = 1;
    for (int i = 0; i < n; i++)
        values[i] = factor * (90 + 20 * (double)i / n);
    for (int i = n - 1; i > 0; i--) {
        noise = noise * 1664525u + 1013904223u;
        int j = (int)((noise >> 8) % (unsigned)(i + 1));
        double value = values[i];
        values[i] = values[j];
        values[j] = value;
    }
}

Test(bench, interval_of_a_ratio)
{
    enum { N = 200 };
    double a[N], b[N];
    struct vit_ratio ratio;
    spread(a, N, 1);
    spread(b, N, 1);
    cr_assert(vit_stats_compare(&ratio, a, N, b, N, 0.05));
    expect_near("ratio of equals", ratio.value, 1, 0);
    cr_assert(ratio.low < 1 && ratio.high > 1, "%.6f .. %.6f", ratio.low, ratio.high);
    /* The median of 200 evenly spread numbers strays by 20 / (2 sqrt 200) = 0.71; a ratio of two by sqrt 2 more, and
     * 1.96 of it to each side, over 100: 0.0196. */
    expect_near("lower end", ratio.low, 1 - 0.0196, 0.004);
    expect_near("upper end", ratio.high, 1 + 0.0196, 0.004);

    spread(a, N, 1.1);
    cr_assert(vit_stats_compare(&ratio, a, N, b, N / 2, 0.05));
    cr_assert(ratio.low > 1 && ratio.low < ratio.value && ratio.value < ratio.high, "%.6f .. %.6f", ratio.low,
              ratio.high);
    cr_assert(vit_stats_compare(&ratio, (const double[]){ 3 }, 1, (const double[]){ 2, 2 }, 2, 0.05));
    cr_assert(ratio.value == 1.5 && ratio.low == 1.5 && ratio.high == 1.5);
}

/* Values that drift: what comes one after the other is alike, and says less than as many independent ones. */
Test(bench, interval_knows_of_neighbours)
{
    enum { N = 1000 };
    double shuffled[N], drifting[N];
    struct vit_ratio narrow, wide;
    spread(shuffled, N, 1);
    for (int i = 0; i < N; i++)
        drifting[i] = 100 + 10 * sin(i * 2 * 3.14159265358979 / 100);
    cr_assert(vit_stats_compare(&narrow, shuffled, N, shuffled, N, 0.05));
    cr_assert(vit_stats_compare(&wide, drifting, N, drifting, N, 0.05));
    cr_assert(wide.high - wide.low > 1.8 * (narrow.high - narrow.low), "%.4f, %.4f", wide.high - wide.low,
              narrow.high - narrow.low);
}

/* The sign test's interval: of 20 values the 6th from each end, of 6 the first; scipy.stats.binom(20, 0.5).cdf(5) is
 * 0.0207, cdf(6) 0.0577. */
Test(bench, interval_of_rounds)
{
    double values[20];
    struct vit_ratio ratio;
    for (int i = 0; i < 20; i++)
        values[i] = 1 + (i * 7) % 20;
    cr_assert(vit_stats_rounds(&ratio, values, 20, 0.05));
    expect_near("median", ratio.value, 10.5, 0);
    cr_assert(ratio.low <= 6 && ratio.high >= 15, "%g .. %g", ratio.low, ratio.high);
    cr_assert(vit_stats_rounds(&ratio, values, 6, 0.05)); /* 1 8 15 2 9 16 */
    cr_assert(ratio.low == 1 && ratio.high == 16, "%g .. %g", ratio.low, ratio.high);
    cr_assert(vit_stats_rounds_needed(0.05) == 6 && vit_stats_rounds_needed(0.0125) == 8);
    cr_assert(vit_stats_has_quantile(100, 0.99) && !vit_stats_has_quantile(99, 0.99));
    cr_assert(vit_stats_has_quantile(10, 0.9) && !vit_stats_has_quantile(9, 0.9));
}

/* Two sides that are the same, with noise: of 400 comparisons 20 may be found different, and some more by chance. */
Test(bench, rounds_of_equals_are_seldom_called_different)
{
    int found = 0;
    unsigned noise = 1;
    for (int trial = 0; trial < 400; trial++) {
        double ratios[20];
        for (int i = 0; i < 20; i++) {
            double sum = 0;
            for (int k = 0; k < 4; k++, noise = noise * 1664525u + 1013904223u)
                sum += (noise >> 8) / 16777216.0 - 0.5;
            ratios[i] = exp(0.2 * sum);
        }
        struct vit_ratio ratio;
        cr_assert(vit_stats_rounds(&ratio, ratios, 20, 0.05));
        found += ratio.low > 1 || ratio.high < 1;
    }
    cr_assert(found <= 28, "%d of 400", found); /* binomial(400, 0.05): 28 or fewer with 97 % */
}

/* ---- Surroundings ---- */

Test(bench, governor_and_frequency_of_the_first_cpu)
{
    char *folder = folder_make(), path[512], text[64];
    int length = snprintf(path, sizeof path, "%s", folder);
    snprintf(text, sizeof text, "cpu%d", atoi(vit_surroundings_cpus(text)));
    char cpu[64];
    memcpy(cpu, text, sizeof cpu);
    const char *const parts[] = { "devices", "system", "cpu", cpu, "cpufreq" };
    for (int i = 0; i < 5; i++) {
        length += snprintf(path + length, sizeof path - (size_t)length, "/%s", parts[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    cr_assert_str_eq(vit_surroundings_governor(text, folder), "");
    cr_assert(vit_surroundings_mhz(folder) == 0);
    free(folder_write(path, "scaling_governor", "powersave\n"));
    free(folder_write(path, "scaling_cur_freq", "2600123\n"));
    cr_assert_str_eq(vit_surroundings_governor(text, folder), "powersave");
    expect_near("MHz", vit_surroundings_mhz(folder), 2600.123, 1e-6);
    folder_remove(folder);
}

/* This process is not among the others, however much it works. */
Test(bench, load_of_others)
{
    struct vit_times start = vit_surroundings_times(), end;
    cr_assert(start.cpus >= 1 && start.busy > 0, "no CPU in /proc/stat");
    double sum = 0;
    do {
        for (int i = 0; i < 100000; i++)
            sum += sin(i);
        end = vit_surroundings_times();
    } while (end.own - start.own < 0.5);
    double others = vit_surroundings_other_load(&start), time = end.cpus * (end.wall - start.wall);
    double all = (end.busy - start.busy) / time;
    cr_assert(others >= 0 && others <= all - 0.3 / time, "%g of %g (%g)", others, all, sum);
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
        "model", "arch", "image_size", "batch", "threads", "precision", "tune", "streams", "n", "latency_ms",
        "images_per_s", "cpu_ms_per_image", "gflops", "peak_unit", "peak_gflops", "percent_of_peak", "gemm_gflops",
        "open_ms", "prepare_ms", "first_result_ms", "rss_mb", "peak_rss_mb", "wall_s", "other_load", "drift", "mhz", "samples_ms", "cpu",
        "cpus", "governor", "isa", "onednn", "commit", NULL };
    static const char *const latencies[] = { "min", "median", "p90", "p99", "mean", "stddev", NULL };
    const json_t *latency = json_object_get(run, "latency_ms"), *samples = json_object_get(run, "samples_ms");
    expect_keys(run, keys);
    expect_keys(latency, latencies);
    cr_assert(real(run, "batch") == batch && real(run, "threads") == 2 && real(run, "streams") == streams);
    cr_assert_str_eq(json_string_value(json_object_get(run, "model")), TINY);
    cr_assert_str_eq(json_string_value(json_object_get(run, "precision")), "f32");

    cr_assert_eq(json_array_size(samples), (size_t)(3 * streams));
    cr_assert(real(run, "n") == 3 * streams);
    double sorted[6], median = real(latency, "median");
    for (size_t i = 0; i < json_array_size(samples); i++)
        sorted[i] = json_number_value(json_array_get(samples, i));
    struct vit_summary s;
    cr_assert(vit_stats_summarise(&s, sorted, json_array_size(samples)));
    expect_near("median", median, s.median, 1e-6 * median);
    expect_near("min", real(latency, "min"), s.min, 1e-6 * median);
    cr_assert(s.min > 0, "a sample of %g ms", s.min);
    /* The clock runs for at least as long as the busiest stream. */
    double pictures = 3.0 * batch * streams;
    double wall = real(run, "wall_s"), rate = real(run, "images_per_s");
    expect_near("images/s", rate, pictures / wall, 1e-6 * rate);
    cr_assert(1e3 * wall >= s.mean * 3 * (1 - 1e-6), "%g s for 3 times %g ms", wall, s.mean);
    cr_assert(json_is_null(json_object_get(latency, "p99")) && json_is_null(json_object_get(latency, "p90")));
    expect_near("% of peak", real(run, "percent_of_peak"), 100 * real(run, "gflops") / real(run, "peak_gflops"), 1e-6);
    cr_assert(real(run, "gflops") > 0 && real(run, "peak_gflops") > 1 && real(run, "cpu_ms_per_image") > 0);
    /* A product does not exceed its units; both were measured on a machine that may be busy. */
    cr_assert(real(run, "gemm_gflops") > 1 && real(run, "gemm_gflops") < 3 * real(run, "peak_gflops"), "%g of %g",
              real(run, "gemm_gflops"), real(run, "peak_gflops"));
    cr_assert(strstr(json_string_value(json_object_get(run, "peak_unit")), "FMA"));
    cr_assert(1 < real(run, "rss_mb") && real(run, "rss_mb") <= real(run, "peak_rss_mb"));
    cr_assert(0 < real(run, "open_ms") && 0 < real(run, "prepare_ms"));
    cr_assert(real(run, "open_ms") + real(run, "prepare_ms") < real(run, "first_result_ms"));
}

Test(bench, json_has_a_run_for_each_configuration)
{
    struct program p = RUN("bench", "-m", TINY, "--tune=off", "-t2", "-r3", "-b3,1", "--streams=1,2", "-fjson");
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

static void read_text(char *text, size_t n, const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    text[fread(text, 1, n - 1, file)] = '\0';
    fclose(file);
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

    static char picture[1 << 16];
    read_text(picture, sizeof picture, plot);
    cr_assert_eq(strncmp(picture, "<svg xmlns=", 11), 0, "%s", picture);
    free(plot);
    folder_remove(folder);
}

/* What comes before a name's last 39 characters has no room in the picture. A fast model's median has its digits. */
Test(bench, plot_of_a_long_name)
{
    static const char end[] = "\303\237 with fourty-nine characters, and \303\244 \303\266 \303\274 of two bytes";
    char *folder = folder_make(), name[512], path[1024], *plot = folder_write(folder, "plot.svg", "");
    snprintf(name, sizeof name, "%s/%s", folder, end);
    cr_assert_eq(mkdir(name, 0700), 0);
    free(folder_copy(name, "config.json", TINY "/config.json", -1));
    free(folder_copy(name, "model.safetensors", TINY "/model.safetensors", -1));
    struct program p = RUN("bench", "-m", name, "--tune=off", "-t1", "-r3", "--no-peak", "--plot", plot);
    program_expect(&p, 0, NULL);
    program_free(&p);
    static char picture[1 << 16];
    read_text(picture, sizeof picture, plot);
    snprintf(path, sizeof path, ">\342\200\246%s</text>", end + strlen(end) - 39 - 3);
    cr_assert(strstr(picture, path), "no %s in %s", path, picture);
    const char *median = strstr(picture, "#cc3311\">");
    cr_assert(median && strtod(median + 9, NULL) > 0 && strcspn(strchr(median, '.'), " ") >= 3, "%s", picture);
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
    const json_t *rest = json_array_get(steps, json_array_size(steps) - 1);
    cr_assert_str_eq(json_string_value(json_object_get(rest, "step")), "the rest");
    cr_assert(real(rest, "ms") > 0);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(steps, 0), "step")), "patches");
    cr_assert(json_is_string(json_object_get(json_array_get(steps, 0), "implementation")));
    json_decref(steps);
    program_free(&p);
}

Test(bench, end_to_end_has_three_stages_and_the_pipeline)
{
    struct program p = RUN("bench", QUICK, "--end-to-end", TINY, "-b2", "-t2", "--streams=2", "-fjson");
    program_expect(&p, 0, NULL);
    json_t *stages = program_json(&p);
    cr_assert_eq(json_array_size(stages), 3);
    expect_near("shares", total(stages, "share"), 1, 1e-6);
    const json_t *first = json_array_get(stages, 0);
    expect_near("batches of a stage", real(first, "n"), 3, 0);
    expect_near("pictures: 3 batches of 2 for each stream", real(first, "pictures"), 12, 0);
    expect_near("by the clock", real(first, "pictures_per_s"), 12 / real(first, "wall_s"),
                1e-6 * real(first, "pictures_per_s"));
    cr_assert(real(first, "cpu_ms_per_picture") > 0);
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
             "| faster |", "significantly slower, by more than 5 %");
    COMPARED("[" ENTRY("1", LONG_AGO_FAST) "]", NULL, 0, "| slower |",
             "batch 2, threads 1, streams 1: not there before", "another time", "cpu not said, now ");
    COMPARED("[" ENTRY("1", LONG_AGO_SLOW) "]", "--fail-over=0", 0, "| faster |");
    COMPARED("[" ENTRY("8", LONG_AGO_SLOW) "]", "--fail-over=5", 2, "no run has a counterpart");
}

/* The median of the old samples is 1e-9, or with some luck 1e-6: slower by a factor of 1e7 at least, but surely of 1e4
 * only. */
Test(bench, fail_over_asks_the_whole_interval)
{
    char samples[2000] = "[1e-9";
    for (int i = 0; i < 100; i++)
        strcat(samples, i % 2 ? ",1e-9" : ",1e-6");
    strcat(samples, "]");
    char old[3000];
    snprintf(old, sizeof old, "[" ENTRY("1", "%s") "]", samples);
    COMPARED(old, "--fail-over=5e8", 0, "| slower |");
    COMPARED(old, "--fail-over=10", 1, "| slower |");
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

static void expect_row(const json_t *rows, const char *of, int n)
{
    const json_t *row = json_array_get(rows, 0);
    cr_assert_eq(json_array_size(rows), 1);
    cr_assert_str_eq(json_string_value(json_object_get(row, "of")), of);
    cr_assert(real(row, "n") == n && real(row, "other_n") == n);
    cr_assert(real(row, "low") <= real(row, "ratio") && real(row, "ratio") <= real(row, "high"));
    cr_assert(json_is_string(json_object_get(row, "verdict")));
}

Test(bench, programs_and_settings_take_turns)
{
    struct program p = RUN("bench", QUICK, "--rounds=6", "--compare", VIT_PROGRAM, "-fjson");
    program_expect(&p, 0, "other: " VIT_PROGRAM " (commit ");
    json_t *rows = program_json(&p);
    expect_row(rows, "median ms", 6);
    json_decref(rows);
    program_free(&p);

    p = RUN("bench", QUICK, "--rounds=6", "--against", " -b 64  --warm-up=1", "-fjson");
    program_expect(&p, 0, "other: vit  -b 64");
    rows = program_json(&p);
    expect_row(rows, "ms/picture", 6);
    json_decref(rows);
    program_free(&p);

    p = RUN("bench", QUICK, "-m", "weights/vit.safetensors", "--rounds=6", "--against=-m " TINY, "--fail-over=5", "-q");
    cr_assert(strstr(p.out, "| slower |") && !strstr(p.out, "Note"), "%s%s", p.out, p.err);
    program_expect(&p, 1, "significantly slower, by more than 5 %");
    program_free(&p);
}

/* A model at another size is another one to measure, and takes longer. */
Test(bench, image_size_is_obeyed_by_all)
{
    char *folder = folder_make(), *path = folder_write(folder, "old.json", "");
    struct program p = RUN("bench", QUICK, "--image-size=96", "--mean=0.5,0.5,0.5", "-fjson", "-o", path);
    program_expect(&p, 0, NULL);
    program_free(&p);
    p = RUN("bench", QUICK, "--compare", path);
    program_expect(&p, 2, "no run has a counterpart");
    program_free(&p);
    p = RUN("bench", QUICK, "--image-size=384", "--mean=0.5,0.5,0.5", "--rounds=6", "--against=--image-size=32", "-q");
    cr_assert(p.status == 0 && strstr(p.out, "| slower |"), "%d\n%s%s", p.status, p.out, p.err);
    program_free(&p);
    free(path);
    folder_remove(folder);
}

Test(bench, turns_that_fail_end_the_comparison)
{
    struct program p = RUN("bench", QUICK, "--rounds=6", "--compare", "/bin/false");
    program_expect(&p, 2, "/bin/false ended with status 1");
    program_free(&p);
    p = RUN("bench", QUICK, "--rounds=6", "--against=-b 1,2");
    program_expect(&p, 2, "2 measurements in place of one");
    program_free(&p);
    p = RUN("bench", QUICK, "--rounds=6", "--against=--nonsense");
    program_expect(&p, 2, "unknown option --nonsense");
    cr_assert(strstr(p.err, "this program ended with status 2"), "%s", p.err);
    program_free(&p);
}

/* What the JSON of an earlier run says of it, with one thing changed, and the same model by another name. */
Test(bench, comparison_tells_other_circumstances)
{
    char *folder = folder_make(), *path = folder_write(folder, "old.json", "");
    struct program p = RUN("bench", "-m", "./" TINY, "--tune=off", "-t1", "-r200", "-fjson", "-o", path, "--no-peak");
    program_expect(&p, 0, NULL);
    program_free(&p);
    p = RUN("bench", QUICK, "--compare", path);
    program_expect(&p, 0, NULL);
    cr_assert(strstr(p.out, "another time") && !strstr(p.out, "other circumstances"), "%s", p.out);
    program_free(&p);

    json_t *runs = json_load_file(path, 0, NULL), *run = json_array_get(runs, 0);
    cr_assert(json_is_number(json_object_get(json_object_get(run, "latency_ms"), "p99")));
    cr_assert(json_is_null(json_object_get(run, "peak_gflops")) && json_is_number(json_object_get(run, "drift")));
    json_object_set_new(run, "cpu", json_string("Raspberry Pi"));
    json_object_set_new(run, "onednn", json_string("1.0"));
    cr_assert_eq(json_dump_file(runs, path, 0), 0);
    json_decref(runs);
    p = RUN("bench", QUICK, "--compare", path);
    program_expect(&p, 0, NULL);
    cr_assert(strstr(p.out, "other circumstances: cpu Raspberry Pi, now "), "%s", p.out);
    cr_assert(strstr(p.out, "; onednn 1.0, now "), "%s", p.out);
    cr_assert_null(strstr(p.out, "isa "), "%s", p.out);
    program_free(&p);
    free(path);
    folder_remove(folder);
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
    REFUSED("options of opening a model go with -m", "--arch", "vit_tiny_patch16_224", "--image-size=64");
    REFUSED("-r and --seconds", "-r1", "--seconds=1");
    REFUSED("--fail-over needs --compare or --against", "--fail-over=5");
    REFUSED("--fail-over -5: expected no less than 0", "--fail-over=-5", "--against=-t1");
    REFUSED("--seconds 0: expected more than 0", "--seconds=0");
    REFUSED("--rounds needs --against", "--rounds=8");
    REFUSED("--rounds 5: 1 rows of a table need 6", "--rounds=5", "--against=-t1");
    REFUSED("--rounds 7: 4 rows of a table need 8", "--rounds=7", "--against=-t1", "-b1,2", "--precision=f32,bf16");
    REFUSED("--profile and --end-to-end", "--profile", "--end-to-end", TINY);
    REFUSED("--profile goes without --streams", "--profile", "--streams=2", "-t2");
    REFUSED("--profile goes without --compare", "--profile", "--against=-t2");
    REFUSED("3 threads cannot be shared equally by 2 streams", "-t2,3", "--streams=2");
    REFUSED("--batch-size 1,,2: expected a whole number", "-b1,,2");
    REFUSED("--precision f32,f16: expected one or some of f32|bf16|bf16x2|auto", "--precision=f32,f16");
    REFUSED("--compare /nonexistent.json", "--compare", "/nonexistent.json");
    REFUSED("no pictures in this folder", "-m", TINY, "--tune=off", "--end-to-end", "tests/containers");
}

Test(bench, help_fits_a_terminal)
{
    struct program p = RUN("bench", "--help");
    program_expect(&p, 0, NULL);
    for (char *line = strtok(p.out, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect(strlen(line) <= 80 && line[strlen(line) - 1] != ' ', "%zu columns: %s", strlen(line), line);
    program_free(&p);
}

Test(bench, unknown_architecture_lists_the_known)
{
    REFUSED("unknown architecture xyzzy", "--arch", "xyzzy");
    REFUSED("\n  vit_base_patch16_224\n", "--arch", "vit_tiny_patch16_224,xyzzy");
    REFUSED("did you mean vit_tiny_patch16_224?", "--arch", "vit_tiny_patch16_244");
}
