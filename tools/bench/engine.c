/* engine.c: opens what is measured, the first result, and the reference that answers are checked against. */
#include "tools/bench/engine.h"

#include <stdlib.h>

#include "tools/bench/isolate.h"
#include "tools/common/environment.h"
#include "tools/common/stop.h"

enum { MIN_RUNS = 3 };

static const double DEFAULT_SECONDS = 3;

double vit_bench_seconds(const struct vit_options *options)
{
    return options->seconds > 0 ? options->seconds : DEFAULT_SECONDS;
}

bool vit_bench_is_done(const struct vit_options *options, size_t n, double started)
{
    if (vit_stop_requested())
        return true;
    if (options->repetitions)
        return n >= (size_t)options->repetitions;
    return n >= MIN_RUNS && vit_now() - started >= vit_bench_seconds(options);
}

/* Fills n pixels (S, S, 3) with the test pictures in turn: noise, and bands of colour. */
static void make_pictures(uint8_t *pixels, int n, int size)
{
    size_t S = (size_t)size, at = 0;
    for (int i = 0; i < n; i++) {
        uint32_t noise = 1;
        for (size_t y = 0; y < S; y++)
            for (size_t x = 0; x < S; x++)
                for (size_t c = 0; c < 3; c++, at++) {
                    noise = noise * 1664525u + 1013904223u;
                    size_t band = (x + (c + 1) * y) * 255 / (4 * S);
                    pixels[at] = (uint8_t)(i % VIT_BENCH_PICTURES == 0 ? noise >> 24 : band);
                }
    }
}

/* ---- One configuration ---- */

static vit_status open_model(struct vit_model **model, const struct vit_bench_subject *subject, struct vit_error *err)
{
    if (!subject->path)
        return vit_model_random(model, subject->name, err);
    return vit_model_open(model, subject->path, subject->open, err);
}

static enum vit_output_kind output_of(const struct vit_model *model)
{
    return vit_model_config(model)->classes > 0 ? VIT_OUTPUT_LOGITS : VIT_OUTPUT_FEATURES;
}

static vit_status create_sessions(struct vit_bench_engine *engine, const struct vit_bench_run *run,
                                  struct vit_error *err)
{
    struct vit_session_options session = vit_session_options_default();
    session.batch = run->batch;
    session.threads = run->threads / run->streams;
    session.precision = run->precision;
    session.tune = run->tune;
    session.output = output_of(engine->model);
    engine->tune_cache = session.tune != VIT_TUNE_OFF ? vit_environment_tune_cache() : NULL;
    session.tune_cache = engine->tune_cache;
    VIT_TRY(vit_environment_session(&session, err));
    session.trace_dir = NULL; /* writing files is not what is measured */
    engine->sessions = calloc((size_t)run->streams, sizeof *engine->sessions);
    if (!engine->sessions)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", run->streams);
    for (; engine->streams < run->streams; engine->streams++)
        VIT_TRY(vit_session_create(&engine->sessions[engine->streams], engine->model, &session, err));
    return VIT_OK;
}

static vit_status allocate(struct vit_bench_engine *engine, struct vit_error *err)
{
    const struct vit_config *config = vit_model_config(engine->model);
    engine->outputs = vit_config_outputs(config);
    size_t B = (size_t)engine->batch, K = (size_t)engine->outputs;
    engine->pixels = malloc(B * vit_model_pixels_size(engine->model));
    engine->logits = malloc((size_t)engine->streams * B * K * sizeof *engine->logits);
    if (!engine->pixels || !engine->logits)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu pictures", B);
    make_pictures(engine->pixels, engine->batch, vit_model_preprocess(engine->model)->size);
    return VIT_OK;
}

static double count_flops(const struct vit_session *session)
{
    double flops = 0;
    for (int i = 0; i < vit_session_n_steps(session); i++) {
        struct vit_step_info step;
        vit_session_step(session, i, &step);
        flops += step.flops;
    }
    return flops;
}

float *vit_bench_engine_logits(const struct vit_bench_engine *engine, int stream)
{
    return engine->logits + (size_t)stream * (size_t)engine->batch * (size_t)engine->outputs;
}

