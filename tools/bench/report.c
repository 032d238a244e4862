/* report.c: the frame of a report, its runs and its notes. */
#include "tools/bench/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/surroundings.h"
#include "tools/output/messages.h"
#include "tools/output/text.h"

const char *vit_bench_tune_name(enum vit_tune tune)
{
    return tune == VIT_TUNE_OFF ? "off" : tune == VIT_TUNE_ON ? "on" : "force";
}

/* ---- Fields ---- */

double vit_bench_quantile(const struct vit_summary *s, double q)
{
    return !vit_stats_has_quantile(s->n, q) ? NAN : q == 0.9 ? s->p90 : s->p99;
}

int vit_bench_decimals(double ms)
{
    return ms >= 10 || !(ms > 0) ? 2 : (int)fmin(2 - floor(log10(ms)), 6);
}

void vit_bench_put_ms(FILE *out, double ms)
{
    if (isfinite(ms))
        fprintf(out, "%.*f | ", vit_bench_decimals(ms), ms);
    else
        fputs("- | ", out);
}

void vit_bench_put_text(FILE *out, const char *key, const char *value)
{
    fprintf(out, "\"%s\":", key);
    vit_text_json(out, value);
    putc(',', out);
}

void vit_bench_put_real(FILE *out, const char *key, double value)
{
    fprintf(out, "\"%s\":", key);
    vit_text_json_real(out, value);
    putc(',', out);
}

void vit_bench_put_csv_real(FILE *out, double value)
{
    fprintf(out, isfinite(value) ? ",%.9g" : ",", value);
}

void vit_bench_put_summary(FILE *out, const char *key, const struct vit_summary *s)
{
    fprintf(out, "\"n\":%zu,\"%s\":{", s->n, key);
    vit_bench_put_real(out, "min", s->min);
    vit_bench_put_real(out, "median", s->median);
    vit_bench_put_real(out, "p90", vit_bench_quantile(s, 0.9));
    vit_bench_put_real(out, "p99", vit_bench_quantile(s, 0.99));
    vit_bench_put_real(out, "mean", s->mean);
    fprintf(out, "\"stddev\":%.9g},", s->stddev);
}

void vit_bench_put_csv_summary(FILE *out, const struct vit_summary *s)
{
    fprintf(out, ",%zu", s->n);
    vit_bench_put_csv_real(out, s->min);
    vit_bench_put_csv_real(out, s->median);
    vit_bench_put_csv_real(out, vit_bench_quantile(s, 0.9));
    vit_bench_put_csv_real(out, vit_bench_quantile(s, 0.99));
    vit_bench_put_csv_real(out, s->mean);
    vit_bench_put_csv_real(out, s->stddev);
}

void vit_bench_put_name(FILE *out, const struct vit_bench_run *run)
{
    fprintf(out, "| %s | %s | %d | %d | %d | ", run->model, vit_precision_name(run->precision), run->batch,
            run->threads, run->streams);
}

void vit_bench_put_configuration(FILE *out, const struct vit_bench_run *run)
{
    vit_bench_put_text(out, "model", run->model);
    vit_bench_put_text(out, "arch", run->arch);
    if (run->image_size)
        fprintf(out, "\"image_size\":%d,", run->image_size);
    fprintf(out, "\"batch\":%d,\"threads\":%d,", run->batch, run->threads);
    vit_bench_put_text(out, "precision", vit_precision_name(run->precision));
    vit_bench_put_text(out, "tune", vit_bench_tune_name(run->tune));
    fprintf(out, "\"streams\":%d,", run->streams);
}

void vit_bench_put_csv_configuration(FILE *out, const struct vit_bench_run *run)
{
    vit_text_field(out, run->model, ',');
    putc(',', out);
    vit_text_field(out, run->arch, ',');
    putc(',', out);
    if (run->image_size)
        fprintf(out, "%d", run->image_size);
    fprintf(out, ",%d,%d,%s,%s,%d", run->batch, run->threads, vit_precision_name(run->precision),
            vit_bench_tune_name(run->tune), run->streams);
}

