/* npy.h: the header of a numpy array file. Private to weights/. */
#ifndef VIT_NPY_H
#define VIT_NPY_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"
#include "vit/base/tensor.h"

enum {
    VIT_NPY_PREFIX = 12 /* bytes that vit_npy_parse_prefix wants; a version 1 header begins at byte 10 of them */
};

struct vit_npy {
    enum vit_dtype dtype;
    bool fortran_order;
    int n_dims;
    int64_t shape[VIT_MAX_DIMS]; /* integers as written, not checked otherwise */
};

/* Reads magic, version and length: the header's text is the *n bytes at *begin. */
vit_status vit_npy_parse_prefix(const uint8_t *bytes, size_t *begin, size_t *n, struct vit_error *err);

/* Parses the header's text, a Python literal. Big-endian, object and structured arrays are refused. */
vit_status vit_npy_parse_header(struct vit_npy *npy, const char *text, size_t n, struct vit_error *err);

#endif
