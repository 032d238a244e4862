/* texts.c: lines, embedded many at a time. */
#include "tools/features/texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/environment.h"
#include "tools/common/stop.h"
#include "tools/features/names.h"
#include "tools/output/messages.h"
#include "tools/output/opening.h"
#include "tools/output/text.h"

enum { AT_ONCE = 1024 }; /* texts: a call for each would spend its time on getting ready */

/* ---- Lines ---- */

static vit_status read_all(struct vit_texts_job *job, size_t *n, FILE *file, struct vit_error *err)
{
    size_t capacity = 0;
    do {
        if (*n + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 1 << 16;
            char *larger = realloc(job->bytes, capacity);
            if (!larger)
                return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", capacity);
            job->bytes = larger;
        }
        *n += fread(job->bytes + *n, 1, capacity - *n - 1, file);
    } while (!feof(file) && !ferror(file) && !vit_stop_requested());
    if (ferror(file))
        return vit_fail(err, VIT_ERR_READ, "cannot read: %s", strerror(errno));
    if (memchr(job->bytes, '\0', *n))
        return vit_fail(err, VIT_ERR_DECODE, "not a text: it holds a byte of zero");
    job->bytes[*n] = '\0';
    return VIT_OK;
}

/* The end of the last line may be missing; of those that end as on Windows, the carriage return is left out, too. */
static vit_status split(struct vit_texts_job *job, size_t n, struct vit_error *err)
{
    for (size_t i = 0; i < n; i++)
        job->n += job->bytes[i] == '\n';
    job->n += n > 0 && job->bytes[n - 1] != '\n';
    job->lines = calloc(job->n + 1, sizeof *job->lines);
    if (!job->lines)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu lines", job->n);
    char *at = job->bytes;
    for (size_t i = 0; i < job->n; i++) {
        size_t length = strcspn(at, "\n");
        job->lines[i] = at;
        bool last = at[length] == '\0';
        at[length] = '\0';
        if (length > 0 && at[length - 1] == '\r')
            at[length - 1] = '\0';
        at += length + !last;
    }
    return VIT_OK;
}

static vit_status read_lines(struct vit_texts_job *job, const char *path, struct vit_error *err)
{
    size_t n = 0;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file)
        return vit_fail(err, VIT_ERR_OPEN, "cannot open: %s", strerror(errno));
    vit_status status = read_all(job, &n, file, err);
    if (!is_stdin)
        fclose(file);
    if (status == VIT_OK && n == 0)
        return vit_fail(err, VIT_ERR_EMPTY, "no texts");
    return status == VIT_OK ? split(job, n, err) : status;
}

/* ---- Getting ready ---- */

static bool goes_on(void *context, int64_t done, int64_t total)
{
    (void)context, (void)done, (void)total;
    return !vit_stop_requested();
}

vit_status vit_texts_open(struct vit_texts_job *job, const struct vit_options *options, struct vit_error *err)
{
    *job = (struct vit_texts_job){ .options = options };
    vit_status status = read_lines(job, options->text, err);
    if (status != VIT_OK)
        return vit_context(err, status, "--text %s", options->text);
    VIT_TRY(vit_opening_named(&job->model, &job->model_path, options->model, options, err));
    if (!vit_model_has_text(job->model))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s has no text tower: --text needs a model that has one (CLIP, SigLIP)", job->model_path);
    job->width = (size_t)vit_config_head_width(vit_model_config(job->model));
    job->how = (struct vit_text_options){ .threads = options->threads,
                                          .precision = (enum vit_precision)options->precision,
                                          .watch = { .tell = goes_on } };
    return vit_environment_threads(&job->how.threads, err);
}

/* ---- Working ---- */

/* What is no text, or no name of a row. */
static vit_status check(const char *line, struct vit_error *err)
{
    if (!vit_text_is_utf8(line))
        return vit_fail(err, VIT_ERR_DECODE, "not UTF-8");
    if (!vit_names_fits(line))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a carriage return within a line");
    return VIT_OK;
}

/* values has room for n of them. What a stop ends is no failure. */
static vit_status embed(struct vit_texts_job *job, char **lines, size_t n, float *values, int *n_cut,
                        struct vit_error *err)
{
    const char *good[AT_ONCE] = { 0 };
    int n_good = 0;
    for (size_t i = 0; i < n; i++)
        if (check(lines[i], NULL) == VIT_OK)
            good[n_good++] = lines[i];
    vit_status status = vit_embed_texts(job->model, good, n_good, &job->how, values, n_cut, err);
    if (status != VIT_OK)
        return vit_stop_requested() ? VIT_OK : status;
    for (size_t i = 0; i < n && !vit_stop_requested(); i++) {
        struct vit_error failure;
        bool ok = check(lines[i], &failure) == VIT_OK;
        VIT_TRY(vit_delivery_one(&job->delivery, lines[i], ok ? values : NULL, ok ? NULL : &failure, err));
        values += ok ? job->width : 0;
    }
    return vit_delivery_batch(&job->delivery, err);
}

vit_status vit_texts_run(struct vit_texts_job *job, const struct vit_receiver *receiver, int data_fd,
                         struct vit_error *err)
{
    size_t n = job->n < AT_ONCE ? job->n : AT_ONCE;
    float *values = calloc(n, job->width * sizeof *values);
    if (!values)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %zu numbers for each of %zu texts", job->width, n);
    vit_delivery_start(&job->delivery, job->options, receiver, job->n, data_fd);
    vit_status status = VIT_OK;
    int cut = 0;
    for (size_t i = 0; i < job->n && status == VIT_OK && !vit_stop_requested(); i += n) {
        int n_cut = 0;
        n = job->n - i < n ? job->n - i : n;
        status = embed(job, job->lines + i, n, values, &n_cut, err);
        cut += n_cut;
    }
    vit_progress_clear(&job->delivery.progress);
    free(values);
    if (status == VIT_OK && !job->options->quiet)
        vit_say_cut(cut);
    return status;
}

int vit_texts_finish(struct vit_texts_job *job, vit_status status, const struct vit_error *err)
{
    int exit_status = vit_delivery_finish(&job->delivery, status, err);
    vit_model_free(job->model);
    free(job->lines);
    free(job->bytes);
    free(job->model_path);
    return exit_status;
}
