/* test_stages.c: the whole pipeline against the goldens, stage by stage, so that the first stage that departs is named;
 * then what must not change an answer: batch, company, other threads. tests/make_goldens.py makes the goldens. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "vit/vit.h"

#define SHIPPED "weights/vit.safetensors"
#define TINY "tests/goldens/tiny"

enum { N_PICTURES = 3, PATH_SIZE = 256, STAGE_SIZE = 16 };

/* PyTorch's own f32 stages are up to 1.3e-6 from f64 here. Patches have no sums, only PyTorch's operations. */
static const double STAGE_TOL = 1e-5, PATCHES_TOL = 3e-7, BATCH_TOL = 1e-5;

struct golden {
    const char *name, *model, *picture, *folder;
};

static const struct golden tiny = { "tiny", TINY, TINY "/picture.png", TINY };

static const struct golden shipped[N_PICTURES] = {
    { "tractor", SHIPPED, "samples/tractor.jpg", "tests/goldens/shipped/tractor" },
    { "espresso", SHIPPED, "samples/espresso.jpg", "tests/goldens/shipped/espresso" },
    { "jellyfish", SHIPPED, "samples/jellyfish.jpg", "tests/goldens/shipped/jellyfish" },
};

static struct vit_error err;

/* ---- The calls of vit.h, each asserted ---- */

static struct vit_model *open_model(const char *path)
{
    struct vit_model *model = NULL;
    cr_assert_eq(vit_model_open(&model, path, NULL, &err), VIT_OK, "%s", err.message);
    return model;
}

static struct vit_session *create_session(const struct vit_model *model, int batch, bool reference, const char *trace)
{
    struct vit_session_options options = vit_session_options_default();
    options.batch = batch;
    options.threads = 2;
    options.reference = reference;
    options.trace_dir = trace;
    struct vit_session *session = NULL;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    return session;
}

static void *allocate(size_t n)
{
    void *p = calloc(n, 1);
    cr_assert_not_null(p);
    return p;
}

static void load_pixels(const struct vit_model *model, const char *picture, uint8_t *pixels)
{
    const struct vit_input input = { .path = picture };
    cr_assert_eq(vit_load_image(model, &input, NULL, pixels, &err), VIT_OK, "%s", err.message);
}

/* ---- Stages ---- */

/* Stage i in pipeline order, or false behind the last. */
static bool stage_name(char name[STAGE_SIZE], int i, int depth)
{
    static const char *const others[] = { "pixels", "patches", "tokens", "pooled", "logits" };
    if (i >= 3 && i < 3 + depth)
        snprintf(name, STAGE_SIZE, "block%02d", i - 3);
    else if (i < depth + 5)
        snprintf(name, STAGE_SIZE, "%s", others[i < 3 ? i : i - depth]);
    return i < depth + 5;
}

static bool check_stage(char *message, const struct golden *golden, const char *trace, const char *stage)
{
    char want_path[PATH_SIZE], got_path[PATH_SIZE], name[STAGE_SIZE + 32];
    snprintf(want_path, sizeof want_path, "%s/%s.npy", golden->folder, stage);
    snprintf(got_path, sizeof got_path, "%s/%s.npy", trace, stage);
    snprintf(name, sizeof name, "%s, %s", golden->name, stage);
    struct npy got = { .data = NULL }, want = { .data = NULL };
    bool pass = npy_read(&want, want_path, message) && npy_read(&got, got_path, message);
    if (pass) {
        double tol = strcmp(stage, "pixels") == 0 ? 0 : strcmp(stage, "patches") == 0 ? PATCHES_TOL : STAGE_TOL;
        pass = check_npy(message, name, &got, &want, tol);
    }
    npy_free(&got);
    npy_free(&want);
    return pass;
}

static void remove_trace(const char *trace, int depth)
{
    char stage[STAGE_SIZE], path[PATH_SIZE];
    for (int i = 0; stage_name(stage, i, depth); i++) {
        snprintf(path, sizeof path, "%s/%s.npy", trace, stage);
        unlink(path);
    }
    cr_expect_eq(rmdir(trace), 0, "the trace holds files that are no stage");
}

