/* test_team.c: threads that work together: each does its part, waits see what others wrote, and nobody hangs. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vit/base/team.h"
#include "vit/vit.h"

enum { MOST = 9, ROUNDS = 300 };

struct work {
    struct vit_barrier barrier;
    int count[MOST], wrong[MOST];
};

static void count_up(void *context, int member)
{
    ((struct work *)context)->count[member]++;
}

/* In every round each writes its own number, and then finds those of all others. */
static void count_together(void *context, int member)
{
    struct work *work = context;
    for (int round = 1; round <= ROUNDS; round++) {
        work->count[member] = round;
        if (member == round % work->barrier.members && round % 50 == 0)
            usleep(300); /* longer than the others watch: they sleep */
        vit_barrier_wait(&work->barrier);
        for (int i = 0; i < work->barrier.members; i++)
            work->wrong[member] += work->count[i] != round;
        vit_barrier_wait(&work->barrier);
    }
}

Test(team, every_member_does_its_part)
{
    for (int threads = 1; threads <= MOST; threads++) {
        struct vit_team *team;
        struct work work = {0};
        cr_assert_eq(vit_team_create(&team, threads, NULL), VIT_OK);
        cr_assert_eq(vit_team_size(team), threads);
        for (int run = 0; run < ROUNDS; run++)
            cr_assert_eq(vit_team_run(team, count_up, &work, NULL), VIT_OK);
        for (int i = 0; i < MOST; i++)
            cr_expect_eq(work.count[i], i < threads ? ROUNDS : 0, "member %d of %d", i, threads);
        vit_team_free(team);
    }
}

Test(team, barriers_let_nobody_ahead, .timeout = 60)
{
    for (int threads = 1; threads <= MOST; threads++) {
        struct vit_team *team;
        struct work work = {.barrier = {.members = threads}};
        cr_assert_eq(vit_team_create(&team, threads, NULL), VIT_OK);
        cr_assert_eq(vit_team_run(team, count_together, &work, NULL), VIT_OK);
        for (int i = 0; i < threads; i++)
            cr_expect_eq(work.wrong[i], 0, "member %d of %d", i, threads);
        vit_team_free(team);
    }
}

/* A forked child has none of the threads: it is told so, and ends. */
Test(team, forked_child_is_refused, .timeout = 60)
{
    struct vit_error err = {0};
    struct vit_model *model;
    struct vit_session *session;
    struct vit_session_options options = vit_session_options_default();
    options.threads = 2;
    cr_assert_eq(vit_model_open(&model, "weights/vit.safetensors", NULL, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    uint8_t *pixels = calloc(1, vit_model_pixels_size(model));
    float *logits = calloc((size_t)vit_model_config(model)->classes, sizeof *logits);
    cr_assert(pixels && logits);
    pid_t child = fork();
    if (child == 0) {
        vit_status status = vit_classify(session, pixels, 1, logits, &err);
        vit_session_free(session);
        _exit(status == VIT_ERR_UNSUPPORTED ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", (unsigned)status);
    cr_expect_eq(vit_classify(session, pixels, 1, logits, &err), VIT_OK);
    free(pixels), free(logits);
    vit_session_free(session);
    vit_model_free(model);
}
