/* weights.c: from a path to a checked model in canonical form. */
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weights/canonical.h"
#include "weights/family.h"
#include "weights/half.h"
#include "weights/json.h"
#include "weights/safetensors_write.h"

static const struct vit_family *const families[] = {&vit_family_timm};

/* The files that hold a downloaded folder's weights, best first. */
static const char *const weight_files[] = {"model.safetensors"};

/* Splits path into the checkpoint file and the folder where its config.json is; the caller frees both. */
static vit_status locate(const char *path, char **file, char **folder, struct vit_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        *folder = strdup(path);
        for (size_t i = 0; *folder && i < sizeof weight_files / sizeof *weight_files; i++) {
            if (asprintf(file, "%s/%s", path, weight_files[i]) < 0)
                *file = NULL;
            if (!*file || access(*file, F_OK) == 0)
                break;
            free(*file);
            *file = NULL;
            if (i + 1 == sizeof weight_files / sizeof *weight_files)
                return vit_fail(err, VIT_ERR_OPEN, "the folder has no %s", weight_files[0]);
        }
    } else {
        const char *slash = strrchr(path, '/');
        *file = strdup(path);
        *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    }
    if (!*file || !*folder)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    return VIT_OK;
}

static vit_status configure(struct vit_weights *weights, const char *folder, const struct vit_family **family,
                            struct vit_error *err)
{
    *family = NULL;
    if (vit_canonical_detect(weights->source))
        return vit_canonical_read(weights, err);

    json_t *config = NULL;
    VIT_TRY(vit_json_load_optional(&config, folder, "config.json", err));
    vit_status status = VIT_OK;
    for (size_t i = 0; i < sizeof families / sizeof *families && !*family; i++)
        if (families[i]->detect(weights->source, config))
            *family = families[i];
    if (!*family)
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "neither a canonical file nor a checkpoint with timm's names and "
                                                    "a config.json that names the architecture beside it");
    else
        status = (*family)->configure(weights, config, err);
    if (status == VIT_OK && asprintf(&weights->origin, "{\"family\":\"%s\",\"container\":\"%s\"}", (*family)->name,
                                     vit_source_container(weights->source)) < 0) {
        weights->origin = NULL;
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    json_decref(config);
    return status;
}

