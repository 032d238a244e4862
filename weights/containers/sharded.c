/* sharded.c: reads a checkpoint that is split over files, by its index: a JSON map from tensors to files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/containers/container.h"
#include "weights/json/json.h"

/* Where a tensor of the whole is. */
struct part {
    int shard, tensor;
};

struct sharded {
    int n_shards;
    struct vit_source *shards[VIT_LIMIT_SHARDS];
    struct part *parts; /* by tensor of the whole */
};

static bool sniff(const struct vit_source *source, const uint8_t *head, size_t n)
{
    (void)source;
    size_t i = 0;
    while (i < n && (head[i] == ' ' || head[i] == '\t' || head[i] == '\r' || head[i] == '\n'))
        i++;
    return i < n && head[i] == '{';
}

/* A shard lies beside the index; its name must not lead anywhere else. */
static vit_status check_file_name(const char *name, struct vit_error *err)
{
    for (const char *c = name; *c; c++) {
        if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ' || *c == 0x7f)
            return vit_fail(err, VIT_ERR_DECODE,
                            "weight_map names a file with the character 0x%02x; plain names are read",
                            (unsigned char)*c);
    }
    if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > 255)
        return vit_fail(err, VIT_ERR_DECODE, "weight_map names a file by %zu bytes (%.8s); plain names are read",
                        strlen(name), name);
    return VIT_OK;
}

static vit_status open_shard(const struct vit_source *source, struct sharded *s, const char *name,
                             struct vit_error *err)
{
    VIT_TRY(check_file_name(name, err));
    if (s->n_shards == VIT_LIMIT_SHARDS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "more than %d shards", VIT_LIMIT_SHARDS);
    const char *slash = strrchr(source->file.path, '/');
    int folder = slash ? (int)(slash - source->file.path) + 1 : 0;
    char *path;
    if (asprintf(&path, "%.*s%s", folder, source->file.path, name) < 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = vit_source_open_file(&s->shards[s->n_shards], path, true, err);
    free(path);
    if (status == VIT_OK)
        s->n_shards++;
    return status;
}

/* The shard whose path ends in this name, opened when it is the first time. */
static vit_status find_shard(const struct vit_source *source, struct sharded *s, const char *name, int *shard,
                             struct vit_error *err)
{
    for (int i = s->n_shards - 1; i >= 0; i--) { /* neighbours in the map are mostly in one shard */
        const char *path = vit_source_path(s->shards[i]), *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name) == 0) {
            *shard = i;
            return VIT_OK;
        }
    }
    *shard = s->n_shards;
    return open_shard(source, s, name, err);
}

static vit_status add_tensor(struct vit_source *source, const char *name, const json_t *file, struct vit_error *err)
{
    struct sharded *s = source->priv;
    struct part *part = &s->parts[source->n_tensors];
    VIT_TRY(vit_source_check_name(source, name, err));
    if (!json_is_string(file))
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: its file in weight_map is not a string", name);
    vit_status status = find_shard(source, s, json_string_value(file), &part->shard, err);
    if (status != VIT_OK)
        return vit_context(err, status, "tensor %s: the shard that the index has it in", name);
    part->tensor = vit_source_find(s->shards[part->shard], name);
    if (part->tensor < 0)
        return vit_fail(err, VIT_ERR_DECODE, "tensor %s: it is not in %s, where weight_map has it", name,
                        json_string_value(file));
    const struct vit_tensor *tensor = vit_source_tensor(s->shards[part->shard], part->tensor);
    return vit_source_add(source, name, tensor->dtype, tensor->n_dims, tensor->shape, err);
}

/* A tensor of a shard that the map has elsewhere, or not at all, would be lost in silence. */
static vit_status check_complete(const struct vit_source *source, struct vit_error *err)
{
    const struct sharded *s = source->priv;
    int64_t total = 0;
    for (int i = 0; i < s->n_shards; i++)
        total += vit_source_n_tensors(s->shards[i]);
    if (total != source->n_tensors)
        return vit_fail(err, VIT_ERR_DECODE, "weight_map has %d tensors, its %d shards have %" PRId64,
                        source->n_tensors, s->n_shards, total);
    return VIT_OK;
}

static vit_status add_tensors(struct vit_source *source, const json_t *index, struct vit_error *err)
{
    struct sharded *s = source->priv;
    json_t *map = json_object_get(index, "weight_map"), *file;
    if (!json_is_object(map))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "JSON holds no tensors, and this is no index of a "
                        "checkpoint in several files (it has no weight_map): name the checkpoint or its folder");
    size_t n = json_object_size(map);
    if (n > VIT_LIMIT_TENSORS)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "weight_map has %zu tensors, at most %d are read", n,
                        VIT_LIMIT_TENSORS);
    s->parts = calloc(n ? n : 1, sizeof *s->parts);
    if (!s->parts)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu tensors", n);
    const char *name;
    json_object_foreach (map, name, file)
        VIT_TRY(add_tensor(source, name, file, err));
    return check_complete(source, err);
}

static vit_status open_source(struct vit_source *source, struct vit_error *err)
{
    source->priv = calloc(1, sizeof(struct sharded));
    if (!source->priv)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    void *text;
    json_t *index = NULL;
    vit_status status = vit_file_read_all(&source->file, VIT_LIMIT_JSON, &text, err);
    if (status == VIT_OK)
        status = vit_json_parse(&index, text, (size_t)source->file.size, err);
    if (status == VIT_OK)
        status = add_tensors(source, index, err);
    json_decref(index);
    free(text);
    return status;
}

static vit_status read_tensor(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    const struct sharded *s = source->priv;
    return vit_source_read(s->shards[s->parts[i].shard], s->parts[i].tensor, dst, err);
}

static vit_status read_rows(const struct vit_source *source, int i, const int *rows, int n, void *dst,
                            struct vit_error *err)
{
    const struct sharded *s = source->priv;
    return vit_source_read_rows(s->shards[s->parts[i].shard], s->parts[i].tensor, rows, n, dst, err);
}

static void close_source(struct vit_source *source)
{
    struct sharded *s = source->priv;
    for (int i = 0; i < s->n_shards; i++)
        vit_source_close(s->shards[i]);
    free(s->parts);
}

const struct vit_container vit_sharded = {"sharded", sniff, open_source, read_tensor, read_rows, close_source};
