/* features.c: .npy files of rows, read by position. */
#include <inttypes.h>
#include <stdlib.h>

#include "vit/base/file.h"
#include "vit/base/half.h"
#include "vit/vit.h"
#include "weights/containers/npy.h"

enum { AT_ONCE = 4096 }; /* numbers that are widened together */

struct vit_features {
    struct vit_file file;
    struct vit_npy npy;
};

/* An interrupted writer may leave bytes behind the array, as numpy allows. */
static vit_status check_array(const struct vit_features *features, struct vit_error *err)
{
    const struct vit_npy *npy = &features->npy;
    if (!vit_dtype_is_float(npy->dtype))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "an array of %s; floating-point numbers are read",
                        vit_dtype_name(npy->dtype));
    if (npy->n_dims != 2)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "an array of %d dimension%s, expected 2: (rows, width)", npy->n_dims,
                        npy->n_dims == 1 ? "" : "s");
    if (npy->fortran_order)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "an array in Fortran's order: save it with numpy.ascontiguousarray");
    int64_t rows = npy->shape[0], width = npy->shape[1], bytes;
    if (width < 1 || width > INT32_MAX)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "rows of %" PRId64 " numbers; 1 to %d are read", width, INT32_MAX);
    if (__builtin_mul_overflow(rows, width, &bytes) ||
        __builtin_mul_overflow(bytes, (int64_t)vit_dtype_size(npy->dtype), &bytes) ||
        bytes > features->file.size - npy->data)
        return vit_fail(err, VIT_ERR_DECODE,
                        "%" PRId64 " rows of %" PRId64 " numbers (%s) do not fit into %" PRId64 " bytes", rows, width,
                        vit_dtype_name(npy->dtype), features->file.size);
    return VIT_OK;
}

static vit_status open_array(struct vit_features *features, const char *path, struct vit_error *err)
{
    struct vit_file_stream stream = {&features->file, 0};
    VIT_TRY(vit_file_open(&features->file, path, err));
    VIT_TRY(vit_npy_read_header(&features->npy, vit_file_next, &stream, err));
    return check_array(features, err);
}

vit_status vit_features_open(struct vit_features **features, const char *path, struct vit_error *err)
{
    struct vit_features *f = *features = calloc(1, sizeof *f);
    if (!f)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = open_array(f, path, err);
    if (status == VIT_OK)
        return VIT_OK;
    vit_features_close(f);
    *features = NULL;
    return vit_context(err, status, "%s", path);
}

void vit_features_close(struct vit_features *features)
{
    if (features)
        vit_file_close(&features->file);
    free(features);
}

int64_t vit_features_count(const struct vit_features *features)
{
    return features->npy.shape[0];
}

int vit_features_width(const struct vit_features *features)
{
    return (int)features->npy.shape[1];
}

/* n numbers, as they are stored at offset. */
static vit_status read_numbers(const struct vit_features *features, int64_t offset, int64_t n, float *dst,
                               struct vit_error *err)
{
    double raw[AT_ONCE]; /* of the largest type */
    size_t size = vit_dtype_size(features->npy.dtype);
    if (features->npy.dtype == VIT_F32)
        return vit_file_read(&features->file, offset, dst, (size_t)n * size, err);
    for (int64_t done = 0, part; done < n; done += part) {
        part = n - done < AT_ONCE ? n - done : AT_ONCE;
        VIT_TRY(vit_file_read(&features->file, offset + done * (int64_t)size, raw, (size_t)part * size, err));
        vit_widen(dst + done, raw, features->npy.dtype, part);
    }
    return VIT_OK;
}

vit_status vit_features_read(const struct vit_features *features, int64_t first, int64_t n, float *dst,
                             struct vit_error *err)
{
    int64_t rows = features->npy.shape[0], width = features->npy.shape[1];
    if (first < 0 || n < 0 || n > rows || first > rows - n)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %" PRId64 " rows from %" PRId64 " on, of %" PRId64,
                        features->file.path, n, first, rows);
    int64_t offset = features->npy.data + first * width * (int64_t)vit_dtype_size(features->npy.dtype);
    vit_status status = read_numbers(features, offset, n * width, dst, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", features->file.path);
}
