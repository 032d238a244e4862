/* npy.h: the header of a numpy array file. */
#ifndef VIT_NPY_H
#define VIT_NPY_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"
#include "vit/base/tensor.h"

struct vit_npy {
    enum vit_dtype dtype;
    bool fortran_order;
    int n_dims;
    int64_t shape[VIT_MAX_DIMS]; /* integers as written, not checked otherwise */
    int64_t data;                /* bytes of the header: the offset of the elements */
};

/* Reads the header of an array, whose bytes `next` gives in order, exactly n each time. Big-endian, object and
 * structured arrays are refused. */
vit_status vit_npy_read_header(struct vit_npy *npy,
                               vit_status (*next)(void *context, void *dst, size_t n, struct vit_error *err),
                               void *context, struct vit_error *err);

#endif
