/* weights.c: from a path to a checked model in canonical form, and from that to the canonical file. */
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "weights/canonical/canonical.h"
#include "weights/containers/source.h"
#include "weights/families/family.h"
#include "weights/fingerprint.h"
#include "weights/json/json.h"
#include "weights/locate.h"
#include "weights/settings/preprocessing.h"

/* ---- Opening ---- */

static vit_status configure_original(struct vit_weights *weights, struct vit_checkpoint *cp,
                                     const struct vit_family **family, struct vit_error *err)
{
    VIT_TRY(vit_family_find(family, cp, err));
    vit_report_set(&weights->report, "family", "the names of its tensors", "%s", (*family)->name);
    VIT_TRY(vit_checkpoint_strip(cp, (*family)->prefixes, err));
    vit_status status = vit_family_configure(*family, weights, cp, err);
    if (status != VIT_OK)
        return vit_context(err, status, "read as %s", (*family)->name);
    if (!*weights->config.arch)
        snprintf(weights->config.arch, sizeof weights->config.arch, "%s", (*family)->name);
    if (asprintf(&weights->origin, "{\"family\":\"%s\",\"container\":\"%s\"}", (*family)->name,
                 vit_source_container(weights->source)) < 0) {
        weights->origin = NULL;
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    return VIT_OK;
}

bool vit_weights_takes_words(const struct vit_weights *weights)
{
    return weights->config.classes == 0 && (weights->config.normalize || weights->text);
}

static vit_status choose_labels(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    int K = weights->config.classes;
    const char *named = cp->options->labels, *source = "--labels", *key = NULL;
    bool caller = vit_weights_takes_words(weights) || (K == 0 && cp->options->text_embeddings); /* whose labels are */
    if (caller || (!named && (weights->labels.n == K || K == 0)))
        return VIT_OK;
    if (!named && !weights->head) { /* else config.json speaks of another classifier */
        VIT_TRY(vit_labels_from_config(&weights->labels, K, cp->config, &key, err));
        if (!key) /* timm has them at either place */
            VIT_TRY(vit_labels_from_config(&weights->labels, K, json_object_get(cp->config, "pretrained_cfg"), &key, err));
        source = "config.json";
    }
    if (!named && !key && weights->imagenet && K == VIT_IMAGENET_1K) {
        named = "imagenet-1k";
        source = weights->imagenet;
    }
    if (named) {
        vit_labels_free(&weights->labels);
        VIT_TRY(vit_labels_named(&weights->labels, K, named, err));
    }
    if (named || key)
        vit_report_set(&weights->report, "labels", source, "%s", named ? named : key);
    return VIT_OK;
}

static vit_status configure(struct vit_weights *weights, struct vit_checkpoint *cp, const char *folder,
                            struct vit_error *err)
{
    const struct vit_model_options *options = cp->options;
    const struct vit_family *family = NULL;
    if (vit_canonical_detect(weights->source)) {
        VIT_TRY(vit_canonical_read(weights, err));
        if (options->arch)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "--arch %.100s: this file is vit's own and says itself what it "
                            "is: %s", options->arch, weights->config.arch);
    } else {
        VIT_TRY(configure_original(weights, cp, &family, err));
    }
    if (options->head) {
        VIT_TRY(vit_head_open(weights, options->head, err));
        if (weights->labels.n != weights->config.classes)
            vit_labels_free(&weights->labels);
    }
    VIT_TRY(vit_preprocess_override(weights, options, err));
    VIT_TRY(vit_canonical_check(&weights->config, &weights->preprocess, err));
    if (family && weights->config.classes == 0)
        VIT_TRY(vit_text_open(weights, family, cp, folder, err));
    VIT_TRY(vit_match(weights, family, cp, err));
    VIT_TRY(choose_labels(weights, cp, err));
    return vit_report_check(&weights->report, err);
}