/* ---- Frame ---- */

void vit_bench_report_begin(struct vit_bench_report *report)
{
    char cpu[64], cpus[64], governor[32], onednn[32];
    report->n = 0;
    if (report->format == VIT_BENCH_JSON)
        fputc('[', report->out);
    if (report->format != VIT_BENCH_MD)
        return;
    vit_machine_cpu(cpu);
    fprintf(report->out, "%s, %s, CPUs %s", cpu, vit_isa(), vit_surroundings_cpus(cpus));
    if (vit_surroundings_governor(governor, NULL)[0])
        fprintf(report->out, ", governor %s", governor);
    fprintf(report->out, "\noneDNN %s, tune %s, vit %s (%s)\n", vit_onednn_version(onednn),
            vit_bench_tune_name(report->tune), vit_version(), vit_commit());
}

bool vit_bench_begin_record(struct vit_bench_report *report)
{
    if (report->format == VIT_BENCH_JSON)
        fputs(report->n ? ",\n{" : "\n{", report->out);
    return report->n++ == 0;
}

void vit_bench_report_end(struct vit_bench_report *report)
{
    if (report->format == VIT_BENCH_JSON)
        fputs("\n]\n", report->out);
}

/* ---- Runs ---- */

static double cpu_ms_per_image(const struct vit_bench_run *run)
{
    return 1e3 * run->cpu_s / (double)run->n_pictures;
}

/* What is 0 was not measured: it is left out. */
static double positive(double value)
{
    return value > 0 ? value : NAN;
}

static double percent_of_peak(const struct vit_bench_run *run)
{
    return 100 * vit_bench_flops_per_s(run) / positive(run->peak.unit_flops);
}

static void put_run_md(FILE *out, const struct vit_bench_run *run, bool first)
{
    const struct vit_summary *l = &run->latency;
    if (first)
        fputs("\nLatency of a batch; pictures by the clock on the wall.\n\n"
              "| model | precision | batch | threads | streams | n | median ms | min | p90 | p99 | mean \u00b1 sd "
              "| images/s | CPU ms/image | GFLOP/s | % of peak |\n"
              "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", out);
    vit_bench_put_name(out, run);
    fprintf(out, "%zu | ", l->n);
    vit_bench_put_ms(out, l->median);
    vit_bench_put_ms(out, l->min);
    vit_bench_put_ms(out, vit_bench_quantile(l, 0.9));
    vit_bench_put_ms(out, vit_bench_quantile(l, 0.99));
    int decimals = vit_bench_decimals(l->mean);
    fprintf(out, "%.*f \u00b1 %.*f | %.1f | ", decimals, l->mean, decimals, l->stddev, vit_bench_images_per_s(run));
    vit_bench_put_ms(out, cpu_ms_per_image(run));
    fprintf(out, "%.0f | ", 1e-9 * vit_bench_flops_per_s(run));
    fprintf(out, run->peak.unit_flops > 0 ? "%.1f |\n" : "- |\n", percent_of_peak(run));
}