/* What the caller gets, not only what was traced. */
static void check_answer(const float *logits, const struct golden *golden)
{
    char path[PATH_SIZE], message[CHECK_MESSAGE_MAX];
    struct npy want;
    snprintf(path, sizeof path, "%s/logits.npy", golden->folder);
    cr_assert(npy_read(&want, path, message), "%s", message);
    cr_expect(check_f32(message, golden->name, logits, want.data, want.count, STAGE_TOL), "%s", message);
    npy_free(&want);
}

/* Checks the stages in pipeline order up to the first that departs. */
static void check_stages(const struct golden *golden, bool reference)
{
    char trace[] = "/tmp/vit-trace-XXXXXX";
    cr_assert_not_null(mkdtemp(trace));
    struct vit_model *model = open_model(golden->model);
    const int depth = vit_model_config(model)->depth;
    const size_t classes = (size_t)vit_model_config(model)->classes;
    uint8_t *pixels = allocate(vit_model_pixels_size(model));
    float *logits = allocate(classes * sizeof *logits);
    load_pixels(model, golden->picture, pixels);
    struct vit_session *session = create_session(model, 1, reference, trace);
    vit_status status = vit_classify(session, pixels, 1, logits, &err);
    cr_expect_eq(status, VIT_OK, "%s", err.message);

    char stage[STAGE_SIZE], message[CHECK_MESSAGE_MAX];
    bool pass = status == VIT_OK;
    for (int i = 0; pass && stage_name(stage, i, depth); i++) {
        pass = check_stage(message, golden, trace, stage);
        cr_expect(pass, "%s, first stage that departs: %s", reference ? "plain loops" : "oneDNN", message);
    }
    if (pass)
        check_answer(logits, golden);
    remove_trace(trace, depth);
    free(logits);
    free(pixels);
    vit_session_free(session);
    vit_model_free(model);
}

Test(stages, tiny)
{
    check_stages(&tiny, false);
}

Test(stages, tiny_in_plain_loops)
{
    check_stages(&tiny, true);
}

Test(stages, shipped)
{
    for (int i = 0; i < N_PICTURES; i++)
        check_stages(&shipped[i], false);
}

Test(stages, shipped_in_plain_loops)
{
    check_stages(&shipped[0], true);
}

/* ---- Batches ---- */

/* A model and the pixels of three pictures (3,S,S,3). */
struct work {
    struct vit_model *model;
    uint8_t *pixels;
    size_t image; /* bytes of one picture's pixels */
    size_t classes;
};

static struct work open_work(const char *path)
{
    struct work w = { .model = open_model(path) };
    w.image = vit_model_pixels_size(w.model);
    w.classes = (size_t)vit_model_config(w.model)->classes;
    w.pixels = allocate(N_PICTURES * w.image);
    return w;
}

static struct work open_shipped(void)
{
    struct work w = open_work(SHIPPED);
    for (size_t i = 0; i < N_PICTURES; i++)
        load_pixels(w.model, shipped[i].picture, w.pixels + i * w.image);
    return w;
}

/* The tiny model's one picture, its negative, and the picture turned by half a circle with red and blue exchanged. */
static struct work open_tiny(void)
{
    struct work w = open_work(TINY);
    load_pixels(w.model, tiny.picture, w.pixels);
    for (size_t i = 0; i < w.image; i++) {
        w.pixels[w.image + i] = (uint8_t)(255 - w.pixels[i]);
        w.pixels[3 * w.image - 1 - i] = w.pixels[i];
    }
    return w;
}

static void close_work(struct work *w)
{
    free(w->pixels);
    vit_model_free(w->model);
}

/* Logits (n,K) of the pictures whose numbers are in order (n); the caller frees them. */
static float *classify(const struct work *w, struct vit_session *session, const int *order, int n)
{
    uint8_t *pixels = allocate((size_t)n * w->image + 1);
    float *logits = allocate((size_t)n * w->classes * sizeof *logits + 1);
    for (int i = 0; i < n; i++)
        memcpy(pixels + (size_t)i * w->image, w->pixels + (size_t)order[i] * w->image, w->image);
    cr_assert_eq(vit_classify(session, pixels, n, logits, &err), VIT_OK, "%s", err.message);
    free(pixels);
    return logits;
}

static const int in_order[N_PICTURES] = { 0, 1, 2 };

