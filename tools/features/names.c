/* names.c: one pass over the lines. */
#include "tools/features/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *vit_names_path(const char *npy)
{
    char *path;
    size_t n = strlen(npy);
    if (n > 4 && strcmp(npy + n - 4, ".npy") == 0)
        n -= 4;
    return asprintf(&path, "%.*s.files.txt", (int)n, npy) < 0 ? NULL : path;
}

bool vit_names_fits(const char *name)
{
    return name[strcspn(name, "\r\n")] == '\0';
}

static int by_row(const void *a, const void *b)
{
    int64_t x = (*(struct vit_named_row *const *)a)->row, y = (*(struct vit_named_row *const *)b)->row;
    return (x > y) - (x < y);
}

/* Counts the lines, and keeps those of the n rows, which are sorted. */
static vit_status read_lines(struct vit_named_row **rows, size_t n, FILE *file, int64_t *lines, struct vit_error *err)
{
    char *line = NULL;
    size_t capacity = 0, next = 0;
    ssize_t length;
    vit_status status = VIT_OK;
    for (*lines = 0; status == VIT_OK && (length = getline(&line, &capacity, file)) >= 0; ++*lines) {
        if (next == n || rows[next]->row != *lines)
            continue;
        line[length - (line[length - 1] == '\n')] = '\0';
        rows[next]->name = strdup(line);
        if (!rows[next++]->name)
            status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    if (status == VIT_OK && !feof(file))
        status = vit_fail(err, VIT_ERR_READ, "cannot read: %s", strerror(errno));
    free(line);
    return status;
}

static vit_status read_file(struct vit_named_row **rows, size_t n, const char *path, int64_t n_rows,
                            struct vit_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return VIT_OK;
    if (!file)
        return vit_fail(err, VIT_ERR_OPEN, "cannot open: %s", strerror(errno));
    int64_t lines = 0;
    vit_status status = read_lines(rows, n, file, &lines, err);
    fclose(file);
    if (status == VIT_OK && lines != n_rows)
        return vit_fail(err, VIT_ERR_DECODE, "%" PRId64 " lines for an array of %" PRId64 " rows", lines, n_rows);
    return status;
}

vit_status vit_names_read(struct vit_named_row *rows, size_t n, const char *npy, int64_t n_rows, struct vit_error *err)
{
    char *path = vit_names_path(npy);
    struct vit_named_row **sorted = calloc(n + 1, sizeof(struct vit_named_row *));
    vit_status status = VIT_ERR_MEMORY;
    if (path && sorted) {
        for (size_t i = 0; i < n; i++)
            sorted[i] = &rows[i];
        qsort(sorted, n, sizeof(struct vit_named_row *), by_row);
        status = read_file(sorted, n, path, n_rows, err);
        if (status != VIT_OK)
            vit_context(err, status, "%s", path);
    } else {
        vit_fail(err, status, "out of memory");
    }
    free(sorted);
    free(path);
    return status;
}
