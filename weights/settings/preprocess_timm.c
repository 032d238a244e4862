/* preprocess_timm.c: timm's evaluation transform, from its config or by the name of a model; and the options that
 * override it. */
#include <math.h>
#include <string.h>

#include "vit/base/names.h"
#include "weights/canonical/timm.h"
#include "weights/containers/json.h"
#include "weights/containers/limits.h"
#include "weights/settings/preprocessing.h"

/* What timm takes for a field that is missing. */
static const struct vit_timm_model fallback_model = {.crop_pct = 0.875, .resize = VIT_RESIZE_SHORTEST,
                                                     .filter = VIT_FILTER_BICUBIC, .colours = &vit_colours_imagenet};

static const char *const modes[] = {[VIT_RESIZE_SHORTEST] = "center", [VIT_RESIZE_SQUASH] = "squash",
                                    [VIT_RESIZE_BORDER] = "border", NULL};

static vit_status set_mode(struct vit_preprocess *p, const char *crop_mode, struct vit_error *err)
{
    int mode = vit_name_find(modes, crop_mode);
    if (mode < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "crop_mode \"%.40s\": expected center, squash or border", crop_mode);
    p->resize = (enum vit_resize_mode)mode;
    return VIT_OK;
}

static vit_status set_filter(struct vit_preprocess *p, const char *interpolation, struct vit_error *err)
{
    int filter = vit_name_find(vit_filter_names, interpolation);
    if (filter < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "interpolation \"%.40s\": expected nearest, lanczos, bilinear, bicubic, box or hamming",
                        interpolation);
    p->filter = (enum vit_filter)filter;
    return VIT_OK;
}

/* floor(S / crop_pct), as timm computes it. */
static vit_status set_resize(struct vit_weights *weights, double crop_pct, struct vit_error *err)
{
    if (!(crop_pct > 0.05 && crop_pct <= 4))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "crop_pct %g is outside 0.05..4", crop_pct);
    double resize_to = floor(weights->preprocess.size / crop_pct);
    if (!(resize_to >= 1 && resize_to <= VIT_LIMIT_IMAGE_SIZE))
        return vit_fail(err, VIT_ERR_TOO_LARGE, "pictures resized to %g a side: 1 to %d are supported", resize_to,
                        VIT_LIMIT_IMAGE_SIZE);
    weights->crop_pct = crop_pct;
    weights->preprocess.resize_to = (int)resize_to;
    return VIT_OK;
}

static void set_colours(struct vit_weights *weights, const double mean[3], const char *mean_source, const double std[3],
                        const char *std_source)
{
    struct vit_preprocess *p = &weights->preprocess;
    memcpy(p->mean, mean, sizeof p->mean);
    memcpy(p->std, std, sizeof p->std);
    vit_report_set(&weights->report, "mean", mean_source, "%g %g %g", mean[0], mean[1], mean[2]);
    vit_report_set(&weights->report, "std", std_source, "%g %g %g", std[0], std[1], std[2]);
}

static const char *read_colours(double triple[3], const json_t *object, const char *key, const char *file,
                                const char *fallback)
{
    const json_t *array = json_object_get(object, key);
    if (json_array_size(array) != 3)
        return fallback;
    for (size_t i = 0; i < 3; i++)
        triple[i] = json_number_value(json_array_get(array, i));
    return file;
}

