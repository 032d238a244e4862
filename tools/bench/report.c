/* bench_report.c: runs, profiles and stages as Markdown, CSV and JSON. */
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/sysinfo.h"
#include "tools/output/text.h"

const char *vit_bench_precision_name(enum vit_precision precision)
{
    return precision == VIT_PRECISION_BF16 ? "bf16" : precision == VIT_PRECISION_F32 ? "f32" : "auto";
}

/* ---- Fields ---- */

static void put_text(FILE *out, const char *key, const char *value)
{
    fprintf(out, "\"%s\":", key);
    vit_text_json(out, value);
    putc(',', out);
}

static void put_real(FILE *out, const char *key, double value)
{
    fprintf(out, "\"%s\":", key);
    vit_text_json_real(out, value);
    putc(',', out);
}

static void put_summary(FILE *out, const char *key, const struct vit_summary *s)
{
    fprintf(out, "\"%s\":{\"min\":%.9g,\"median\":%.9g,\"p90\":%.9g,\"p99\":%.9g,\"mean\":%.9g,\"stddev\":%.9g},", key,
            s->min, s->median, s->p90, s->p99, s->mean, s->stddev);
}

/* The fields that tell configurations apart. */
static void put_configuration(FILE *out, const struct vit_bench_run *run)
{
    put_text(out, "model", run->model);
    put_text(out, "arch", run->arch);
    fprintf(out, "\"batch\":%d,\"threads\":%d,", run->batch, run->threads);
    put_text(out, "precision", vit_bench_precision_name(run->precision));
}

static void put_csv_configuration(FILE *out, const struct vit_bench_run *run)
{
    vit_text_field(out, run->model, ',');
    putc(',', out);
    vit_text_field(out, run->arch, ',');
    fprintf(out, ",%d,%d,%s,", run->batch, run->threads, vit_bench_precision_name(run->precision));
}

/* ---- Frame ---- */

void vit_bench_report_begin(struct vit_bench_report *report)
{
    char cpu[64], onednn[32];
    report->n = 0;
    if (report->format == VIT_BENCH_JSON)
        fputc('[', report->out);
    else if (report->format == VIT_BENCH_MD)
        fprintf(report->out, "%s, %s, oneDNN %s, vit %s (%s)\n", vit_sysinfo_cpu(cpu), vit_isa(),
                vit_onednn_version(onednn), vit_version(), vit_commit());
}

/* Whether this is the first record; in JSON writes what separates it from the one before. */
static bool begin_record(struct vit_bench_report *report)
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

static double percent_of_peak(const struct vit_bench_run *run)
{
    return 100 * vit_bench_flops_per_s(run) / run->peak_flops;
}

static void put_run_md(FILE *out, const struct vit_bench_run *run, bool first)
{
    const struct vit_summary *l = &run->latency;
    if (first)
        fputs("\n| model | precision | batch | threads | streams | median ms | min | p90 | p99 | mean \u00b1 sd "
              "| images/s | GFLOP/s | % of peak | load ms | first result ms | peak MB |\n"
              "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", out);
    fprintf(out, "| %s | %s | %d | %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f \u00b1 %.2f "
            "| %.1f | %.0f | %.1f | %.0f | %.0f | %.0f |\n",
            run->model, vit_bench_precision_name(run->precision), run->batch, run->threads, run->streams,
            l->median, l->min, l->p90, l->p99, l->mean, l->stddev, vit_bench_images_per_s(run),
            1e-9 * vit_bench_flops_per_s(run), percent_of_peak(run), run->load_ms, run->first_result_ms,
            run->peak_rss_mb);
}

static void put_run_csv(FILE *out, const struct vit_bench_run *run, bool first)
{
    char cpu[64], onednn[32];
    const struct vit_summary *l = &run->latency;
    if (first)
        fputs("model,arch,batch,threads,precision,streams,latency_min_ms,latency_median_ms,latency_p90_ms,"
              "latency_p99_ms,latency_mean_ms,latency_stddev_ms,images_per_s,gflops,peak_gflops,percent_of_peak,"
              "load_ms,first_result_ms,peak_rss_mb,cpu,isa,onednn,commit\n", out);
    put_csv_configuration(out, run);
    fprintf(out, "%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,", run->streams, l->min, l->median, l->p90, l->p99, l->mean,
            l->stddev);
    fprintf(out, "%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,", vit_bench_images_per_s(run), 1e-9 * vit_bench_flops_per_s(run),
            1e-9 * run->peak_flops, percent_of_peak(run), run->load_ms, run->first_result_ms, run->peak_rss_mb);
    vit_text_field(out, vit_sysinfo_cpu(cpu), ',');
    fprintf(out, ",%s,%s,%s\n", vit_isa(), vit_onednn_version(onednn), vit_commit());
}

