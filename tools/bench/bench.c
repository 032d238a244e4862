/* bench.c: `vit bench`: which configurations, one after the other, and what becomes of the results. */
#include "tools/bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/compare.h"
#include "tools/bench/engine.h"
#include "tools/bench/measure.h"
#include "tools/bench/plot.h"
#include "tools/bench/rounds.h"
#include "tools/bench/surroundings.h"
#include "tools/common/commands.h"
#include "tools/common/environment.h"
#include "tools/common/locate.h"
#include "tools/common/nearest.h"
#include "tools/common/stop.h"
#include "tools/output/messages.h"
#include "tools/output/output.h"

struct job {
    struct vit_options options; /* every list filled */
    bool in_turn;               /* with another program or other settings */
    json_t *old;                /* what --compare names, when that is the JSON of an earlier run */
    struct vit_output output;
    struct vit_bench_report report;
    int n;
    struct vit_bench_run *runs; /* (n) */
    int n_rows;                 /* of a comparison in turn */
    struct vit_progress progress;
    bool failed;                /* a demanded check did */
};

/* ---- Options ---- */

/* Cuts the first of names between commas off; NULL when *rest is NULL or memory ran out. The caller frees it. */
static char *next_name(const char **rest)
{
    if (!*rest)
        return NULL;
    size_t length = strcspn(*rest, ",");
    char *name = strndup(*rest, length);
    *rest = (*rest)[length] ? *rest + length + 1 : NULL;
    return name;
}

static vit_status refuse_arch(const char *name, struct vit_error *err)
{
    struct vit_nearest nearest = {.word = name};
    fputs("vit: known architectures:\n", stderr);
    for (int i = 0; i < vit_arch_count(); i++) {
        fprintf(stderr, "  %s\n", vit_arch_name(i));
        vit_nearest_offer(&nearest, vit_arch_name(i));
    }
    if (!nearest.best)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--arch: unknown architecture %s", name);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "--arch: unknown architecture %s; did you mean %s?", name, nearest.best);
}

static vit_status check_archs(const char *archs, struct vit_error *err)
{
    struct vit_config config;
    vit_status status = VIT_OK;
    for (char *name; status == VIT_OK && (name = next_name(&archs)); free(name))
        if (!vit_arch_find(&config, name))
            status = refuse_arch(name, err);
    return status;
}

static int count_configurations(const struct vit_options *o)
{
    int n = o->precisions.n * o->batches.n * o->thread_counts.n * o->stream_counts.n;
    for (const char *comma = o->archs; comma && (comma = strchr(comma, ',')); comma++)
        n += o->precisions.n * o->batches.n * o->thread_counts.n * o->stream_counts.n;
    return n;
}

static bool is_in_turn(const struct vit_options *o)
{
    return o->against || (o->compare && !vit_bench_is_json(o->compare) && access(o->compare, X_OK) == 0);
}

/* The rounds that count and the one before them, for both sides. */
static size_t count_turns(const struct vit_options *o)
{
    return 2 * (size_t)(1 + vit_bench_n_rounds(o)) * (size_t)count_configurations(o);
}

static vit_status check_comparison(const struct vit_options *o, struct vit_error *err)
{
    if (isfinite(o->fail_over) && !(o->fail_over >= 0))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--fail-over %g: expected no less than 0", o->fail_over);
    if (isfinite(o->fail_over) && !o->compare && !o->against)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--fail-over needs --compare or --against");
    if (o->compare && o->against && vit_bench_is_json(o->compare))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--against needs a program in --compare, not a saved run");
    if (o->rounds && !is_in_turn(o))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--rounds needs --against, or --compare PROGRAM");
    if (!is_in_turn(o))
        return VIT_OK;
    if (o->plot)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--plot shows no rounds; it goes without --against");
    int rows = count_configurations(o), needed = vit_stats_rounds_needed(VIT_BENCH_ERROR / rows);
    if (o->rounds && o->rounds < needed)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--rounds %d: %d rows of a table need %d to tell anything",
                        o->rounds, rows, needed);
    return VIT_OK;
}

static vit_status check_options(const struct vit_options *o, struct vit_error *err)
{
    if (o->n_args > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: bench takes options only; name a model with -m", o->args[0]);
    if (o->model && o->archs)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-m and --arch: give one of them");
    const struct vit_model_options *open = &o->open;
    if (o->archs && (open->image_size || open->head || open->labels || open->classes || open->n_templates ||
                     open->text_embeddings || open->interpolation || open->crop_pct != 0 || open->crop_mode ||
                     open->mean || open->std))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--arch: options of opening a model go with -m");
    if (isfinite(o->seconds) && !(o->seconds > 0))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--seconds %g: expected more than 0", o->seconds);
    if (o->repetitions && isfinite(o->seconds))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-r and --seconds: give one of them");
    if (o->profile && o->end_to_end)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--profile and --end-to-end: give one of them");
    if ((o->profile || o->end_to_end) && (o->compare || o->against || o->plot))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s goes without --compare, --against and --plot",
                        o->profile ? "--profile" : "--end-to-end");
    if (o->profile && (o->stream_counts.n > 1 || o->stream_counts.values[0] > 1))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--profile goes without --streams");
    VIT_TRY(check_comparison(o, err));
    for (int s = 0; s < o->stream_counts.n; s++)
        for (int t = 0; t < o->thread_counts.n; t++)
            if (o->thread_counts.values[t] % o->stream_counts.values[s] != 0)
                return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads cannot be shared equally by %d streams",
                                o->thread_counts.values[t], o->stream_counts.values[s]);
    return VIT_OK;
}

