/* reference.c: reads an .npy file by the parser that also reads the members of npz files. */
#include "weights/containers/reference.h"

#include <stdlib.h>

#include "vit/base/half.h"
#include "weights/containers/container.h"
#include "weights/containers/limits.h"
#include "weights/containers/npy.h"

static vit_status parse(const struct vit_file *file, struct vit_npy *npy, int64_t *data, struct vit_error *err)
{
    uint8_t prefix[VIT_NPY_PREFIX];
    size_t begin, n;
    VIT_TRY(vit_file_read(file, 0, prefix, sizeof prefix, err));
    VIT_TRY(vit_npy_parse_prefix(prefix, &begin, &n, err));
    if ((uint64_t)file->size < begin || n > (uint64_t)file->size - begin)
        return vit_fail(err, VIT_ERR_DECODE, "a numpy header of %zu bytes reaches beyond the file", n);
    char *text = malloc(n + 1);
    if (!text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = vit_file_read(file, (int64_t)begin, text, n, err);
    if (status == VIT_OK)
        status = vit_npy_parse_header(npy, text, n, err);
    free(text);
    *data = (int64_t)(begin + n);
    return status;
}

static vit_status count(const struct vit_npy *npy, int64_t *n, struct vit_error *err)
{
    if (!vit_dtype_is_float(npy->dtype))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "type %s, expected a floating-point type", vit_dtype_name(npy->dtype));
    *n = 1;
    for (int i = 0; i < npy->n_dims; i++)
        if (npy->shape[i] < 1 || npy->shape[i] > VIT_LIMIT_CLASSES || (*n *= npy->shape[i]) > VIT_LIMIT_CLASSES)
            return vit_fail(err, VIT_ERR_TOO_LARGE, "no array of 1 to %d numbers", VIT_LIMIT_CLASSES);
    return VIT_OK;
}

static vit_status load(float **values, int64_t *n, const struct vit_file *file, struct vit_error *err)
{
    struct vit_npy npy;
    int64_t data = 0;
    VIT_TRY(parse(file, &npy, &data, err));
    VIT_TRY(count(&npy, n, err));
    size_t bytes = (size_t)*n * vit_dtype_size(npy.dtype);
    void *raw = malloc(bytes);
    *values = malloc((size_t)*n * sizeof **values);
    vit_status status = raw && *values ? vit_file_read(file, data, raw, bytes, err)
                                       : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", bytes);
    if (status == VIT_OK)
        vit_widen(*values, raw, npy.dtype, *n);
    free(raw);
    return status;
}

vit_status vit_reference_load(float **values, int64_t *n, const char *path, struct vit_error *err)
{
    struct vit_file file;
    *values = NULL;
    vit_status status = vit_file_open(&file, path, err);
    if (status == VIT_OK)
        status = load(values, n, &file, err);
    vit_file_close(&file);
    if (status == VIT_OK)
        return VIT_OK;
    free(*values);
    *values = NULL;
    return vit_context(err, status, "%s", path);
}
