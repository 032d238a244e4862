/* npy.h: NumPy's .npy files as the tests read them: f32 and u8 arrays in C order. */
#ifndef VIT_TESTS_NPY_H
#define VIT_TESTS_NPY_H

#include <stdbool.h>
#include <stddef.h>

enum npy_type { NPY_F32, NPY_U8 };

enum { NPY_MAX_DIMS = 8, NPY_MESSAGE_MAX = 512 };

struct npy {
    enum npy_type type;
    int n_dims; /* 0: a scalar, one element */
    size_t shape[NPY_MAX_DIMS];
    size_t count; /* elements */
    void *data;   /* malloc'ed, owned */
};

/* Reads path whole into *array. On failure *array is empty and message (NPY_MESSAGE_MAX bytes) says why. */
bool npy_read(struct npy *array, const char *path, char *message);

/* root/folder/name.npy, without which a test fails. */
struct npy npy_golden(const char *root, const char *folder, const char *name);

/* Frees the elements and clears *array; NULL and an empty array are fine. */
void npy_free(struct npy *array);

#endif
