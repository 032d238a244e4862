/* source.c: opens a checkpoint with the reader that its first bytes call for, and keeps the table of its tensors. */
#include "weights/containers/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/container.h"
#include "weights/containers/zip.h"

static const struct vit_container *const containers[] = {&vit_safetensors, &vit_torch_zip, &vit_npz,
                                                         &vit_torch_legacy, &vit_sharded};
enum { N_CONTAINERS = sizeof containers / sizeof *containers };

static vit_status choose_container(struct vit_source *source, struct vit_error *err)
{
    uint8_t head[VIT_SNIFF_MAX];
    size_t n = source->file.size < VIT_SNIFF_MAX ? (size_t)source->file.size : VIT_SNIFF_MAX;
    VIT_TRY(vit_file_read(&source->file, 0, head, n, err));
    if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0)
        VIT_TRY(vit_zip_open(&source->zip, &source->file, err));
    for (int i = 0; i < N_CONTAINERS; i++) {
        if (containers[i]->sniff(source, head, n)) {
            source->container = containers[i];
            return VIT_OK;
        }
    }
    const char *why = source->zip ? "a zip archive, but neither PyTorch's (no data.pkl) nor numpy's (no .npy)"
                                  : vit_refusal(head, n);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s (%" PRId64 " bytes)",
                    why ? why : "not a checkpoint of a known format", source->file.size);
}

/* A name that occurs twice is refused. */
static vit_status index_names(struct vit_source *source, struct vit_error *err)
{
    int a, b;
    if (source->n_tensors == 0)
        return vit_fail(err, VIT_ERR_DECODE, "it holds no tensors");
    VIT_TRY(vit_index_sort(&source->by_name, source->tensors, sizeof *source->tensors, source->n_tensors, err));
    if (vit_index_twice(&source->by_name, &a, &b))
        return vit_fail(err, VIT_ERR_DECODE, "two tensors (numbers %d and %d) have the name %s", a, b,
                        source->tensors[a].name);
    return VIT_OK;
}

vit_status vit_source_open_file(struct vit_source **out, const char *path, bool shard, struct vit_error *err)
{
    *out = NULL;
    struct vit_source *source = calloc(1, sizeof *source);
    if (!source)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory", path);

    vit_status status = vit_file_open(&source->file, path, err);
    if (status == VIT_OK)
        status = choose_container(source, err);
    if (status == VIT_OK && shard && source->container == &vit_sharded)
        status = vit_fail(err, VIT_ERR_DECODE, "an index of shards stands where a shard should be");
    if (status == VIT_OK)
        status = source->container->open(source, err);
    if (status == VIT_OK)
        status = index_names(source, err);
    if (status != VIT_OK) {
        vit_source_close(source);
        return vit_context(err, status, "%s", path);
    }
    *out = source;
    return VIT_OK;
}

vit_status vit_source_open(struct vit_source **source, const char *path, struct vit_error *err)
{
    return vit_source_open_file(source, path, false, err);
}

void vit_source_close(struct vit_source *source)
{
    if (!source)
        return;
    if (source->priv && source->container->close)
        source->container->close(source);
    free(source->priv);
    for (int i = 0; i < source->n_tensors; i++)
        free(source->tensors[i].name);
    free(source->tensors);
    vit_index_free(&source->by_name);
    for (int i = 0; i < source->n_metadata; i++) {
        free((char *)source->metadata[i].key);
        free((char *)source->metadata[i].value);
    }
    free(source->metadata);
    free(source->skipped);
    vit_zip_close(source->zip);
    vit_file_close(&source->file);
    free(source);
}

int vit_source_n_tensors(const struct vit_source *source)
{
    return source->n_tensors;
}

const struct vit_tensor *vit_source_tensor(const struct vit_source *source, int i)
{
    return &source->tensors[i];
}

int vit_source_find(const struct vit_source *source, const char *name)
{
    return vit_index_find(&source->by_name, name);
}

int vit_source_n_skipped(const struct vit_source *source)
{
    return source->n_skipped;
}

const char *vit_source_skipped(const struct vit_source *source, int i)
{
    return source->skipped[i];
}

vit_status vit_source_read(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    vit_status status = source->container->read(source, i, dst, err);
    if (status != VIT_OK)
        return vit_context(err, status, "%s: tensor %s", source->file.path, source->tensors[i].name);
    return VIT_OK;
}

size_t vit_source_row_size(const struct vit_source *source, int i)
{
    const struct vit_tensor *tensor = &source->tensors[i];
    size_t bytes = (size_t)vit_tensor_count(tensor) * vit_dtype_size(tensor->dtype);
    return tensor->shape[0] ? bytes / (size_t)tensor->shape[0] : 0;
}

vit_status vit_source_pick_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                                struct vit_error *err)
{
    const struct vit_tensor *tensor = &source->tensors[i];
    size_t row = vit_source_row_size(source, i), bytes = row * (size_t)tensor->shape[0];
    char *whole = malloc(bytes ? bytes : 1);
    if (!whole)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", bytes);
    vit_status status = source->container->read(source, i, whole, err);
    for (int k = 0; status == VIT_OK && k < n; k++)
        memcpy((char *)dst + (size_t)k * row, whole + (size_t)rows[k] * row, row);
    free(whole);
    return status;
}

