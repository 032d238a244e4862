/* torch_zip.c: reads what torch.save writes since PyTorch 1.6: a zip of a pickle and a member for each storage.
 *
 * Checksums are left alone, as PyTorch does: set_crc32_options(False) makes it write wrong ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/torch.h"
#include "weights/containers/zip.h"

enum { MAX_PREFIX = 512 };

struct torch_zip {
    struct vit_torch torch;
    char prefix[MAX_PREFIX]; /* of every member: the folder with its slash */
};

/* The folder that all members lie in; false: there is none. */
static bool find_prefix(const struct vit_zip *zip, char *prefix)
{
    const char *slash = strchr(zip->members[0].name, '/');
    size_t n = slash ? (size_t)(slash - zip->members[0].name) + 1 : 0;
    if (n == 0 || n >= MAX_PREFIX)
        return false;
    memcpy(prefix, zip->members[0].name, n);
    prefix[n] = '\0';
    return true;
}

/* Index of a member, or -1. */
static int find_member(const struct vit_zip *zip, const char *prefix, const char *folder, const char *name)
{
    char path[MAX_PREFIX + 128];
    int n = snprintf(path, sizeof path, "%s%s%s", prefix, folder, name);
    return n < (int)sizeof path ? vit_index_find(&zip->by_name, path) : -1;
}

static bool sniff(const struct vit_source *source, const uint8_t *head, size_t n)
{
    char prefix[MAX_PREFIX];
    (void)head, (void)n;
    return source->zip && find_prefix(source->zip, prefix) && find_member(source->zip, prefix, "", "data.pkl") >= 0;
}

static vit_status check_byte_order(struct vit_zip *zip, const char *prefix, struct vit_error *err)
{
    char order[8] = {0};
    int member = find_member(zip, prefix, "", "byteorder");
    if (member < 0)
        return VIT_OK; /* older files do not say: little */
    int64_t size = zip->members[member].size;
    vit_status status = vit_zip_read_at(zip, member, 0, order, size < 7 ? (size_t)size : 7, err);
    if (status == VIT_OK && strncmp(order, "little", 6) != 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "its byte order is not little-endian");
    return status;
}

static vit_status load_pickle(struct vit_zip *zip, struct torch_zip *z, struct vit_error *err)
{
    int member = find_member(zip, z->prefix, "", "data.pkl");
    int64_t size = zip->members[member].size;
    if (size > zip->file->size || size > VIT_LIMIT_PICKLE)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "data.pkl holds %" PRId64 " bytes; at most %d are read, and no more than the file's %" PRId64,
                        size, VIT_LIMIT_PICKLE, zip->file->size);
    struct vit_zip_reader reader;
    struct vit_pickle_input input = {.next = vit_zip_next, .context = &reader, .size = size};
    vit_status status = vit_zip_start(&reader, zip, member, false, err);
    if (status == VIT_OK)
        status = vit_pickle_load(&z->torch.pickle, &input, err);
    vit_zip_finish(&reader);
    return status;
}

/* Finds the members of the storages that tensors lie in. */
static vit_status locate_storages(const struct vit_source *source, struct torch_zip *z, struct vit_error *err)
{
    for (int i = 0; i < source->n_tensors; i++) {
        struct vit_torch_storage *storage = &z->torch.storages[z->torch.views[i].storage];
        int member = find_member(source->zip, z->prefix, "data/", storage->key);
        if (member < 0)
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: its member %.256sdata/%s is missing",
                            source->tensors[i].name, z->prefix, storage->key);
        int64_t bytes = storage->n_elements * (int64_t)storage->element;
        if (source->zip->members[member].size < bytes)
            return vit_fail(err, VIT_ERR_DECODE,
                            "tensor %s: %" PRId64 " elements of a %s need %" PRId64
                            " bytes, the member data/%s has %" PRId64,
                            source->tensors[i].name, storage->n_elements, storage->type, bytes, storage->key,
                            source->zip->members[member].size);
        storage->place = member;
    }
    return VIT_OK;
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    struct torch_zip *z = source->priv = calloc(1, sizeof *z);
    if (!z)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    find_prefix(source->zip, z->prefix);
    if (find_member(source->zip, z->prefix, "", "constants.pkl") >= 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "a TorchScript archive: load it by torch.jit.load and save its state_dict()");
    VIT_TRY(check_byte_order(source->zip, z->prefix, err));
    VIT_TRY(load_pickle(source->zip, z, err));
    VIT_TRY(vit_torch_list_storages(&z->torch, err));
    VIT_TRY(vit_torch_add_tensors(source, &z->torch, err));
    return locate_storages(source, z, err);
}

static vit_status read_storage(const struct vit_source *source, const struct vit_torch_storage *storage, int64_t begin,
                               void *dst, size_t n, struct vit_error *err)
{
    return vit_zip_read_at(source->zip, (int)storage->place, begin, dst, n, err);
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    const struct torch_zip *z = source->priv;
    return vit_torch_read(source, &z->torch, i, dst, read_storage, err);
}

static vit_status read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                            struct vit_error *err)
{
    const struct torch_zip *z = source->priv;
    return vit_torch_read_rows(source, &z->torch, i, rows, n, dst, read_storage, err);
}

static void close_source(struct vit_source *source)
{
    vit_torch_free(&((struct torch_zip *)source->priv)->torch);
}

const struct vit_container vit_torch_zip = {"torch zip", sniff, open_source, read_tensor, read_rows, close_source};