static void fill_list(struct vit_list *list, int value)
{
    if (list->n == 0)
        *list = (struct vit_list){1, {value}};
}

static vit_status prepare(struct job *job, const struct vit_options *options, struct vit_error *err)
{
    job->options = *options;
    struct vit_session_options session = vit_session_options_default();
    VIT_TRY(vit_environment_model(&job->options.open, options, err));
    VIT_TRY(vit_environment_session(&session, err));
    fill_list(&job->options.batches, 1);
    fill_list(&job->options.thread_counts, session.threads ? session.threads : vit_default_threads());
    fill_list(&job->options.precisions, VIT_PRECISION_F32);
    fill_list(&job->options.stream_counts, 1);
    VIT_TRY(check_options(&job->options, err));
    VIT_TRY(check_archs(options->archs, err));
    job->in_turn = is_in_turn(options);
    if (options->compare && !job->in_turn)
        VIT_TRY(vit_bench_compare_load(&job->old, options->compare, err));
    return vit_output_open(&job->output, options->output, err);
}

/* ---- One model ---- */

static vit_status keep_run(struct job *job, const struct vit_bench_run *run, struct vit_error *err)
{
    struct vit_bench_run *grown = realloc(job->runs, (size_t)(job->n + 1) * sizeof *grown);
    if (!grown)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d runs", job->n + 1);
    job->runs = grown;
    job->runs[job->n++] = *run;
    return VIT_OK;
}

/* The yardstick of an earlier run with the same threads and precision, else a new one. */
static vit_status find_peak(const struct job *job, struct vit_bench_run *run, struct vit_error *err)
{
    for (int i = 0; i < job->n && !run->peak.unit; i++)
        if (job->runs[i].threads == run->threads && job->runs[i].precision == run->precision)
            run->peak = job->runs[i].peak;
    return run->peak.unit || job->options.no_peak ? VIT_OK : vit_bench_measure_peak(run, err);
}

/* What both sides are, once they have said it themselves. */
static void note_sides(struct job *job, const json_t *facts)
{
    static const char *const sides[] = {"this", "other"};
    for (size_t s = 0; s < 2; s++) {
        const json_t *entry = json_array_get(facts, s);
        const char *program = s == 1 && job->options.compare ? job->options.compare : "vit";
        const char *against = s == 1 && job->options.against ? job->options.against : "";
        const char *commit = json_string_value(json_object_get(entry, "commit"));
        const char *onednn = json_string_value(json_object_get(entry, "onednn"));
        const char *isa = json_string_value(json_object_get(entry, "isa"));
        vit_bench_note(&job->report, "%s: %s%s%s (commit %s, oneDNN %s, %s)", sides[s], program, *against ? " " : "",
                       against, commit ? commit : "unknown", onednn ? onednn : "unknown", isa ? isa : "unknown");
    }
}

static vit_status run_in_turn(struct job *job, const struct vit_bench_subject *subject,
                              struct vit_bench_run *run, struct vit_error *err)
{
    struct vit_bench_row row;
    json_t *facts;
    VIT_TRY(vit_bench_rounds(&row, &facts, run, subject, &job->options,
                             VIT_BENCH_ERROR / count_configurations(&job->options), &job->progress, err));
    vit_progress_clear(&job->progress);
    const char *arch = json_string_value(json_object_get(json_array_get(facts, 0), "arch"));
    snprintf(run->arch, sizeof run->arch, "%s", arch ? arch : "");
    vit_bench_report_row(&job->report, &row);
    job->failed = job->failed || vit_bench_row_fails(&row, job->options.fail_over);
    if (++job->n_rows == count_configurations(&job->options))
        note_sides(job, facts);
    json_decref(facts);
    return VIT_OK;
}

static vit_status run_one(struct job *job, const struct vit_bench_subject *subject, struct vit_bench_run *run,
                          struct vit_error *err)
{
    if (job->in_turn) {
        VIT_TRY(run_in_turn(job, subject, run, err));
    } else if (job->options.end_to_end) {
        VIT_TRY(vit_bench_measure_stages(run, subject, &job->options, err));
        vit_bench_report_stages(&job->report, run);
        vit_bench_report_notes(&job->report, run);
    } else {
        VIT_TRY(vit_bench_measure(run, subject, &job->options, err));
        vit_status status = find_peak(job, run, err);
        if (status == VIT_OK)
            status = keep_run(job, run, err);
        if (status != VIT_OK) {
            vit_bench_run_free(run);
            return status;
        }
        (job->options.profile ? vit_bench_report_profile : vit_bench_report_run)(&job->report, run);
    }
    return vit_output_flush(&job->output, err);
}

