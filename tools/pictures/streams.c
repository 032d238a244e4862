/* streams.c: sessions that take batches from the loader, compute them, and wait for their turn to hand them over. */
#include "tools/pictures/streams.h"

#include <stdlib.h>

#include "tools/common/environment.h"
#include "tools/common/stop.h"
#include "tools/common/threads.h"
#include "tools/output/messages.h"
#include "tools/output/opening.h"

/* What computes one batch at a time. */
struct vit_stream {
    struct vit_session *session;
    float *values; /* (B, width) */
};

/* ---- Getting ready ---- */

/* What can be said before anything is opened. */
static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    if (options->n_args == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing to %s: name pictures or folders, or - for stdin",
                        options->command);
    /* `vit classify -o *.jpg` would otherwise destroy the first picture. */
    if (options->output && vit_inputs_is_picture(options->output))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-o %s: this is the name of a picture; results would take its place",
                        options->output);
    return VIT_OK;
}

vit_status vit_streams_open(struct vit_streams *streams, const struct vit_options *options, struct vit_error *err)
{
    *streams = (struct vit_streams){ .options = options,
                                     .lock = PTHREAD_MUTEX_INITIALIZER,
                                     .turned = PTHREAD_COND_INITIALIZER };
    VIT_TRY(check_options(options, err));
    VIT_TRY(vit_inputs_expand(&streams->inputs, options, err));
    if (streams->inputs.n == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "nothing to %s", options->command);
    return vit_opening_named(&streams->model, &streams->model_path, options->model, options, err);
}

/* The threads are shared equally by the streams. */
static vit_status fill_session(struct vit_streams *streams, struct vit_error *err)
{
    const struct vit_options *options = streams->options;
    struct vit_session_options *session = &streams->session;
    session->batch = vit_loader_batch(streams->loader);
    session->threads = options->threads;
    session->precision = (enum vit_precision)options->precision;
    session->tune = (enum vit_tune)options->tune;
    streams->tune_cache = session->tune != VIT_TUNE_OFF ? vit_environment_tune_cache() : NULL;
    session->tune_cache = streams->tune_cache;
    VIT_TRY(vit_environment_session(session, err));
    int threads = session->threads ? session->threads : vit_default_threads(), n = options->streams;
    if (threads % n != 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads cannot be shared equally by %d streams", threads, n);
    session->threads = threads / n;
    return VIT_OK;
}

static vit_status create_stream(struct vit_streams *streams, struct vit_stream *stream, struct vit_error *err)
{
    size_t batch = (size_t)streams->session.batch;
    VIT_TRY(vit_session_create(&stream->session, streams->model, &streams->session, err));
    streams->width = vit_session_width(stream->session);
    stream->values = calloc(batch, streams->width * sizeof *stream->values);
    if (!stream->values)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %zu numbers for each of %zu pictures", streams->width,
                        batch);
    return VIT_OK;
}

/* The first pictures are decoded while the sessions are made. A session computes whole batches, so that one for more
 * pictures than there are would compute more than is asked for. Of several, the first is the one that is traced. */
vit_status vit_streams_start(struct vit_streams *streams, enum vit_output_kind output, bool normalize,
                             struct vit_error *err)
{
    const struct vit_options *options = streams->options;
    VIT_TRY(vit_loader_start(&streams->loader, streams->model, &streams->inputs, &options->decode, options->batch,
                             options->streams, err));
    streams->session = vit_session_options_default();
    streams->session.output = output;
    streams->session.normalize = normalize;
    VIT_TRY(fill_session(streams, err));
    streams->each = calloc((size_t)options->streams, sizeof *streams->each);
    if (!streams->each)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", options->streams);
    while (streams->n < options->streams) {
        VIT_TRY(create_stream(streams, &streams->each[streams->n++], err));
        streams->session.trace_dir = NULL;
    }
    return VIT_OK;
}

/* ---- Working ---- */

static vit_status compute(const struct vit_streams *streams, const struct vit_stream *stream,
                          const struct vit_batch *batch, struct vit_error *err)
{
    bool logits = streams->session.output == VIT_OUTPUT_LOGITS;
    return (logits ? vit_classify : vit_embed)(stream->session, batch->pixels, batch->n_pixels, stream->values, err);
}

