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

static vit_status await(pid_t child, const struct vit_error *reported, struct vit_error *err)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return vit_fail(err, VIT_ERR_INTERNAL, "waitpid: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return vit_fail(err, VIT_ERR_INTERNAL, "the measuring process was ended by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return vit_fail(err, VIT_ERR_INTERNAL, "the measuring process ended with status %d", WEXITSTATUS(status));
    if (reported->status != VIT_OK)
        return vit_fail(err, reported->status, "%s", reported->message);
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
                                  : await(child, reported, err);
    vit_isolate_free(reported, sizeof *reported);
    return status;
}
