/* classify.c: `vit classify`: streams of batches are loaded, computed beside each other, and written in the order of the
 * inputs. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "tools/common/commands.h"
#include "tools/common/environment.h"
#include "tools/common/locate.h"
#include "tools/common/stop.h"
#include "tools/output/messages.h"
#include "tools/output/output.h"
#include "tools/output/progress.h"
#include "tools/output/records.h"
#include "tools/pictures/inputs.h"
#include "tools/pictures/loader.h"

struct job;

/* What computes one batch at a time. */
struct stream {
    struct job *job;
    struct vit_session *session;
    float *logits;              /* (B, K) */
    struct vit_result *results; /* (B, k), the best of each that loaded */
    pthread_t thread;           /* of all but the first */
};

struct job {
    const struct vit_options *options;
    struct vit_inputs inputs;
    char *model_path;
    struct vit_model *model;
    struct vit_session_options session_options;
    char *tune_cache;
    int k; /* results of one input */
    int n_streams;
    struct stream *streams;
    struct vit_loader *loader;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t turned;
    size_t turn; /* number of the batch that is written next */
    struct vit_output output;
    struct vit_records records;
    struct vit_progress progress;
    size_t n_failed;
    vit_status status; /* of writing; err says more */
    struct vit_error err;
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

static vit_status create_stream(struct job *job, struct stream *stream, struct vit_error *err)
{
    int batch = job->session_options.batch, classes = vit_model_config(job->model)->classes;
    stream->job = job;
    VIT_TRY(vit_session_create(&stream->session, job->model, &job->session_options, err));
    stream->logits = calloc((size_t)batch * (size_t)classes, sizeof *stream->logits);
    stream->results = calloc((size_t)batch * (size_t)job->k, sizeof *stream->results);
    if (!stream->logits || !stream->results)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %d scores for each of %d pictures", classes, batch);
    return VIT_OK;
}

/* The threads are shared equally by the streams. Of several, the first is the one that is traced. A session computes
 * whole batches, so that one for more pictures than there are would compute more than is asked for. */
static vit_status create_streams(struct job *job, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    struct vit_session_options *session = &job->session_options;
    int classes = vit_model_config(job->model)->classes, n = options->streams;
    *session = vit_session_options_default();
    session->batch = vit_loader_batch(job->loader);
    session->threads = options->threads;
    session->precision = (enum vit_precision)options->precision;
    session->tune = (enum vit_tune)options->tune;
    job->tune_cache = session->tune != VIT_TUNE_OFF ? vit_environment_tune_cache() : NULL;
    session->tune_cache = job->tune_cache;
    VIT_TRY(vit_environment_session(session, err));
    int threads = session->threads ? session->threads : vit_default_threads();
    if (threads % n != 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads cannot be shared equally by %d streams", threads, n);
    session->threads = threads / n;

    job->k = options->top_k < classes ? options->top_k : classes;
    job->streams = calloc((size_t)n, sizeof *job->streams);
    if (!job->streams)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", n);
    while (job->n_streams < n) {
        VIT_TRY(create_stream(job, &job->streams[job->n_streams++], err));
        session->trace_dir = NULL;
    }
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
    const struct vit_config *config = vit_model_config(job->model);
    if (config->projection)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s gives an embedding of %d numbers shared with texts, no classes; "
                        "--head FILE brings a classifier", job->model_path, config->classes);
    VIT_TRY(vit_loader_start(&job->loader, job->model, &job->inputs, &options->decode, options->batch,
                             options->streams, err));
    VIT_TRY(create_streams(job, err));
    VIT_TRY(vit_output_open(&job->output, options->output, err));
    job->records = (struct vit_records){ .output = &job->output,
                                         .format = options->format,
                                         .scores = options->scores,
                                         .model = job->model,
                                         .color = vit_environment_color(job->output.fd),
                                         .columns = vit_environment_columns(job->output.fd) };
    return VIT_OK;
}

/* ---- Working ---- */

static void say_failure(struct job *job, const char *file, const struct vit_error *failure)
{
    vit_progress_clear(&job->progress);
    vit_say("%s: %s", file, failure->message);
}

/* Computes the pictures that loaded, and ranks their classes. */
static vit_status compute(const struct stream *stream, const struct vit_batch *batch, struct vit_error *err)
{
    const struct job *job = stream->job;
    int classes = vit_model_config(job->model)->classes;
    VIT_TRY(vit_classify(stream->session, batch->pixels, batch->n_pixels, stream->logits, err));
    for (int i = 0; i < batch->n_pixels; i++)
        vit_top_k(job->model, stream->logits + (size_t)i * (size_t)classes, (enum vit_score)job->options->scores,
                  job->k, stream->results + (size_t)i * (size_t)job->k);
    return VIT_OK;
}

/* How many of the k results of one picture reach the threshold. */
static int count_kept(const struct job *job, const struct vit_result *results)
{
    double threshold = job->options->threshold;
    int n = job->k;
    while (threshold > -INFINITY && n > 0 && !((double)results[n - 1].score >= threshold))
        n--;
    return n;
}

/* A record for each input of a batch. computed is what became of those that loaded, failure says more. */
static vit_status write_batch(const struct stream *stream, const struct vit_batch *batch, vit_status computed,
                              const struct vit_error *failure, struct vit_error *err)
{
    struct job *job = stream->job;
    const struct vit_result *results = stream->results;
    for (int i = 0; i < batch->n && !vit_stop_requested(); i++) {
        bool loaded = batch->errors[i].status == VIT_OK;
        struct vit_record record = { .file = batch->items[i]->file };
        if (!loaded)
            record.err = &batch->errors[i];
        else if (computed != VIT_OK)
            record.err = failure;
        else
            record.n = count_kept(job, results);
        record.results = results;
        if (loaded)
            results += job->k;
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

/* Writes a batch when those before it are written. When writing fails, all streams end. */
static void take_turn(const struct stream *stream, const struct vit_batch *batch, vit_status computed,
                      const struct vit_error *failure)
{
    struct job *job = stream->job;
    pthread_mutex_lock(&job->lock);
    while (job->turn != batch->number)
        pthread_cond_wait(&job->turned, &job->lock);
    if (job->status == VIT_OK) {
        job->status = write_batch(stream, batch, computed, failure, &job->err);
        if (job->status != VIT_OK)
            vit_stop_request();
    }
    job->turn++;
    pthread_cond_broadcast(&job->turned);
    pthread_mutex_unlock(&job->lock);
}

static void *run_stream(void *argument)
{
    const struct stream *stream = argument;
    struct vit_loader *loader = stream->job->loader;
    const struct vit_batch *batch;
    while ((batch = vit_loader_next(loader))) {
        struct vit_error failure = { 0 };
        vit_status computed = compute(stream, batch, &failure);
        take_turn(stream, batch, computed, &failure);
        vit_loader_give_back(loader, batch);
    }
    return NULL;
}

/* The first stream runs in this thread, so that a single one needs no other. */
static vit_status run(struct job *job, struct vit_error *err)
{
    vit_progress_start(&job->progress, job->inputs.n, job->output.fd, job->options->quiet);
    VIT_TRY(vit_records_begin(&job->records, err));
    int started = 1;
    while (started < job->n_streams &&
           pthread_create(&job->streams[started].thread, NULL, run_stream, &job->streams[started]) == 0)
        started++;
    if (started == job->n_streams)
        run_stream(&job->streams[0]);
    else
        vit_stop_request();
    for (int i = 1; i < started; i++)
        pthread_join(job->streams[i].thread, NULL);
    if (started < job->n_streams)
        return vit_fail(err, VIT_ERR_INTERNAL, "cannot start the threads of %d streams", job->n_streams);
    if (job->status != VIT_OK) {
        *err = job->err;
        return job->status;
    }
    return vit_records_end(&job->records, err);
}

/* ---- Reporting and cleaning up ---- */

static void say_plan(const struct job *job)
{
    char onednn[32];
    vit_say("model %s (%s), oneDNN %s on %s", job->model_path, vit_model_config(job->model)->arch,
            vit_onednn_version(onednn), vit_isa());
    const struct vit_session_options *session = &job->session_options;
    const char *precision = vit_precision_name(vit_session_precision(job->streams[0].session));
    vit_say("%zu inputs; %zu other entries of folders skipped; %d stream%s of batches of %d, each on %d thread%s, %s%s",
            job->inputs.n, job->inputs.n_skipped, job->n_streams, job->n_streams == 1 ? "" : "s", session->batch,
            session->threads, session->threads == 1 ? "" : "s", precision,
            session->reference ? ", plain loops" : "");
}

static void say_summary(const struct job *job)
{
    size_t done = job->records.n;
    double seconds = vit_progress_seconds(&job->progress);
    if (job->options->verbose)
        vit_say("%zu pictures in %.3f s: %.1f/s", done, seconds, (double)done / seconds);
    if (job->options->quiet)
        return;
    if (vit_stop_interrupted())
        vit_say("interrupted: %zu of %zu inputs done", done, job->inputs.n);
    if (job->n_failed && job->inputs.n > 1)
        vit_say("%zu of %zu inputs failed", job->n_failed, done);
}

static void free_job(struct job *job)
{
    vit_loader_free(job->loader);
    for (int i = 0; i < job->n_streams; i++) {
        vit_session_free(job->streams[i].session);
        free(job->streams[i].logits);
        free(job->streams[i].results);
    }
    free(job->streams);
    vit_model_free(job->model);
    vit_inputs_free(&job->inputs);
    free(job->model_path);
    free(job->tune_cache);
    pthread_cond_destroy(&job->turned);
    pthread_mutex_destroy(&job->lock);
}

int vit_command_classify(const struct vit_options *options)
{
    struct job job = { .options = options, .output = { .fd = -1 } };
    struct vit_error err;
    pthread_mutex_init(&job.lock, NULL);
    pthread_cond_init(&job.turned, NULL);
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
    return status != VIT_OK ? VIT_EXIT_FATAL : job.n_failed ? VIT_EXIT_INPUT : VIT_EXIT_DONE;
}