/* Every input of a batch. computed is what became of those that loaded, failure says more. */
static vit_status hand_over_batch(struct vit_streams *streams, const struct vit_batch *batch, const float *values,
                                  vit_status computed, const struct vit_error *failure, struct vit_error *err)
{
    for (int i = 0; i < batch->n && !vit_stop_requested(); i++) {
        bool loaded = batch->errors[i].status == VIT_OK, good = loaded && computed == VIT_OK;
        const struct vit_error *why = good ? NULL : loaded ? failure : &batch->errors[i];
        VIT_TRY(vit_delivery_one(&streams->delivery, batch->items[i]->file, good ? values : NULL, why, err));
        values += loaded ? streams->width : 0;
    }
    return vit_delivery_batch(&streams->delivery, err);
}

/* Hands a batch over when those before it were. When that fails, all streams end. */
static void take_turn(struct vit_streams *streams, const struct vit_batch *batch, const float *values,
                      vit_status computed, const struct vit_error *failure)
{
    pthread_mutex_lock(&streams->lock);
    while (streams->turn != batch->number)
        pthread_cond_wait(&streams->turned, &streams->lock);
    if (streams->status == VIT_OK) {
        streams->status = hand_over_batch(streams, batch, values, computed, failure, &streams->err);
        if (streams->status != VIT_OK)
            vit_stop_request();
    }
    streams->turn++;
    pthread_cond_broadcast(&streams->turned);
    pthread_mutex_unlock(&streams->lock);
}

static void run_stream(void *context, int i)
{
    struct vit_streams *streams = context;
    const struct vit_stream *stream = &streams->each[i];
    const struct vit_batch *batch;
    while ((batch = vit_loader_next(streams->loader))) {
        struct vit_error failure = { 0 };
        vit_status computed = compute(streams, stream, batch, &failure);
        take_turn(streams, batch, stream->values, computed, &failure);
        vit_loader_give_back(streams->loader, batch);
    }
}

static void say_plan(const struct vit_streams *streams)
{
    char onednn[32];
    vit_say("model %s (%s), oneDNN %s on %s", streams->model_path, vit_model_config(streams->model)->arch,
            vit_onednn_version(onednn), vit_isa());
    const struct vit_session_options *session = &streams->session;
    const char *precision = vit_precision_name(vit_session_precision(streams->each[0].session));
    vit_say("%zu inputs; %zu other entries of folders skipped; %d stream%s of batches of %d, each on %d thread%s, %s%s",
            streams->inputs.n, streams->inputs.n_skipped, streams->n, streams->n == 1 ? "" : "s", session->batch,
            session->threads, session->threads == 1 ? "" : "s", precision, session->reference ? ", plain loops" : "");
}

vit_status vit_streams_run(struct vit_streams *streams, const struct vit_receiver *receiver, int data_fd,
                           struct vit_error *err)
{
    if (streams->options->verbose)
        say_plan(streams);
    vit_delivery_start(&streams->delivery, streams->options, receiver, streams->inputs.n, data_fd);
    vit_status status = vit_threads_run(streams->n, run_stream, streams, err);
    vit_progress_clear(&streams->delivery.progress);
    if (status == VIT_OK && streams->status != VIT_OK) {
        *err = streams->err;
        return streams->status;
    }
    return status;
}

/* ---- Cleaning up ---- */

static void free_all(struct vit_streams *streams)
{
    vit_loader_free(streams->loader);
    for (int i = 0; i < streams->n; i++) {
        vit_session_free(streams->each[i].session);
        free(streams->each[i].values);
    }
    free(streams->each);
    vit_model_free(streams->model);
    vit_inputs_free(&streams->inputs);
    free(streams->model_path);
    free(streams->tune_cache);
    pthread_cond_destroy(&streams->turned);
    pthread_mutex_destroy(&streams->lock);
}

int vit_streams_finish(struct vit_streams *streams, vit_status status, const struct vit_error *err)
{
    int exit_status = vit_delivery_finish(&streams->delivery, status, err);
    free_all(streams);
    return exit_status;
}
