/* trace.c: .npy files, format version 1.0 (numpy/lib/format.py). */
#include "vit/network/trace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 128 }; /* bytes before the data: magic, version, length and a dict padded with spaces */

static void spell_header(char header[HEADER], const char *type, int n_dims, const int64_t *shape)
{
    char dims[64] = "";
    for (int i = 0; i < n_dims; i++) {
        size_t used = strlen(dims);
        snprintf(dims + used, sizeof dims - used, "%lld,%s", (long long)shape[i], i + 1 < n_dims ? " " : "");
    }
    memset(header, ' ', HEADER);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = HEADER - 10;
    header[9] = 0;
    int length = snprintf(header + 10, HEADER - 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type,
                          dims);
    header[10 + length] = ' ';
    header[HEADER - 1] = '\n';
}

static vit_status write_npy(const char *folder, const char *name, const char *type, size_t element, const void *data,
                            int n_dims, const int64_t *shape, struct vit_error *err)
{
    char header[HEADER], *path;
    size_t count = 1;
    for (int i = 0; i < n_dims; i++)
        count *= (size_t)shape[i];
    spell_header(header, type, n_dims, shape);
    if (asprintf(&path, "%s/%s.npy", folder, name) < 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");

    vit_status status = VIT_OK;
    FILE *file = fopen(path, "wb");
    if (!file) {
        status = vit_fail(err, VIT_ERR_OPEN, "trace %s: %s", path, strerror(errno));
    } else {
        bool written = fwrite(header, HEADER, 1, file) == 1 && fwrite(data, element, count, file) == count;
        if (fclose(file) != 0 || !written)
            status = vit_fail(err, VIT_ERR_READ, "trace %s: cannot be written: %s", path, strerror(errno));
    }
    free(path);
    return status;
}

vit_status vit_trace_f32(const char *folder, const char *name, const float *data, int n_dims, const int64_t *shape,
                         struct vit_error *err)
{
    return write_npy(folder, name, "<f4", sizeof *data, data, n_dims, shape, err);
}

vit_status vit_trace_u8(const char *folder, const char *name, const uint8_t *data, int n_dims, const int64_t *shape,
                        struct vit_error *err)
{
    return write_npy(folder, name, "|u1", sizeof *data, data, n_dims, shape, err);
}