static void check_batch_against_single(struct work w, bool reference)
{
    struct vit_session *one = create_session(w.model, 1, reference, NULL);
    struct vit_session *three = create_session(w.model, N_PICTURES, reference, NULL);
    float *want = classify(&w, one, in_order, N_PICTURES), *got = classify(&w, three, in_order, N_PICTURES);
    for (size_t i = 0; i < N_PICTURES; i++) {
        char message[CHECK_MESSAGE_MAX], name[32];
        snprintf(name, sizeof name, "picture %zu", i);
        cr_expect(check_f32(message, name, got + i * w.classes, want + i * w.classes, w.classes, BATCH_TOL), "%s",
                  message);
    }
    free(got);
    free(want);
    vit_session_free(three);
    vit_session_free(one);
    close_work(&w);
}

Test(stages, a_batch_gives_what_single_pictures_give)
{
    check_batch_against_single(open_shipped(), false);
    check_batch_against_single(open_tiny(), false);
}

Test(stages, a_batch_gives_what_single_pictures_give_in_plain_loops)
{
    check_batch_against_single(open_tiny(), true);
}

/* Whatever the number of pictures, their order and what came before, a picture's bytes are those of the first run. */
static void check_company(struct work w, bool reference)
{
    static const int orders[][7] = { { 2 }, { 1, 0 }, { 2, 2, 2 }, { 0, 2, 1, 1, 0, 2, 1 }, { 1, 2, 0 } };
    static const int counts[] = { 1, 2, 3, 7, 3 };
    struct vit_session *session = create_session(w.model, N_PICTURES, reference, NULL);
    float *want = classify(&w, session, in_order, N_PICTURES);
    const size_t size = w.classes * sizeof *want;
    cr_assert_neq(memcmp(want, want + w.classes, size), 0, "two pictures, one answer");
    for (size_t run = 0; run < sizeof counts / sizeof counts[0]; run++) {
        float *got = classify(&w, session, orders[run], counts[run]);
        for (int i = 0; i < counts[run]; i++)
            cr_expect_arr_eq(got + (size_t)i * w.classes, want + (size_t)orders[run][i] * w.classes, size,
                             "run %zu: number %d has other logits than before", run, i);
        free(got);
    }
    free(classify(&w, session, in_order, 0));
    free(want);
    vit_session_free(session);
    close_work(&w);
}

Test(stages, company_changes_no_byte)
{
    check_company(open_shipped(), false);
    check_company(open_tiny(), false);
}

Test(stages, company_changes_no_byte_in_plain_loops)
{
    check_company(open_tiny(), true);
}

/* ---- Threads ---- */

/* A session of a thread's own, the pictures it classifies again and again, and the logits it had alone (3,K). */
struct job {
    const struct work *work;
    struct vit_session *session;
    float *want, *got;
    int rounds, n_other; /* runs, and how many of them gave other bytes */
    vit_status status;
};

static struct job create_job(const struct work *w, int batch, int rounds)
{
    struct job job = { .work = w, .session = create_session(w->model, batch, false, NULL), .rounds = rounds };
    job.want = classify(w, job.session, in_order, N_PICTURES);
    job.got = allocate(N_PICTURES * w->classes * sizeof *job.got);
    return job;
}

static void *run_job(void *arg)
{
    struct job *job = arg;
    for (int i = 0; i < job->rounds && job->status == VIT_OK; i++) {
        job->status = vit_classify(job->session, job->work->pixels, N_PICTURES, job->got, NULL);
        job->n_other += memcmp(job->got, job->want, N_PICTURES * job->work->classes * sizeof *job->got) != 0;
    }
    return NULL;
}

/* Runs both jobs at once, checks them and frees what is theirs. */
static void run_side_by_side(struct job jobs[2])
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_job, &jobs[i]), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(jobs[i].status, VIT_OK);
        cr_expect_eq(jobs[i].n_other, 0, "thread %d: %d of %d runs gave other bytes than alone", i, jobs[i].n_other,
                     jobs[i].rounds);
        free(jobs[i].want);
        free(jobs[i].got);
        vit_session_free(jobs[i].session);
    }
}

Test(stages, two_sessions_of_a_model_run_side_by_side)
{
    struct work w = open_shipped();
    run_side_by_side((struct job[]){ create_job(&w, 1, 4), create_job(&w, N_PICTURES, 4) });
    close_work(&w);
}

Test(stages, two_models_run_side_by_side)
{
    struct work a = open_shipped(), b = open_tiny();
    run_side_by_side((struct job[]){ create_job(&a, 1, 4), create_job(&b, 2, 400) });
    close_work(&b);
    close_work(&a);
}
