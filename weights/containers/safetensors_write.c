/* safetensors_write.c: writes a safetensors file, tensor by tensor, into place by one rename. */
#include "weights/containers/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, WRITE_MAX = 1 << 30, TEMPORARIES = 100 };

/* The reference writer sorts by this rank, highest first, then by name; the same order gives the same bytes. */
static int dtype_rank(enum vit_dtype dtype)
{
    static const int rank[] = {[VIT_BOOL] = 0, [VIT_U8] = 1,  [VIT_I8] = 2,  [VIT_I16] = 3, [VIT_F16] = 4,
                               [VIT_BF16] = 5, [VIT_I32] = 6, [VIT_F32] = 7, [VIT_F64] = 8, [VIT_I64] = 9};
    return rank[dtype];
}

static int compare_tensors(const void *a, const void *b, void *tensors)
{
    const struct vit_tensor *x = (const struct vit_tensor *)tensors + *(const int *)a;
    const struct vit_tensor *y = (const struct vit_tensor *)tensors + *(const int *)b;
    int order = dtype_rank(y->dtype) - dtype_rank(x->dtype);
    return order ? order : strcmp(x->name, y->name);
}

static int64_t tensor_bytes(const struct vit_tensor *tensor)
{
    return vit_tensor_count(tensor) * (int64_t)vit_dtype_size(tensor->dtype);
}

static json_t *pack_metadata(const struct vit_safetensors_content *content)
{
    json_t *metadata = json_object();
    for (int i = 0; i < content->n_metadata; i++) {
        const struct vit_metadata *m = &content->metadata[i];
        if (json_object_set_new(metadata, m->key, json_string(m->value)) != 0) {
            json_decref(metadata);
            return NULL;
        }
    }
    return metadata;
}

static json_t *pack_tensor(const struct vit_tensor *tensor, int64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->n_dims; i++)
        json_array_append_new(shape, json_integer(tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", vit_dtype_name(tensor->dtype), "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)(begin + tensor_bytes(tensor)));
}

/* Fills header, an empty object, with the metadata and the tensors in the order of the file. */
static vit_status fill_header(json_t *header, const struct vit_safetensors_content *content, const int *order,
                              struct vit_error *err)
{
    if (content->n_metadata > 0 && json_object_set_new(header, "__metadata__", pack_metadata(content)) != 0)
        return vit_fail(err, VIT_ERR_INTERNAL, "metadata that is not UTF-8, or out of memory");
    int64_t begin = 0;
    for (int i = 0; i < content->n_tensors; i++) {
        const struct vit_tensor *tensor = &content->tensors[order[i]];
        if (strcmp(tensor->name, "__metadata__") == 0 || json_object_get(header, tensor->name))
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: the name is taken", tensor->name);
        if (json_object_set_new(header, tensor->name, pack_tensor(tensor, begin)) != 0)
            return vit_fail(err, VIT_ERR_INTERNAL, "tensor %s: a name that is not UTF-8, or out of memory",
                            tensor->name);
        begin += tensor_bytes(tensor);
    }
    return VIT_OK;
}

