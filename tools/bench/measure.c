/* measure.c: times one configuration: some streams side by side, each a session in a thread of its own. */
#include "tools/bench/measure.h"

#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/check.h"
#include "tools/bench/engine.h"
#include "tools/bench/isolate.h"
#include "tools/bench/surroundings.h"

/* Steps of a plan; samples of all streams of a run that ends by its time. */
enum { MAX_STEPS = 4096, MAX_TIMED_SAMPLES = 1 << 20 };

enum { MIN_THIRD = 10, MAX_THIRD = 2000 }; /* samples that say how a third of the time was */

/* What the measuring process and its parent share. */
struct job {
    struct vit_bench_run run;
    const struct vit_bench_subject *subject;
    const struct vit_options *options;
    struct vit_bench_step steps[MAX_STEPS];
    size_t n;            /* samples, at the front of: */
    size_t capacity;     /* of one stream */
    double samples_ms[]; /* (streams, capacity) */
};

/* Where the streams wait for each other after their warm-up. */
struct gate {
    sem_t ready, go;
    bool closed; /* there is nothing to time */
};

struct stream {
    struct vit_bench_engine *engine;
    int index;
    const struct vit_options *options;
    struct gate *gate;
    size_t n, capacity;
    double *samples_ms; /* (capacity), its part of the job's */
    double ended;       /* vit_now() */
    bool full;
    vit_status status;
    struct vit_error err;
    pthread_t thread;
};

/* ---- One stream ---- */

static void warm_up(struct stream *s)
{
    for (int i = 0; i < s->options->warm_up && s->status == VIT_OK; i++)
        s->status = vit_bench_engine_run(s->engine, s->index, &s->err);
    vit_session_profile(s->engine->sessions[s->index], s->options->profile);
}

static void time_runs(struct stream *s)
{
    double started = vit_now(), before;
    for (s->ended = started; s->status == VIT_OK && !vit_bench_is_done(s->options, s->n, started) && !s->full;) {
        before = vit_now();
        s->status = vit_bench_engine_run(s->engine, s->index, &s->err);
        s->ended = vit_now();
        s->samples_ms[s->n++] = 1e3 * (s->ended - before);
        s->full = s->n == s->capacity && !s->options->repetitions;
    }
}

static void *run_thread(void *context)
{
    struct stream *s = context;
    warm_up(s);
    sem_post(&s->gate->ready);
    sem_wait(&s->gate->go);
    if (!s->gate->closed)
        time_runs(s);
    return NULL;
}

/* ---- All streams ---- */

/* Stream 0 runs in this thread, the others in threads of their own; all are timed from the same moment. */
static vit_status run_threads(struct stream *streams, int n, struct vit_bench_run *run, struct vit_error *err)
{
    struct gate *gate = streams[0].gate;
    vit_status status = VIT_OK;
    int started = 1;
    while (started < n && pthread_create(&streams[started].thread, NULL, run_thread, &streams[started]) == 0)
        started++;
    if (started < n)
        status = vit_fail(err, VIT_ERR_INTERNAL, "cannot start thread %d of %d streams", started, n);
    warm_up(&streams[0]);
    for (int i = 1; i < started; i++)
        sem_wait(&gate->ready);
    gate->closed = status != VIT_OK;
    run->mhz[0] = vit_surroundings_mhz(NULL);
    struct vit_times before = vit_surroundings_times();
    double start = vit_now();
    for (int i = 1; i < started; i++)
        sem_post(&gate->go);
    if (status == VIT_OK)
        time_runs(&streams[0]);
    run->mhz[1] = vit_surroundings_mhz(NULL); /* while it works, or has just done so */
    for (int i = 1; i < started; i++)
        pthread_join(streams[i].thread, NULL);
    run->cpu_s = vit_surroundings_times().own - before.own;
    run->other_load = vit_surroundings_other_load(&before);
    for (int i = 0; i < started; i++)
        run->wall_s = fmax(run->wall_s, streams[i].ended - start);
    for (int i = 0; i < started && status == VIT_OK; i++)
        if (streams[i].status != VIT_OK)
            status = vit_fail(err, streams[i].status, "%s", streams[i].err.message);
    return status;
}

/* What becomes slower as it goes on is not in its steady state: a CPU that grows hot, for one. Some thousand samples of
 * each third of the time are enough to see it. */
static bool measure_drift(struct vit_ratio *drift, const struct stream *stream)
{
    size_t third = stream->n / 3, step = third / MAX_THIRD + 1, n = 0;
    double first[MAX_THIRD], last[MAX_THIRD];
    for (size_t i = 0; i < third; i += step, n++) {
        first[n] = stream->samples_ms[i];
        last[n] = stream->samples_ms[stream->n - third + i];
    }
    return n < MIN_THIRD || vit_stats_compare(drift, last, n, first, n, 0.05);
}

/* Brings the streams' samples together at the front. */
static vit_status gather(struct job *job, const struct stream *streams, struct vit_error *err)
{
    if (!measure_drift(&job->run.drift, &streams[0]))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", streams[0].n);
    for (int i = 0; i < job->run.streams; i++) {
        memmove(job->samples_ms + job->n, streams[i].samples_ms, streams[i].n * sizeof *job->samples_ms);
        job->n += streams[i].n;
        job->run.full = job->run.full || streams[i].full;
    }
    job->run.n_pictures = job->n * (size_t)job->run.batch;
    return job->n > 0 ? VIT_OK : vit_fail(err, VIT_ERR_INTERNAL, "interrupted");
}

