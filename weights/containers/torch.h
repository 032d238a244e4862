/* torch.h: what a PyTorch pickle says of storages and tensors, whichever file they lie in. Private to weights/. */
#ifndef VIT_TORCH_H
#define VIT_TORCH_H

#include "weights/containers/container.h"
#include "weights/containers/pickle.h"

/* A run of elements of one type; tensors are views of storages. */
struct vit_torch_storage {
    const char *key;    /* first, for struct vit_index; owned by the pickle */
    const char *type;   /* "FloatStorage" */
    size_t element;     /* bytes */
    int dtype;          /* enum vit_dtype, or -1: one that tensors are not read of */
    int64_t n_elements; /* their bytes do not overflow */
    int64_t place;      /* for the reader of the file; -1: not looked up yet */
};

/* How one tensor of the source lies in its storage, counted in elements. */
struct vit_torch_view {
    int storage;
    int64_t offset;
    int64_t stride[VIT_MAX_DIMS];
};

struct vit_torch {
    struct vit_pickle pickle;
    struct vit_torch_storage *storages; /* one for each persistent id: a key may occur again */
    struct vit_index by_key;
    struct vit_torch_view *views;       /* by tensor of the source */
};

/* Lists the storages that torch->pickle names. */
vit_status vit_torch_list_storages(struct vit_torch *torch, struct vit_error *err);

const struct vit_pickle_node *vit_torch_storage_key(const struct vit_pickle_node *persistent); /* NULL: not a storage */

/* Finds the state dict in the pickle and gives its tensors to source. */
vit_status vit_torch_add_tensors(struct vit_source *source, struct vit_torch *torch, struct vit_error *err);

/* Reads n bytes at offset begin of a storage. */
typedef vit_status vit_torch_reader(const struct vit_source *source, const struct vit_torch_storage *storage,
                                    int64_t begin, void *dst, size_t n, struct vit_error *err);

/* Reads tensor i. */
vit_status vit_torch_read(const struct vit_source *source, const struct vit_torch *torch, int i, void *dst,
                          vit_torch_reader *read, struct vit_error *err);

/* Reads rows of tensor i: alone, where it lies densely in its storage. */
vit_status vit_torch_read_rows(const struct vit_source *source, const struct vit_torch *torch, int i, const int *rows, int n,
                               void *dst, vit_torch_reader *read, struct vit_error *err);

void vit_torch_free(struct vit_torch *torch);

#endif
