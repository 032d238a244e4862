/* torch_legacy.c: reads what torch.save wrote before PyTorch 1.6: pickles, then the storages, one after the other. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/containers/torch.h"

/* pickle(0x1950a86a20f9469cfc6c) */
static const uint8_t magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
enum { PROTOCOL = 1001 };

static bool sniff(const struct vit_source *source, const uint8_t *head, size_t n)
{
    (void)source;
    return n >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

/* Two small pickles: the protocol's number, and a dict that says how the writer's machine laid out numbers. */
static vit_status check_writer(struct vit_pickle_input *input, struct vit_error *err)
{
    struct vit_pickle protocol = {0}, machine = {0};
    vit_status status = vit_pickle_load(&protocol, input, err);
    if (status == VIT_OK && (protocol.root->kind != VIT_PICKLE_INT || protocol.root->integer != PROTOCOL))
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "its protocol is not %d", PROTOCOL);
    if (status == VIT_OK)
        status = vit_pickle_load(&machine, input, err);
    const struct vit_pickle_node *little = status == VIT_OK ? vit_pickle_get(machine.root, "little_endian") : NULL;
    if (status == VIT_OK && (!little || little->kind != VIT_PICKLE_BOOL || !little->integer))
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "it does not say that its byte order is little-endian");
    vit_pickle_free(&protocol);
    vit_pickle_free(&machine);
    return status;
}

/* One storage: its number of elements, then they. Its place becomes the offset of the first. */
static vit_status pass_storage(const struct vit_file *file, struct vit_torch *torch, const struct vit_pickle_node *key,
                               int64_t *offset, struct vit_error *err)
{
    int i = key->kind == VIT_PICKLE_STRING && strlen(key->text.bytes) == key->text.n
                ? vit_index_find(&torch->by_key, key->text.bytes)
                : -1;
    if (i < 0)
        return vit_fail(err, VIT_ERR_DECODE, "a storage at byte %" PRId64 " that the pickle does not name", *offset);
    struct vit_torch_storage *storage = &torch->storages[i];
    int64_t n_elements, size = storage->n_elements * (int64_t)storage->element;
    if (storage->place >= 0)
        return vit_fail(err, VIT_ERR_DECODE, "storage %s is listed twice", storage->key);
    vit_status status = vit_file_read(file, *offset, &n_elements, sizeof n_elements, err);
    if (status != VIT_OK)
        return vit_context(err, status, "storage %s", storage->key);
    if (n_elements != storage->n_elements)
        return vit_fail(err, VIT_ERR_DECODE,
                        "storage %s at byte %" PRId64 " has %" PRId64 " elements, the pickle says %" PRId64,
                        storage->key, *offset, n_elements, storage->n_elements);
    *offset += (int64_t)sizeof n_elements;
    if (size > file->size - *offset)
        return vit_fail(err, VIT_ERR_DECODE,
                        "truncated: storage %s needs %" PRId64 " bytes at %" PRId64 ", the file has %" PRId64,
                        storage->key, size, *offset, file->size);
    storage->place = *offset;
    *offset += size;
    return VIT_OK;
}

static vit_status pass_storages(const struct vit_file *file, struct vit_torch *torch, struct vit_pickle_input *input,
                                struct vit_error *err)
{
    struct vit_pickle keys = {0};
    vit_status status = vit_pickle_load(&keys, input, err);
    if (status == VIT_OK && keys.root->kind != VIT_PICKLE_LIST)
        status = vit_fail(err, VIT_ERR_DECODE, "the list of its storages is no list");
    int64_t offset = input->position;
    for (size_t i = 0; status == VIT_OK && i < keys.root->items.n; i++)
        status = pass_storage(file, torch, keys.root->items.at[i], &offset, err);
    if (status == VIT_OK && offset != file->size)
        status = vit_fail(err, VIT_ERR_DECODE, "its storages end at byte %" PRId64 " of %" PRId64, offset, file->size);
    vit_pickle_free(&keys);
    return status;
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    struct vit_torch *torch = source->priv = calloc(1, sizeof *torch);
    if (!torch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    struct vit_file_stream stream = {&source->file, sizeof magic};
    struct vit_pickle_input input = {
        .next = vit_file_next, .context = &stream, .position = sizeof magic, .size = source->file.size};
    VIT_TRY(check_writer(&input, err));
    VIT_TRY(vit_pickle_load(&torch->pickle, &input, err));
    VIT_TRY(vit_torch_list_storages(torch, err));
    VIT_TRY(pass_storages(&source->file, torch, &input, err));
    VIT_TRY(vit_torch_add_tensors(source, torch, err));
    for (int i = 0; i < source->n_tensors; i++) {
        const struct vit_torch_storage *storage = &torch->storages[torch->views[i].storage];
        if (storage->place < 0)
            return vit_fail(err, VIT_ERR_DECODE, "tensor %s: its storage %s is not in the file",
                            source->tensors[i].name, storage->key);
    }
    return VIT_OK;
}

static vit_status read_storage(const struct vit_source *source, const struct vit_torch_storage *storage, int64_t begin,
                               void *dst, size_t n, struct vit_error *err)
{
    return vit_file_read(&source->file, storage->place + begin, dst, n, err);
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    return vit_torch_read(source, source->priv, i, dst, read_storage, err);
}

static vit_status read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                            struct vit_error *err)
{
    return vit_torch_read_rows(source, source->priv, i, rows, n, dst, read_storage, err);
}

static void close_source(struct vit_source *source)
{
    vit_torch_free(source->priv);
}

const struct vit_container vit_torch_legacy = {"torch legacy", sniff,     open_source,
                                               read_tensor,    read_rows, close_source};
