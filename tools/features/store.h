/* store.h: rows of numbers in an .npy file, with their names beside it (names.h), written as they come. */
#ifndef VIT_TOOLS_STORE_H
#define VIT_TOOLS_STORE_H

#include "tools/output/output.h"

enum { VIT_STORE_DIMS = 2 };

struct vit_store {
    struct vit_output rows, names;
    size_t shape[1 + VIT_STORE_DIMS]; /* rows that are there, and what each of them is */
    int n_dims;                       /* of the array: 2 or 3 */
    char *names_path;
};

/* Creates or empties the array at path, f32 in C order, its rows being of shape (n_dims), and the file of their names.
 * From now on, whenever the program ends, the array is sound, and has a name for every row. Errors: open, unsupported
 * (a pipe, which cannot be gone back in), memory, read (cannot be written). vit_store_finish is due either way. */
vit_status vit_store_open(struct vit_store *store, const char *path, const size_t *shape, int n_dims,
                          struct vit_error *err);

/* Adds a row, which belongs to the array from the next commit on. */
vit_status vit_store_append(struct vit_store *store, const char *name, const float *row, struct vit_error *err);
vit_status vit_store_commit(struct vit_store *store, struct vit_error *err);

/* Closes both, as vit_output_finish. What was not committed is no row. */
vit_status vit_store_finish(struct vit_store *store, vit_status status, struct vit_error *err);

#endif
