/* preprocess_hf.c: Hugging Face's image processors: their classes, their defaults, and every form of `size`. */
#include <math.h>
#include <string.h>

#include "weights/settings/preprocessing.h"

#define FILE_NAME "preprocessor_config.json"

static const char by_class[] = "the default of its image processor";

/* What a class does when its file does not say. */
static const struct processor {
    const char *name;       /* how class names begin */
    enum vit_filter filter;
    bool shortest; /* what a bare number as size means; else both sides */
    bool crop;
    int size, crop_size;
    const struct vit_colours *colours;
} processors[] = {
    {"ViT", VIT_FILTER_BILINEAR, false, false, 224, 224, &vit_colours_half},
    {"DeiT", VIT_FILTER_BICUBIC, false, true, 256, 224, &vit_colours_half},
    {"Bit", VIT_FILTER_BICUBIC, true, true, 224, 224, &vit_colours_clip},
    {"Siglip", VIT_FILTER_BICUBIC, true, false, 224, 224, &vit_colours_half},
    {"CLIP", VIT_FILTER_BICUBIC, true, true, 224, 224, &vit_colours_clip},
};
enum { N_PROCESSORS = sizeof processors / sizeof *processors };

/* ViTImageProcessor, ViTFeatureExtractor, ViTImageProcessorFast: but not ViTHybridImageProcessor. */
static bool is_class(const char *name, const char *begin)
{
    size_t n = strlen(begin);
    return strncmp(name, begin, n) == 0 &&
           (strncmp(name + n, "ImageProcessor", 14) == 0 || strcmp(name + n, "FeatureExtractor") == 0);
}

static vit_status find_processor(const struct processor **found, struct vit_settings *file, const char *usual,
                                 struct vit_error *err)
{
    const char *name = NULL;
    VIT_TRY(vit_take_string(file, "feature_extractor_type", &name, err));
    VIT_TRY(vit_take_string(file, "image_processor_type", &name, err));
    for (int i = 0; i < N_PROCESSORS; i++) {
        *found = &processors[i];
        if (name ? is_class(name, processors[i].name) : strcmp(usual, processors[i].name) == 0)
            return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, FILE_NAME ": %.60s is not supported", name ? name : usual);
}

/* A number, [h, w], {height, width}, {shortest_edge}, or a mixture, in which the class decides. Sets *shortest. */
static vit_status read_size(struct vit_settings *file, const char *key, bool prefer_shortest, int *side, bool *shortest,
                            struct vit_error *err)
{
    struct vit_settings size;
    if (!json_is_object(json_object_get(file->object, key))) {
        *shortest = prefer_shortest && json_is_integer(json_object_get(file->object, key));
        return vit_take_side(file, key, side, err);
    }
    int height = 0, width = 0, edge = 0;
    VIT_TRY(vit_settings_within(&size, file, key, err));
    VIT_TRY(vit_take_side(&size, "height", &height, err));
    VIT_TRY(vit_take_side(&size, "width", &width, err));
    VIT_TRY(vit_take_side(&size, "shortest_edge", &edge, err));
    *shortest = edge && (prefer_shortest || !height || !width);
    if (!*shortest && (!height || !width))
        return vit_settings_refuse(file, key, "neither height and width nor a shortest edge", err);
    if (!*shortest && height != width)
        return vit_settings_refuse(file, key, "only squares are supported", err);
    *side = *shortest ? edge : height;
    return vit_settings_end(&size, NULL, err);
}

static vit_status check_rescale(struct vit_settings *file, struct vit_error *err)
{
    double factor = 1 / 255.0;
    bool scaled = true;
    VIT_TRY(vit_take_real(file, "rescale_factor", &factor, err));
    VIT_TRY(vit_take_bool(file, "do_rescale", &scaled, err));
    if (!scaled || fabs(factor - 1 / 255.0) > 1e-9)
        return vit_settings_refuse(file, scaled ? "rescale_factor" : "do_rescale", "only 1/255 is supported", err);
    VIT_TRY(vit_expect_bool(file, "do_resize", true, err));
    return vit_expect_bool(file, "do_pad", false, err);
}

/* Resizing and cropping. */
static vit_status read_geometry(struct vit_weights *weights, const struct processor *class, struct vit_settings *file,
                                struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    bool square = !class->shortest, shortest, cropped_shortest, crop = class->crop;
    int crop_to = file->object ? class->crop_size : weights->config.image_size;
    p->resize_to = file->object ? class->size : weights->config.image_size;
    VIT_TRY(vit_take_bool(file, "do_center_crop", &crop, err));
    VIT_TRY(vit_take_bool(file, "default_to_square", &square, err));
    shortest = class->shortest && class->crop; /* the sizes of classes without a crop are squares */
    if (vit_take(file, "size"))
        VIT_TRY(read_size(file, "size", !square, &p->resize_to, &shortest, err));
    if (vit_take(file, "crop_size"))
        VIT_TRY(read_size(file, "crop_size", false, &crop_to, &cropped_shortest, err));
    if (!crop && shortest)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, FILE_NAME ": the shorter side becomes %d and nothing is cropped: not "
                        "every picture ends up square", p->resize_to);
    p->resize = shortest ? VIT_RESIZE_SHORTEST : VIT_RESIZE_SQUASH;
    p->size = p->crop_to = crop ? crop_to : p->resize_to;
    p->crop_round = VIT_CROP_FLOOR;
    const char *source = vit_settings_source(file, "size", by_class);
    vit_report_set(&weights->report, "resize", source, "%s to %d", shortest ? "the shorter side" : "both sides",
                   p->resize_to);
    vit_report_set(&weights->report, "crop", vit_settings_source(file, "crop_size", source), "%d", p->crop_to);
    return VIT_OK;
}

static vit_status read_normalisation(struct vit_weights *weights, const struct processor *class,
                                     struct vit_settings *file, struct vit_error *err)
{
    struct vit_settings none = {.file = file->file};
    bool wanted = true;
    VIT_TRY(vit_take_bool(file, "do_normalize", &wanted, err));
    VIT_TRY(vit_preprocess_colours(weights, file, "image_mean", "image_std", class->colours, by_class, err));
    if (wanted)
        return VIT_OK;
    return vit_preprocess_colours(weights, &none, "", "", &vit_colours_unit, file->file, err);
}

vit_status vit_preprocess_hf(struct vit_weights *weights, const struct vit_checkpoint *cp, const char *usual,
                             struct vit_error *err)
{
    static const char *const harmless[] = {"_valid_processor_keys", "data_format", "device", "disable_grouping",
                                           "do_convert_rgb", "input_data_format", "processor_class", "return_tensors",
                                           NULL};
    struct vit_settings file = {.file = FILE_NAME, .object = cp->processor};
    const struct processor *class;
    VIT_TRY(find_processor(&class, &file, usual, err));
    VIT_TRY(check_rescale(&file, err));
    weights->preprocess = (struct vit_preprocess){0};
    VIT_TRY(read_geometry(weights, class, &file, err));
    int filter = (int)class->filter;
    VIT_TRY(vit_take_int(&file, "resample", VIT_FILTER_NEAREST, VIT_FILTER_HAMMING, &filter, err));
    weights->preprocess.filter = (enum vit_filter)filter;
    vit_report_set(&weights->report, "interpolation", vit_settings_source(&file, "resample", by_class), "%s",
                   vit_filter_name((enum vit_filter)filter));
    VIT_TRY(read_normalisation(weights, class, &file, err));
    weights->config.image_size = weights->preprocess.size;
    return vit_settings_end(&file, harmless, err);
}
