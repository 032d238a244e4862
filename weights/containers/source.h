/* source.h: an opened checkpoint file of any container format: names, shapes, and data on demand.
 *
 * One reader per container (safetensors.c, ...) fills a struct vit_source; everything above sees only this header. A
 * reader believes nothing: every offset, length and product is checked against the file before it is used. Files are
 * read with pread, never mapped: a file that shrinks or changes while it is open gives an error, not a signal. */
#ifndef VIT_SOURCE_H
#define VIT_SOURCE_H

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

/* The text stored beside the tensors under key, or NULL. Owned by the source. */
const char *vit_source_metadata(const struct vit_source *source, const char *key);

/* "safetensors", ...; and the path as it was opened. */
const char *vit_source_container(const struct vit_source *source);
const char *vit_source_path(const struct vit_source *source);

/* Reads the n numbers of an .npy file, of a floating-point type and any shape, as f32; the caller frees *values. */
vit_status vit_npy_load(float **values, int64_t *n, const char *path, struct vit_error *err);

#endif
