/* safetensors.c: reads safetensors files: a JSON header, then the tensors back to back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/container.h"
#include "weights/json/json.h"

enum { LENGTH_BYTES = 8 }; /* in front of the header: its length */

/* Where the tensors' data is, in the file. */
struct extent {
    int64_t begin, end;
    int tensor;
};

struct safetensors {
    int64_t data;           /* offset of the first tensor's data */
    struct extent *extents; /* by tensor; data offsets relative to `data` */
};

static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Lengths over the limit but below 2^40 still look like a header, so that the refusal can name the limit. */
static bool sniff(const struct vit_source *source, const uint8_t *head, size_t n)
{
    (void)source;
    return n > LENGTH_BYTES && head[LENGTH_BYTES] == '{' && read_u64(head) < (uint64_t)1 << 40;
}

static vit_status read_header(struct vit_source *source, json_t **header, struct vit_error *err)
{
    struct safetensors *st = source->priv;
    uint8_t prefix[LENGTH_BYTES];
    VIT_TRY(vit_file_read(&source->file, 0, prefix, sizeof prefix, err));
    uint64_t n = read_u64(prefix);
    if (n > VIT_LIMIT_HEADER)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "a header of %" PRIu64 " bytes, at most %d are read", n,
                        VIT_LIMIT_HEADER);
    if (n > (uint64_t)(source->file.size - LENGTH_BYTES))
        return vit_fail(err, VIT_ERR_DECODE, "truncated: a header of %" PRIu64 " bytes in a file of %" PRId64 " bytes",
                        n, source->file.size);
    st->data = LENGTH_BYTES + (int64_t)n;

    char *text = malloc(n);
    if (!text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a header of %" PRIu64 " bytes", n);
    vit_status status = vit_file_read(&source->file, LENGTH_BYTES, text, n, err);
    if (status == VIT_OK)
        status = vit_json_parse(header, text, n, err);
    free(text);
    if (status != VIT_OK)
        return vit_context(err, status, "header");
    if (!json_is_object(*header))
        return vit_fail(err, VIT_ERR_DECODE, "the header is not a JSON object");
    return VIT_OK;
}

static vit_status add_metadata(struct vit_source *source, json_t *metadata, struct vit_error *err)
{
    if (!json_is_object(metadata))
        return vit_fail(err, VIT_ERR_DECODE, "__metadata__ is not a JSON object");
    const char *key;
    json_t *value;
    json_object_foreach (metadata, key, value) {
        if (!json_is_string(value))
            return vit_fail(err, VIT_ERR_DECODE, "__metadata__: the value of %s is not a string", key);
        VIT_TRY(vit_source_add_metadata(source, key, json_string_value(value), err));
    }
    return VIT_OK;
}

static vit_status parse_dtype(const char *name, const json_t *value, enum vit_dtype *dtype, struct vit_error *err)
{
    const char *text = json_string_value(value);
    if (!text)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: dtype is missing or not a string", name);
    for (int i = VIT_F32; i <= VIT_BOOL; i++) {
        if (strcmp(text, vit_dtype_name((enum vit_dtype)i)) == 0) {
            *dtype = (enum vit_dtype)i;
            return VIT_OK;
        }
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "tensor %s: dtype %.32s is not supported", name, text);
}

/* Copies the integers of a JSON array of at most max of them. */
static vit_status parse_ints(const char *name, const char *what, const json_t *array, size_t max, int64_t *values,
                             size_t *n, struct vit_error *err)
{
    if (!json_is_array(array))
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: %s is missing or not an array", name, what);
    *n = json_array_size(array);
    if (*n > max)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "tensor %s: %s has %zu elements, at most %zu are read", name, what,
                        *n, max);
    for (size_t i = 0; i < *n; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value))
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: element %zu of %s is not an integer", name, i, what);
        values[i] = json_integer_value(value);
    }
    return VIT_OK;
}