static void put_run_json(FILE *out, const struct vit_bench_run *run)
{
    char cpu[64], onednn[32];
    put_configuration(out, run);
    fprintf(out, "\"streams\":%d,", run->streams);
    put_summary(out, "latency_ms", &run->latency);
    put_real(out, "images_per_s", vit_bench_images_per_s(run));
    put_real(out, "gflops", 1e-9 * vit_bench_flops_per_s(run));
    put_real(out, "peak_gflops", 1e-9 * run->peak_flops);
    put_real(out, "percent_of_peak", percent_of_peak(run));
    put_real(out, "load_ms", run->load_ms);
    put_real(out, "first_result_ms", run->first_result_ms);
    put_real(out, "peak_rss_mb", run->peak_rss_mb);
    fputs("\"samples_ms\":", out);
    for (size_t i = 0; i < run->n; i++)
        fprintf(out, "%c%.9g", i ? ',' : '[', run->samples_ms[i]);
    fputs("],", out);
    put_text(out, "cpu", vit_sysinfo_cpu(cpu));
    put_text(out, "isa", vit_isa());
    put_text(out, "onednn", vit_onednn_version(onednn));
    fputs("\"commit\":", out);
    vit_text_json(out, vit_commit());
    putc('}', out);
}

void vit_bench_report_run(struct vit_bench_report *report, const struct vit_bench_run *run)
{
    bool first = begin_record(report);
    switch (report->format) {
    case VIT_BENCH_MD: put_run_md(report->out, run, first); break;
    case VIT_BENCH_CSV: put_run_csv(report->out, run, first); break;
    case VIT_BENCH_JSON: put_run_json(report->out, run); break;
    }
}

/* ---- Stages ---- */

static const char *const STAGES[VIT_STAGES] = {"decode", "resize", "infer"};

static void put_stage_md(FILE *out, const struct vit_bench_run *run, int stage, double total)
{
    const struct vit_summary *ms = &run->stages_ms[stage];
    if (stage == 0)
        fprintf(out, "\n%s, %s, batch %d, %d threads: %.1f pictures/s one stage after the other (%d pictures)\n\n"
                "| stage | ms for a picture, mean | min | median | p90 | p99 | share |\n"
                "|---|--:|--:|--:|--:|--:|--:|\n",
                run->model, vit_bench_precision_name(run->precision), run->batch, run->threads, 1e3 / total,
                run->n_pictures);
    fprintf(out, "| %s | %.3f | %.3f | %.3f | %.3f | %.3f | %.1f %% |\n", STAGES[stage], ms->mean, ms->min, ms->median,
            ms->p90, ms->p99, 100 * ms->mean / total);
}

static void put_stage_csv(FILE *out, const struct vit_bench_run *run, int stage, double total, bool first)
{
    const struct vit_summary *ms = &run->stages_ms[stage];
    if (first)
        fputs("model,arch,batch,threads,precision,stage,pictures,min_ms,median_ms,p90_ms,p99_ms,mean_ms,stddev_ms,"
              "share\n", out);
    put_csv_configuration(out, run);
    fprintf(out, "%s,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", STAGES[stage], run->n_pictures, ms->min, ms->median,
            ms->p90, ms->p99, ms->mean, ms->stddev, ms->mean / total);
}

void vit_bench_report_stages(struct vit_bench_report *report, const struct vit_bench_run *run)
{
    double total = 0;
    for (int i = 0; i < VIT_STAGES; i++)
        total += run->stages_ms[i].mean;
    for (int i = 0; i < VIT_STAGES; i++) {
        bool first = begin_record(report);
        if (report->format == VIT_BENCH_MD) {
            put_stage_md(report->out, run, i, total);
        } else if (report->format == VIT_BENCH_CSV) {
            put_stage_csv(report->out, run, i, total, first);
        } else {
            put_configuration(report->out, run);
            put_text(report->out, "stage", STAGES[i]);
            put_summary(report->out, "picture_ms", &run->stages_ms[i]);
            fprintf(report->out, "\"pictures\":%d,\"share\":%.9g}", run->n_pictures, run->stages_ms[i].mean / total);
        }
    }
}

