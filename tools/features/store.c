/* store.c: an array that grows: rows behind those that are there, then their names, and then the header in place, which is
 * always as long. numpy leaves alone what lies behind the rows that the header counts. */
#include "tools/features/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/features/names.h"

enum {
    HEADER = 128, /* bytes: a multiple of 64, as numpy aligns the numbers; room for any shape */
    PREFIX = 10,  /* of them: magic, version and the length of the text that follows */
    TEXT = HEADER - PREFIX
};

static void make_header(char header[HEADER], const struct vit_store *store)
{
    char text[2 * TEXT];
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu", store->shape[0]);
    for (int i = 1; i < store->n_dims; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, ", %zu", store->shape[i]);
    n += snprintf(text + n, sizeof text - (size_t)n, "), }");
    memset(header, ' ', HEADER);
    memcpy(header, (const char[]){ '\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, TEXT, 0 }, PREFIX);
    memcpy(header + PREFIX, text, (size_t)n < TEXT ? (size_t)n : TEXT - 1);
    header[HEADER - 1] = '\n';
}

static vit_status write_header(const struct vit_store *store, struct vit_error *err)
{
    char header[HEADER];
    make_header(header, store);
    if (pwrite(store->rows.fd, header, HEADER, 0) != HEADER)
        return vit_fail(err, VIT_ERR_READ, "cannot write to %s: %s", store->rows.name, strerror(errno));
    return VIT_OK;
}

vit_status vit_store_open(struct vit_store *store, const char *path, const size_t *shape, int n_dims,
                          struct vit_error *err)
{
    *store = (struct vit_store){ .rows = { .fd = -1 }, .names = { .fd = -1 }, .n_dims = 1 + n_dims };
    memcpy(store->shape + 1, shape, (size_t)n_dims * sizeof *shape);
    VIT_TRY(vit_output_open(&store->rows, path, err));
    if (lseek(store->rows.fd, HEADER, SEEK_SET) != HEADER)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "%s: .npy needs a file, whose header is written anew as rows come; "
                        "jsonl goes into a pipe",
                        path);
    char *names = vit_names_path(path);
    vit_status status =
        names ? vit_output_open(&store->names, names, err) : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    store->names_path = names;
    return status == VIT_OK ? write_header(store, err) : status;
}

vit_status vit_store_append(struct vit_store *store, const char *name, const float *row, struct vit_error *err)
{
    size_t n = 1;
    for (int i = 1; i < store->n_dims; i++)
        n *= store->shape[i];
    fprintf(store->names.text, "%s\n", name);
    fwrite(row, sizeof *row, n, store->rows.text);
    store->shape[0]++;
    return vit_output_flush(&store->rows, err);
}

vit_status vit_store_commit(struct vit_store *store, struct vit_error *err)
{
    VIT_TRY(vit_output_flush(&store->names, err));
    return write_header(store, err);
}

vit_status vit_store_finish(struct vit_store *store, vit_status status, struct vit_error *err)
{
    status = vit_output_finish(&store->rows, status, err);
    status = vit_output_finish(&store->names, status, err);
    free(store->names_path);
    return status;
}
