/* isolate.c: fork, shared memory, and what became of the child. */
#include "tools/bench/isolate.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void *vit_isolate_alloc(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void vit_isolate_free(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

vit_status vit_isolate_await(pid_t child, const char *name, struct vit_error *err)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return vit_fail(err, VIT_ERR_INTERNAL, "waitpid: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return vit_fail(err, VIT_ERR_INTERNAL, "%s was ended by signal %d (%s)", name, WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return vit_fail(err, VIT_ERR_INTERNAL, "%s ended with status %d", name, WEXITSTATUS(status));
    return VIT_OK;
}

vit_status vit_isolate(vit_status (*work)(void *context, struct vit_error *err), void *context, struct vit_error *err)
{
    struct vit_error *reported = vit_isolate_alloc(sizeof *reported);
    if (!reported)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read what an orphan measures */
        reported->status = work(context, reported);
        _exit(0);
    }
    vit_status status = child < 0 ? vit_fail(err, VIT_ERR_INTERNAL, "fork: %s", strerror(errno))
                                  : vit_isolate_await(child, "the measuring process", err);
    if (status == VIT_OK && reported->status != VIT_OK)
        status = vit_fail(err, reported->status, "%s", reported->message);
    vit_isolate_free(reported, sizeof *reported);
    return status;
}
