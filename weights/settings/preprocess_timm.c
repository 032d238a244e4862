/* preprocess_timm.c: timm's evaluation transform, from its config or by the name of a model; and the options that
 * override it. */
#include <math.h>
#include <string.h>

#include "vit/base/limits.h"
#include "vit/base/names.h"
#include "weights/settings/preprocessing.h"

/* What timm takes for a field that is missing. */
static const struct vit_timm_model fallback_model = {.crop_pct = 0.875, .resize = VIT_RESIZE_SHORTEST,
                                                     .filter = VIT_FILTER_BICUBIC, .colours = &vit_colours_imagenet};

static const char *const modes[] = {[VIT_RESIZE_SHORTEST] = "center", [VIT_RESIZE_SQUASH] = "squash",
                                    [VIT_RESIZE_BORDER] = "border", NULL};

/* Each sets one thing to what source says, and reports it. */

static vit_status set_mode(struct vit_weights *weights, const char *word, const char *source, struct vit_error *err)
{
    int mode = vit_name_find(modes, word);
    if (mode < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "crop_mode \"%.40s\" (%s): expected center, squash or border", word,
                        source);
    weights->preprocess.resize = (enum vit_resize_mode)mode;
    vit_report_set(&weights->report, "crop_mode", source, "%s", word);
    return VIT_OK;
}

static vit_status set_filter(struct vit_weights *weights, const char *word, const char *source, struct vit_error *err)
{
    int filter = vit_name_find(vit_filter_names, word);
    if (filter < 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "interpolation \"%.40s\" (%s): expected nearest, lanczos, bilinear, "
                        "bicubic, box or hamming", word, source);
    weights->preprocess.filter = (enum vit_filter)filter;
    vit_report_set(&weights->report, "interpolation", source, "%s", word);
    return VIT_OK;
}

/* To floor(S / crop_pct), as timm computes it. */
static vit_status set_resize(struct vit_weights *weights, double crop_pct, const char *source, struct vit_error *err)
{
    if (!(crop_pct > 0.05 && crop_pct <= 4))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "crop_pct %g (%s) is outside 0.05..4", crop_pct, source);
    double resize_to = floor(weights->preprocess.size / crop_pct);
    if (!(resize_to >= 1 && resize_to <= VIT_LIMIT_IMAGE_SIZE))
        return vit_fail(err, VIT_ERR_TOO_LARGE, "pictures resized to %g a side (%s): 1 to %d are supported", resize_to,
                        source, VIT_LIMIT_IMAGE_SIZE);
    weights->crop_pct = crop_pct;
    weights->preprocess.resize_to = (int)resize_to;
    vit_report_set(&weights->report, "crop_pct", source, "%g", crop_pct);
    return VIT_OK;
}

static void set_colours(struct vit_weights *weights, double colours[3], const double from[3], const char *name,
                        const char *source)
{
    memmove(colours, from, 3 * sizeof *from);
    vit_report_set(&weights->report, name, source, "%g %g %g", from[0], from[1], from[2]);
}

vit_status vit_preprocess_colours(struct vit_weights *weights, struct vit_settings *s, const char *mean,
                                  const char *std, const struct vit_colours *colours, const char *source,
                                  struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    set_colours(weights, p->mean, colours->mean, "mean", source);
    set_colours(weights, p->std, colours->std, "std", source);
    VIT_TRY(vit_take_colours(s, mean, p->mean, err));
    VIT_TRY(vit_take_colours(s, std, p->std, err));
    set_colours(weights, p->mean, p->mean, "mean", vit_settings_source(s, mean, source));
    set_colours(weights, p->std, p->std, "std", vit_settings_source(s, std, source));
    return VIT_OK;
}

vit_status vit_preprocess_timm(struct vit_weights *weights, struct vit_settings *cfg, const char *name,
                               struct vit_error *err)
{
    bool named = !cfg->object && *name;
    const struct vit_timm_model *t = named ? vit_timm_find(name) : &fallback_model;
    const char *fallback = named ? "the table of timm's models" : "timm's default";
    if (!t)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%.100s: no model of this name in timm 1.0.31 that is supported, so "
                        "that nothing says how its pictures are prepared: --arch names another", name);
    double crop_pct = t->crop_pct;
    const char *interpolation = vit_filter_name(t->filter), *crop_mode = modes[t->resize];
    int size = weights->config.image_size;
    weights->preprocess = (struct vit_preprocess){.size = size, .crop_to = size, .crop_round = VIT_CROP_HALF_EVEN};
    VIT_TRY(vit_take_real(cfg, "crop_pct", &crop_pct, err));
    VIT_TRY(vit_take_string(cfg, "interpolation", &interpolation, err));
    VIT_TRY(vit_take_string(cfg, "crop_mode", &crop_mode, err));
    VIT_TRY(set_resize(weights, crop_pct, vit_settings_source(cfg, "crop_pct", fallback), err));
    VIT_TRY(set_mode(weights, crop_mode, vit_settings_source(cfg, "crop_mode", fallback), err));
    VIT_TRY(set_filter(weights, interpolation, vit_settings_source(cfg, "interpolation", fallback), err));
    return vit_preprocess_colours(weights, cfg, "mean", "std", t->colours, fallback, err);
}

void vit_preprocess_imagenet(struct vit_weights *weights, int resize_to, enum vit_filter filter, const char *source)
{
    int size = weights->config.image_size;
    weights->preprocess = (struct vit_preprocess){.size = size, .crop_to = size, .resize = VIT_RESIZE_SHORTEST,
                                                  .resize_to = resize_to, .filter = filter};
    weights->crop_pct = (double)size / resize_to;
    vit_report_set(&weights->report, "resize", source, "the shorter side to %d", resize_to);
    vit_report_set(&weights->report, "interpolation", source, "%s", vit_filter_name(filter));
    struct vit_settings none = {.file = source};
    vit_preprocess_colours(weights, &none, "", "", &vit_colours_imagenet, source, NULL);
}

/* Another size keeps the proportion of resize and crop. */
static vit_status override_size(struct vit_weights *weights, int size, struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    double crop_pct = weights->crop_pct > 0 ? weights->crop_pct : (double)p->size / p->resize_to;
    p->size = p->crop_to = weights->config.image_size = size;
    vit_report_set(&weights->report, "image_size", "--image-size", "%d", size);
    return set_resize(weights, crop_pct, "kept for --image-size", err);
}

vit_status vit_preprocess_override(struct vit_weights *weights, const struct vit_model_options *o,
                                   struct vit_error *err)
{
    struct vit_preprocess *p = &weights->preprocess;
    if (o->image_size && o->image_size != p->size)
        VIT_TRY(override_size(weights, o->image_size, err));
    if (o->crop_pct != 0)
        VIT_TRY(set_resize(weights, o->crop_pct, "--crop-pct", err));
    if (o->crop_mode)
        VIT_TRY(set_mode(weights, o->crop_mode, "--crop-mode", err));
    if (o->interpolation)
        VIT_TRY(set_filter(weights, o->interpolation, "--interpolation", err));
    if (o->mean)
        set_colours(weights, p->mean, o->mean, "mean", "--mean");
    if (o->std)
        set_colours(weights, p->std, o->std, "std", "--std");
    return VIT_OK;
}
