/* preprocess_hf.c: Hugging Face's image processors: their classes, their defaults, and every form of `size`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "weights/containers/json.h"
#include "weights/containers/limits.h"
#include "weights/settings/preprocessing.h"

/* What a class does when its file does not say. */
static const struct processor {
    const char *name;       /* how class names begin: ViTImageProcessor, ViTFeatureExtractor, ViTImageProcessorFast */
    const char *model_type; /* of models that come without the file */
    enum vit_filter filter;
    bool shortest; /* what a bare number as size means; else both sides */
    bool crop;
    int size, crop_size;
    const double mean[3], std[3];
} processors[] = {
    {"ViT", "vit", VIT_FILTER_BILINEAR, false, false, 224, 224, {.5, .5, .5}, {.5, .5, .5}},
    {"DeiT", "deit", VIT_FILTER_BICUBIC, false, true, 256, 224, {.5, .5, .5}, {.5, .5, .5}},
    {"Bit", "dinov2", VIT_FILTER_BICUBIC, true, true, 224, 224, {.48145466, .4578275, .40821073},
     {.26862954, .26130258, .27577711}},
    {"Siglip", "siglip", VIT_FILTER_BICUBIC, false, false, 224, 224, {.5, .5, .5}, {.5, .5, .5}},
    {"CLIP", "clip", VIT_FILTER_BICUBIC, true, true, 224, 224, {.48145466, .4578275, .40821073},
     {.26862954, .26130258, .27577711}},
};
enum { N_PROCESSORS = sizeof processors / sizeof *processors };

static vit_status find_processor(const struct processor **found, const json_t *file, const char *model_type,
                                 struct vit_error *err)
{
    const char *name = NULL;
    if (!vit_json_string(file, "image_processor_type", &name))
        vit_json_string(file, "feature_extractor_type", &name);
    for (int i = 0; i < N_PROCESSORS; i++) {
        *found = &processors[i];
        if (name ? strncmp(name, processors[i].name, strlen(processors[i].name)) == 0
                 : strncmp(model_type, processors[i].model_type, strlen(processors[i].model_type)) == 0)
            return VIT_OK;
    }
    if (name)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessor_config.json: %.60s is not supported", name);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "no image processor is known for %.60s", model_type);
}

static bool read_flag(const json_t *file, const char *key, bool fallback)
{
    const json_t *value = json_object_get(file, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static vit_status refuse_size(const char *key, const json_t *value, const char *why, struct vit_error *err)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    vit_status status = vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessor_config.json: %s %.100s: %s", key,
                                 text ? text : "", why);
    free(text);
    return status;
}

static vit_status check_side(int side, const char *key, const json_t *value, struct vit_error *err)
{
    if (side >= 1 && side <= VIT_LIMIT_IMAGE_SIZE)
        return VIT_OK;
    return refuse_size(key, value, "no size of a picture", err);
}

/* A number, [h, w], {height, width}, {shortest_edge}, or a mixture, in which the class decides. Sets *shortest. */
static vit_status read_size(const json_t *value, const char *key, bool prefer_shortest, int *side, bool *shortest,
                            struct vit_error *err)
{
    int height = 0, width = 0, edge = 0;
    if (json_is_integer(value)) {
        *side = (int)json_integer_value(value);
        *shortest = prefer_shortest;
        return check_side(*side, key, value, err);
    }
    if (json_array_size(value) == 2) {
        height = (int)json_integer_value(json_array_get(value, 0));
        width = (int)json_integer_value(json_array_get(value, 1));
    }
    bool both = (vit_json_int(value, "height", &height) && vit_json_int(value, "width", &width)) || height;
    bool has_edge = vit_json_int(value, "shortest_edge", &edge);
    if (has_edge && (prefer_shortest || !both)) {
        *side = edge;
        *shortest = true;
        if (json_object_get(value, "longest_edge"))
            return refuse_size(key, value, "a longest edge is not supported", err);
        return check_side(edge, key, value, err);
    }
    if (!both)
        return refuse_size(key, value, "neither height and width nor a shortest edge", err);
    if (height != width)
        return refuse_size(key, value, "only squares are supported", err);
    *side = height;
    *shortest = false;
    return check_side(height, key, value, err);
}