static vit_status run_configurations(struct job *job, const struct vit_bench_subject *subject, struct vit_error *err)
{
    const struct vit_options *o = &job->options;
    const struct vit_list *lists[] = {&o->precisions, &o->batches, &o->thread_counts, &o->stream_counts};
    int n = lists[0]->n * lists[1]->n * lists[2]->n * lists[3]->n;
    for (int i = 0; i < n && !vit_stop_requested(); i++) {
        int chosen[4];
        for (int k = 3, rest = i; k >= 0; rest /= lists[k]->n, k--)
            chosen[k] = lists[k]->values[rest % lists[k]->n];
        struct vit_bench_run run = {
            .precision = (enum vit_precision)chosen[0], .batch = chosen[1], .threads = chosen[2], .streams = chosen[3],
            .tune = (enum vit_tune)o->tune};
        snprintf(run.model, sizeof run.model, "%s", subject->name);
        vit_status status = run_one(job, subject, &run, err);
        if (status != VIT_OK)
            return vit_context(err, status, "%s, %s, batch %d, threads %d, streams %d", subject->name,
                               vit_precision_name((enum vit_precision)chosen[0]), chosen[1], chosen[2],
                               chosen[3]);
    }
    return VIT_OK;
}

/* Takes name and path over. */
static vit_status run_subject(struct job *job, char *name, char *path, struct vit_error *err)
{
    struct vit_bench_subject subject = {.name = name, .path = path, .open = &job->options.open};
    vit_status status = name ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (status == VIT_OK && !job->in_turn)
        status = vit_bench_reference(&subject, job->options.thread_counts.values[0], err);
    if (status == VIT_OK)
        status = run_configurations(job, &subject, err);
    vit_bench_subject_free(&subject);
    return status;
}

/* ---- All models ---- */

/* A model that was not named is called by its file's name, which is the same wherever vit lies. */
static vit_status run_model(struct job *job, struct vit_error *err)
{
    char *path;
    VIT_TRY(vit_locate_model(&path, job->options.model, err));
    const char *slash = strrchr(path, '/');
    const char *name = job->options.model ? job->options.model : slash ? slash + 1 : path;
    return run_subject(job, strdup(name), path, err);
}

static vit_status run_models(struct job *job, struct vit_error *err)
{
    const char *rest = job->options.archs;
    if (!rest)
        return run_model(job, err);
    while (rest && !vit_stop_requested())
        VIT_TRY(run_subject(job, next_name(&rest), NULL, err));
    return VIT_OK;
}

static vit_status run(struct job *job, struct vit_error *err)
{
    const struct vit_options *o = &job->options;
    job->report = (struct vit_bench_report){.out = job->output.text, .format = o->format, .quiet = o->quiet,
                                           .tune = (enum vit_tune)o->tune};
    vit_bench_report_begin(&job->report);
    if (job->in_turn)
        vit_progress_start(&job->progress, count_turns(o), job->output.fd, o->quiet);
    VIT_TRY(run_models(job, err));
    vit_bench_report_end(&job->report);
    if (!o->profile) {
        vit_bench_report_peaks(&job->report, job->runs, job->n);
        vit_bench_report_starts(&job->report, job->runs, job->n);
    }
    for (int i = 0; i < job->n; i++)
        vit_bench_report_notes(&job->report, &job->runs[i]);
    VIT_TRY(vit_output_flush(&job->output, err));
    if (o->plot && job->n > 0)
        VIT_TRY(vit_bench_plot(o->plot, job->runs, job->n, err));
    if (!job->old || job->n == 0)
        return VIT_OK;
    /* This comparison belongs to the report for people; beside data it goes where messages go. */
    struct vit_bench_report beside = {.out = o->format == VIT_BENCH_MD ? job->output.text : stderr, .quiet = o->quiet};
    VIT_TRY(vit_bench_compare(&beside, job->old, job->runs, job->n, o->fail_over, &job->failed, err));
    return vit_output_flush(&job->output, err);
}

static void free_job(struct job *job)
{
    for (int i = 0; i < job->n; i++)
        vit_bench_run_free(&job->runs[i]);
    free(job->runs);
    json_decref(job->old);
}

int vit_command_bench(const struct vit_options *options)
{
    struct job job = {.output = {.fd = -1}};
    struct vit_error err;
    vit_status status = prepare(&job, options, &err);
    if (status == VIT_OK)
        status = run(&job, &err);
    struct vit_error close_err;
    if (vit_output_close(&job.output, &close_err) != VIT_OK && status == VIT_OK) {
        err = close_err;
        status = close_err.status;
    }
    if (status != VIT_OK)
        vit_say("%s", err.message);
    else if (job.failed)
        vit_say("significantly slower, by more than %g %%", options->fail_over);
    free_job(&job);
    return status != VIT_OK ? VIT_EXIT_FATAL : job.failed ? VIT_EXIT_INPUT : VIT_EXIT_DONE;
}
