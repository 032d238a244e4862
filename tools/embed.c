/* embed.c: `vit embed`: features of pictures, or of texts, as an array or as records. */
#include <string.h>

#include "tools/common/commands.h"
#include "tools/features/names.h"
#include "tools/features/store.h"
#include "tools/features/texts.h"
#include "tools/output/output.h"
#include "tools/output/records.h"
#include "tools/output/text.h"
#include "tools/pictures/streams.h"

struct job {
    const struct vit_options *options;
    size_t shape[VIT_STORE_DIMS]; /* of one embedding: (E) or (T, D) */
    int n_dims;
    struct vit_store store;   /* of npy */
    struct vit_output output; /* of jsonl */
};

/* ---- Getting ready ---- */

/* What can be said before anything is opened. */
static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    enum vit_output_kind what = VIT_OUTPUT_FEATURES + (enum vit_output_kind)options->what;
    if (options->normalize && options->no_normalize)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--normalize and --no-normalize: give one of them");
    if (options->format == VIT_EMBED_NPY && (!options->output || strcmp(options->output, "-") == 0))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "--format npy needs a file, whose header is written anew as rows come: "
                        "-o F.npy");
    if (options->text && options->n_args > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: --text takes the place of pictures", options->args[0]);
    if (options->text && what != VIT_OUTPUT_FEATURES && what != VIT_OUTPUT_PROJECTED)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "--text gives the embedding that pictures share: it goes without --what");
    return VIT_OK;
}

/* Whether embeddings are divided by their length: those that the model compares by the cosine. */
static bool normalizes(const struct vit_options *options, const struct vit_model *model)
{
    enum vit_output_kind what = VIT_OUTPUT_FEATURES + (enum vit_output_kind)options->what;
    bool compared = what == VIT_OUTPUT_FEATURES || what == VIT_OUTPUT_PROJECTED;
    return options->normalize || (!options->no_normalize && compared && vit_model_config(model)->normalize);
}

/* A line of the file of names must be one name. */
static vit_status refuse_names(struct vit_inputs *inputs, struct vit_error *err)
{
    for (size_t i = 0; i < inputs->n; i++) {
        if (!vit_names_fits(inputs->items[i].file))
            VIT_TRY(vit_inputs_refuse(&inputs->items[i], err,
                                      "the name has a line break, and names go into a file, one "
                                      "a line; --format jsonl takes it"));
    }
    return VIT_OK;
}

/* Last, so that a mistake elsewhere does not empty a file. */
static vit_status open_output(struct job *job, struct vit_error *err)
{
    if (job->options->format == VIT_EMBED_NPY)
        return vit_store_open(&job->store, job->options->output, job->shape, job->n_dims, err);
    return vit_output_open(&job->output, job->options->output, err);
}

/* ---- What becomes of an embedding ---- */

static vit_status add_row(void *context, const char *name, const float *values, const struct vit_error *failure,
                          struct vit_error *err)
{
    struct job *job = context;
    return failure ? VIT_OK : vit_store_append(&job->store, name, values, err);
}

static vit_status commit_rows(void *context, struct vit_error *err)
{
    struct job *job = context;
    return vit_store_commit(&job->store, err);
}

static void write_numbers(FILE *out, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        putc(i ? ',' : '[', out);
        vit_text_json_real(out, (double)values[i]);
    }
    putc(']', out);
}

static void write_embedding(FILE *out, const struct job *job, const float *values)
{
    if (job->n_dims == 1) {
        write_numbers(out, values, job->shape[0]);
        return;
    }
    for (size_t i = 0; i < job->shape[0]; i++) {
        putc(i ? ',' : '[', out);
        write_numbers(out, values + i * job->shape[1], job->shape[1]);
    }
    putc(']', out);
}

static vit_status write_record(void *context, const char *name, const float *values, const struct vit_error *failure,
                               struct vit_error *err)
{
    struct job *job = context;
    FILE *out = job->output.text;
    putc('{', out);
    vit_records_put_name(out, job->options->text ? "text" : "file", name);
    fputs(",\"embedding\":", out);
    if (values)
        write_embedding(out, job, values);
    else
        fputs("null", out);
    fputs(",\"error\":", out);
    vit_records_put_error(out, failure);
    fputs("}\n", out);
    return vit_output_flush(&job->output, err);
}

static struct vit_receiver receiver_of(struct job *job)
{
    if (job->options->format == VIT_EMBED_NPY)
        return (struct vit_receiver){ .context = job, .one = add_row, .batch = commit_rows };
    return (struct vit_receiver){ .context = job, .one = write_record, .says_failures = true };
}

static int data_fd(const struct job *job)
{
    return job->options->format == VIT_EMBED_NPY ? job->store.rows.fd : job->output.fd;
}

/* Closes what is open. */
static vit_status finish(struct job *job, vit_status status, struct vit_error *err)
{
    status = vit_store_finish(&job->store, status, err);
    return vit_output_finish(&job->output, status, err);
}

/* ---- The command ---- */

static vit_status embed_pictures(struct job *job, struct vit_streams *streams, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    VIT_TRY(check_options(options, err));
    VIT_TRY(vit_streams_open(streams, options, err));
    if (options->format == VIT_EMBED_NPY)
        VIT_TRY(refuse_names(&streams->inputs, err));
    VIT_TRY(vit_streams_start(streams, VIT_OUTPUT_FEATURES + (enum vit_output_kind)options->what,
                              normalizes(options, streams->model), err));
    job->n_dims = 1;
    job->shape[0] = streams->width;
    if (options->what == VIT_OUTPUT_TOKENS - VIT_OUTPUT_FEATURES) {
        job->n_dims = 2;
        job->shape[0] = (size_t)vit_config_tokens(vit_model_config(streams->model));
        job->shape[1] = streams->width / job->shape[0];
    }
    VIT_TRY(open_output(job, err));
    struct vit_receiver receiver = receiver_of(job);
    return vit_streams_run(streams, &receiver, data_fd(job), err);
}

static vit_status embed_texts(struct job *job, struct vit_texts_job *texts, struct vit_error *err)
{
    VIT_TRY(check_options(job->options, err));
    VIT_TRY(vit_texts_open(texts, job->options, err));
    texts->how.normalize = normalizes(job->options, texts->model);
    job->n_dims = 1;
    job->shape[0] = texts->width;
    VIT_TRY(open_output(job, err));
    struct vit_receiver receiver = receiver_of(job);
    return vit_texts_run(texts, &receiver, data_fd(job), err);
}

int vit_command_embed(const struct vit_options *options)
{
    struct job job = { .options = options,
                       .store = { .rows = { .fd = -1 }, .names = { .fd = -1 } },
                       .output = { .fd = -1 } };
    struct vit_streams streams = { 0 };
    struct vit_texts_job texts = { 0 };
    struct vit_error err;
    if (options->text) {
        vit_status status = embed_texts(&job, &texts, &err);
        return vit_texts_finish(&texts, finish(&job, status, &err), &err);
    }
    vit_status status = embed_pictures(&job, &streams, &err);
    return vit_streams_finish(&streams, finish(&job, status, &err), &err);
}
