/* container.h: what the reader of one container format fills in. Private to weights/. */
#ifndef VIT_CONTAINER_H
#define VIT_CONTAINER_H

#include <stdbool.h>

#include "vit/base/file.h"
#include "vit/base/index.h"
#include "weights/containers/source.h"

struct vit_source {
    struct vit_file file;
    struct vit_zip *zip; /* NULL: not an archive */
    const struct vit_container *container;
    int n_tensors;
    struct vit_tensor *tensors; /* names owned */
    struct vit_index by_name;
    int n_metadata;
    struct vit_metadata *metadata;
    int n_skipped;
    const char **skipped; /* names of entries that are no tensors; owned by the reader */
    void *priv; /* the reader's own, freed by vit_source_close; or NULL */
};

struct vit_container {
    const char *name;
    /* Told by the file's first n bytes, n <= VIT_SNIFF_MAX, or by the members where source->zip is there. */
    bool (*sniff)(const struct vit_source *source, const uint8_t *head, size_t n);
    /* source->file is open, and source->zip if it is an archive; all else zero. Fills tensors, metadata and priv; what
     * a failed open leaves is closed by the caller through `close`. */
    vit_status (*open)(struct vit_source *source, struct vit_error *err);
    vit_status (*read)(const struct vit_source *source, int i, void *dst, struct vit_error *err);
    /* vit_source_read_rows; NULL: as vit_source_pick_rows does it. */
    vit_status (*read_rows)(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                            struct vit_error *err);
    void (*close)(struct vit_source *source); /* frees what priv, if it is there, points to; NULL: nothing */
};

enum { VIT_SNIFF_MAX = 512 };

extern const struct vit_container vit_safetensors, vit_torch_zip, vit_npz, vit_torch_legacy, vit_sharded;

/* Reads tensor i whole, and picks rows from it. */
vit_status vit_source_pick_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                                struct vit_error *err);

size_t vit_source_row_size(const struct vit_source *source, int i); /* bytes of a row */

/* As vit_source_open; a shard, one file of a sharded checkpoint, may not be another index. */
vit_status vit_source_open_file(struct vit_source **source, const char *path, bool shard, struct vit_error *err);

/* Why a file with this head, which no reader takes, is refused, and what to do instead; NULL: nothing is known. */
const char *vit_refusal(const uint8_t *head, size_t n);

/* Refuses names that are empty, too long or hold control characters; vit_source_add does so too. */
vit_status vit_source_check_name(const struct vit_source *source, const char *name, struct vit_error *err);

/* Appends a tensor, taking a copy of name; checks name, rank, sizes, and that count and bytes do not overflow. */
vit_status vit_source_add(struct vit_source *source, const char *name, enum vit_dtype dtype, int n_dims,
                          const int64_t *shape, struct vit_error *err);

/* Notes an entry that is no tensor; name must last until the source is closed. */
vit_status vit_source_skip(struct vit_source *source, const char *name, struct vit_error *err);

/* Appends a key and its text, taking copies. */
vit_status vit_source_add_metadata(struct vit_source *source, const char *key, const char *value,
                                   struct vit_error *err);

#endif
