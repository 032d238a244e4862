/* similar.c: `vit similar`: the rows of an array that are nearest to a picture or a text, or to each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/common/commands.h"
#include "tools/common/environment.h"
#include "tools/common/stop.h"
#include "tools/features/listing.h"
#include "tools/output/messages.h"
#include "tools/output/opening.h"
#include "tools/pictures/streams.h"

struct job {
    const struct vit_options *options;
    int threads; /* that compare */
    struct vit_features *features;
    struct vit_options picture;  /* of the command that embeds it */
    struct vit_streams streams;  /* which does it */
    float *query;                /* (width); NULL: there is none, or it failed */
    struct vit_neighbour *found; /* (n), or */
    struct vit_member *members;
    struct vit_named_row *names;
    int64_t n;
    struct vit_output output;
};

/* ---- Getting ready ---- */

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* What can be said before anything is opened. */
static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    int queries = (options->n_args > 1) + (options->text != NULL) + isfinite(options->duplicates);
    if (options->n_args == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name an array of features, as vit embed -o F.npy makes it");
    if (options->n_args > 2)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name one picture, not %d", options->n_args - 1);
    if (queries != 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a picture, --text or --duplicates",
                        queries ? "give one of these" : "what should be compared with it");
    if (options->n_args == 2 && is_folder(options->args[1]))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a folder; name one picture", options->args[1]);
    if (isfinite(options->duplicates) && !(options->duplicates > 0 && options->duplicates <= 1))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--duplicates %g: expected a cosine above 0, at most 1",
                        options->duplicates);
    return VIT_OK;
}

static vit_status prepare(struct job *job, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    VIT_TRY(check_options(options, err));
    job->threads = options->threads;
    VIT_TRY(vit_environment_threads(&job->threads, err));
    job->threads = job->threads ? job->threads : vit_default_threads();
    VIT_TRY(vit_features_open(&job->features, options->args[0], err));
    if (vit_features_count(job->features) == 0)
        return vit_fail(err, VIT_ERR_EMPTY, "%s has no rows", options->args[0]);
    return vit_names_read(NULL, 0, options->args[0], vit_features_count(job->features), err);
}

/* ---- What is looked for ---- */

/* Makes room for the query of a model that gives so many numbers. */
static vit_status allocate(struct job *job, size_t width, const char *model, struct vit_error *err)
{
    const char *path = job->options->args[0];
    if (width != (size_t)vit_features_width(job->features))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s has rows of %d numbers, and %s gives %zu: it was made by another "
                        "model, or with another --what",
                        path, vit_features_width(job->features), model, width);
    job->query = calloc(width, sizeof *job->query);
    return job->query ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu numbers", width);
}

static vit_status keep(void *context, const char *name, const float *values, const struct vit_error *failure,
                       struct vit_error *err)
{
    (void)name, (void)err;
    struct job *job = context;
    if (failure) {
        free(job->query);
        job->query = NULL;
    } else {
        memcpy(job->query, values, job->streams.width * sizeof *values);
    }
    return VIT_OK;
}

/* As vit embed does it, without tuning, for which one picture is too few. */
static vit_status embed_picture(struct job *job, struct vit_error *err)
{
    job->picture = *job->options;
    job->picture.args++;
    job->picture.n_args--;
    job->picture.tune = VIT_TUNE_OFF;
    VIT_TRY(vit_streams_open(&job->streams, &job->picture, err));
    VIT_TRY(
        vit_streams_start(&job->streams, VIT_OUTPUT_FEATURES + (enum vit_output_kind)job->picture.what, false, err));
    VIT_TRY(allocate(job, job->streams.width, job->streams.model_path, err));
    struct vit_receiver receiver = { .context = job, .one = keep };
    return vit_streams_run(&job->streams, &receiver, -1, err);
}

