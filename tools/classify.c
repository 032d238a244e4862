/* classify.c: `vit classify`: load, compute, write, one batch after the other. */
#include <math.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/environment.h"
#include "tools/inputs.h"
#include "tools/loader.h"
#include "tools/locate.h"
#include "tools/messages.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/records.h"
#include "tools/stop.h"

struct job {
    const struct vit_options *options;
    struct vit_inputs inputs;
    char *model_path;
    struct vit_model *model;
    struct vit_session_options session_options;
    char *tune_cache;
    struct vit_session *session;
    int k;                      /* results of one input */
    float *logits;              /* (B, K) */
    struct vit_result *results; /* (k) */
    struct vit_output output;
    struct vit_records records;
    struct vit_loader *loader;
    struct vit_progress progress;
    size_t n_failed;
};

/* ---- Getting ready ---- */

/* What can be said before anything is opened. */
static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    if (options->n_args == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing to classify: name pictures or folders, or - for stdin");
    if (options->threshold > 1.0 && options->scores != VIT_SCORE_LOGIT)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--threshold %g: a %s is at most 1", options->threshold,
                        options->scores == VIT_SCORE_PROB ? "probability" : "sigmoid");
    /* `vit classify -o *.jpg` would otherwise destroy the first picture. */
    if (options->output && vit_inputs_is_picture(options->output))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-o %s: results are text; this is the name of a picture",
                        options->output);
    return VIT_OK;
}

static vit_status create_session(struct job *job, struct vit_error *err)
{
    job->session_options = vit_session_options_default();
    job->session_options.batch = job->options->batch;
    job->session_options.threads = job->options->threads;
    job->session_options.precision = (enum vit_precision)job->options->precision;
    job->session_options.tune = (enum vit_tune)job->options->tune;
    job->tune_cache = job->session_options.tune != VIT_TUNE_OFF ? vit_environment_tune_cache() : NULL;
    job->session_options.tune_cache = job->tune_cache;
    VIT_TRY(vit_environment_session(&job->session_options, err));
    VIT_TRY(vit_session_create(&job->session, job->model, &job->session_options, err));

    int classes = vit_model_config(job->model)->classes;
    job->k = job->options->top_k < classes ? job->options->top_k : classes;
    job->logits = calloc((size_t)job->options->batch * (size_t)classes, sizeof *job->logits);
    job->results = calloc((size_t)job->k, sizeof *job->results);
    if (!job->logits || !job->results)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %d scores for each of %d pictures", classes,
                        job->options->batch);
    return VIT_OK;
}

/* The first pictures are decoded while the session is made. The output is opened last, so that a mistake elsewhere does
 * not empty a file of results. */
