/* source.h: what weights/containers offers: an opened checkpoint file of any container format with names, shapes, and
 * data on demand; and the writing of safetensors. The other headers of the folder are its own, but for json.h and
 * limits.h, which all of weights/ uses, and container.h, for sources that are no files.
 *
 * One reader per container (safetensors.c, ...) fills a struct vit_source; everything above sees only this header. A
 * reader believes nothing: every offset, length and product is checked against the file before it is used. Files are
 * read with pread, never mapped: a file that shrinks or changes while it is open gives an error, not a signal. */
#ifndef VIT_SOURCE_H
#define VIT_SOURCE_H

#include <stdbool.h>

#include "vit/base/error.h"
#include "vit/base/tensor.h"

struct vit_source;

/* A text stored beside the tensors. */
struct vit_metadata {
    const char *key, *value;
};

/* Opens path, whose container is told from its content. On failure *source is NULL. Messages of a source begin with its
 * path. */
vit_status vit_source_open(struct vit_source **source, const char *path, struct vit_error *err);
void vit_source_close(struct vit_source *source); /* NULL is fine */

/* The tensors, in the file's order; names are unique. */
int vit_source_n_tensors(const struct vit_source *source);
const struct vit_tensor *vit_source_tensor(const struct vit_source *source, int i);
int vit_source_find(const struct vit_source *source, const char *name); /* index, or -1 */

/* Names of what stands among the tensors and is none: step counts, settings, ... */
int vit_source_n_skipped(const struct vit_source *source);
const char *vit_source_skipped(const struct vit_source *source, int i);

/* Reads tensor i whole into dst: vit_tensor_count elements of its type, dense, in C order, little endian. Any
 * number of threads may read at once. */
vit_status vit_source_read(const struct vit_source *source, int i, void *dst, struct vit_error *err);

/* Reads n rows of tensor i, along its first axis, by their numbers, each below shape[0]; the others are not read where
 * the container allows it. */
vit_status vit_source_read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                                struct vit_error *err);

/* The text stored beside the tensors under key, or NULL. Owned by the source. */
const char *vit_source_metadata(const struct vit_source *source, const char *key);

/* "safetensors", ...; and the path as it was opened. */
const char *vit_source_container(const struct vit_source *source);
const char *vit_source_path(const struct vit_source *source);

/* A safetensors file to write, tensor by tensor. Names are unique; shapes were checked as vit_source_add does. */
struct vit_safetensors_content {
    int n_tensors;
    const struct vit_tensor *tensors;
    int n_metadata;
    const struct vit_metadata *metadata; /* written in this order; keys unique, text in UTF-8 */
    /* Fills dst with tensor i whole: dense, C order, little endian. Called once for each i, in the file's order. */
    vit_status (*read)(void *context, int i, void *dst, struct vit_error *err);
    void *context;
};

/* Writes content to a new safetensors file beside path, which is then renamed to path: what is at path is the old file
 * or the whole new one, also after a loss of power. A file at path is refused unless force; a link is followed. The
 * same content gives the same bytes. The data begins at a multiple of 8 and every tensor at one of its element's size.
 * Holds one tensor at a time in memory. */
vit_status vit_safetensors_write(const char *path, bool force, const struct vit_safetensors_content *content,
                                 struct vit_error *err);

/* Reads an .npy file of at most `most` numbers of a floating-point type as f32, in C order; the caller frees *values.
 * array, whose name is NULL, tells the shape. */
vit_status vit_npy_load(float **values, struct vit_tensor *array, int64_t most, const char *path,
                        struct vit_error *err);

#endif