static void put_run_csv(FILE *out, const struct vit_bench_run *run, bool first)
{
    char cpu[64], cpus[64], governor[32], onednn[32];
    if (first)
        fputs(VIT_BENCH_CSV_CONFIGURATION ",n,latency_min_ms,latency_median_ms,latency_p90_ms,"
              "latency_p99_ms,latency_mean_ms,latency_stddev_ms,images_per_s,cpu_ms_per_image,gflops,peak_gflops,"
              "percent_of_peak,gemm_gflops,open_ms,prepare_ms,first_result_ms,rss_mb,peak_rss_mb,wall_s,other_load,"
              "drift,mhz,peak_unit,cpu,cpus,governor,isa,onednn,commit\n", out);
    vit_bench_put_csv_configuration(out, run);
    vit_bench_put_csv_summary(out, &run->latency);
    const double values[] = {
        vit_bench_images_per_s(run), cpu_ms_per_image(run), 1e-9 * vit_bench_flops_per_s(run),
        1e-9 * positive(run->peak.unit_flops), percent_of_peak(run), 1e-9 * positive(run->peak.gemm_flops),
        run->open_ms, run->prepare_ms, run->first_result_ms, run->rss_mb, run->peak_rss_mb, run->wall_s, run->other_load,
        positive(run->drift.value), positive(run->mhz[1])};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        vit_bench_put_csv_real(out, values[i]);
    fprintf(out, ",%s,", run->peak.unit ? run->peak.unit : "");
    vit_machine_cpu(cpu);
    vit_text_field(out, cpu, ',');
    putc(',', out);
    vit_text_field(out, vit_surroundings_cpus(cpus), ',');
    fprintf(out, ",%s,%s,%s,%s\n", vit_surroundings_governor(governor, NULL), vit_isa(), vit_onednn_version(onednn),
            vit_commit());
}

static void put_run_json(FILE *out, const struct vit_bench_run *run)
{
    char cpu[64], cpus[64], governor[32], onednn[32];
    vit_bench_put_configuration(out, run);
    vit_bench_put_summary(out, "latency_ms", &run->latency);
    vit_bench_put_real(out, "images_per_s", vit_bench_images_per_s(run));
    vit_bench_put_real(out, "cpu_ms_per_image", cpu_ms_per_image(run));
    vit_bench_put_real(out, "gflops", 1e-9 * vit_bench_flops_per_s(run));
    vit_bench_put_text(out, "peak_unit", run->peak.unit ? run->peak.unit : "");
    vit_bench_put_real(out, "peak_gflops", 1e-9 * positive(run->peak.unit_flops));
    vit_bench_put_real(out, "percent_of_peak", percent_of_peak(run));
    vit_bench_put_real(out, "gemm_gflops", 1e-9 * positive(run->peak.gemm_flops));
    vit_bench_put_real(out, "open_ms", run->open_ms);
    vit_bench_put_real(out, "prepare_ms", run->prepare_ms);
    vit_bench_put_real(out, "first_result_ms", run->first_result_ms);
    vit_bench_put_real(out, "rss_mb", run->rss_mb);
    vit_bench_put_real(out, "peak_rss_mb", run->peak_rss_mb);
    vit_bench_put_real(out, "wall_s", run->wall_s);
    vit_bench_put_real(out, "other_load", run->other_load);
    vit_bench_put_real(out, "drift", positive(run->drift.value));
    vit_bench_put_real(out, "mhz", positive(run->mhz[1]));
    fputs("\"samples_ms\":", out);
    for (size_t i = 0; i < run->latency.n; i++)
        fprintf(out, "%c%.9g", i ? ',' : '[', run->samples_ms[i]);
    fputs("],", out);
    vit_machine_cpu(cpu);
    vit_bench_put_text(out, "cpu", cpu);
    vit_bench_put_text(out, "cpus", vit_surroundings_cpus(cpus));
    vit_bench_put_text(out, "governor", vit_surroundings_governor(governor, NULL));
    vit_bench_put_text(out, "isa", vit_isa());
    vit_bench_put_text(out, "onednn", vit_onednn_version(onednn));
    fputs("\"commit\":", out);
    vit_text_json(out, vit_commit());
    putc('}', out);
}

json_t *vit_bench_run_json(const struct vit_bench_run *run)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    putc('{', out);
    put_run_json(out, run);
    json_t *json = fclose(out) == 0 ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return json;
}

void vit_bench_report_run(struct vit_bench_report *report, const struct vit_bench_run *run)
{
    bool first = vit_bench_begin_record(report);
    switch (report->format) {
    case VIT_BENCH_MD: put_run_md(report->out, run, first); break;
    case VIT_BENCH_CSV: put_run_csv(report->out, run, first); break;
    case VIT_BENCH_JSON: put_run_json(report->out, run); break;
    }
}

