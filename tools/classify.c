/* classify.c: `vit classify`: the best classes of each picture, as records. */
#include <math.h>
#include <stdlib.h>

#include "tools/common/commands.h"
#include "tools/common/environment.h"
#include "tools/output/output.h"
#include "tools/output/records.h"
#include "tools/pictures/streams.h"

struct job {
    const struct vit_options *options;
    struct vit_streams streams;
    struct vit_output output;
    struct vit_records records;
    int k;                      /* results of one picture */
    struct vit_result *results; /* (k), best first */
};

/* ---- Getting ready ---- */

/* What can be said before anything is opened. */
static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    if (options->threshold > 1.0 && options->scores != VIT_SCORE_LOGIT)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--threshold %g: a %s is at most 1", options->threshold,
                        options->scores == VIT_SCORE_SIGMOID ? "sigmoid" : "probability");
    return VIT_OK;
}

/* A model may be good for features alone, or wait for its classes to be named. */
static vit_status check_classes(const struct vit_streams *streams, struct vit_error *err)
{
    const char *path = streams->model_path;
    if (vit_model_config(streams->model)->classes > 0)
        return VIT_OK;
    if (vit_model_has_text(streams->model))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s has a text tower and no classes: name them, as in: vit classify "
                        "-m %s --classes \"a cat,a dog\" PATH...",
                        path, path);
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s gives features, no classes: vit embed -m %s PATH... writes them; "
                    "--head FILE brings a classifier",
                    path, path);
}

static vit_status allocate(struct job *job, struct vit_error *err)
{
    int classes = vit_model_config(job->streams.model)->classes;
    job->k = job->options->top_k < classes ? job->options->top_k : classes;
    job->results = calloc((size_t)job->k, sizeof *job->results);
    return job->results ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d results", job->k);
}

/* The output is opened last, so that a mistake elsewhere does not empty a file of results. */
static vit_status prepare(struct job *job, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    VIT_TRY(check_options(options, err));
    VIT_TRY(vit_streams_open(&job->streams, options, err));
    VIT_TRY(check_classes(&job->streams, err));
    VIT_TRY(allocate(job, err));
    VIT_TRY(vit_streams_start(&job->streams, VIT_OUTPUT_LOGITS, false, err));
    VIT_TRY(vit_output_open(&job->output, options->output, err));
    bool sigmoid = vit_model_config(job->streams.model)->sigmoid;
    job->records = (struct vit_records){ .output = &job->output,
                                         .format = options->format,
                                         .scores = options->scores >= 0 ? options->scores
                                                   : sigmoid            ? VIT_SCORE_SIGMOID
                                                                        : VIT_SCORE_PROB,
                                         .model = job->streams.model,
                                         .color = vit_environment_color(job->output.fd),
                                         .columns = vit_environment_columns(job->output.fd) };
    return VIT_OK;
}

/* ---- Working ---- */

/* How many of the k results of one picture reach the threshold. */
static int count_kept(const struct job *job)
{
    double threshold = job->options->threshold;
    int n = job->k;
    while (threshold > -INFINITY && n > 0 && !((double)job->results[n - 1].score >= threshold))
        n--;
    return n;
}

static vit_status write_record(void *context, const char *file, const float *logits, const struct vit_error *failure,
                               struct vit_error *err)
{
    struct job *job = context;
    struct vit_record record = { .file = file, .results = job->results, .err = failure };
    if (logits) {
        vit_top_k(job->streams.model, logits, (enum vit_score)job->records.scores, job->k, job->results);
        record.n = count_kept(job);
    }
    return vit_records_write(&job->records, &record, err);
}

static vit_status classify(struct job *job, struct vit_error *err)
{
    VIT_TRY(prepare(job, err));
    struct vit_receiver receiver = { .context = job,
                                     .one = write_record,
                                     .says_failures = job->options->format != VIT_FORMAT_TEXT };
    VIT_TRY(vit_records_begin(&job->records, err));
    VIT_TRY(vit_streams_run(&job->streams, &receiver, job->output.fd, err));
    return vit_records_end(&job->records, err);
}

int vit_command_classify(const struct vit_options *options)
{
    struct job job = { .options = options, .output = { .fd = -1 } };
    struct vit_error err;
    vit_status status = classify(&job, &err);
    status = vit_output_finish(&job.output, status, &err);
    free(job.results);
    return vit_streams_finish(&job.streams, status, &err);
}
