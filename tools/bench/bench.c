/* bench.c: `vit bench`: which configurations, one after the other, and what becomes of the results. */
#include "tools/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/environment.h"
#include "tools/locate.h"
#include "tools/nearest.h"
#include "tools/output/messages.h"
#include "tools/stop.h"

struct job {
    struct vit_options options; /* every list filled */
    json_t *old;                /* what --compare names */
    struct vit_output output;
    struct vit_bench_report report;
    int n;
    struct vit_bench_run *runs; /* (n) */
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

static vit_status check_options(const struct vit_options *o, struct vit_error *err)
{
    if (o->n_args > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: bench takes options only; name a model with -m", o->args[0]);
    if (o->model && o->archs)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-m and --arch: give one of them");
    if (o->seconds < 0 || (o->repetitions && o->seconds > 0))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, o->seconds < 0 ? "--seconds must not be negative"
                                                                 : "-r and --seconds: give one of them");
    bool runs = !o->profile && !o->end_to_end;
    if (o->profile && o->end_to_end)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--profile and --end-to-end: give one of them");
    if (!runs && (o->compare || o->plot || o->stream_counts.n > 1 || o->stream_counts.values[0] > 1))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s goes without --compare, --plot and --streams",
                        o->profile ? "--profile" : "--end-to-end");
    if (o->fail_over >= 0 && !o->compare)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--fail-over needs --compare");
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
    VIT_TRY(vit_environment_session(&session, err));
    fill_list(&job->options.batches, 1);
    fill_list(&job->options.thread_counts, session.threads ? session.threads : vit_default_threads());
    fill_list(&job->options.precisions, VIT_PRECISION_F32);
    fill_list(&job->options.stream_counts, 1);
    VIT_TRY(check_options(&job->options, err));
    VIT_TRY(check_archs(options->archs, err));
    if (options->compare)
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
    for (int i = 0; i < job->n && run->peak_flops == 0; i++)
        if (job->runs[i].threads == run->threads && job->runs[i].precision == run->precision)
            run->peak_flops = job->runs[i].peak_flops;
    return run->peak_flops > 0 ? VIT_OK : vit_bench_measure_peak(run, err);
}

static vit_status run_one(struct job *job, const struct vit_bench_subject *subject, struct vit_bench_run *run,
                          struct vit_error *err)
{
    if (job->options.end_to_end) {
        VIT_TRY(vit_bench_measure_stages(run, subject, &job->options, err));
        vit_bench_report_stages(&job->report, run);
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
            .precision = (enum vit_precision)chosen[0], .batch = chosen[1], .threads = chosen[2], .streams = chosen[3]};
        snprintf(run.model, sizeof run.model, "%s", subject->name);
        vit_status status = run_one(job, subject, &run, err);
        if (status != VIT_OK)
            return vit_context(err, status, "%s, %s, batch %d, threads %d, streams %d", subject->name,
                               vit_bench_precision_name((enum vit_precision)chosen[0]), chosen[1], chosen[2],
                               chosen[3]);
    }
    return VIT_OK;
}

/* Takes name and path over. */
static vit_status run_subject(struct job *job, char *name, char *path, struct vit_error *err)
{
    struct vit_bench_subject subject = {.name = name, .path = path};
    vit_status status = name ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (status == VIT_OK)
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
    job->report = (struct vit_bench_report){.out = job->output.text, .format = job->options.format};
    vit_bench_report_begin(&job->report);
    VIT_TRY(run_models(job, err));
    vit_bench_report_end(&job->report);
    VIT_TRY(vit_output_flush(&job->output, err));
    if (job->options.plot && job->n > 0)
        VIT_TRY(vit_bench_plot(job->options.plot, job->runs, job->n, err));
    if (!job->old || job->n == 0)
        return VIT_OK;
    /* The comparison belongs to the report for people; beside data it goes where messages go. */
    FILE *out = job->options.format == VIT_BENCH_MD ? job->output.text : stderr;
    VIT_TRY(vit_bench_compare(out, job->old, job->runs, job->n, job->options.fail_over, &job->failed, err));
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
        vit_say("slower than before by more than %g %%", options->fail_over);
    free_job(&job);
    return status != VIT_OK ? VIT_EXIT_FATAL : job.failed ? VIT_EXIT_INPUT : VIT_EXIT_DONE;
}
