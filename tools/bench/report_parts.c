/* report_parts.c: the parts of a batch: the steps of a profile, and the stages from file to answer. */
#include <string.h>

#include "tools/bench/report.h"
#include "tools/output/text.h"

/* ---- Stages ---- */

static const char *const STAGES[VIT_STAGES] = {"decode", "resize", "infer"};

static void put_stage_md(FILE *out, const struct vit_bench_run *run, int stage, double total)
{
    const struct vit_summary *ms = &run->stages_ms[stage];
    if (stage == 0)
        fprintf(out, "\n%s, %s, batch %d, %d threads, streams %d\n\n"
                "As `vit classify` runs it: **%.1f pictures/s**, %.2f ms of CPU time for each "
                "(%zu pictures in %.2f s).\n"
                "One stage after the other, one stream: %.1f pictures/s.\n\n"
                "| stage | n | ms for a picture, mean | min | median | p90 | p99 | share |\n"
                "|---|--:|--:|--:|--:|--:|--:|--:|\n",
                run->model, vit_precision_name(run->precision), run->batch, run->threads, run->streams,
                vit_bench_images_per_s(run), 1e3 * run->cpu_s / (double)run->n_pictures, run->n_pictures, run->wall_s,
                1e3 / total);
    fprintf(out, "| %s | %zu | ", STAGES[stage], ms->n);
    vit_bench_put_ms(out, ms->mean);
    vit_bench_put_ms(out, ms->min);
    vit_bench_put_ms(out, ms->median);
    vit_bench_put_ms(out, vit_bench_quantile(ms, 0.9));
    vit_bench_put_ms(out, vit_bench_quantile(ms, 0.99));
    fprintf(out, "%.1f %% |\n", 100 * ms->mean / total);
}

static void put_stage_csv(FILE *out, const struct vit_bench_run *run, int stage, double total, bool first)
{
    const struct vit_summary *ms = &run->stages_ms[stage];
    if (first)
        fputs(VIT_BENCH_CSV_CONFIGURATION ",stage,n,min_ms,median_ms,p90_ms,p99_ms,mean_ms,"
              "stddev_ms,share,pictures,wall_s,pictures_per_s,cpu_ms_per_picture\n", out);
    vit_bench_put_csv_configuration(out, run);
    fprintf(out, ",%s", STAGES[stage]);
    vit_bench_put_csv_summary(out, ms);
    vit_bench_put_csv_real(out, ms->mean / total);
    fprintf(out, ",%zu", run->n_pictures);
    vit_bench_put_csv_real(out, run->wall_s);
    vit_bench_put_csv_real(out, vit_bench_images_per_s(run));
    vit_bench_put_csv_real(out, 1e3 * run->cpu_s / (double)run->n_pictures);
    putc('\n', out);
}

void vit_bench_report_stages(struct vit_bench_report *report, const struct vit_bench_run *run)
{
    double total = 0;
    for (int i = 0; i < VIT_STAGES; i++)
        total += run->stages_ms[i].mean;
    for (int i = 0; i < VIT_STAGES; i++) {
        bool first = vit_bench_begin_record(report);
        if (report->format == VIT_BENCH_MD) {
            put_stage_md(report->out, run, i, total);
        } else if (report->format == VIT_BENCH_CSV) {
            put_stage_csv(report->out, run, i, total, first);
        } else {
            vit_bench_put_configuration(report->out, run);
            vit_bench_put_text(report->out, "stage", STAGES[i]);
            vit_bench_put_summary(report->out, "picture_ms", &run->stages_ms[i]);
            fprintf(report->out, "\"pictures\":%zu,", run->n_pictures);
            vit_bench_put_real(report->out, "wall_s", run->wall_s);
            vit_bench_put_real(report->out, "pictures_per_s", vit_bench_images_per_s(run));
            vit_bench_put_real(report->out, "cpu_ms_per_picture", 1e3 * run->cpu_s / (double)run->n_pictures);
            vit_bench_put_real(report->out, "other_load", run->other_load);
            fprintf(report->out, "\"share\":%.9g}", run->stages_ms[i].mean / total);
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
    fprintf(out, "\n%s, %s, batch %d, %d threads: %.*f ms for a batch, the mean of %zu",
            run->model, vit_precision_name(run->precision), run->batch, run->threads,
            vit_bench_decimals(1e3 * total), 1e3 * total, run->latency.n);
    if (run->peak.unit_flops > 0)
        fprintf(out, ", %.1f %% of the %.0f GFLOP/s of %s", 100 * run->flops / total / run->peak.unit_flops,
                1e-9 * run->peak.unit_flops, run->peak.unit);
    fputs("\n\n", out);
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
        fputs(VIT_BENCH_CSV_CONFIGURATION ",n,step,op,implementation,ms,gflops,share\n", out);
    vit_bench_put_csv_configuration(out, run);
    fprintf(out, ",%zu,%s,%s,", run->latency.n, step->name, step->op);
    vit_text_field(out, step->implementation, ',');
    fprintf(out, ",%.9g,%.9g,%.9g\n", 1e3 * step->seconds, 1e-9 * step->flops / step->seconds, step->seconds / total);
}

static void put_step_json(FILE *out, const struct vit_bench_run *run, const struct vit_bench_step *step, double total)
{
    vit_bench_put_configuration(out, run);
    fprintf(out, "\"n\":%zu,", run->latency.n);
    vit_bench_put_text(out, "step", step->name);
    vit_bench_put_text(out, "op", step->op);
    vit_bench_put_text(out, "implementation", step->implementation);
    vit_bench_put_real(out, "ms", 1e3 * step->seconds);
    vit_bench_put_real(out, "gflops", 1e-9 * step->flops / step->seconds);
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
        bool first = vit_bench_begin_record(report);
        if (report->format == VIT_BENCH_CSV)
            put_step_csv(report->out, run, &run->steps[i], total, first);
        else
            put_step_json(report->out, run, &run->steps[i], total);
    }
}
