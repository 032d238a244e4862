/* output.c: the data descriptor, and whole records written to it. */
#include "tools/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/commands.h"

static int data_fd = -1; /* what stdout was when the program started */

static void end_quietly(int signal_number)
{
    (void)signal_number;
    _exit(VIT_EXIT_FATAL);
}

void vit_output_claim_stdout(void)
{
    struct sigaction inherited, quiet = { .sa_handler = end_quietly };
    if (sigaction(SIGPIPE, NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
        sigaction(SIGPIPE, &quiet, NULL);
    /* Closed standard descriptors are filled, or the next file opened would become one of them. Those for writing are
     * filled for reading, so that writing data to them stays an error. */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
    data_fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
    dup2(2, 1);
}

vit_status vit_output_open(struct vit_output *output, const char *path, struct vit_error *err)
{
    *output = (struct vit_output){ .fd = data_fd, .name = "stdout" };
    output->text = open_memstream(&output->buffer, &output->length);
    if (!output->text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (!path || strcmp(path, "-") == 0)
        return VIT_OK;

    output->name = path;
    output->owned = true;
    output->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->fd >= 0)
        return VIT_OK;
    vit_fail(err, VIT_ERR_OPEN, "cannot write to %s: %s", path, strerror(errno));
    vit_output_close(output, NULL);
    return VIT_ERR_OPEN;
}

static vit_status write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno == EAGAIN) /* someone who shares the terminal or pipe made it non-blocking */
            poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
        else if (written < 0 && errno != EINTR)
            return VIT_ERR_READ;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return VIT_OK;
}

vit_status vit_output_flush(struct vit_output *output, struct vit_error *err)
{
    if (fflush(output->text) != 0 || ferror(output->text))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (write_all(output->fd, output->buffer, output->length) != VIT_OK)
        return vit_fail(err, VIT_ERR_READ, "cannot write to %s: %s", output->name, strerror(errno));
    rewind(output->text);
    return VIT_OK;
}

vit_status vit_output_close(struct vit_output *output, struct vit_error *err)
{
    vit_status status = VIT_OK;
    if (output->text)
        fclose(output->text);
    free(output->buffer);
    if (output->owned && output->fd >= 0 && close(output->fd) != 0)
        status = vit_fail(err, VIT_ERR_READ, "cannot write to %s: %s", output->name, strerror(errno));
    *output = (struct vit_output){ .fd = -1 };
    return status;
}

vit_status vit_output_finish(struct vit_output *output, vit_status status, struct vit_error *err)
{
    vit_status closed = vit_output_close(output, status == VIT_OK ? err : NULL);
    return status == VIT_OK ? closed : status;
}
