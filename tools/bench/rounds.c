/* rounds.c: the two command lines, their processes, and a ratio for each round. */
#include "tools/bench/rounds.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/bench/isolate.h"
#include "tools/common/stop.h"

enum { DEFAULT_ROUNDS = 20, MAX_WORDS = 64 };

static const char *const DEFAULT_SECONDS = "0.5"; /* of each turn */

/* A program and its arguments. */
struct side {
    const char *program, *name; /* name: for messages */
    char *words[MAX_WORDS + 1]; /* ends with NULL; owned */
    int n;
};

int vit_bench_n_rounds(const struct vit_options *options)
{
    return options->rounds ? options->rounds : DEFAULT_ROUNDS;
}

/* ---- Command lines ---- */

static vit_status add(struct side *side, struct vit_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static vit_status add(struct side *side, struct vit_error *err, const char *format, ...)
{
    if (side->n == MAX_WORDS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "--against: more words than %d", MAX_WORDS);
    va_list args;
    va_start(args, format);
    int length = vasprintf(&side->words[side->n], format, args);
    va_end(args);
    if (length < 0) {
        side->words[side->n] = NULL;
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    side->n++;
    return VIT_OK;
}

static void clear(struct side *side)
{
    for (int i = 0; i < side->n; i++)
        free(side->words[i]);
}

static vit_status add_text(struct side *side, const char *option, const char *text, struct vit_error *err)
{
    return text ? add(side, err, "--%s=%s", option, text) : VIT_OK;
}

static vit_status add_triple(struct side *side, const char *option, const double *v, struct vit_error *err)
{
    return v ? add(side, err, "--%s=%.17g,%.17g,%.17g", option, v[0], v[1], v[2]) : VIT_OK;
}

static vit_status add_opening(struct side *side, const struct vit_model_options *open, struct vit_error *err)
{
    VIT_TRY(add_text(side, "head", open->head, err));
    VIT_TRY(add_text(side, "labels", open->labels, err));
    VIT_TRY(add_text(side, "classes", open->classes, err));
    VIT_TRY(add_text(side, "text-embeddings", open->text_embeddings, err));
    for (int i = 0; i < open->n_templates; i++)
        VIT_TRY(add_text(side, "template", open->templates[i], err));
    VIT_TRY(add_text(side, "interpolation", open->interpolation, err));
    VIT_TRY(add_text(side, "crop-mode", open->crop_mode, err));
    VIT_TRY(add_triple(side, "mean", open->mean, err));
    VIT_TRY(add_triple(side, "std", open->std, err));
    if (open->crop_pct != 0)
        VIT_TRY(add(side, err, "--crop-pct=%.17g", open->crop_pct));
    return open->image_size ? add(side, err, "--image-size=%d", open->image_size) : VIT_OK;
}

static vit_status add_configuration(struct side *side, const struct vit_bench_run *run,
                                    const struct vit_bench_subject *subject, const struct vit_options *options,
                                    struct vit_error *err)
{
    VIT_TRY(add(side, err, "vit"));
    VIT_TRY(add(side, err, "bench"));
    VIT_TRY(add(side, err, subject->path ? "--model=%s" : "--arch=%s", subject->path ? subject->path : subject->name));
    VIT_TRY(add_opening(side, subject->open, err));
    VIT_TRY(add(side, err, "--batch-size=%d", run->batch));
    VIT_TRY(add(side, err, "--threads=%d", run->threads));
    VIT_TRY(add(side, err, "--streams=%d", run->streams));
    VIT_TRY(add(side, err, "--precision=%s", vit_precision_name(run->precision)));
    VIT_TRY(add(side, err, "--tune=%s", vit_bench_tune_name(run->tune)));
    VIT_TRY(add(side, err, "--warm-up=%d", options->warm_up));
    if (options->repetitions)
        return add(side, err, "--repetitions=%d", options->repetitions);
    if (options->seconds > 0)
        return add(side, err, "--seconds=%.9g", options->seconds);
    return add(side, err, "--seconds=%s", DEFAULT_SECONDS);
}

static vit_status add_words(struct side *side, const char *text, struct vit_error *err)
{
    static const char blanks[] = " \t\n";
    vit_status status = VIT_OK;
    for (text += strspn(text, blanks); *text && status == VIT_OK; text += strspn(text, blanks)) {
        int length = (int)strcspn(text, blanks);
        status = add(side, err, "%.*s", length, text);
        text += length;
    }
    return status;
}

/* ---- Processes ---- */

/* Starts the program; *out reads what it writes on stdout. */
static vit_status start(FILE **out, pid_t *child, const char *program, char *const *words, struct vit_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return vit_fail(err, VIT_ERR_INTERNAL, "pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failure = posix_spawn(child, program, &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = failure ? NULL : fdopen(ends[0], "r");
    if (!*out)
        close(ends[0]);
    if (failure)
        return vit_fail(err, VIT_ERR_OPEN, "%s: %s", program, strerror(failure));
    return *out ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
}

/* Whether the side's `bench` has an option: its help names it. */
static vit_status has_option(bool *has, const struct side *side, const char *option, struct vit_error *err)
{
    FILE *out;
    pid_t child;
    char line[512];
    char *words[] = {"vit", "bench", "--help", NULL};
    VIT_TRY(start(&out, &child, side->program, words, err));
    for (*has = false; fgets(line, sizeof line, out);)
        *has = *has || strstr(line, option);
    fclose(out);
    return vit_isolate_await(child, side->name, err);
}

/* One turn; *entry is what it reports, the caller's to free. */
static vit_status take_turn(json_t **entry, const struct side *side, struct vit_error *err)
{
    FILE *out;
    pid_t child;
    json_error_t error;
    VIT_TRY(start(&out, &child, side->program, side->words, err));
    json_t *runs = json_loadf(out, 0, &error);
    fclose(out);
    vit_status status = vit_isolate_await(child, side->name, err);
    if (status == VIT_OK && json_array_size(runs) != 1)
        status = vit_fail(err, VIT_ERR_DECODE, "%s: %zu measurements in place of one%s%s", side->name,
                          json_array_size(runs), runs ? "" : ": ", runs ? "" : error.text);
    if (status == VIT_OK)
        status = vit_bench_check_entry(json_array_get(runs, 0), 0, side->name, err);
    *entry = status == VIT_OK ? json_incref(json_array_get(runs, 0)) : NULL;
    json_decref(runs);
    return status;
}

/* ---- Rounds ---- */

struct rounds {
    struct side sides[2]; /* this, other */
    int n;                /* rounds that count */
    double *ms[2];        /* (n) of each side */
    double *ratios;       /* (n) */
    bool per_picture;
    json_t *entries[2];   /* of the latest round */
};

static vit_status prepare(struct rounds *rounds, const struct vit_bench_run *run,
                          const struct vit_bench_subject *subject, const struct vit_options *options,
                          struct vit_error *err)
{
    rounds->n = vit_bench_n_rounds(options);
    for (int s = 0; s < 2; s++) {
        struct side *side = &rounds->sides[s];
        side->name = s == 1 && options->compare ? options->compare : "this program";
        side->program = s == 1 && options->compare ? options->compare : "/proc/self/exe";
        VIT_TRY(add_configuration(side, run, subject, options, err));
        if (s == 1 && options->against)
            VIT_TRY(add_words(side, options->against, err));
        VIT_TRY(add(side, err, "--format=json"));
        bool has; /* an older program measures the machine's peak each time */
        VIT_TRY(has_option(&has, side, "--no-peak", err));
        if (has) {
            VIT_TRY(add(side, err, "--no-peak"));
            VIT_TRY(add(side, err, "--quiet"));
        }
        rounds->ms[s] = calloc((size_t)rounds->n, sizeof(double));
    }
    rounds->ratios = calloc((size_t)rounds->n, sizeof(double));
    if (!rounds->ratios || !rounds->ms[0] || !rounds->ms[1])
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d rounds", rounds->n);
    return VIT_OK;
}

static double number(const json_t *entry, const char *key)
{
    return json_number_value(json_object_get(entry, key));
}

/* The median latency of a batch, or how long the clock ran for a picture. */
static vit_status take_figure(double *ms, const json_t *entry, bool per_picture, struct vit_error *err)
{
    size_t n;
    struct vit_summary summary;
    double *samples = vit_bench_entry_samples(entry, &n);
    bool ok = samples && vit_stats_summarise(&summary, samples, n);
    free(samples);
    if (!ok)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", n);
    *ms = per_picture ? summary.mean / (number(entry, "batch") * number(entry, "streams")) : summary.median;
    return VIT_OK;
}

/* Round i; every other one begins with the other side, so that a machine that grows slower favours neither. The
 * one before round 0 does not count: it reads files, and tunes. */
static vit_status run_round(struct rounds *rounds, int i, struct vit_progress *progress, struct vit_error *err)
{
    for (int turn = 0; turn < 2; turn++) {
        int s = (i + turn + 1) % 2;
        json_decref(rounds->entries[s]);
        rounds->entries[s] = NULL;
        VIT_TRY(take_turn(&rounds->entries[s], &rounds->sides[s], err));
        vit_progress_step(progress);
    }
    if (i < 0)
        return VIT_OK;
    const json_t *ours = rounds->entries[0], *other = rounds->entries[1];
    rounds->per_picture = number(ours, "batch") != number(other, "batch") ||
                          number(ours, "streams") != number(other, "streams");
    for (int s = 0; s < 2; s++)
        VIT_TRY(take_figure(&rounds->ms[s][i], rounds->entries[s], rounds->per_picture, err));
    rounds->ratios[i] = rounds->ms[0][i] / rounds->ms[1][i];
    return VIT_OK;
}

static vit_status run_all(struct vit_bench_row *row, struct rounds *rounds, double error,
                          struct vit_progress *progress, struct vit_error *err)
{
    for (int i = -1; i < rounds->n; i++) {
        if (vit_stop_requested())
            return vit_fail(err, VIT_ERR_INTERNAL, "interrupted");
        VIT_TRY(run_round(rounds, i, progress, err));
    }
    struct vit_summary ours, others;
    size_t n = (size_t)rounds->n;
    if (!vit_stats_summarise(&ours, rounds->ms[0], n) || !vit_stats_summarise(&others, rounds->ms[1], n) ||
        !vit_stats_rounds(&row->ratio, rounds->ratios, n, error))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu rounds", n);
    row->per_picture = rounds->per_picture;
    row->n = row->n_other = n;
    row->ms = ours.median;
    row->other_ms = others.median;
    return VIT_OK;
}

vit_status vit_bench_rounds(struct vit_bench_row *row, json_t **facts, const struct vit_bench_run *run,
                            const struct vit_bench_subject *subject, const struct vit_options *options, double error,
                            struct vit_progress *progress, struct vit_error *err)
{
    struct rounds rounds = {.n = 0};
    *row = (struct vit_bench_row){.run = run};
    *facts = NULL;
    vit_status status = prepare(&rounds, run, subject, options, err);
    if (status == VIT_OK)
        status = run_all(row, &rounds, error, progress, err);
    if (status == VIT_OK && !(*facts = json_pack("[OO]", rounds.entries[0], rounds.entries[1])))
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    for (int s = 0; s < 2; s++) {
        clear(&rounds.sides[s]);
        json_decref(rounds.entries[s]);
        free(rounds.ms[s]);
    }
    free(rounds.ratios);
    return status;
}
