/* torch_storage.c: the storages that a PyTorch pickle refers to. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "weights/containers/torch.h"

static const struct {
    const char *name;
    int dtype;
    size_t element;
} types[] = {
    {"FloatStorage", VIT_F32, 4},     {"HalfStorage", VIT_F16, 2}, {"BFloat16Storage", VIT_BF16, 2},
    {"DoubleStorage", VIT_F64, 8},    {"LongStorage", VIT_I64, 8}, {"IntStorage", VIT_I32, 4},
    {"ShortStorage", VIT_I16, 2},     {"CharStorage", VIT_I8, 1},  {"ByteStorage", VIT_U8, 1},
    {"BoolStorage", VIT_BOOL, 1},     {"UntypedStorage", -1, 1},   {"ComplexFloatStorage", -1, 8},
    {"ComplexDoubleStorage", -1, 16}, {"QInt8Storage", -1, 1},     {"QUInt8Storage", -1, 1},
    {"QInt32Storage", -1, 4},         {"QUInt4x2Storage", -1, 1},  {"QUInt2x4Storage", -1, 1},
};

static bool find_type(const struct vit_pickle_node *node, struct vit_torch_storage *storage)
{
    if (node->kind != VIT_PICKLE_GLOBAL ||
        (strcmp(node->global.module, "torch") != 0 && strcmp(node->global.module, "torch.cuda") != 0 &&
         strcmp(node->global.module, "torch.storage") != 0))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(node->global.name, types[i].name) == 0) {
            storage->type = types[i].name;
            storage->dtype = types[i].dtype;
            storage->element = types[i].element;
            return true;
        }
    }
    return false;
}

const struct vit_pickle_node *vit_torch_storage_key(const struct vit_pickle_node *persistent)
{
    if (persistent->kind != VIT_PICKLE_PERSISTENT || persistent->id->kind != VIT_PICKLE_TUPLE)
        return NULL;
    const struct vit_pickle_node *id = persistent->id;
    if (id->items.n < 5 || !vit_pickle_is_text(id->items.at[0], "storage") ||
        id->items.at[2]->kind != VIT_PICKLE_STRING)
        return NULL;
    return id->items.at[2];
}

/* ('storage', type, key, location, number of elements[, view of another storage]) */
static vit_status parse_storage(const struct vit_pickle_node *persistent, struct vit_torch_storage *storage,
                                struct vit_error *err)
{
    const struct vit_pickle_node *id = persistent->id, *key = vit_torch_storage_key(persistent);
    if (id->kind == VIT_PICKLE_TUPLE && id->items.n > 0 && vit_pickle_is_text(id->items.at[0], "module"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a whole pickled module: save model.state_dict() instead");
    if (!key || strlen(key->text.bytes) != key->text.n || key->text.n > 64)
        return vit_fail(err, VIT_ERR_DECODE, "a persistent id that is not a storage's");
    const struct vit_pickle_node *n_elements = id->items.at[4];
    int64_t bytes;
    storage->key = key->text.bytes;
    storage->place = -1;
    if (!find_type(id->items.at[1], storage))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "storage %s: its type is not known", storage->key);
    if (n_elements->kind != VIT_PICKLE_INT || n_elements->integer < 0 ||
        __builtin_mul_overflow(n_elements->integer, (int64_t)storage->element, &bytes))
        return vit_fail(err, VIT_ERR_DECODE, "storage %s: its number of elements is impossible", storage->key);
    if (id->items.n > 6 || (id->items.n == 6 && id->items.at[5]->kind != VIT_PICKLE_NONE))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "storage %s: a view of another storage", storage->key);
    storage->n_elements = n_elements->integer;
    return VIT_OK;
}

/* A key that occurs again must say the same; the first of each is used. */
static vit_status check_repeated(const struct vit_torch *torch, struct vit_error *err)
{
    for (int i = 0; i < torch->by_key.n; i++) {
        const struct vit_torch_storage *s = &torch->storages[i],
                                       *first = &torch->storages[vit_index_find(&torch->by_key, s->key)];
        if (s->type != first->type || s->n_elements != first->n_elements)
            return vit_fail(err, VIT_ERR_DECODE, "storage %s: %s of %" PRId64 " elements, elsewhere %s of %" PRId64,
                            s->key, s->type, s->n_elements, first->type, first->n_elements);
    }
    return VIT_OK;
}

vit_status vit_torch_list_storages(struct vit_torch *torch, struct vit_error *err)
{
    size_t n = torch->pickle.persistent.n;
    torch->storages = calloc(n ? n : 1, sizeof *torch->storages);
    if (!torch->storages)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu storages", n);
    for (size_t i = 0; i < n; i++)
        VIT_TRY(parse_storage(torch->pickle.persistent.at[i], &torch->storages[i], err));
    VIT_TRY(vit_index_sort(&torch->by_key, torch->storages, sizeof *torch->storages, (int)n, err));
    return check_repeated(torch, err);
}

void vit_torch_free(struct vit_torch *torch)
{
    vit_pickle_free(&torch->pickle);
    vit_index_free(&torch->by_key);
    free(torch->storages);
    free(torch->views);
}
