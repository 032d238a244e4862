/* torch_state.c: finds the state dict in a PyTorch pickle, and its tensors as views of storages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/strided.h"
#include "weights/containers/torch.h"

enum { MAX_WRAPPERS = 2, MAX_PARAMETERS = 4 };

typedef struct vit_pickle_node node;

/* The global that a call's result would be of, through calls of calls; NULL: not a call of one. */
static const node *class_of(const node *call)
{
    for (int i = 0; i < MAX_PARAMETERS && call->kind == VIT_PICKLE_CALL; i++)
        call = call->call.callee;
    return call->kind == VIT_PICKLE_GLOBAL ? call : NULL;
}

static bool is_tensor(const node *item)
{
    return item->kind == VIT_PICKLE_CALL &&
           (vit_pickle_is_global(item->call.callee, "torch._utils", "_rebuild_tensor_v2") ||
            vit_pickle_is_global(item->call.callee, "torch._utils", "_rebuild_tensor_v3") ||
            vit_pickle_is_global(item->call.callee, "torch._utils", "_rebuild_tensor"));
}

static bool is_parameter(const node *item)
{
    return item->kind == VIT_PICKLE_CALL && item->call.args->items.n > 0 &&
           (vit_pickle_is_global(item->call.callee, "torch._utils", "_rebuild_parameter") ||
            vit_pickle_is_global(item->call.callee, "torch._utils", "_rebuild_parameter_with_state") ||
            vit_pickle_is_global(item->call.callee, "torch.nn.parameter", "Parameter"));
}

/* What is in the parameters around an item. */
static const node *unwrap(const node *item)
{
    for (int i = 0; i < MAX_PARAMETERS && is_parameter(item); i++)
        item = item->call.args->items.at[0];
    return item;
}

/* The call that rebuilds a tensor; NULL: the item is no tensor. */
static const node *find_tensor(const node *item)
{
    item = unwrap(item);
    return is_tensor(item) ? item : NULL;
}

/* Longer texts are not looked at: one may be the key of any number of entries. */
static bool is_plain_text(const node *item)
{
    return item->kind == VIT_PICKLE_STRING && item->text.n <= VIT_LIMIT_NAME &&
           strlen(item->text.bytes) == item->text.n;
}

/* ---- One tensor ---- */

/* The integers of a tuple, list or torch.Size; their number, or -1. */
static int parse_ints(const node *item, int64_t *values)
{
    if (item->kind == VIT_PICKLE_CALL && vit_pickle_is_global(item->call.callee, "torch", "Size") &&
        item->call.args->items.n == 1)
        item = item->call.args->items.at[0];
    if ((item->kind != VIT_PICKLE_TUPLE && item->kind != VIT_PICKLE_LIST) || item->items.n > VIT_MAX_DIMS)
        return -1;
    for (size_t i = 0; i < item->items.n; i++) {
        if (item->items.at[i]->kind != VIT_PICKLE_INT)
            return -1;
        values[i] = item->items.at[i]->integer;
    }
    return (int)item->items.n;
}

/* The tensor must lie within its storage, and may not be larger: a stride of 0 would multiply it. */
static vit_status check_view(const struct vit_tensor *tensor, const struct vit_torch_view *view,
                             const struct vit_torch_storage *storage, struct vit_error *err)
{
    int64_t span = vit_strided_span(tensor, view->stride), count = vit_tensor_count(tensor);
    if (span < 0 || view->offset < 0 || view->offset > storage->n_elements || span > storage->n_elements - view->offset)
        return vit_fail(err, VIT_ERR_DECODE,
                        "tensor %s: %" PRId64 " elements from %" PRId64 " on (-1: overflow) reach beyond the %" PRId64
                        " of storage %s",
                        tensor->name, span, view->offset, storage->n_elements, storage->key);
    if (count > storage->n_elements)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: %" PRId64 " elements of a storage of %" PRId64, tensor->name,
                        count, storage->n_elements);
    return VIT_OK;
}

/* The seventh argument of _rebuild_tensor_v3 names the type of elements that have no storage class. */
static vit_status refuse_type(const char *name, const struct vit_torch_storage *storage, const node *args,
                              struct vit_error *err)
{
    const node *dtype = args->items.n > 6 ? args->items.at[6] : NULL;
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "tensor %s: elements of type %.64s are not supported", name,
                    dtype && dtype->kind == VIT_PICKLE_GLOBAL ? dtype->global.name : storage->type);
}

