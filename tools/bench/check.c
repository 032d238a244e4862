/* check.c: numbers, bytes, places in the batch, and the reference. */
#include "tools/bench/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far an answer may be from the reference: f32 by the largest difference, relative to the largest logit or 1; bf16
 * by the angle, since its rounding errors are those of 8 bits. */
static const double F32_TOLERANCE = 1e-4;
static const double BF16_COSINE = 0.999;

static vit_status check_finite(const float *logits, size_t n, struct vit_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(logits[i]))
            return vit_fail(err, VIT_ERR_INTERNAL, "logit %zu is %g", i, (double)logits[i]);
    return VIT_OK;
}

static double cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static double difference(const float *a, const float *b, int n)
{
    double largest = 0, scale = 1;
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)b[i]));
    }
    return largest / scale;
}

static vit_status check_close(const float *got, const float *want, int n, enum vit_precision precision,
                              const char *what, int place, struct vit_error *err)
{
    if (precision == VIT_PRECISION_BF16) {
        double angle = cosine(got, want, n);
        if (!(angle > BF16_COSINE))
            return vit_fail(err, VIT_ERR_INTERNAL, "picture %d of a batch against %s: cosine %.6f, not above %g",
                            place, what, angle, BF16_COSINE);
    } else {
        double error = difference(got, want, n);
        if (!(error <= F32_TOLERANCE))
            return vit_fail(err, VIT_ERR_INTERNAL, "picture %d of a batch against %s: off by %.3g, not within %g",
                            place, what, error, F32_TOLERANCE);
    }
    return VIT_OK;
}

static vit_status check_answers(struct vit_bench_engine *engine, int stream, const struct vit_bench_subject *subject,
                                float *again, struct vit_error *err)
{
    int K = engine->outputs;
    size_t n = (size_t)engine->batch * (size_t)K;
    const float *logits = vit_bench_engine_logits(engine, stream);
    enum vit_precision precision = vit_session_precision(engine->sessions[stream]);

    VIT_TRY(vit_bench_engine_run(engine, stream, err));
    VIT_TRY(check_finite(logits, n, err));
    memcpy(again, logits, n * sizeof *again);
    VIT_TRY(vit_bench_engine_run(engine, stream, err));
    if (memcmp(again, logits, n * sizeof *again) != 0)
        return vit_fail(err, VIT_ERR_INTERNAL, "the same batch gave other bytes when it was computed again");
    for (int i = 0; i < engine->batch; i++) {
        const float *got = logits + (size_t)i * (size_t)K;
        int picture = i % VIT_BENCH_PICTURES;
        VIT_TRY(check_close(got, subject->logits + (size_t)picture * (size_t)K, K, precision,
                            "the same alone in f32 without tuning", i, err));
        VIT_TRY(check_close(got, logits + (size_t)picture * (size_t)K, K, precision, "its equal in the batch", i, err));
    }
    return VIT_OK;
}

vit_status vit_bench_check(struct vit_bench_engine *engine, const struct vit_bench_subject *subject,
                           struct vit_error *err)
{
    size_t n = (size_t)engine->batch * (size_t)engine->outputs;
    float *again = malloc(n * sizeof *again);
    if (!again)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu logits", n);
    vit_status status = VIT_OK;
    for (int i = 0; i < engine->streams && status == VIT_OK; i++)
        status = check_answers(engine, i, subject, again, err);
    free(again);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "the answers are wrong, nothing was timed");
}