/* The steps of a profile. Between them pictures become patches, and answers are copied. */
static vit_status keep_steps(struct job *job, const struct vit_session *session, struct vit_error *err)
{
    int n = vit_session_n_steps(session);
    if (n >= MAX_STEPS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%d steps, at most %d", n, MAX_STEPS - 1);
    struct vit_bench_step rest = {.name = "the rest", .op = "-", .implementation = "-"};
    for (size_t i = 0; i < job->n; i++)
        rest.seconds += 1e-3 * job->samples_ms[i] / (double)job->n;
    job->run.n_steps = n;
    for (int i = 0; i < job->run.n_steps; i++) {
        struct vit_step_info info;
        vit_session_step(session, i, &info);
        struct vit_bench_step *step = &job->steps[i];
        snprintf(step->name, sizeof step->name, "%s", info.name);
        snprintf(step->op, sizeof step->op, "%s", info.op);
        snprintf(step->implementation, sizeof step->implementation, "%s", info.implementation);
        step->flops = info.flops;
        step->seconds = info.seconds / (double)job->n;
        rest.seconds -= step->seconds;
    }
    job->steps[job->run.n_steps++] = rest;
    return VIT_OK;
}

static vit_status run_streams(struct job *job, struct vit_bench_engine *engine, struct vit_error *err)
{
    int n = job->run.streams;
    struct gate gate = {.closed = false};
    struct stream *streams = calloc((size_t)n, sizeof *streams);
    if (!streams)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", n);
    sem_init(&gate.ready, 0, 0);
    sem_init(&gate.go, 0, 0);
    for (int i = 0; i < n; i++)
        streams[i] = (struct stream){.engine = engine, .index = i, .options = job->options, .gate = &gate,
                                     .capacity = job->capacity,
                                     .samples_ms = job->samples_ms + (size_t)i * job->capacity};
    vit_status status = run_threads(streams, n, &job->run, err);
    if (status == VIT_OK)
        status = gather(job, streams, err);
    if (status == VIT_OK && job->options->profile)
        status = keep_steps(job, engine->sessions[0], err);
    sem_destroy(&gate.ready);
    sem_destroy(&gate.go);
    free(streams);
    return status;
}

static vit_status measure(void *context, struct vit_error *err)
{
    struct job *job = context;
    struct vit_bench_engine engine;
    vit_status status = vit_bench_engine_start(&engine, &job->run, job->subject, err);
    if (status == VIT_OK)
        status = vit_bench_check(&engine, job->subject, err);
    if (status == VIT_OK)
        status = run_streams(job, &engine, err);
    job->run.rss_mb = vit_surroundings_memory_mb();
    job->run.peak_rss_mb = vit_surroundings_peak_mb();
    vit_bench_engine_free(&engine);
    return status;
}

/* ---- In the parent ---- */

/* Takes the job's results into memory of our own. */
static vit_status keep_results(struct vit_bench_run *run, const struct job *job, struct vit_error *err)
{
    *run = job->run;
    run->samples_ms = malloc(job->n * sizeof *run->samples_ms);
    run->steps = malloc((size_t)(run->n_steps + 1) * sizeof *run->steps);
    if (!run->samples_ms || !run->steps || !vit_stats_summarise(&run->latency, job->samples_ms, job->n))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", job->n);
    memcpy(run->samples_ms, job->samples_ms, job->n * sizeof *run->samples_ms);
    memcpy(run->steps, job->steps, (size_t)run->n_steps * sizeof *run->steps);
    return VIT_OK;
}

vit_status vit_bench_measure(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                             const struct vit_options *options, struct vit_error *err)
{
    size_t streams = (size_t)run->streams;
    size_t capacity = options->repetitions ? (size_t)options->repetitions : MAX_TIMED_SAMPLES / streams;
    size_t size = sizeof(struct job) + streams * capacity * sizeof(double);
    struct job *job = vit_isolate_alloc(size);
    if (!job)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples of each of %zu streams", capacity, streams);
    job->run = *run;
    job->subject = subject;
    job->options = options;
    job->capacity = capacity;
    vit_status status = vit_isolate(measure, job, err);
    if (status == VIT_OK)
        status = keep_results(run, job, err);
    vit_isolate_free(job, size);
    return status;
}

/* ---- The yardstick ---- */

static vit_status measure_peak(void *context, struct vit_error *err)
{
    struct vit_bench_run *run = context;
    struct vit_bench_peak *peak = &run->peak;
    VIT_TRY(vit_unit_peak(&peak->unit_flops, &peak->unit, run->threads, run->precision, err));
    return vit_gemm_peak(&peak->gemm_flops, run->threads, run->precision, err);
}

vit_status vit_bench_measure_peak(struct vit_bench_run *run, struct vit_error *err)
{
    struct vit_bench_run *shared = vit_isolate_alloc(sizeof *shared);
    if (!shared)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *shared = *run;
    vit_status status = vit_isolate(measure_peak, shared, err);
    run->peak = shared->peak; /* its name is where it was before the fork */
    vit_isolate_free(shared, sizeof *shared);
    return status;
}