static void read_colours(struct vit_weights *weights, const json_t *file, const char *key, double triple[3],
                         const double fallback[3], bool wanted, double neutral)
{
    const json_t *array = json_object_get(file, key);
    bool there = json_array_size(array) == 3;
    for (size_t i = 0; i < 3; i++)
        triple[i] = !wanted ? neutral : there ? json_number_value(json_array_get(array, i)) : fallback[i];
    vit_report_set(&weights->report, key + strlen("image_"), there || !wanted ? "preprocessor_config.json"
                                                                             : "the default of its image processor",
                   "%g %g %g", triple[0], triple[1], triple[2]);
}

static vit_status check_rescale(const json_t *file, struct vit_error *err)
{
    double factor = 1 / 255.0;
    vit_json_real(file, "rescale_factor", &factor);
    if (!read_flag(file, "do_rescale", true) || fabs(factor - 1 / 255.0) > 1e-9)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessor_config.json: samples are not scaled by 1/255 (%g)",
                        factor);
    return VIT_OK;
}

/* Resizing and cropping. */
static vit_status read_geometry(struct vit_weights *weights, const struct processor *class, const json_t *file,
                                struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    const json_t *size = json_object_get(file, "size"), *crop_size = json_object_get(file, "crop_size");
    bool shortest = class->shortest, cropped_shortest, crop = read_flag(file, "do_center_crop", class->crop);
    p->resize_to = file ? class->size : weights->config.image_size;
    int crop_to = file ? class->crop_size : weights->config.image_size;
    if (size && !json_is_null(size))
        VIT_TRY(read_size(size, "size", class->shortest, &p->resize_to, &shortest, err));
    if (crop_size && !json_is_null(crop_size))
        VIT_TRY(read_size(crop_size, "crop_size", false, &crop_to, &cropped_shortest, err));
    if (!read_flag(file, "do_resize", true))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessor_config.json: pictures are not resized (do_resize)");
    if (!crop && shortest)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "preprocessor_config.json: the shorter side becomes %d and nothing is cropped: not every "
                        "picture ends up square", p->resize_to);
    p->resize = shortest ? VIT_RESIZE_SHORTEST : VIT_RESIZE_SQUASH;
    p->size = p->crop_to = crop ? crop_to : p->resize_to;
    p->crop_round = VIT_CROP_FLOOR;
    const char *source = size ? "preprocessor_config.json" : "the default of its image processor";
    vit_report_set(&weights->report, "resize", source, "%s to %d", shortest ? "the shorter side" : "both sides",
                   p->resize_to);
    vit_report_set(&weights->report, "crop", crop_size ? "preprocessor_config.json" : source, "%d", p->crop_to);
    return VIT_OK;
}

vit_status vit_preprocess_hf(struct vit_weights *weights, const struct vit_checkpoint *cp, const char *model_type,
                             struct vit_error *err)
{
    const json_t *file = cp->processor;
    struct vit_preprocess *p = &weights->preprocess;
    const struct processor *class;
    VIT_TRY(find_processor(&class, file, model_type, err));
    VIT_TRY(check_rescale(file, err));
    *p = (struct vit_preprocess){0};
    VIT_TRY(read_geometry(weights, class, file, err));
    int filter = (int)class->filter;
    bool there = vit_json_int(file, "resample", &filter);
    if (filter < VIT_FILTER_NEAREST || filter > VIT_FILTER_HAMMING)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "preprocessor_config.json: resample %d is no filter of Pillow", filter);
    p->filter = (enum vit_filter)filter;
    vit_report_set(&weights->report, "interpolation",
                   there ? "preprocessor_config.json" : "the default of its image processor", "%s",
                   vit_filter_name(p->filter));
    bool normalise = read_flag(file, "do_normalize", true);
    read_colours(weights, file, "image_mean", p->mean, class->mean, normalise, 0);
    read_colours(weights, file, "image_std", p->std, class->std, normalise, 1);
    weights->config.image_size = p->size;
    return VIT_OK;
}
