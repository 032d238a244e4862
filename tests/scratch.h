/* scratch.h: a folder of its own for each test, files in it, and refusals to expect. Included by tests. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights/containers/source.h"

struct scratch {
    char folder[64], path[96];
};

/* Makes the folder; path is a file called name in it, not yet there. */
static inline void scratch_enter(struct scratch *s, const char *name)
{
    strcpy(s->folder, "/tmp/vit-test-XXXXXX");
    cr_assert_not_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/%s", s->folder, name);
}

/* Removes path and the folder, in which nothing else may be left. */
static inline void scratch_leave(struct scratch *s)
{
    unlink(s->path);
    cr_assert_eq(rmdir(s->folder), 0, "something was left behind in %s", s->folder);
}

/* A new file each time: ext4 writes a file out that was cut to nothing and filled again. */
static inline void scratch_write(const char *path, const void *bytes, size_t n)
{
    unlink(path);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
}

static inline size_t scratch_read(const char *path, void *bytes, size_t max)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t n = fread(bytes, 1, max, f);
    fclose(f);
    return n;
}

/* Opening path must fail with this status and a message that holds the path and each of the words, ended by NULL. */
static inline void scratch_refused(const char *path, vit_status expected, const char *const *words)
{
    struct vit_source *source;
    struct vit_error err = {VIT_OK, ""};
    vit_status status = vit_source_open(&source, path, &err);
    cr_assert_eq(status, expected, "%s: status %s: %s", path, vit_status_name(status), err.message);
    cr_assert_null(source);
    cr_expect(strstr(err.message, path), "\"%s\" lacks the path", err.message);
    for (int i = 0; words[i]; i++)
        cr_expect(strstr(err.message, words[i]), "\"%s\" lacks \"%s\"", err.message, words[i]);
}

#define SCRATCH_REFUSED(path, status, ...) scratch_refused(path, status, (const char *const[]){__VA_ARGS__, NULL})

/* Opens path, which may be anything, and reads all that it offers; whether all of that succeeded. */
static inline bool scratch_read_all(const char *path)
{
    struct vit_source *source;
    struct vit_error err;
    if (vit_source_open(&source, path, &err) != VIT_OK)
        return false;
    bool sound = true;
    for (int i = 0; i < vit_source_n_tensors(source); i++) {
        const struct vit_tensor *t = vit_source_tensor(source, i);
        size_t bytes = (size_t)vit_tensor_count(t) * vit_dtype_size(t->dtype);
        void *data = malloc(bytes ? bytes : 1);
        cr_assert_not_null(data, "%s: tensor %s of %zu bytes", path, t->name, bytes);
        sound = vit_source_read(source, i, data, &err) == VIT_OK && sound;
        free(data);
    }
    vit_source_close(source);
    return sound;
}

#endif