static vit_status open_parts(struct vit_weights *weights, const char *path, const struct vit_model_options *options,
                             struct vit_error *err)
{
    char *file = NULL, *folder = NULL;
    struct vit_checkpoint cp = {0};
    vit_status status = vit_weights_locate(path, &file, &folder, err);
    if (status == VIT_OK)
        status = vit_source_open(&weights->source, file, err);
    if (status == VIT_OK)
        status = vit_checkpoint_open(&cp, weights->source, vit_canonical_detect(weights->source) ? NULL : folder,
                                     options, err);
    if (status == VIT_OK)
        status = configure(weights, &cp, folder, err);
    vit_checkpoint_close(&cp);
    free(file);
    free(folder);
    return status;
}

vit_status vit_weights_open(struct vit_weights **weights, const char *path, const struct vit_model_options *options,
                            struct vit_error *err)
{
    static const struct vit_model_options nothing;
    *weights = calloc(1, sizeof **weights);
    if (!*weights)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = open_parts(*weights, path, options ? options : &nothing, err);
    if (status != VIT_OK) {
        vit_weights_close(*weights);
        *weights = NULL;
        return err && !strncmp(err->message, path, strlen(path)) ? status : vit_context(err, status, "load %s", path);
    }
    return VIT_OK;
}

void vit_weights_close(struct vit_weights *weights)
{
    if (!weights)
        return;
    vit_source_close(weights->source);
    vit_source_close(weights->head);
    vit_text_close(weights->text);
    vit_layout_free(&weights->layout);
    vit_labels_free(&weights->labels);
    vit_report_free(&weights->report);
    free(weights->recipes);
    free(weights->origin);
    free(weights);
}

/* ---- Reading ---- */

vit_status vit_weights_read(const struct vit_weights *weights, int i, void *dst, struct vit_error *err)
{
    return vit_recipe_read(&weights->recipes[i], &weights->layout.tensors[i], dst, err);
}

/* F16 and BF16 are read to the end of dst and widened from there: no second buffer of the tensor's size. */
vit_status vit_weights_read_f32(const struct vit_weights *weights, int i, float *dst, struct vit_error *err)
{
    const struct vit_tensor *tensor = &weights->layout.tensors[i];
    int64_t n = vit_tensor_count(tensor);
    size_t size = (size_t)n * vit_dtype_size(tensor->dtype), room = (size_t)n * sizeof *dst;
    if (size <= room) {
        char *raw = (char *)dst + (room - size);
        VIT_TRY(vit_weights_read(weights, i, raw, err));
        if (tensor->dtype != VIT_F32)
            vit_widen(dst, raw, tensor->dtype, n);
        return VIT_OK;
    }
    void *raw = malloc(size);
    if (!raw)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %zu bytes", tensor->name, size);
    vit_status status = vit_weights_read(weights, i, raw, err);
    if (status == VIT_OK)
        vit_widen(dst, raw, tensor->dtype, n);
    free(raw);
    return status;
}

vit_status vit_weights_read_rows(const struct vit_weights *weights, int i, const int *rows, int n, float *dst,
                                 struct vit_error *err)
{
    const struct vit_tensor *tensor = &weights->layout.tensors[i];
    int64_t n_rows = tensor->n_dims ? tensor->shape[0] : 0, columns = n_rows ? vit_tensor_count(tensor) / n_rows : 0;
    for (int k = 0; k < n; k++)
        if (rows[k] < 0 || rows[k] >= n_rows)
            return vit_fail(err, VIT_ERR_DECODE, "%s: row %d, of %lld rows", tensor->name, rows[k], (long long)n_rows);
    size_t size = (size_t)columns * (size_t)n * vit_dtype_size(tensor->dtype);
    void *raw = malloc(size ? size : 1);
    if (!raw)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %zu bytes", tensor->name, size);
    vit_status status = vit_recipe_read_rows(&weights->recipes[i], tensor, rows, n, raw, err);
    if (status == VIT_OK)
        vit_widen(dst, raw, tensor->dtype, columns * n);
    free(raw);
    return status;
}