vit_status vit_preprocess_timm(struct vit_weights *weights, const json_t *cfg, const char *file, const char *name,
                               struct vit_error *err)
{
    bool named = !cfg && *name;
    const struct vit_timm_model *t = named ? vit_timm_find(name) : &fallback_model;
    const char *fallback = named ? "the table of timm's models" : "timm's default";
    if (!t)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%.100s: no model of this name in timm 1.0.31 that is supported, so "
                        "that nothing says how its pictures are prepared: --arch names another", name);
    struct vit_preprocess *p = &weights->preprocess;
    struct vit_report *r = &weights->report;
    double crop_pct = t->crop_pct, mean[3], std[3];
    const char *interpolation = vit_filter_name(t->filter), *crop_mode = modes[t->resize];
    const char *pct_source = vit_json_real(cfg, "crop_pct", &crop_pct) ? file : fallback;
    const char *filter_source = vit_json_string(cfg, "interpolation", &interpolation) ? file : fallback;
    const char *mode_source = vit_json_string(cfg, "crop_mode", &crop_mode) ? file : fallback;
    memcpy(mean, t->colours->mean, sizeof mean);
    memcpy(std, t->colours->std, sizeof std);
    const char *mean_source = read_colours(mean, cfg, "mean", file, fallback);
    const char *std_source = read_colours(std, cfg, "std", file, fallback);

    int size = weights->config.image_size;
    *p = (struct vit_preprocess){.size = size, .crop_to = size, .crop_round = VIT_CROP_HALF_EVEN};
    VIT_TRY(set_mode(p, crop_mode, err));
    VIT_TRY(set_filter(p, interpolation, err));
    VIT_TRY(set_resize(weights, crop_pct, err));
    vit_report_set(r, "crop_pct", pct_source, "%g", crop_pct);
    vit_report_set(r, "crop_mode", mode_source, "%s", crop_mode);
    vit_report_set(r, "interpolation", filter_source, "%s", interpolation);
    set_colours(weights, mean, mean_source, std, std_source);
    return VIT_OK;
}

void vit_preprocess_imagenet(struct vit_weights *weights, int resize_to, enum vit_filter filter, const char *source)
{
    int size = weights->config.image_size;
    weights->preprocess = (struct vit_preprocess){.size = size, .crop_to = size, .resize = VIT_RESIZE_SHORTEST,
                                                  .resize_to = resize_to, .filter = filter};
    weights->crop_pct = (double)size / resize_to;
    vit_report_set(&weights->report, "resize", source, "the shorter side to %d", resize_to);
    vit_report_set(&weights->report, "interpolation", source, "%s", vit_filter_name(filter));
    set_colours(weights, vit_colours_imagenet.mean, source, vit_colours_imagenet.std, source);
}

/* Another size keeps the proportion of resize and crop. */
static vit_status override_size(struct vit_weights *weights, int size, struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    double crop_pct = weights->crop_pct > 0 ? weights->crop_pct : (double)p->size / p->resize_to;
    p->size = p->crop_to = weights->config.image_size = size;
    vit_report_set(&weights->report, "image_size", "--image-size", "%d", size);
    return set_resize(weights, crop_pct, err);
}

vit_status vit_preprocess_override(struct vit_weights *weights, const struct vit_model_options *o,
                                   struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    struct vit_report *r = &weights->report;
    if (o->image_size && o->image_size != p->size)
        VIT_TRY(override_size(weights, o->image_size, err));
    if (o->crop_pct != 0) {
        VIT_TRY(set_resize(weights, o->crop_pct, err));
        vit_report_set(r, "crop_pct", "--crop-pct", "%g", o->crop_pct);
    }
    if (o->crop_mode) {
        VIT_TRY(set_mode(p, o->crop_mode, err));
        vit_report_set(r, "crop_mode", "--crop-mode", "%s", o->crop_mode);
    }
    if (o->interpolation) {
        VIT_TRY(set_filter(p, o->interpolation, err));
        vit_report_set(r, "interpolation", "--interpolation", "%s", o->interpolation);
    }
    if (o->mean) {
        memcpy(p->mean, o->mean, sizeof p->mean);
        vit_report_set(r, "mean", "--mean", "%g %g %g", p->mean[0], p->mean[1], p->mean[2]);
    }
    if (o->std) {
        memcpy(p->std, o->std, sizeof p->std);
        vit_report_set(r, "std", "--std", "%g %g %g", p->std[0], p->std[1], p->std[2]);
    }
    return VIT_OK;
}