static vit_status embed_text(struct job *job, const struct vit_model *model, const char *path, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    struct vit_text_options how = { .threads = job->threads, .precision = (enum vit_precision)options->precision };
    int n_cut = 0;
    if (!vit_model_has_text(model))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s has no text tower: --text needs a model that has one (CLIP, SigLIP)", path);
    VIT_TRY(allocate(job, (size_t)vit_config_head_width(vit_model_config(model)), path, err));
    VIT_TRY(vit_embed_texts(model, &options->text, 1, &how, job->query, &n_cut, err));
    if (!options->quiet)
        vit_say_cut(n_cut);
    return VIT_OK;
}

static vit_status open_and_embed_text(struct job *job, struct vit_error *err)
{
    char *path = NULL;
    struct vit_model *model = NULL;
    vit_status status = vit_opening_named(&model, &path, job->options->model, job->options, err);
    if (status == VIT_OK)
        status = embed_text(job, model, path, err);
    vit_model_free(model);
    free(path);
    return status;
}

/* ---- What is found ---- */

static vit_status find_neighbours(struct job *job, struct vit_error *err)
{
    VIT_TRY(job->options->text ? open_and_embed_text(job, err) : embed_picture(job, err));
    if (!job->query)
        return VIT_OK;
    double start = vit_now();
    vit_status status =
        vit_search(job->features, job->query, job->options->top_k, job->threads, &job->found, &job->n, err);
    if (status != VIT_OK)
        return vit_context(err, status, "%s", job->options->args[0]);
    if (job->options->verbose)
        vit_say("%lld rows of %d numbers compared in %.3f s", (long long)vit_features_count(job->features),
                vit_features_width(job->features), vit_now() - start);
    return VIT_OK;
}

static vit_status name_rows(struct job *job, struct vit_error *err)
{
    job->names = calloc((size_t)job->n + 1, sizeof *job->names);
    if (!job->names)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the names of %lld rows", (long long)job->n);
    for (int64_t i = 0; i < job->n; i++)
        job->names[i].row = job->found ? job->found[i].row : job->members[i].row;
    return vit_names_read(job->names, (size_t)job->n, job->options->args[0], vit_features_count(job->features), err);
}

static vit_status write(struct job *job, struct vit_error *err)
{
    VIT_TRY(vit_output_open(&job->output, job->options->output, err));
    struct vit_listing listing = { .output = &job->output,
                                   .format = job->options->format,
                                   .color = vit_environment_color(job->output.fd) };
    if (job->found)
        return vit_listing_neighbours(&listing, job->found, job->names, job->n, err);
    if (!job->options->quiet)
        vit_say("%lld of %lld rows are near another, in groups: %lld", (long long)job->n,
                (long long)vit_features_count(job->features),
                (long long)(job->n ? job->members[job->n - 1].group + 1 : 0));
    return vit_listing_groups(&listing, job->members, job->names, job->n, err);
}

static vit_status similar(struct job *job, struct vit_error *err)
{
    const struct vit_options *options = job->options;
    VIT_TRY(prepare(job, err));
    if (isfinite(options->duplicates))
        VIT_TRY(vit_groups_find(job->features, options->duplicates, job->threads, options->quiet, &job->members,
                                &job->n, err));
    else
        VIT_TRY(find_neighbours(job, err));
    if (vit_stop_requested() || (!job->found && !job->members)) /* half of an answer would be a wrong one */
        return VIT_OK;
    VIT_TRY(name_rows(job, err));
    return write(job, err);
}

static void free_all(struct job *job)
{
    for (int64_t i = 0; job->names && i < job->n; i++)
        free(job->names[i].name);
    free(job->names);
    free(job->found);
    free(job->members);
    free(job->query);
    vit_features_close(job->features);
}

int vit_command_similar(const struct vit_options *options)
{
    struct job job = { .options = options, .output = { .fd = -1 } };
    struct vit_error err;
    vit_status status = similar(&job, &err);
    status = vit_output_finish(&job.output, status, &err);
    free_all(&job);
    return vit_streams_finish(&job.streams, status, &err);
}
