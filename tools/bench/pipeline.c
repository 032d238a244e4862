/* pipeline.c: the loader, and streams that empty it. */
#include "tools/bench/pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "tools/bench/surroundings.h"
#include "tools/common/stop.h"
#include "tools/pictures/loader.h"

struct stream {
    const struct vit_bench_engine *engine;
    struct vit_loader *loader;
    int index;
    size_t n_pictures;
    vit_status status;
    struct vit_error err;
    pthread_t thread;
};

static vit_status classify_batch(struct stream *s, const struct vit_batch *batch)
{
    const struct vit_model *model = s->engine->model;
    struct vit_result results[5];
    float *logits = vit_bench_engine_logits(s->engine, s->index);
    for (int i = 0; i < batch->n; i++)
        if (batch->errors[i].status != VIT_OK)
            return vit_fail(&s->err, batch->errors[i].status, "%s: %s", batch->items[i]->file,
                            batch->errors[i].message);
    VIT_TRY(vit_bench_compute(s->engine->sessions[s->index], batch->pixels, batch->n_pixels, logits, &s->err));
    for (int i = 0; i < batch->n_pixels && vit_model_config(model)->classes > 0; i++, logits += s->engine->outputs)
        vit_top_k(model, logits, VIT_SCORE_PROB, 5, results);
    s->n_pictures += (size_t)batch->n_pixels;
    return VIT_OK;
}

static void *run_stream(void *context)
{
    struct stream *s = context;
    const struct vit_batch *batch;
    while (s->status == VIT_OK && (batch = vit_loader_next(s->loader))) {
        s->status = classify_batch(s, batch);
        vit_loader_give_back(s->loader, batch);
    }
    if (s->status != VIT_OK)
        vit_stop_request(); /* the others need not go on */
    return NULL;
}

static vit_status run_streams(struct stream *streams, int n, struct vit_bench_run *run, struct vit_error *err)
{
    int started = 0;
    while (started < n && pthread_create(&streams[started].thread, NULL, run_stream, &streams[started]) == 0)
        started++;
    if (started < n)
        vit_stop_request();
    for (int i = 0; i < started; i++)
        pthread_join(streams[i].thread, NULL);
    if (started < n)
        return vit_fail(err, VIT_ERR_INTERNAL, "cannot start thread %d of %d streams", started, n);
    run->n_pictures = 0;
    for (int i = 0; i < n; i++) {
        if (streams[i].status != VIT_OK)
            return vit_fail(err, streams[i].status, "%s", streams[i].err.message);
        run->n_pictures += streams[i].n_pictures;
    }
    return run->n_pictures > 0 ? VIT_OK : vit_fail(err, VIT_ERR_INTERNAL, "interrupted");
}

/* As vit classify does it: as many threads that load as there are streams. */
static vit_status run_all(struct vit_bench_run *run, const struct vit_bench_engine *engine,
                          const struct vit_inputs *inputs, const struct vit_options *options, struct vit_error *err)
{
    struct vit_loader *loader = NULL;
    struct stream *streams = calloc((size_t)engine->streams, sizeof *streams);
    if (!streams)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", engine->streams);
    struct vit_times start = vit_surroundings_times();
    vit_status status = vit_loader_start(&loader, engine->model, inputs, &options->decode, engine->batch,
                                         engine->streams, err);
    for (int i = 0; i < engine->streams; i++)
        streams[i] = (struct stream){.engine = engine, .loader = loader, .index = i};
    if (status == VIT_OK)
        status = run_streams(streams, engine->streams, run, err);
    struct vit_times end = vit_surroundings_times();
    run->wall_s = end.wall - start.wall;
    run->cpu_s = end.own - start.own;
    run->other_load = vit_surroundings_other_load(&start);
    vit_loader_free(loader);
    free(streams);
    return status;
}

vit_status vit_bench_pipeline(struct vit_bench_run *run, const struct vit_bench_engine *engine,
                              const struct vit_inputs *inputs, size_t n, const struct vit_options *options,
                              struct vit_error *err)
{
    struct vit_inputs repeated = {.items = calloc(n, sizeof *repeated.items), .n = n};
    if (!repeated.items)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu pictures", n);
    for (size_t i = 0; i < n; i++)
        repeated.items[i] = inputs->items[i % inputs->n];
    vit_status status = run_all(run, engine, &repeated, options, err);
    free(repeated.items);
    return status;
}