/* The length and the header, padded with spaces so that the data is aligned. *bytes is the caller's to free. */
static vit_status build_header(const struct vit_safetensors_content *content, const int *order, uint8_t **bytes,
                               size_t *n, struct vit_error *err)
{
    json_t *header = json_object();
    if (!header)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    char *text = NULL;
    vit_status status = fill_header(header, content, order, err);
    if (status != VIT_OK)
        goto done;
    text = json_dumps(header, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0, padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *n = LENGTH_BYTES + padded;
    *bytes = text ? malloc(*n) : NULL;
    if (!*bytes) {
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for the header");
        goto done;
    }
    for (int i = 0; i < LENGTH_BYTES; i++)
        (*bytes)[i] = (uint8_t)((uint64_t)padded >> 8 * i);
    memset(*bytes + LENGTH_BYTES, ' ', padded);
    memcpy(*bytes + LENGTH_BYTES, text, length);

done:
    free(text);
    json_decref(header);
    return status;
}

static vit_status write_all(int fd, const void *bytes, size_t n, struct vit_error *err)
{
    for (size_t done = 0; done < n;) {
        size_t want = n - done < WRITE_MAX ? n - done : WRITE_MAX;
        ssize_t put = write(fd, (const char *)bytes + done, want);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return vit_fail(err, VIT_ERR_READ, "writing %zu bytes: %s", want, strerror(errno));
        done += (size_t)put;
    }
    return VIT_OK;
}

static vit_status write_tensors(int fd, const struct vit_safetensors_content *content, const int *order,
                                struct vit_error *err)
{
    int64_t largest = 1;
    for (int i = 0; i < content->n_tensors; i++) {
        int64_t bytes = tensor_bytes(&content->tensors[i]);
        largest = bytes > largest ? bytes : largest;
    }
    void *buffer = malloc((size_t)largest);
    if (!buffer)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a tensor of %" PRId64 " bytes", largest);
    vit_status status = VIT_OK;
    for (int i = 0; i < content->n_tensors && status == VIT_OK; i++) {
        status = content->read(content->context, order[i], buffer, err);
        if (status == VIT_OK)
            status = write_all(fd, buffer, (size_t)tensor_bytes(&content->tensors[order[i]]), err);
    }
    free(buffer);
    return status;
}

static vit_status write_content(int fd, const struct vit_safetensors_content *content, struct vit_error *err)
{
    size_t n = (size_t)content->n_tensors, n_header = 0;
    uint8_t *header = NULL;
    int *order = malloc((n ? n : 1) * sizeof *order);
    if (!order)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu tensors", n);
    for (int i = 0; i < content->n_tensors; i++)
        order[i] = i;
    qsort_r(order, n, sizeof *order, compare_tensors, (void *)content->tensors);

    vit_status status = build_header(content, order, &header, &n_header, err);
    if (status == VIT_OK)
        status = write_all(fd, header, n_header, err);
    if (status == VIT_OK)
        status = write_tensors(fd, content, order, err);
    free(header);
    free(order);
    return status;
}

static vit_status check_target(const char *path, bool force, struct vit_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return lstat(path, &st) != 0 ? VIT_OK
                                     : vit_fail(err, VIT_ERR_OPEN, "it is a symbolic link that leads to no file");
    if (!S_ISREG(st.st_mode))
        return vit_fail(err, VIT_ERR_OPEN, "it exists and is not a regular file");
    if (!force)
        return vit_fail(err, VIT_ERR_OPEN, "it exists already");
    return VIT_OK;
}

/* Creates a file beside path under a name that nothing has. *name is the caller's to free. */
static vit_status create_temporary(const char *path, char **name, int *fd, struct vit_error *err)
{
    for (int i = 0; i < TEMPORARIES; i++) {
        if (asprintf(name, "%s.%ld-%d.tmp", path, (long)getpid(), i) < 0) {
            *name = NULL;
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
        }
        *fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0)
            return VIT_OK;
        int why = errno;
        vit_status status = vit_fail(err, VIT_ERR_OPEN, "cannot create %s: %s", *name, strerror(why));
        free(*name);
        *name = NULL;
        if (why != EEXIST)
            return status;
    }
    return vit_fail(err, VIT_ERR_OPEN, "%d temporary files lie beside it already", TEMPORARIES);
}

/* Renames, without replacing unless force; where the file system cannot refuse to replace, check_target had to do. */
static vit_status move_into_place(const char *from, const char *to, bool force, struct vit_error *err)
{
    int failed = renameat2(AT_FDCWD, from, AT_FDCWD, to, force ? 0 : RENAME_NOREPLACE);
    if (failed && !force && (errno == EINVAL || errno == ENOSYS))
        failed = rename(from, to);
    if (failed)
        return vit_fail(err, VIT_ERR_OPEN, "cannot put the new file in place: %s", strerror(errno));
    return VIT_OK;
}

/* Makes the renaming last: a folder is written out like a file. */
static vit_status sync_folder(const char *path, struct vit_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); /* EINVAL: a file system that has no need of it */
    int why = errno;
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced ? VIT_OK : vit_fail(err, VIT_ERR_READ, "writing out its folder: %s", strerror(why));
}

static vit_status write_beside(const char *path, bool force, const struct vit_safetensors_content *content,
                               struct vit_error *err)
{
    char *temporary = NULL;
    int fd = -1;
    VIT_TRY(create_temporary(path, &temporary, &fd, err));
    vit_status status = write_content(fd, content, err);
    if (status == VIT_OK && fsync(fd) != 0 && errno != EINVAL)
        status = vit_fail(err, VIT_ERR_READ, "writing: %s", strerror(errno));
    if (close(fd) != 0 && status == VIT_OK)
        status = vit_fail(err, VIT_ERR_READ, "writing: %s", strerror(errno));
    if (status == VIT_OK)
        status = move_into_place(temporary, path, force, err);
    if (status != VIT_OK)
        unlink(temporary);
    free(temporary);
    return status == VIT_OK ? sync_folder(path, err) : status;
}

vit_status vit_safetensors_write(const char *path, bool force, const struct vit_safetensors_content *content,
                                 struct vit_error *err)
{
    vit_status status = check_target(path, force, err);
    if (status == VIT_OK) {
        char *target = realpath(path, NULL); /* what a link leads to; NULL: nothing is there yet */
        status = write_beside(target ? target : path, force, content, err);
        free(target);
    }
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", path);
}