vit_status vit_bench_compute(struct vit_session *session, const uint8_t *pixels, int n, float *logits,
                             struct vit_error *err)
{
    return (vit_session_output(session) == VIT_OUTPUT_LOGITS ? vit_classify : vit_embed)(session, pixels, n, logits, err);
}

vit_status vit_bench_engine_run(struct vit_bench_engine *engine, int stream, struct vit_error *err)
{
    return vit_bench_compute(engine->sessions[stream], engine->pixels, engine->batch,
                             vit_bench_engine_logits(engine, stream), err);
}

vit_status vit_bench_engine_start(struct vit_bench_engine *engine, struct vit_bench_run *run,
                                  const struct vit_bench_subject *subject, struct vit_error *err)
{
    *engine = (struct vit_bench_engine){.batch = run->batch};
    double start = vit_now();
    VIT_TRY(open_model(&engine->model, subject, err));
    double opened = vit_now();
    VIT_TRY(create_sessions(engine, run, err));
    double prepared = vit_now();
    VIT_TRY(allocate(engine, err));
    double allocated = vit_now();
    VIT_TRY(vit_bench_engine_run(engine, 0, err));
    run->open_ms = 1e3 * (opened - start);
    run->prepare_ms = 1e3 * (prepared - opened);
    run->first_result_ms = 1e3 * (vit_now() - allocated) + run->open_ms + run->prepare_ms;

    snprintf(run->arch, sizeof run->arch, "%s", vit_model_config(engine->model)->arch);
    run->image_size = vit_model_preprocess(engine->model)->size;
    run->precision = vit_session_precision(engine->sessions[0]);
    run->flops = count_flops(engine->sessions[0]);
    return VIT_OK;
}

void vit_bench_engine_free(struct vit_bench_engine *engine)
{
    for (int i = 0; i < engine->streams; i++)
        vit_session_free(engine->sessions[i]);
    free(engine->sessions);
    vit_model_free(engine->model);
    free(engine->tune_cache);
    free(engine->pixels);
    free(engine->logits);
}

/* ---- The reference ---- */

enum { MAX_CLASSES = 1 << 20, LOGITS_SIZE = VIT_BENCH_PICTURES * MAX_CLASSES * (int)sizeof(float) };

struct reference {
    const struct vit_bench_subject *subject;
    int threads;
};

static vit_status compute_reference(void *context, struct vit_error *err)
{
    const struct reference *reference = context;
    struct vit_model *model = NULL;
    struct vit_session *session = NULL;
    struct vit_session_options options = vit_session_options_default();
    options.threads = reference->threads;
    vit_status status = open_model(&model, reference->subject, err);
    if (status == VIT_OK && vit_model_config(model)->classes > MAX_CLASSES)
        status = vit_fail(err, VIT_ERR_TOO_LARGE, "%d classes, at most %d", vit_model_config(model)->classes,
                          MAX_CLASSES);
    if (status == VIT_OK) {
        options.output = output_of(model);
        status = vit_session_create(&session, model, &options, err);
    }
    uint8_t *pixels = status == VIT_OK ? malloc(VIT_BENCH_PICTURES * vit_model_pixels_size(model)) : NULL;
    if (status == VIT_OK && !pixels)
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for the test pictures");
    if (status == VIT_OK) {
        make_pictures(pixels, VIT_BENCH_PICTURES, vit_model_preprocess(model)->size);
        status = vit_bench_compute(session, pixels, VIT_BENCH_PICTURES, reference->subject->logits, err);
    }
    free(pixels);
    vit_session_free(session);
    vit_model_free(model);
    return status;
}

vit_status vit_bench_reference(struct vit_bench_subject *subject, int threads, struct vit_error *err)
{
    subject->logits = vit_isolate_alloc(LOGITS_SIZE);
    if (!subject->logits)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    return vit_isolate(compute_reference, &(struct reference){subject, threads}, err);
}

void vit_bench_subject_free(struct vit_bench_subject *subject)
{
    free(subject->name);
    free(subject->path);
    vit_isolate_free(subject->logits, LOGITS_SIZE);
}