vit_status vit_source_read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                                struct vit_error *err)
{
    vit_status status = (source->container->read_rows ? source->container->read_rows : vit_source_pick_rows)(
        source, i, rows, n, dst, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s: tensor %s", source->file.path, source->tensors[i].name);
}

const char *vit_source_metadata(const struct vit_source *source, const char *key)
{
    for (int i = 0; i < source->n_metadata; i++) {
        if (strcmp(source->metadata[i].key, key) == 0)
            return source->metadata[i].value;
    }
    return NULL;
}

const char *vit_source_container(const struct vit_source *source)
{
    return source->container->name;
}

const char *vit_source_path(const struct vit_source *source)
{
    return source->file.path;
}

/* Makes room for one more element in an array of n, whose capacity is the next power of two. */
static vit_status grow(void **array, int n, size_t size, struct vit_error *err)
{
    if (n & (n - 1))
        return VIT_OK;
    size_t capacity = n ? 2 * (size_t)n : 1;
    void *larger = realloc(*array, capacity * size);
    if (!larger)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu entries", capacity);
    *array = larger;
    return VIT_OK;
}

/* In shape order, as vit_tensor_count multiplies. */
static vit_status check_shape(const char *name, enum vit_dtype dtype, int n_dims, const int64_t *shape,
                              struct vit_error *err)
{
    if (n_dims < 0 || n_dims > VIT_MAX_DIMS)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "tensor %s: %d dimensions, at most %d are read", name, n_dims,
                        VIT_MAX_DIMS);
    int64_t count = 1, bytes = 0;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] < 0)
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: dimension %d is %" PRId64, name, i, shape[i]);
        if (__builtin_mul_overflow(count, shape[i], &count))
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: the product of its %d dimensions overflows at %" PRId64,
                            name, n_dims, shape[i]);
    }
    if (__builtin_mul_overflow(count, (int64_t)vit_dtype_size(dtype), &bytes))
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: the bytes of %" PRId64 " elements overflow", name, count);
    return VIT_OK;
}

vit_status vit_source_check_name(const struct vit_source *source, const char *name, struct vit_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length > VIT_LIMIT_NAME)
        return vit_fail(err, length ? VIT_ERR_TOO_LARGE : VIT_ERR_DECODE,
                        "tensor number %d: a name of %zu bytes; 1 to %d are read", source->n_tensors, length,
                        VIT_LIMIT_NAME);
    for (size_t i = 0; i < length; i++) { /* they would act on the terminal that a message is shown on */
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return vit_fail(err, VIT_ERR_DECODE,
                            "tensor number %d: its name has the control character 0x%02x at byte %zu",
                            source->n_tensors, (unsigned char)name[i], i);
    }
    return VIT_OK;
}

vit_status vit_source_add(struct vit_source *source, const char *name, enum vit_dtype dtype, int n_dims,
                          const int64_t *shape, struct vit_error *err)
{
    VIT_TRY(vit_source_check_name(source, name, err));
    if (source->n_tensors == VIT_LIMIT_TENSORS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "more than %d tensors", VIT_LIMIT_TENSORS);
    VIT_TRY(check_shape(name, dtype, n_dims, shape, err));
    VIT_TRY(grow((void **)&source->tensors, source->n_tensors, sizeof *source->tensors, err));

    struct vit_tensor *tensor = &source->tensors[source->n_tensors];
    *tensor = (struct vit_tensor){.name = strdup(name), .dtype = dtype, .n_dims = n_dims};
    if (!tensor->name)
        return vit_fail(err, VIT_ERR_MEMORY, "tensor %s: out of memory", name);
    for (int i = 0; i < n_dims; i++)
        tensor->shape[i] = shape[i];
    source->n_tensors++;
    return VIT_OK;
}

vit_status vit_source_skip(struct vit_source *source, const char *name, struct vit_error *err)
{
    if (source->n_skipped == VIT_LIMIT_TENSORS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "more than %d entries that are no tensors", VIT_LIMIT_TENSORS);
    VIT_TRY(grow((void **)&source->skipped, source->n_skipped, sizeof *source->skipped, err));
    source->skipped[source->n_skipped++] = name;
    return VIT_OK;
}

vit_status vit_source_add_metadata(struct vit_source *source, const char *key, const char *value, struct vit_error *err)
{
    VIT_TRY(grow((void **)&source->metadata, source->n_metadata, sizeof *source->metadata, err));
    char *key_copy = strdup(key), *value_copy = strdup(value);
    if (!key_copy || !value_copy) {
        free(key_copy);
        free(value_copy);
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the metadata %s", key);
    }
    source->metadata[source->n_metadata++] = (struct vit_metadata){key_copy, value_copy};
    return VIT_OK;
}
