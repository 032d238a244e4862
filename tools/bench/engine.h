/* engine.h: the model and the sessions of one configuration, inside the measuring process. */
#ifndef VIT_TOOLS_BENCH_ENGINE_H
#define VIT_TOOLS_BENCH_ENGINE_H

#include "tools/bench/run.h"

struct vit_bench_engine {
    struct vit_model *model;
    struct vit_session **sessions; /* (streams) */
    int streams, batch;
    char *tune_cache;
    uint8_t *pixels; /* (B, S, S, 3): the two test pictures in turn */
    int outputs;     /* K: the model's classes, or without a classifier the width of its features */
    float *logits;   /* (streams, B, K) */
};

enum { VIT_BENCH_PICTURES = 2 };

/* Opens, creates, computes the first batch: run's arch, size, precision, flops and the milliseconds of each.
 * vit_bench_engine_free is due either way. */
vit_status vit_bench_engine_start(struct vit_bench_engine *engine, struct vit_bench_run *run,
                                  const struct vit_bench_subject *subject, struct vit_error *err);
void vit_bench_engine_free(struct vit_bench_engine *engine);

/* n pictures -> logits (n, K), or features. */
vit_status vit_bench_compute(struct vit_session *session, const uint8_t *pixels, int n, float *logits,
                             struct vit_error *err);

/* Computes a batch of the test pictures with one of the sessions. */
vit_status vit_bench_engine_run(struct vit_bench_engine *engine, int stream, struct vit_error *err);

/* The logits (B, K) of that session's latest batch. */
float *vit_bench_engine_logits(const struct vit_bench_engine *engine, int stream);

/* Whether n samples since started (vit_now) are as many as the options ask for, or somebody wants it to stop. */
bool vit_bench_is_done(const struct vit_options *options, size_t n, double started);

/* How long it is timed, in seconds, when the options do not say how often. */
double vit_bench_seconds(const struct vit_options *options);

/* The answers to the test pictures in f32 without tuning, one at a time: subject->logits. */
vit_status vit_bench_reference(struct vit_bench_subject *subject, int threads, struct vit_error *err);
void vit_bench_subject_free(struct vit_bench_subject *subject);

#endif
