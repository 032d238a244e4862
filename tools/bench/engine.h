/* bench_engine.h: the model and the sessions of one configuration, inside the measuring process. */
#ifndef VIT_TOOLS_BENCH_ENGINE_H
#define VIT_TOOLS_BENCH_ENGINE_H

#include "tools/bench/bench.h"

struct vit_bench_engine {
    struct vit_model *model;
    struct vit_session **sessions; /* (streams) */
    int streams, batch;
    char *tune_cache;
    uint8_t *pixels; /* (B, S, S, 3): the two test pictures in turn */
    float *logits;   /* (streams, B, K) */
};

enum { VIT_BENCH_PICTURES = 2 };

/* Opens, creates, computes the first batch: run's arch, precision, load_ms, first_result_ms and flops. Then checks the
 * answers of every session against subject->logits. vit_bench_engine_free is due either way. */
vit_status vit_bench_engine_start(struct vit_bench_engine *engine, struct vit_bench_run *run,
                                  const struct vit_bench_subject *subject, const struct vit_options *options,
                                  struct vit_error *err);
void vit_bench_engine_free(struct vit_bench_engine *engine);

/* Computes a batch of the test pictures with one of the sessions. */
vit_status vit_bench_engine_run(struct vit_bench_engine *engine, int stream, struct vit_error *err);

/* Fills n pixels (S, S, 3) with the test pictures in turn: noise, and bands of colour. */
void vit_bench_pictures(uint8_t *pixels, int n, int size);

/* Whether a session answers as it must: all numbers, the same bytes when asked again, the same for a picture in every
 * place of the batch, and close to the reference. */
vit_status vit_bench_check(struct vit_bench_engine *engine, int stream, const struct vit_bench_subject *subject,
                           struct vit_error *err);

double vit_bench_now_ms(void);

/* Whether n samples since started_ms are as many as the options ask for, or somebody wants it to stop. */
bool vit_bench_is_done(const struct vit_options *options, size_t n, double started_ms);

#endif