/* ---- Profiles ---- */

/* A step's name with the block's number taken out: what the steps of one kind share. */
static void kind_of(char kind[64], const struct vit_bench_step *step)
{
    size_t block = strncmp(step->name, "blocks.", 7) == 0 ? 7 : 0, digits = strspn(step->name + block, "0123456789");
    snprintf(kind, 64, block ? "blocks.*%s" : "%s", step->name + (block ? block + digits : 0));
}

static void put_step_md(FILE *out, const char *name, const struct vit_bench_step *step, double total)
{
    fprintf(out, "| %s | %s | %.4f | %.1f | %.2f %% |\n", name, step->implementation, 1e3 * step->seconds,
            1e-9 * step->flops / step->seconds, 100 * step->seconds / total);
}

/* The steps of each kind added up, in the order of their first; the implementation of the first, marked where others
 * of the kind differ. */
static void put_kinds_md(FILE *out, const struct vit_bench_run *run, double total)
{
    char kind[64], other[64];
    for (int i = 0; i < run->n_steps; i++) {
        struct vit_bench_step sum = run->steps[i];
        const char *implementation = run->steps[i].implementation;
        bool is_first = true;
        kind_of(kind, &run->steps[i]);
        for (int j = 0; j < run->n_steps && is_first; j++) {
            kind_of(other, &run->steps[j]);
            if (strcmp(kind, other) != 0 || j == i)
                continue;
            is_first = j > i;
            sum.seconds += run->steps[j].seconds;
            sum.flops += run->steps[j].flops;
            if (strcmp(run->steps[j].implementation, implementation) != 0)
                snprintf(sum.implementation, sizeof sum.implementation, "%.80s and others", implementation);
        }
        if (is_first)
            put_step_md(out, kind, &sum, total);
    }
}

static void put_profile_md(FILE *out, const struct vit_bench_run *run, double total)
{
    struct vit_bench_step sum = {.implementation = "", .flops = run->flops, .seconds = total};
    fprintf(out, "\n%s, %s, batch %d, %d threads: %.3f ms for a batch, %.1f %% of the machine's %.0f GFLOP/s\n\n",
            run->model, vit_bench_precision_name(run->precision), run->batch, run->threads, 1e3 * total,
            100 * run->flops / total / run->peak_flops, 1e-9 * run->peak_flops);
    const char *header = "| %s | implementation | ms | GFLOP/s | share |\n|---|---|--:|--:|--:|\n";
    fprintf(out, header, "kind of step");
    put_kinds_md(out, run, total);
    put_step_md(out, "total", &sum, total);
    putc('\n', out);
    fprintf(out, header, "step");
    for (int i = 0; i < run->n_steps; i++)
        put_step_md(out, run->steps[i].name, &run->steps[i], total);
}

static void put_step_csv(FILE *out, const struct vit_bench_run *run, const struct vit_bench_step *step, double total,
                         bool first)
{
    if (first)
        fputs("model,arch,batch,threads,precision,step,op,implementation,ms,gflops,share\n", out);
    put_csv_configuration(out, run);
    fprintf(out, "%s,%s,", step->name, step->op);
    vit_text_field(out, step->implementation, ',');
    fprintf(out, ",%.9g,%.9g,%.9g\n", 1e3 * step->seconds, 1e-9 * step->flops / step->seconds, step->seconds / total);
}

static void put_step_json(FILE *out, const struct vit_bench_run *run, const struct vit_bench_step *step, double total)
{
    put_configuration(out, run);
    put_text(out, "step", step->name);
    put_text(out, "op", step->op);
    put_text(out, "implementation", step->implementation);
    put_real(out, "ms", 1e3 * step->seconds);
    put_real(out, "gflops", 1e-9 * step->flops / step->seconds);
    fprintf(out, "\"share\":%.9g}", step->seconds / total);
}

void vit_bench_report_profile(struct vit_bench_report *report, const struct vit_bench_run *run)
{
    double total = 0;
    for (int i = 0; i < run->n_steps; i++)
        total += run->steps[i].seconds;
    if (report->format == VIT_BENCH_MD)
        put_profile_md(report->out, run, total);
    for (int i = 0; i < run->n_steps && report->format != VIT_BENCH_MD; i++) {
        bool first = begin_record(report);
        if (report->format == VIT_BENCH_CSV)
            put_step_csv(report->out, run, &run->steps[i], total, first);
        else
            put_step_json(report->out, run, &run->steps[i], total);
    }
}
