/* file.c: files that are read by position and must not change while they are open. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/base/file.h"

enum { READ_MAX = 1 << 30 }; /* bytes asked of one pread; Linux gives at most 2^31 - 4096 */

vit_status vit_file_open(struct vit_file *file, const char *path, struct vit_error *err)
{
    *file = (struct vit_file){.fd = -1};
    file->path = strdup(path);
    if (!file->path)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");

    /* Non-blocking: opening a FIFO would otherwise wait for a writer. Regular files ignore it. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd < 0)
        return vit_fail(err, VIT_ERR_OPEN, "cannot open: %s", strerror(errno));
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return vit_fail(err, VIT_ERR_READ, "cannot examine: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        S_ISDIR(st.st_mode) ? "a folder, not a file" : "a pipe, socket or device, not a file");
    if (st.st_size == 0)
        return vit_fail(err, VIT_ERR_EMPTY, "the file is empty");
    file->size = st.st_size;
    file->mtime = st.st_mtim;
    return VIT_OK;
}

static vit_status check_unchanged(const struct vit_file *file, struct vit_error *err)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return vit_fail(err, VIT_ERR_READ, "cannot examine: %s", strerror(errno));
    if (st.st_size != file->size)
        return vit_fail(err, VIT_ERR_READ, "the file changed while it was open: %" PRId64 " bytes, then %" PRId64,
                        file->size, (int64_t)st.st_size);
    if (st.st_mtim.tv_sec != file->mtime.tv_sec || st.st_mtim.tv_nsec != file->mtime.tv_nsec)
        return vit_fail(err, VIT_ERR_READ, "the file was written to while it was open");
    return VIT_OK;
}

vit_status vit_file_read(const struct vit_file *file, int64_t offset, void *dst, size_t n, struct vit_error *err)
{
    if (offset < 0 || offset > file->size || n > (uint64_t)(file->size - offset))
        return vit_fail(err, VIT_ERR_DECODE,
                        "%zu bytes at offset %" PRId64 " reach beyond the file's %" PRId64 " bytes", n, offset,
                        file->size);
    for (size_t done = 0; done < n;) {
        size_t want = n - done < READ_MAX ? n - done : READ_MAX;
        ssize_t got = pread(file->fd, (char *)dst + done, want, offset + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vit_fail(err, VIT_ERR_READ, "reading %zu bytes at offset %" PRId64 ": %s", want,
                            offset + (int64_t)done, strerror(errno));
        if (got == 0)
            break; /* the file was cut: the check below says so */
        done += (size_t)got;
    }
    return check_unchanged(file, err);
}

vit_status vit_file_next(void *context, void *dst, size_t n, struct vit_error *err)
{
    struct vit_file_stream *stream = context;
    VIT_TRY(vit_file_read(stream->file, stream->offset, dst, n, err));
    stream->offset += (int64_t)n;
    return VIT_OK;
}

void vit_file_close(struct vit_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (struct vit_file){.fd = -1};
}

vit_status vit_file_read_all(const struct vit_file *file, int64_t max, void **bytes, struct vit_error *err)
{
    *bytes = NULL;
    if (file->size > max)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "a file of %" PRId64 " bytes is above the limit of %" PRId64 " bytes", file->size, max);
    size_t n = (size_t)file->size;
    char *all = malloc(n + 1);
    if (!all)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a file of %zu bytes", n);
    vit_status status = vit_file_read(file, 0, all, n, err);
    if (status != VIT_OK) {
        free(all);
        return status;
    }
    all[n] = '\0';
    *bytes = all;
    return VIT_OK;
}

vit_status vit_file_load(const char *path, int64_t max, void **bytes, size_t *n, struct vit_error *err)
{
    struct vit_file file;
    *bytes = NULL;
    vit_status status = vit_file_open(&file, path, err);
    if (status == VIT_OK)
        status = vit_file_read_all(&file, max, bytes, err);
    *n = (size_t)file.size;
    vit_file_close(&file);
    return status;
}