/* Each precision and number of threads once. */
void vit_bench_report_peaks(const struct vit_bench_report *report, const struct vit_bench_run *runs, int n)
{
    if (report->format != VIT_BENCH_MD || n == 0 || !runs[0].peak.unit)
        return;
    fputs("\nThe peak: what the CPU's units do with nothing to wait for; oneDNN's best product beside it.\n\n"
          "| precision | threads | units | GFLOP/s | oneDNN | % of peak |\n|---|--:|---|--:|--:|--:|\n", report->out);
    for (int i = 0; i < n; i++) {
        const struct vit_bench_peak *peak = &runs[i].peak;
        bool told = false;
        for (int j = 0; j < i; j++)
            told = told || (runs[j].precision == runs[i].precision && runs[j].threads == runs[i].threads);
        if (!told)
            fprintf(report->out, "| %s | %d | %s | %.0f | %.0f | %.1f |\n", vit_precision_name(runs[i].precision),
                    runs[i].threads, peak->unit, 1e-9 * peak->unit_flops, 1e-9 * peak->gemm_flops,
                    100 * peak->gemm_flops / peak->unit_flops);
    }
}

void vit_bench_report_starts(const struct vit_bench_report *report, const struct vit_bench_run *runs, int n)
{
    if (report->format != VIT_BENCH_MD || n == 0)
        return;
    fputs("\nThe start, and memory.\n\n"
          "| model | precision | batch | threads | streams | open ms | tune and prepare ms | first result ms | MB "
          "| peak MB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n", report->out);
    for (int i = 0; i < n; i++) {
        vit_bench_put_name(report->out, &runs[i]);
        vit_bench_put_ms(report->out, runs[i].open_ms);
        vit_bench_put_ms(report->out, runs[i].prepare_ms);
        vit_bench_put_ms(report->out, runs[i].first_result_ms);
        fprintf(report->out, "%.0f | %.0f |\n", runs[i].rss_mb, runs[i].peak_rss_mb);
    }
}

/* ---- Notes ---- */

static const double BUSY = 0.1, DRIFTING = 0.05; /* shares that are worth a word */

void vit_bench_note(const struct vit_bench_report *report, const char *format, ...)
{
    va_list args;
    char *message;
    va_start(args, format);
    int length = report->quiet ? -1 : vasprintf(&message, format, args);
    va_end(args);
    if (length < 0)
        return;
    if (report->format == VIT_BENCH_MD)
        fprintf(report->out, "\nNote: %s.\n", message);
    else
        vit_say("note: %s", message);
    free(message);
}

void vit_bench_report_notes(const struct vit_bench_report *report, const struct vit_bench_run *run)
{
    char name[400];
    snprintf(name, sizeof name, "%s, %s, batch %d, threads %d, streams %d", run->model,
             vit_precision_name(run->precision), run->batch, run->threads, run->streams);
    if (run->other_load > BUSY)
        vit_bench_note(report, "%s: the machine was busy: %.0f %% of the CPUs' time went to others", name,
                       100 * run->other_load);
    if (run->drift.low > 1 + DRIFTING || (run->drift.value > 0 && run->drift.high < 1 - DRIFTING))
        vit_bench_note(report, "%s: no steady state: the last third took %.2f times as long as the first "
                       "(95 %% interval %.2f .. %.2f)", name, run->drift.value, run->drift.low, run->drift.high);
    if (run->mhz[0] > 0 && fabs(run->mhz[1] / run->mhz[0] - 1) > DRIFTING)
        vit_bench_note(report, "%s: the CPU's frequency went from %.0f to %.0f MHz", name, run->mhz[0], run->mhz[1]);
    if (run->full)
        vit_bench_note(report, "%s: ended before its time, after %zu samples, which is as many as are kept", name,
                       run->latency.n);
}
