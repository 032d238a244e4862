/* npz.c: reads numpy's npz archives: a zip of NAME.npy, stored or deflated. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/npy.h"
#include "weights/containers/strided.h"
#include "weights/containers/zip.h"

static const char extension[] = ".npy";
enum { N_EXTENSION = sizeof extension - 1 };

/* A source's own is an array of these: tensor i is member i of the archive. */
struct array {
    int64_t data; /* offset of the elements in the member */
    bool fortran_order;
};

/* Length of a member's name without .npy, or 0. */
static size_t stem_length(const char *name)
{
    size_t n = strlen(name);
    return n > N_EXTENSION && strcmp(name + n - N_EXTENSION, extension) == 0 ? n - N_EXTENSION : 0;
}

static bool sniff(const struct vit_source *source, const uint8_t *head, size_t n)
{
    (void)head, (void)n;
    for (int i = 0; source->zip && i < source->zip->n_members; i++)
        if (stem_length(source->zip->members[i].name) > 0)
            return true;
    return false;
}

static vit_status add_array(struct vit_source *source, struct vit_zip_reader *reader, const char *name,
                            struct vit_error *err)
{
    struct array *arrays = source->priv;
    struct vit_npy npy;
    vit_status status = vit_npy_read_header(&npy, vit_zip_next, reader, err);
    if (status != VIT_OK)
        return vit_context(err, status, "tensor %s", name);
    VIT_TRY(vit_source_add(source, name, npy.dtype, npy.n_dims, npy.shape, err));
    const struct vit_tensor *tensor = &source->tensors[source->n_tensors - 1];
    int64_t bytes = vit_tensor_count(tensor) * (int64_t)vit_dtype_size(tensor->dtype);
    if (bytes != reader->member->size - npy.data)
        return vit_fail(err, VIT_ERR_DECODE,
                        "tensor %s: %" PRId64 " elements of %s are %" PRId64 " bytes, its member has %" PRId64, name,
                        vit_tensor_count(tensor), vit_dtype_name(tensor->dtype), bytes,
                        reader->member->size - npy.data);
    arrays[source->n_tensors - 1] = (struct array){npy.data, npy.fortran_order};
    return VIT_OK;
}

static vit_status add_member(struct vit_source *source, int i, struct vit_error *err)
{
    const char *member = source->zip->members[i].name;
    size_t n = stem_length(member);
    if (n == 0 || n > VIT_LIMIT_NAME)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "member %.256s: not a NAME.npy of 1 to %d bytes", member,
                        VIT_LIMIT_NAME);
    char name[VIT_LIMIT_NAME + 1];
    memcpy(name, member, n);
    name[n] = '\0';
    VIT_TRY(vit_source_check_name(source, name, err));
    struct vit_zip_reader reader;
    vit_status status = vit_zip_start(&reader, source->zip, i, true, err);
    if (status == VIT_OK)
        status = add_array(source, &reader, name, err);
    vit_zip_finish(&reader);
    return status;
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    int n = source->zip->n_members;
    source->priv = calloc((size_t)n, sizeof(struct array));
    if (!source->priv)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d arrays", n);
    for (int i = 0; i < n; i++)
        VIT_TRY(add_member(source, i, err));
    return VIT_OK;
}

/* In Fortran order the first dimension is innermost. */
static vit_status read_fortran(struct vit_zip_reader *reader, const struct vit_tensor *tensor, size_t bytes, void *dst,
                               struct vit_error *err)
{
    int64_t stride[VIT_MAX_DIMS], step = 1;
    for (int i = 0; i < tensor->n_dims; i++) {
        stride[i] = step;
        step *= tensor->shape[i];
    }
    if (vit_strided_is_dense(tensor, stride))
        return vit_zip_next(reader, dst, bytes, err);
    void *columns = malloc(bytes ? bytes : 1);
    if (!columns)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", bytes);
    vit_status status = vit_zip_next(reader, columns, bytes, err);
    if (status == VIT_OK)
        vit_strided_copy(tensor, stride, columns, dst);
    free(columns);
    return status;
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    const struct array *array = (const struct array *)source->priv + i;
    const struct vit_tensor *tensor = &source->tensors[i];
    size_t bytes = (size_t)vit_tensor_count(tensor) * vit_dtype_size(tensor->dtype);
    struct vit_zip_reader reader;
    struct vit_npy header;
    vit_status status = vit_zip_start(&reader, source->zip, i, true, err);
    if (status == VIT_OK) /* by reading, not seeking, so that the checksum covers the whole member */
        status = vit_npy_read_header(&header, vit_zip_next, &reader, err);
    if (status == VIT_OK && header.data != array->data)
        status = vit_fail(err, VIT_ERR_READ, "its header changed while the file was open");
    if (status == VIT_OK)
        status = array->fortran_order ? read_fortran(&reader, tensor, bytes, dst, err)
                                      : vit_zip_next(&reader, dst, bytes, err);
    vit_zip_finish(&reader);
    return status;
}

const struct vit_container vit_npz = {"npz", sniff, open_source, read_tensor, NULL, NULL};
