/* canonical.c: the texts of the canonical file, written and read. */
#include "weights/canonical/canonical.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "vit/base/names.h"
#include "weights/canonical/fields.h"
#include "weights/json/json.h"

#define CONFIG(field) #field, .offset = offsetof(struct vit_config, field)

static const struct vit_field config_fields[] = {
    {CONFIG(arch), .type = VIT_FIELD_STRING, .high = VIT_ARCH_MAX},
    {CONFIG(width), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_WIDTH},
    {CONFIG(depth), .type = VIT_FIELD_INT, .low = 0, .high = VIT_LIMIT_DEPTH},
    {CONFIG(heads), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_WIDTH},
    {CONFIG(mlp), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_WIDTH},
    {CONFIG(patch), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {CONFIG(image_size), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {CONFIG(classes), .type = VIT_FIELD_INT, .low = 0, .high = VIT_LIMIT_CLASSES},
    {CONFIG(embedding), .type = VIT_FIELD_INT, .low = 0, .high = VIT_LIMIT_WIDTH, .optional = true},
    {CONFIG(normalize), .type = VIT_FIELD_BOOL, .optional = true},
    {CONFIG(sigmoid), .type = VIT_FIELD_BOOL, .optional = true},
    {CONFIG(eps), .type = VIT_FIELD_REAL},
    {CONFIG(act), .type = VIT_FIELD_ENUM, .names = vit_act_names},
    {CONFIG(swiglu), .type = VIT_FIELD_BOOL},
    {CONFIG(qkv_bias), .type = VIT_FIELD_BOOL},
    {CONFIG(layer_scale), .type = VIT_FIELD_BOOL},
    {CONFIG(pre_norm), .type = VIT_FIELD_BOOL},
    {CONFIG(qk_norm), .type = VIT_FIELD_BOOL},
    {CONFIG(cls), .type = VIT_FIELD_BOOL},
    {CONFIG(dist), .type = VIT_FIELD_BOOL},
    {CONFIG(n_reg), .type = VIT_FIELD_INT, .low = 0, .high = VIT_LIMIT_WIDTH},
    {CONFIG(pool), .type = VIT_FIELD_ENUM, .names = vit_pool_names},
    {CONFIG(norm_place), .type = VIT_FIELD_ENUM, .names = vit_norm_place_names},
    {CONFIG(pos_covers), .type = VIT_FIELD_ENUM, .names = vit_pos_covers_names},
    {CONFIG(pos_grid), .type = VIT_FIELD_INT, .count = 2, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {CONFIG(pos_resize), .type = VIT_FIELD_ENUM, .names = vit_pos_resize_names},
};

#define PREPROCESS(field) #field, .offset = offsetof(struct vit_preprocess, field)

static const struct vit_field preprocess_fields[] = {
    {PREPROCESS(size), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {PREPROCESS(resize), .type = VIT_FIELD_ENUM, .names = vit_resize_mode_names},
    {PREPROCESS(resize_to), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {PREPROCESS(crop_to), .type = VIT_FIELD_INT, .low = 1, .high = VIT_LIMIT_IMAGE_SIZE},
    {PREPROCESS(crop_round), .type = VIT_FIELD_ENUM, .names = vit_crop_round_names},
    {PREPROCESS(filter), .type = VIT_FIELD_ENUM, .names = vit_filter_names},
    {PREPROCESS(mean), .type = VIT_FIELD_REAL, .count = 3},
    {PREPROCESS(std), .type = VIT_FIELD_REAL, .count = 3},
};

enum {
    N_CONFIG_FIELDS = sizeof config_fields / sizeof *config_fields,
    N_PREPROCESS_FIELDS = sizeof preprocess_fields / sizeof *preprocess_fields
};

bool vit_canonical_detect(const struct vit_source *source)
{
    return vit_source_metadata(source, "vit.version") != NULL;
}

static vit_status read_text(json_t **value, const struct vit_source *source, const char *key, struct vit_error *err)
{
    const char *text = vit_source_metadata(source, key);
    if (!text)
        return vit_fail(err, VIT_ERR_DECODE, "%s: missing", key);
    vit_status status = vit_json_parse(value, text, strlen(text), err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", key);
}

/* What files that were written before embedding, normalize and sigmoid have in their place: true where the head was the
 * projection. */
static vit_status drop_projection(json_t *object, const char *key, struct vit_error *err)
{
    if (json_is_true(json_object_get(object, "projection")))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: projection true: an earlier version wrote this file, with a "
                        "projection as its head: convert the original again", key);
    if (json_is_false(json_object_get(object, "projection")))
        json_object_del(object, "projection");
    return VIT_OK;
}

static vit_status read_record(const struct vit_source *source, const char *key, const struct vit_field *fields, int n,
                              void *record, struct vit_error *err)
{
    json_t *object = NULL;
    VIT_TRY(read_text(&object, source, key, err));
    vit_status status = drop_projection(object, key, err);
    if (status == VIT_OK)
        status = vit_fields_read(fields, n, key, object, record, err);
    json_decref(object);
    return status;
}

static vit_status read_labels(struct vit_weights *weights, struct vit_error *err)
{
    json_t *array = NULL;
    VIT_TRY(read_text(&array, weights->source, "vit.labels", err));
    vit_status status = VIT_OK;
    if (!json_is_array(array))
        status = vit_fail(err, VIT_ERR_DECODE, "not an array");
    else if (json_array_size(array))
        status = vit_labels_from_json(&weights->labels, weights->config.classes, array, err);
    json_decref(array);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "vit.labels");
}

static vit_status check_version(const struct vit_source *source, struct vit_error *err)
{
    const char *version = vit_source_metadata(source, "vit.version");
    if (!version || strcmp(version, "1") != 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "vit.version \"%.20s\": this build reads version 1",
                        version ? version : "");
    return VIT_OK;
}

vit_status vit_canonical_read(struct vit_weights *weights, struct vit_error *err)
{
    const struct vit_source *source = weights->source;
    VIT_TRY(check_version(source, err));
    VIT_TRY(read_record(source, "vit.config", config_fields, N_CONFIG_FIELDS, &weights->config, err));
    VIT_TRY(read_record(source, "vit.preprocess", preprocess_fields, N_PREPROCESS_FIELDS, &weights->preprocess, err));
    VIT_TRY(read_labels(weights, err));

    json_t *origin = NULL;
    VIT_TRY(read_text(&origin, source, "vit.source", err));
    json_decref(origin);
    weights->origin = strdup(vit_source_metadata(source, "vit.source"));
    if (!weights->origin)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    return VIT_OK;
}

static json_t *write_labels(const struct vit_labels *labels)
{
    json_t *array = json_array();
    for (int i = 0; array && i < labels->n; i++) {
        json_t *entry = json_pack("{s:s, s:s}", "id", labels->ids[i], "name", labels->names[i]);
        if (json_array_append_new(array, entry) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static char *dump(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(value);
    return text;
}

vit_status vit_canonical_write(const struct vit_weights *weights, const char *origin,
                               struct vit_metadata texts[VIT_CANONICAL_TEXTS], struct vit_error *err)
{
    texts[0] = (struct vit_metadata){"format", strdup("pt")};
    texts[1] = (struct vit_metadata){"vit.version", strdup("1")};
    texts[2] = (struct vit_metadata){"vit.config",
                                     dump(vit_fields_write(config_fields, N_CONFIG_FIELDS, &weights->config))};
    texts[3] = (struct vit_metadata){
        "vit.preprocess", dump(vit_fields_write(preprocess_fields, N_PREPROCESS_FIELDS, &weights->preprocess))};
    texts[4] = (struct vit_metadata){"vit.labels", dump(write_labels(&weights->labels))};
    texts[5] = (struct vit_metadata){"vit.source", strdup(origin)};
    for (int i = 0; i < VIT_CANONICAL_TEXTS; i++) {
        if (!texts[i].value) {
            const char *key = texts[i].key;
            vit_canonical_free(texts);
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %s, or a label that is not UTF-8", key);
        }
    }
    return VIT_OK;
}

void vit_canonical_free(struct vit_metadata texts[VIT_CANONICAL_TEXTS])
{
    for (int i = 0; i < VIT_CANONICAL_TEXTS; i++) {
        free((char *)(uintptr_t)texts[i].value);
        texts[i].value = NULL;
    }
}

vit_status vit_canonical_check(const struct vit_config *c, const struct vit_preprocess *p, struct vit_error *err)
{
    VIT_TRY(vit_fields_check(config_fields, N_CONFIG_FIELDS, c, err));
    VIT_TRY(vit_fields_check(preprocess_fields, N_PREPROCESS_FIELDS, p, err));
    if (c->width % c->heads)
        return vit_fail(err, VIT_ERR_DECODE, "width %d is not a multiple of heads %d", c->width, c->heads);
    if (c->image_size % c->patch)
        return vit_fail(err, VIT_ERR_DECODE, "image_size %d is not a multiple of patch %d", c->image_size, c->patch);
    if (p->size != c->image_size || p->crop_to != p->size)
        return vit_fail(err, VIT_ERR_DECODE, "size %d and crop_to %d must equal image_size %d", p->size, p->crop_to,
                        c->image_size);
    if (!(c->eps >= 0 && c->eps < 1))
        return vit_fail(err, VIT_ERR_DECODE, "eps %g is outside 0..1", c->eps);
    for (int i = 0; i < 3; i++)
        if (!((float)p->std[i] > 0 && isfinite((float)p->std[i]) && isfinite((float)p->mean[i])))
            return vit_fail(err, VIT_ERR_DECODE, "mean[%d] is %g and std[%d] is %g: in single precision, they must be "
                            "finite and std positive", i, p->mean[i], i, p->std[i]);
    if (c->pool == VIT_POOL_LAST)
        return vit_fail(err, VIT_ERR_DECODE, "pool %s is for texts alone", vit_pool_name(c->pool));
    if (c->pool == VIT_POOL_CLS_DIST_MEAN && (c->embedding || c->normalize))
        return vit_fail(err, VIT_ERR_DECODE, "pool %s has two heads, which read no embedding (%d) and nothing normalized",
                        vit_pool_name(c->pool), c->embedding);
    bool needs_cls = c->pool == VIT_POOL_TOKEN || c->pool == VIT_POOL_CONCAT || c->pool == VIT_POOL_CLS_DIST_MEAN;
    if ((needs_cls && !c->cls) || (c->pool == VIT_POOL_CLS_DIST_MEAN && !c->dist))
        return vit_fail(err, VIT_ERR_DECODE, "pool %s needs tokens that the model lacks", vit_pool_name(c->pool));
    if ((c->pos_covers == VIT_POS_CLS && !c->cls) || (c->pos_covers == VIT_POS_CLS_DIST && !(c->cls && c->dist)))
        return vit_fail(err, VIT_ERR_DECODE, "pos_covers %s names tokens that the model lacks",
                        vit_pos_covers_name(c->pos_covers));
    return VIT_OK;
}

vit_status vit_canonical_check_text(const struct vit_config *c, struct vit_error *err)
{
    const struct {
        const char *key;
        int value, low, high;
    } ranges[] = {
        {"width", c->width, 1, VIT_LIMIT_WIDTH},         {"depth", c->depth, 0, VIT_LIMIT_DEPTH},
        {"heads", c->heads, 1, VIT_LIMIT_WIDTH},         {"mlp", c->mlp, 1, VIT_LIMIT_WIDTH},
        {"embedding", c->embedding, 1, VIT_LIMIT_WIDTH}, {"context", c->context, 2, VIT_LIMIT_CONTEXT},
        {"vocabulary", c->vocabulary, 1, VIT_LIMIT_VOCABULARY},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
            return vit_fail(err, VIT_ERR_DECODE, "%s: %d is outside %d..%d", ranges[i].key, ranges[i].value,
                            ranges[i].low, ranges[i].high);
    if (c->width % c->heads)
        return vit_fail(err, VIT_ERR_DECODE, "width %d is not a multiple of heads %d", c->width, c->heads);
    if (!(c->eps >= 0 && c->eps < 1))
        return vit_fail(err, VIT_ERR_DECODE, "eps %g is outside 0..1", c->eps);
    return VIT_OK;
}
