/* threads.c: starting them, and waiting for their ends. */
#include "tools/common/threads.h"

#include <pthread.h>
#include <stdlib.h>

#include "tools/common/stop.h"

struct thread {
    pthread_t id;
    void (*work)(void *context, int i);
    void *context;
    int i;
};

static void *start(void *argument)
{
    const struct thread *thread = argument;
    thread->work(thread->context, thread->i);
    return NULL;
}

vit_status vit_threads_run(int n, void (*work)(void *context, int i), void *context, struct vit_error *err)
{
    struct thread *threads = calloc((size_t)n, sizeof *threads);
    if (!threads)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d threads", n);
    int started = 1;
    for (; started < n; started++) {
        threads[started] = (struct thread){ .work = work, .context = context, .i = started };
        if (pthread_create(&threads[started].id, NULL, start, &threads[started]) != 0)
            break;
    }
    if (started == n)
        work(context, 0);
    else
        vit_stop_request();
    for (int i = 1; i < started; i++)
        pthread_join(threads[i].id, NULL);
    free(threads);
    return started == n ? VIT_OK : vit_fail(err, VIT_ERR_INTERNAL, "cannot start %d threads", n);
}
