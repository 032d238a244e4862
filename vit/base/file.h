/* file.h: a file that nobody vouches for, read by position. */
#ifndef VIT_FILE_H
#define VIT_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "vit/base/error.h"

/* A file that is read by position. size and mtime are those at opening; a later difference is an error. Messages do not
 * name the path: callers prefix it. */
struct vit_file {
    int fd;
    int64_t size;
    struct timespec mtime;
    char *path;
};

/* Folders, pipes, sockets and devices are unsupported, and a file without bytes is empty. */
vit_status vit_file_open(struct vit_file *file, const char *path, struct vit_error *err);
vit_status vit_file_read(const struct vit_file *file, int64_t offset, void *dst, size_t n, struct vit_error *err);
void vit_file_close(struct vit_file *file);

/* A file that is read from offset on; vit_file_next takes exactly n bytes of a struct vit_file_stream. */
struct vit_file_stream {
    const struct vit_file *file;
    int64_t offset;
};
vit_status vit_file_next(void *stream, void *dst, size_t n, struct vit_error *err);

/* Reads an open file of at most max bytes whole; one at a path, whose number of bytes becomes *n. A NUL follows them.
 * *bytes is the caller's to free; NULL on failure. */
vit_status vit_file_read_all(const struct vit_file *file, int64_t max, void **bytes, struct vit_error *err);
vit_status vit_file_load(const char *path, int64_t max, void **bytes, size_t *n, struct vit_error *err);

#endif
