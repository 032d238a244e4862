/* stages.c: from file to answer. First stage by stage: how long the pictures of a folder take to decode, resize
 * and infer, one after the other, so that each stage has the machine for itself. Then all together, as `vit
 * classify` does it. */
#include <math.h>
#include <stdlib.h>

#include "tools/bench/check.h"
#include "tools/bench/engine.h"
#include "tools/bench/isolate.h"
#include "tools/bench/measure.h"
#include "tools/bench/pipeline.h"
#include "tools/bench/surroundings.h"

enum { MAX_SAMPLES = 1 << 16 };

/* What the measuring process and its parent share. */
struct job {
    struct vit_bench_run run;
    const struct vit_bench_subject *subject;
    const struct vit_options *options;
};

/* Milliseconds for one picture, a sample for each batch. */
struct timing {
    size_t n;
    double ms[VIT_STAGES][MAX_SAMPLES];
};

/* Decodes and resizes one picture into pixels, adding to ms. */
static vit_status load_picture(const struct vit_bench_engine *engine, const char *file, uint8_t *pixels,
                               const struct vit_options *options, double ms[VIT_STAGES], struct vit_error *err)
{
    uint8_t *rgb;
    struct vit_input input = {0};
    double start = vit_now();
    vit_status status =
        vit_decode_image(&rgb, &input.width, &input.height, &(struct vit_input){.path = file}, &options->decode, err);
    double decoded = vit_now();
    if (status == VIT_OK) {
        input.rgb = rgb;
        status = vit_load_image(engine->model, &input, &options->decode, pixels, err);
    }
    ms[VIT_STAGE_DECODE] += 1e3 * (decoded - start);
    ms[VIT_STAGE_RESIZE] += 1e3 * (vit_now() - decoded);
    free(rgb);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", file);
}

/* One batch, that begins with picture first; the folder goes round when it is at its end. */
static vit_status run_batch(struct vit_bench_engine *engine, const struct vit_inputs *inputs, size_t first,
                            const struct vit_options *options, double ms[VIT_STAGES], struct vit_error *err)
{
    size_t size = vit_model_pixels_size(engine->model);
    for (int s = 0; s < VIT_STAGES; s++)
        ms[s] = 0;
    for (int i = 0; i < engine->batch; i++) {
        const char *file = inputs->items[(first + (size_t)i) % inputs->n].file;
        VIT_TRY(load_picture(engine, file, engine->pixels + (size_t)i * size, options, ms, err));
    }
    double start = vit_now();
    VIT_TRY(vit_bench_engine_run(engine, 0, err));
    ms[VIT_STAGE_INFER] = 1e3 * (vit_now() - start);
    for (int s = 0; s < VIT_STAGES; s++)
        ms[s] /= engine->batch;
    return VIT_OK;
}

static vit_status run_batches(struct timing *timing, struct vit_bench_engine *engine, const struct vit_inputs *inputs,
                              const struct vit_options *options, struct vit_error *err)
{
    double ms[VIT_STAGES];
    for (int i = 0; i < options->warm_up; i++)
        VIT_TRY(run_batch(engine, inputs, 0, options, ms, err));
    double started = vit_now();
    for (; timing->n < MAX_SAMPLES && !vit_bench_is_done(options, timing->n, started); timing->n++) {
        VIT_TRY(run_batch(engine, inputs, timing->n * (size_t)engine->batch, options, ms, err));
        for (int s = 0; s < VIT_STAGES; s++)
            timing->ms[s][timing->n] = ms[s];
    }
    return timing->n > 0 ? VIT_OK : vit_fail(err, VIT_ERR_INTERNAL, "interrupted");
}

static vit_status time_stages(struct job *job, struct vit_bench_engine *engine, const struct vit_inputs *inputs,
                              struct vit_error *err)
{
    struct timing *timing = calloc(1, sizeof *timing);
    if (!timing)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = run_batches(timing, engine, inputs, job->options, err);
    for (int s = 0; s < VIT_STAGES && status == VIT_OK; s++)
        if (!vit_stats_summarise(&job->run.stages_ms[s], timing->ms[s], timing->n))
            status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    free(timing);
    return status;
}

/* As many batches of each stream as were timed stage by stage, or as take so long. */
static size_t count_pictures(const struct job *job)
{
    size_t batches = job->run.stages_ms[VIT_STAGE_INFER].n;
    double ms = 0;
    for (int s = 0; s < VIT_STAGES; s++)
        ms += job->run.stages_ms[s].mean;
    if (!job->options->repetitions)
        batches = (size_t)fmin(fmax(1e3 * vit_bench_seconds(job->options) / (ms * job->run.batch), 3), 1 << 20);
    return batches * (size_t)job->run.batch * (size_t)job->run.streams;
}

static vit_status list_pictures(struct vit_inputs *inputs, const struct vit_options *options, struct vit_error *err)
{
    char *folder = (char *)(uintptr_t)options->end_to_end;
    struct vit_options list = {.args = &folder, .n_args = 1, .quiet = true};
    VIT_TRY(vit_inputs_expand(inputs, &list, err));
    if (inputs->n == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--end-to-end %s: no pictures in this folder", folder);
    return VIT_OK;
}

static vit_status measure(void *context, struct vit_error *err)
{
    struct job *job = context;
    struct vit_inputs inputs;
    struct vit_bench_engine engine = {0};
    vit_status status = list_pictures(&inputs, job->options, err);
    if (status == VIT_OK)
        status = vit_bench_engine_start(&engine, &job->run, job->subject, err);
    if (status == VIT_OK)
        status = vit_bench_check(&engine, job->subject, err);
    if (status == VIT_OK)
        status = time_stages(job, &engine, &inputs, err);
    if (status == VIT_OK)
        status = vit_bench_pipeline(&job->run, &engine, &inputs, count_pictures(job), job->options, err);
    job->run.rss_mb = vit_surroundings_memory_mb();
    job->run.peak_rss_mb = vit_surroundings_peak_mb();
    vit_bench_engine_free(&engine);
    vit_inputs_free(&inputs);
    return status;
}

vit_status vit_bench_measure_stages(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                                    const struct vit_options *options, struct vit_error *err)
{
    struct job *job = vit_isolate_alloc(sizeof *job);
    if (!job)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *job = (struct job){*run, subject, options};
    vit_status status = vit_isolate(measure, job, err);
    if (status == VIT_OK)
        *run = job->run;
    vit_isolate_free(job, sizeof *job);
    return status;
}
