/* stop.c: SIGINT, SIGTERM and SIGHUP, and the flags and the pipe that carry a wish to stop to every thread. */
#include "tools/common/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

/* Shared with a signal handler, hence global. */
static atomic_bool requested, interrupted;
static int stop_pipe[2] = { -1, -1 };

void vit_stop_request(void)
{
    atomic_store(&requested, true);
    /* The pipe is never drained: once readable, always readable. When it is full it is readable already. */
    ssize_t written = write(stop_pipe[1], "", 1);
    (void)written;
}

static void on_signal(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    atomic_store(&interrupted, true);
    vit_stop_request();
    errno = saved;
}

bool vit_stop_install(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    /* SA_RESTART: an interrupted read of a picture must not look like a damaged picture. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND }, inherited;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        /* A shell starts background jobs with SIGINT ignored, nohup ignores SIGHUP; that choice is the caller's. */
        if (sigaction(signals[i], NULL, &inherited) != 0 ||
            (inherited.sa_handler != SIG_IGN && sigaction(signals[i], &action, NULL) != 0))
            return false;
    }
    return true;
}

bool vit_stop_requested(void)
{
    return atomic_load(&requested);
}

bool vit_stop_interrupted(void)
{
    return atomic_load(&interrupted);
}

int vit_stop_fd(void)
{
    return stop_pipe[0];
}
