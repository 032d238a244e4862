/* bench_run.c: times one configuration: some streams side by side, each a session in a thread of its own. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/engine.h"
#include "tools/bench/isolate.h"
#include "tools/bench/sysinfo.h"

enum { MAX_SAMPLES = 1 << 20, MAX_STEPS = 4096 };

/* What the measuring process and its parent share. */
struct job {
    struct vit_bench_run run;
    const struct vit_bench_subject *subject;
    const struct vit_options *options;
    double samples_ms[MAX_SAMPLES];
    struct vit_bench_step steps[MAX_STEPS];
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
    double started = vit_bench_now_ms();
    while (s->status == VIT_OK && s->n < s->capacity && !vit_bench_is_done(s->options, s->n, started)) {
        double before = vit_bench_now_ms();
        s->status = vit_bench_engine_run(s->engine, s->index, &s->err);
        s->samples_ms[s->n++] = vit_bench_now_ms() - before;
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
static vit_status run_threads(struct stream *streams, int n, struct vit_error *err)
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
    for (int i = 1; i < started; i++)
        sem_post(&gate->go);
    if (status == VIT_OK)
        time_runs(&streams[0]);
    for (int i = 1; i < started; i++)
        pthread_join(streams[i].thread, NULL);
    for (int i = 0; i < started && status == VIT_OK; i++)
        if (streams[i].status != VIT_OK)
            status = vit_fail(err, streams[i].status, "%s", streams[i].err.message);
    return status;
}

/* Brings the streams' samples together at the front. */
static void gather(struct job *job, const struct stream *streams)
{
    for (int i = 0; i < job->run.streams; i++) {
        memmove(job->samples_ms + job->run.n, streams[i].samples_ms, streams[i].n * sizeof *job->samples_ms);
        job->run.n += streams[i].n;
    }
}

/* The times are those of the profile, or zero. */
static void keep_steps(struct job *job, const struct vit_session *session)
{
    int n = vit_session_n_steps(session);
    job->run.n_steps = n < MAX_STEPS ? n : MAX_STEPS;
    for (int i = 0; i < job->run.n_steps; i++) {
        struct vit_step_info info;
        vit_session_step(session, i, &info);
        struct vit_bench_step *step = &job->steps[i];
        snprintf(step->name, sizeof step->name, "%s", info.name);
        snprintf(step->op, sizeof step->op, "%s", info.op);
        snprintf(step->implementation, sizeof step->implementation, "%s", info.implementation);
        step->flops = info.flops;
        step->seconds = info.seconds / (double)job->run.n;
    }
}

static vit_status run_streams(struct job *job, struct vit_bench_engine *engine, struct vit_error *err)
{
    int n = job->run.streams;
    size_t capacity = MAX_SAMPLES / (size_t)n;
    struct gate gate = {.closed = false};
    struct stream *streams = calloc((size_t)n, sizeof *streams);
    if (!streams)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d streams", n);
    sem_init(&gate.ready, 0, 0);
    sem_init(&gate.go, 0, 0);
    for (int i = 0; i < n; i++)
        streams[i] = (struct stream){.engine = engine, .index = i, .options = job->options, .gate = &gate,
                                     .capacity = capacity, .samples_ms = job->samples_ms + (size_t)i * capacity};
    vit_status status = run_threads(streams, n, err);
    if (status == VIT_OK) {
        gather(job, streams);
        keep_steps(job, engine->sessions[0]);
    }
    sem_destroy(&gate.ready);
    sem_destroy(&gate.go);
    free(streams);
    if (status == VIT_OK && job->run.n == 0)
        status = vit_fail(err, VIT_ERR_INTERNAL, "interrupted");
    return status;
}

static vit_status measure(void *context, struct vit_error *err)
{
    struct job *job = context;
    struct vit_bench_engine engine;
    vit_status status = vit_bench_engine_start(&engine, &job->run, job->subject, job->options, err);
    if (status == VIT_OK)
        status = run_streams(job, &engine, err);
    job->run.peak_rss_mb = vit_sysinfo_peak_mb();
    vit_bench_engine_free(&engine);
    return status;
}

/* ---- In the parent ---- */

/* Takes the job's results into memory of our own. */
static vit_status keep_results(struct vit_bench_run *run, const struct job *job, struct vit_error *err)
{
    *run = job->run;
    run->samples_ms = malloc(run->n * sizeof *run->samples_ms);
    run->steps = malloc((size_t)(run->n_steps + 1) * sizeof *run->steps);
    if (!run->samples_ms || !run->steps || !vit_stats_summarise(&run->latency, job->samples_ms, run->n))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu samples", run->n);
    memcpy(run->samples_ms, job->samples_ms, run->n * sizeof *run->samples_ms);
    memcpy(run->steps, job->steps, (size_t)run->n_steps * sizeof *run->steps);
    return VIT_OK;
}

vit_status vit_bench_measure(struct vit_bench_run *run, const struct vit_bench_subject *subject,
                             const struct vit_options *options, struct vit_error *err)
{
    struct job *job = vit_isolate_alloc(sizeof *job);
    if (!job)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    job->run = *run;
    job->subject = subject;
    job->options = options;
    vit_status status = vit_isolate(measure, job, err);
    if (status == VIT_OK)
        status = keep_results(run, job, err);
    vit_isolate_free(job, sizeof *job);
    return status;
}

void vit_bench_run_free(struct vit_bench_run *run)
{
    free(run->samples_ms);
    free(run->steps);
    run->samples_ms = NULL;
    run->steps = NULL;
}

double vit_bench_images_per_s(const struct vit_bench_run *run)
{
    return 1e3 * run->batch * run->streams / run->latency.median;
}

double vit_bench_flops_per_s(const struct vit_bench_run *run)
{
    return 1e3 * run->flops * run->streams / run->latency.median;
}

/* ---- The yardstick ---- */

static vit_status measure_peak(void *context, struct vit_error *err)
{
    struct vit_bench_run *run = context;
    return vit_gemm_peak(&run->peak_flops, run->threads, run->precision, err);
}

vit_status vit_bench_measure_peak(struct vit_bench_run *run, struct vit_error *err)
{
    struct vit_bench_run *shared = vit_isolate_alloc(sizeof *shared);
    if (!shared)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *shared = *run;
    vit_status status = vit_isolate(measure_peak, shared, err);
    run->peak_flops = shared->peak_flops;
    vit_isolate_free(shared, sizeof *shared);
    return status;
}