/* {'neg': True} or {'conj': True}: the last argument of a view that is still to be computed with. */
static vit_status check_bits(const char *name, const node *tensor, struct vit_error *err)
{
    size_t at = vit_pickle_is_global(tensor->call.callee, "torch._utils", "_rebuild_tensor_v3") ? 7 : 6;
    const node *args = tensor->call.args, *bits = args->items.n > at ? args->items.at[at] : NULL;
    if (!bits || bits->kind == VIT_PICKLE_NONE)
        return VIT_OK;
    if (bits->kind != VIT_PICKLE_DICT)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "tensor %s: what its view adds to the storage is no dict", name);
    for (size_t i = 0; i < bits->items.n; i += 2) {
        const node *bit = bits->items.at[i], *set = bits->items.at[i + 1];
        if (set->kind != VIT_PICKLE_BOOL || set->integer)
            return vit_fail(err, VIT_ERR_UNSUPPORTED,
                            "tensor %s: its bit %.64s is set: save it after resolve_neg() and resolve_conj()", name,
                            is_plain_text(bit) ? bit->text.bytes : "?");
    }
    return VIT_OK;
}

/* Arguments: storage, offset, shape, stride, ... */
static vit_status add_tensor(struct vit_source *source, struct vit_torch *torch, const char *name, const node *tensor,
                             struct vit_error *err)
{
    const node *args = tensor->call.args;
    struct vit_torch_view *view = &torch->views[source->n_tensors];
    int64_t shape[VIT_MAX_DIMS];
    const node *key = args->items.n < 4 ? NULL : vit_torch_storage_key(args->items.at[0]);
    if (!key)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: it is not rebuilt from a storage", name);
    view->storage = vit_index_find(&torch->by_key, key->text.bytes);
    const struct vit_torch_storage *storage = &torch->storages[view->storage];
    if (storage->dtype < 0)
        return refuse_type(name, storage, args, err);
    VIT_TRY(check_bits(name, tensor, err));
    int n_dims = parse_ints(args->items.at[2], shape), n_strides = parse_ints(args->items.at[3], view->stride);
    if (n_dims < 0 || n_dims != n_strides || args->items.at[1]->kind != VIT_PICKLE_INT)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: shape, stride and offset are not up to %d integers each", name,
                        VIT_MAX_DIMS);
    view->offset = args->items.at[1]->integer;
    VIT_TRY(vit_source_add(source, name, (enum vit_dtype)storage->dtype, n_dims, shape, err));
    return check_view(&source->tensors[source->n_tensors - 1], view, storage, err);
}

/* ---- The state dict ---- */

static vit_status refuse_object(const char *what, const node *class, struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s is a pickled object (%.128s.%.128s): save its state_dict() instead",
                    what, class->global.module, class->global.name);
}

/* The dict of tensors: the root, or what training scripts wrap it in. */
static vit_status find_state_dict(const node *root, const node **found, struct vit_error *err)
{
    static const char *const wrappers[] = {"state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict"};
    const node *dict = root;
    for (int depth = 0; depth < MAX_WRAPPERS; depth++) {
        const node *inner = NULL;
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers && !inner; i++) {
            inner = vit_pickle_get(dict, wrappers[i]);
            if (inner && inner->kind == VIT_PICKLE_CALL && !find_tensor(inner) && class_of(inner))
                return refuse_object(wrappers[i], class_of(inner), err);
            if (inner && inner->kind != VIT_PICKLE_DICT)
                inner = NULL;
        }
        if (!inner)
            break;
        dict = inner;
    }
    if (dict->kind == VIT_PICKLE_DICT) {
        *found = dict;
        return VIT_OK;
    }
    if (class_of(dict) && !find_tensor(dict))
        return refuse_object("it", class_of(dict), err);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "it holds no dict of named tensors: save a state_dict()");
}

/* Tensors that share a storage multiply it. */
static vit_status check_total(const struct vit_source *source, struct vit_error *err)
{
    int64_t total = 0, limit;
    if (__builtin_mul_overflow(source->file.size, VIT_LIMIT_EXPANSION, &limit))
        limit = INT64_MAX;
    for (int i = 0; i < source->n_tensors; i++) {
        const struct vit_tensor *tensor = &source->tensors[i];
        if (__builtin_add_overflow(total, vit_tensor_count(tensor) * (int64_t)vit_dtype_size(tensor->dtype), &total) ||
            total > limit)
            return vit_fail(
                err, VIT_ERR_TOO_LARGE,
                "tensor %s: the tensors up to it, sharing storages, are more than %d times the file's %" PRId64
                " bytes",
                tensor->name, VIT_LIMIT_EXPANSION, source->file.size);
    }
    return VIT_OK;
}