/* ---- Saving ---- */

struct saving {
    const struct vit_weights *weights;
    struct vit_tensor *tensors; /* as they are written: names borrowed */
};

static vit_status read_for_save(void *context, int i, void *dst, struct vit_error *err)
{
    const struct saving *saving = context;
    const struct vit_tensor *tensor = &saving->tensors[i];
    if (tensor->dtype == saving->weights->layout.tensors[i].dtype)
        return vit_weights_read(saving->weights, i, dst, err);
    if (tensor->dtype == VIT_F32)
        return vit_weights_read_f32(saving->weights, i, dst, err);
    int64_t n = vit_tensor_count(tensor);
    float *wide = malloc((size_t)n * sizeof *wide);
    if (!wide)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %lld elements", tensor->name, (long long)n);
    vit_status status = vit_weights_read_f32(saving->weights, i, wide, err);
    if (status == VIT_OK && !vit_narrow(dst, wide, tensor->dtype, n))
        status = vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: a value is too large for %s", tensor->name,
                          vit_dtype_name(tensor->dtype));
    free(wide);
    return status;
}

/* The origin; of classes in words, with the fingerprint of the text tower that read them. The caller frees it. */
static vit_status describe_origin(char **text, const struct vit_weights *weights, struct vit_error *err)
{
    char fingerprint[VIT_FINGERPRINT];
    json_t *origin = NULL;
    bool words = weights->config.classes > 0 && weights->text && weights->text->weights;
    if (words) {
        VIT_TRY(vit_fingerprint(fingerprint, weights->text->weights, err));
        VIT_TRY(vit_json_parse(&origin, weights->origin, strlen(weights->origin), err));
        json_object_set_new(json_object_get(origin, "words"), "text_tower", json_string(fingerprint));
    }
    *text = words ? json_dumps(origin, JSON_COMPACT) : strdup(weights->origin);
    json_decref(origin);
    return *text ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for what the model was made from");
}

static vit_status save(struct saving *saving, const char *out, const struct vit_save_options *options,
                       struct vit_error *err)
{
    static const enum vit_dtype types[] = {
        [VIT_SAVE_F32] = VIT_F32, [VIT_SAVE_F16] = VIT_F16, [VIT_SAVE_BF16] = VIT_BF16};
    const struct vit_layout *layout = &saving->weights->layout;
    struct vit_metadata texts[VIT_CANONICAL_TEXTS];
    memcpy(saving->tensors, layout->tensors, (size_t)layout->n_tensors * sizeof *layout->tensors);
    for (int i = 0; i < layout->n_tensors && options->type != VIT_SAVE_UNCHANGED; i++)
        saving->tensors[i].dtype = types[options->type];
    char *origin;
    VIT_TRY(describe_origin(&origin, saving->weights, err));
    vit_status status = vit_canonical_write(saving->weights, origin, texts, err);
    free(origin);
    if (status != VIT_OK)
        return status;
    struct vit_safetensors_content content = {
        .n_tensors = layout->n_tensors,
        .tensors = saving->tensors,
        .n_metadata = VIT_CANONICAL_TEXTS,
        .metadata = texts,
        .read = read_for_save,
        .context = saving,
    };
    status = vit_safetensors_write(out, options->force, &content, err);
    vit_canonical_free(texts);
    return status;
}

vit_status vit_weights_save(const struct vit_weights *weights, const char *out, const struct vit_save_options *options,
                            struct vit_error *err)
{
    static const struct vit_save_options nothing;
    struct saving saving = {weights, calloc((size_t)weights->layout.n_tensors + 1, sizeof *saving.tensors)};
    if (!saving.tensors)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = save(&saving, out, options ? options : &nothing, err);
    free(saving.tensors);
    return status;
}