static vit_status add_tensor(struct vit_source *source, const char *name, const json_t *entry, struct extent *extent,
                             struct vit_error *err)
{
    enum vit_dtype dtype = VIT_F32;
    int64_t shape[VIT_MAX_DIMS], offsets[2];
    size_t n_dims, n_offsets;
    VIT_TRY(vit_source_check_name(source, name, err));
    if (!json_is_object(entry))
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: its entry is not a JSON object", name);
    VIT_TRY(parse_dtype(name, json_object_get(entry, "dtype"), &dtype, err));
    VIT_TRY(parse_ints(name, "shape", json_object_get(entry, "shape"), VIT_MAX_DIMS, shape, &n_dims, err));
    VIT_TRY(parse_ints(name, "data_offsets", json_object_get(entry, "data_offsets"), 2, offsets, &n_offsets, err));
    if (n_offsets != 2)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: data_offsets has %zu elements, not 2", name, n_offsets);
    VIT_TRY(vit_source_add(source, name, dtype, (int)n_dims, shape, err));

    int64_t count = vit_tensor_count(&source->tensors[source->n_tensors - 1]);
    int64_t bytes = count * (int64_t)vit_dtype_size(dtype);
    if (offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes)
        return vit_fail(err, VIT_ERR_DECODE,
                        "tensor %s: data_offsets [%" PRId64 ", %" PRId64 "], but %" PRId64
                        " elements of %s are %" PRId64 " bytes",
                        name, offsets[0], offsets[1], count, vit_dtype_name(dtype), bytes);
    *extent = (struct extent){offsets[0], offsets[1], source->n_tensors - 1};
    return VIT_OK;
}

static vit_status add_entries(struct vit_source *source, json_t *header, struct vit_error *err)
{
    struct safetensors *st = source->priv;
    size_t n = json_object_size(header);
    st->extents = calloc(n ? n : 1, sizeof *st->extents);
    if (!st->extents)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu tensors", n);
    const char *name;
    json_t *entry;
    json_object_foreach (header, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            VIT_TRY(add_metadata(source, entry, err));
        else
            VIT_TRY(add_tensor(source, name, entry, &st->extents[source->n_tensors], err));
    }
    return VIT_OK;
}

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors cover the data exactly: no holes, no overlaps, nothing after the last. */
static vit_status check_layout(const struct vit_source *source, const struct extent *sorted, struct vit_error *err)
{
    const struct safetensors *st = source->priv;
    int64_t end = 0;
    for (int i = 0; i < source->n_tensors; i++) {
        if (sorted[i].begin != end)
            return vit_fail(err, VIT_ERR_DECODE,
                            "tensor %s: its data begins at %" PRId64 ", but the data before it ends at %" PRId64,
                            source->tensors[sorted[i].tensor].name, sorted[i].begin, end);
        end = sorted[i].end;
    }
    int64_t size = source->file.size - st->data;
    if (end != size)
        return vit_fail(err, VIT_ERR_DECODE, "%s: the tensors need %" PRId64 " bytes of data, the file has %" PRId64,
                        end > size ? "truncated" : "trailing bytes", end, size);
    return VIT_OK;
}

static vit_status sort_and_check_layout(const struct vit_source *source, struct vit_error *err)
{
    const struct safetensors *st = source->priv;
    size_t n = (size_t)source->n_tensors;
    struct extent *sorted = malloc((n ? n : 1) * sizeof *sorted);
    if (!sorted)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu tensors", n);
    memcpy(sorted, st->extents, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_extents);
    vit_status status = check_layout(source, sorted, err);
    free(sorted);
    return status;
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    source->priv = calloc(1, sizeof(struct safetensors));
    if (!source->priv)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    json_t *header = NULL;
    vit_status status = read_header(source, &header, err);
    if (status == VIT_OK)
        status = add_entries(source, header, err);
    if (status == VIT_OK)
        status = sort_and_check_layout(source, err);
    json_decref(header);
    return status;
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    const struct safetensors *st = source->priv;
    const struct extent *extent = &st->extents[i];
    return vit_file_read(&source->file, st->data + extent->begin, dst, (size_t)(extent->end - extent->begin), err);
}

static vit_status read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                            struct vit_error *err)
{
    const struct safetensors *st = source->priv;
    int64_t begin = st->data + st->extents[i].begin;
    size_t size = vit_source_row_size(source, i);
    for (int k = 0; k < n; k++)
        VIT_TRY(vit_file_read(&source->file, begin + rows[k] * (int64_t)size, (char *)dst + (size_t)k * size, size, err));
    return VIT_OK;
}

static void close_source(struct vit_source *source)
{
    free(((struct safetensors *)source->priv)->extents);
}

const struct vit_container vit_safetensors = {"safetensors", sniff, open_source, read_tensor, read_rows, close_source};