static vit_status prepare(struct job *job, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    VIT_TRY(check_options(options, err));
    VIT_TRY(vit_inputs_expand(&job->inputs, options, err));
    if (job->inputs.n == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing to classify");
    VIT_TRY(vit_locate_model(&job->model_path, options->model, err));
    VIT_TRY(vit_model_open(&job->model, job->model_path, &job->options->open, err));
    VIT_TRY(vit_loader_start(&job->loader, job->model, &job->inputs, &options->decode, options->batch, err));
    VIT_TRY(create_session(job, err));
    VIT_TRY(vit_output_open(&job->output, options->output, err));
    job->records = (struct vit_records){ .output = &job->output,
                                         .format = options->format,
                                         .scores = options->scores,
                                         .color = vit_environment_color(job->output.fd) };
    return VIT_OK;
}

/* ---- Working ---- */

static void say_failure(struct job *job, const char *file, const struct vit_error *failure)
{
    vit_progress_clear(&job->progress);
    vit_say("%s: %s", file, failure->message);
}

/* The results of one input whose logits are there. */
static int choose(struct job *job, const float *logits)
{
    int n = vit_top_k(job->model, logits, (enum vit_score)job->options->scores, job->k, job->results);
    double threshold = job->options->threshold;
    while (threshold > -INFINITY && n > 0 && !((double)job->results[n - 1].score >= threshold))
        n--;
    return n;
}

/* One batch: its pictures through the model, and a record for each of its inputs. failure is for the pictures that
 * loaded but could not be computed. */
static vit_status run_batch(struct job *job, const struct vit_batch *batch, struct vit_error *err)
{
    struct vit_error failure = { 0 };
    vit_status computed = vit_classify(job->session, batch->pixels, batch->n_pixels, job->logits, &failure);
    const float *logits = job->logits;
    for (int i = 0; i < batch->n && !vit_stop_requested(); i++) {
        bool loaded = batch->errors[i].status == VIT_OK;
        struct vit_record record = { .file = batch->items[i]->file };
        if (!loaded)
            record.err = &batch->errors[i];
        else if (computed != VIT_OK)
            record.err = &failure;
        else
            record.n = choose(job, logits);
        record.results = job->results;
        if (loaded)
            logits += vit_model_config(job->model)->classes;
        if (record.err) {
            job->n_failed++;
            if (job->options->format == VIT_FORMAT_TEXT)
                say_failure(job, record.file, record.err);
        }
        VIT_TRY(vit_records_write(&job->records, &record, err));
        vit_progress_step(&job->progress);
    }
    return VIT_OK;
}

static vit_status run(struct job *job, struct vit_error *err)
{
    vit_progress_start(&job->progress, job->inputs.n, job->output.fd, job->options->quiet);
    VIT_TRY(vit_records_begin(&job->records, err));
    const struct vit_batch *batch;
    while ((batch = vit_loader_next(job->loader)))
        VIT_TRY(run_batch(job, batch, err));
    return vit_records_end(&job->records, err);
}

/* ---- Reporting and cleaning up ---- */

static void say_plan(const struct job *job)
{
    char onednn[32];
    vit_say("model %s (%s), oneDNN %s on %s", job->model_path, vit_model_config(job->model)->arch,
            vit_onednn_version(onednn), vit_isa());
    vit_say("%zu inputs; %zu other files in folders skipped; %d threads, batches of %d, %s%s", job->inputs.n,
            job->inputs.n_skipped,
            job->session_options.threads ? job->session_options.threads : vit_default_threads(),
            job->session_options.batch, vit_session_precision(job->session) == VIT_PRECISION_BF16 ? "bf16" : "f32",
            job->session_options.reference ? ", plain loops" : "");
}

static void say_summary(const struct job *job)
{
    size_t done = job->records.n;
    double seconds = vit_progress_seconds(&job->progress);
    if (job->options->verbose)
        vit_say("%zu pictures in %.3f s: %.1f/s", done, seconds, (double)done / seconds);
    if (job->n_failed && job->inputs.n > 1 && !job->options->quiet)
        vit_say("%zu of %zu inputs failed", job->n_failed, done);
}

static void free_job(struct job *job)
{
    vit_loader_free(job->loader);
    vit_session_free(job->session);
    vit_model_free(job->model);
    vit_inputs_free(&job->inputs);
    free(job->model_path);
    free(job->tune_cache);
    free(job->logits);
    free(job->results);
}

int vit_command_classify(const struct vit_options *options)
{
    struct job job = { .options = options, .output = { .fd = -1 } };
    struct vit_error err;
    vit_status status = prepare(&job, &err);
    if (status == VIT_OK) {
        if (options->verbose)
            say_plan(&job);
        status = run(&job, &err);
        vit_progress_clear(&job.progress);
    }
    struct vit_error close_err;
    if (vit_output_close(&job.output, &close_err) != VIT_OK && status == VIT_OK) {
        err = close_err;
        status = close_err.status;
    }
    if (status == VIT_OK)
        say_summary(&job);
    else
        vit_say("%s", err.message);
    free_job(&job);
    if (vit_stop_interrupted())
        return VIT_EXIT_INTERRUPTED;
    return status != VIT_OK ? VIT_EXIT_FATAL : job.n_failed ? VIT_EXIT_INPUT : VIT_EXIT_DONE;
}