static vit_status match_tensor(struct vit_weights *weights, int i, struct vit_error *err)
{
    struct vit_tensor *want = &weights->layout.tensors[i];
    char expected[128], found[128];
    vit_shape_text(expected, sizeof expected, want->n_dims, want->shape);
    int at = vit_source_find(weights->source, want->name);
    if (at < 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s: missing, expected shape %s", want->name, expected);
    const struct vit_tensor *have = vit_source_tensor(weights->source, at);
    if (have->n_dims != want->n_dims ||
        memcmp(have->shape, want->shape, (size_t)want->n_dims * sizeof *want->shape) != 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s: shape %s, expected %s", want->name,
                        vit_shape_text(found, sizeof found, have->n_dims, have->shape), expected);
    if (!vit_dtype_is_float(have->dtype))
        return vit_fail(err, VIT_ERR_DECODE, "%s: type %s, expected a floating-point type", want->name,
                        vit_dtype_name(have->dtype));
    want->dtype = have->dtype;
    weights->from[i] = at;
    return VIT_OK;
}

static bool is_ignored(const struct vit_family *family, const char *name)
{
    for (const char *const *ignored = family ? family->ignored : NULL; ignored && *ignored; ignored++)
        if (strcmp(*ignored, name) == 0)
            return true;
    return false;
}

static vit_status refuse_surplus(const struct vit_weights *weights, const struct vit_family *family,
                                 struct vit_error *err)
{
    for (int i = 0; i < vit_source_n_tensors(weights->source); i++) {
        const struct vit_tensor *tensor = vit_source_tensor(weights->source, i);
        char found[128];
        if (vit_layout_find(&weights->layout, tensor->name) < 0 && !is_ignored(family, tensor->name))
            return vit_fail(err, VIT_ERR_DECODE, "%s: shape %s, a tensor that this model has no use for (expected none)",
                            tensor->name, vit_shape_text(found, sizeof found, tensor->n_dims, tensor->shape));
    }
    return VIT_OK;
}

static vit_status match(struct vit_weights *weights, const struct vit_family *family, struct vit_error *err)
{
    VIT_TRY(vit_canonical_check(&weights->config, &weights->preprocess, err));
    VIT_TRY(vit_layout_build(&weights->layout, &weights->config, err));
    weights->from = calloc((size_t)weights->layout.n_tensors, sizeof *weights->from);
    if (!weights->from)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    for (int i = 0; i < weights->layout.n_tensors; i++)
        VIT_TRY(match_tensor(weights, i, err));
    return refuse_surplus(weights, family, err);
}

static vit_status open_parts(struct vit_weights *weights, const char *path, struct vit_error *err)
{
    char *file = NULL, *folder = NULL;
    const struct vit_family *family = NULL;
    vit_status status = locate(path, &file, &folder, err);
    if (status == VIT_OK)
        status = vit_source_open(&weights->source, file, err);
    if (status == VIT_OK)
        status = configure(weights, folder, &family, err);
    if (status == VIT_OK)
        status = match(weights, family, err);
    free(file);
    free(folder);
    return status;
}

vit_status vit_weights_open(struct vit_weights **weights, const char *path, struct vit_error *err)
{
    *weights = calloc(1, sizeof **weights);
    if (!*weights)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = open_parts(*weights, path, err);
    if (status != VIT_OK) {
        vit_weights_close(*weights);
        *weights = NULL;
        return vit_context(err, status, "load %s", path);
    }
    return VIT_OK;
}

void vit_weights_close(struct vit_weights *weights)
{
    if (!weights)
        return;
    vit_source_close(weights->source);
    vit_layout_free(&weights->layout);
    vit_labels_free(&weights->labels);
    free(weights->from);
    free(weights->origin);
    free(weights);
}

vit_status vit_weights_read(const struct vit_weights *weights, int i, void *dst, struct vit_error *err)
{
    return vit_source_read(weights->source, weights->from[i], dst, err);
}

vit_status vit_weights_read_f32(const struct vit_weights *weights, int i, float *dst, struct vit_error *err)
{
    const struct vit_tensor *tensor = &weights->layout.tensors[i];
    if (tensor->dtype == VIT_F32)
        return vit_weights_read(weights, i, dst, err);
    int64_t n = vit_tensor_count(tensor);
    void *raw = malloc((size_t)n * vit_dtype_size(tensor->dtype));
    if (!raw)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %lld elements", tensor->name, (long long)n);
    vit_status status = vit_weights_read(weights, i, raw, err);
    if (status == VIT_OK)
        vit_widen(dst, raw, tensor->dtype, n);
    free(raw);
    return status;
}

/* ---- Saving ---- */

static vit_status read_for_save(void *weights, int i, void *dst, struct vit_error *err)
{
    return vit_weights_read(weights, i, dst, err);
}

vit_status vit_weights_save(const struct vit_weights *weights, const char *out, bool force, struct vit_error *err)
{
    struct vit_metadata texts[VIT_CANONICAL_TEXTS];
    VIT_TRY(vit_canonical_write(weights, texts, err));
    struct vit_safetensors_content content = {
        .n_tensors = weights->layout.n_tensors,
        .tensors = weights->layout.tensors,
        .n_metadata = VIT_CANONICAL_TEXTS,
        .metadata = texts,
        .read = read_for_save,
        .context = (void *)(uintptr_t)weights,
    };
    vit_status status = vit_safetensors_write(out, force, &content, err);
    vit_canonical_free(texts);
    return status;
}