/* A step count, _extra_state, ... is left aside. What would become a tensor that is not dense, or of another library,
 * is refused: without it weights would be missing. */
static vit_status skip_entry(struct vit_source *source, const node *key, const node *value, struct vit_error *err)
{
    const node *class = class_of(unwrap(value));
    const char *name = is_plain_text(key) ? key->text.bytes : "(a key that is no name)";
    if (class && value->kind == VIT_PICKLE_CALL &&
        (strncmp(class->global.name, "_rebuild_", 9) == 0 ||
         (strcmp(class->global.name, "_reconstruct") == 0 && strncmp(class->global.module, "numpy", 5) == 0)))
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "entry %.256s: %.128s.%.128s makes it, not a dense tensor: save it as one", name,
                        class->global.module, class->global.name);
    return vit_source_skip(source, name, err);
}

static vit_status refuse_entries(const struct vit_source *source, struct vit_error *err)
{
    char names[256] = "none";
    for (int i = 0, used = 0; i < source->n_skipped && used < (int)sizeof names; i++)
        used += snprintf(names + used, sizeof names - (size_t)used, i ? ", %s" : "%s", source->skipped[i]);
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "none of the %d entries of its dict is a tensor (%s): save a state_dict()", source->n_skipped,
                    names);
}

vit_status vit_torch_add_tensors(struct vit_source *source, struct vit_torch *torch, struct vit_error *err)
{
    const node *dict = NULL;
    VIT_TRY(find_state_dict(torch->pickle.root, &dict, err));
    size_t n = dict->items.n / 2;
    torch->views = calloc(n ? n : 1, sizeof *torch->views);
    if (!torch->views)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        const node *key = dict->items.at[2 * i], *tensor = find_tensor(dict->items.at[2 * i + 1]);
        if (!tensor) {
            VIT_TRY(skip_entry(source, key, dict->items.at[2 * i + 1], err));
            continue;
        }
        if (!is_plain_text(key))
            return vit_fail(err, VIT_ERR_DECODE, "tensor number %d: its key is not a plain string of at most %d bytes",
                            source->n_tensors, VIT_LIMIT_NAME);
        VIT_TRY(vit_source_check_name(source, key->text.bytes, err));
        VIT_TRY(add_tensor(source, torch, key->text.bytes, tensor, err));
    }
    return source->n_tensors ? check_total(source, err) : refuse_entries(source, err);
}

vit_status vit_torch_read(const struct vit_source *source, const struct vit_torch *torch, int i, void *dst,
                          vit_torch_reader *read, struct vit_error *err)
{
    const struct vit_tensor *tensor = &source->tensors[i];
    const struct vit_torch_view *view = &torch->views[i];
    const struct vit_torch_storage *storage = &torch->storages[view->storage];
    size_t bytes = (size_t)vit_strided_span(tensor, view->stride) * storage->element;
    int64_t begin = view->offset * (int64_t)storage->element;
    if (bytes == 0 || vit_strided_is_dense(tensor, view->stride))
        return read(source, storage, begin, dst, bytes, err);
    size_t count = (size_t)vit_tensor_count(tensor) * storage->element;
    if (bytes > VIT_LIMIT_STREWN && bytes / VIT_LIMIT_EXPANSION > count)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "its %zu bytes are strewn over %zu, more than %d times as many: save it contiguous", count,
                        bytes, VIT_LIMIT_EXPANSION);
    void *scattered = malloc(bytes);
    if (!scattered)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", bytes);
    vit_status status = read(source, storage, begin, scattered, bytes, err);
    if (status == VIT_OK)
        vit_strided_copy(tensor, view->stride, scattered, dst);
    free(scattered);
    return status;
}

vit_status vit_torch_read_rows(const struct vit_source *source, const struct vit_torch *torch, int i, const int *rows,
                               int n, void *dst, vit_torch_reader *read, struct vit_error *err)
{
    const struct vit_torch_view *view = &torch->views[i];
    const struct vit_torch_storage *storage = &torch->storages[view->storage];
    size_t size = vit_source_row_size(source, i);
    if (!vit_strided_is_dense(&source->tensors[i], view->stride))
        return vit_source_pick_rows(source, i, rows, n, dst, err);
    for (int k = 0; k < n; k++)
        VIT_TRY(read(source, storage, view->offset * (int64_t)storage->element + rows[k] * (int64_t)size,
                     (char *)dst + (size_t)k * size, size, err));
    return VIT_OK;
}
