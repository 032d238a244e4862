/* preprocess_timm.c: timm's evaluation transform, from its config or by the name of a model; and the options that
 * override it. */
#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "vit/base/names.h"
#include "weights/containers/limits.h"
#include "weights/settings/preprocessing.h"

const struct vit_colours vit_colours_half = {{.5, .5, .5}, {.5, .5, .5}};
const struct vit_colours vit_colours_imagenet = {{.485, .456, .406}, {.229, .224, .225}};
const struct vit_colours vit_colours_clip = {{.48145466, .4578275, .40821073}, {.26862954, .26130258, .27577711}};
const struct vit_colours vit_colours_unit = {{0, 0, 0}, {1, 1, 1}};

#define HALF &vit_colours_half
#define IMAGENET &vit_colours_imagenet
#define CLIP &vit_colours_clip
#define ZERO &vit_colours_unit

/* The transforms of timm's models by name, with or without tag. The first pattern that fits holds. */
static const struct transform {
    const char *pattern;
    double crop_pct;
    const char *crop_mode;
    enum vit_filter filter;
    const struct vit_colours *colours;
} transforms[] = {
    {"*siglip*_ft_in1k", 1.0, "squash", VIT_FILTER_BICUBIC, HALF},
    {"*_siglip_gap_378.webli", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"*_siglip_gap_448*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"*_siglip_gap_896*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"*siglip*", 0.9, "center", VIT_FILTER_BICUBIC, HALF},
    {"*_miil*", 0.875, "center", VIT_FILTER_BILINEAR, ZERO},
    {"eva_large_patch14_336*", 1.0, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"eva_large*", 1.0, "center", VIT_FILTER_BICUBIC, CLIP},
    {"vit_large_patch14_clip_336.laion2b_ft*", 1.0, "squash", VIT_FILTER_BICUBIC, HALF},
    {"vit_large_patch14_clip_336.openai_ft*", 1.0, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"vit_huge_patch14_clip_336*", 1.0, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"*_clip_378.metaclip2*", 1.0, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"vit_large_patch14_clip_224.laion2b*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"*_clip_384.openai_ft_in12k_in1k", 0.95, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"vit_base_patch16_clip_384*", 1.0, "squash", VIT_FILTER_BICUBIC, CLIP},
    {"vit_base_patch16_clip_224.*_ft_in12k_in1k", 0.95, "center", VIT_FILTER_BICUBIC, CLIP},
    {"vit_base_patch16_clip_224.laion2b_ft_in12k", 0.9, "center", VIT_FILTER_BICUBIC, CLIP},
    {"vit_base_patch*_clip*_224.openai*", 0.9, "center", VIT_FILTER_BICUBIC, CLIP},
    {"vit_base_patch32_clip*_224.laion*", 0.9, "center", VIT_FILTER_BICUBIC, CLIP},
    {"*.tinyclip*", 0.9, "center", VIT_FILTER_BICUBIC, CLIP},
    {"*_clip_*", 1.0, "center", VIT_FILTER_BICUBIC, CLIP},
    {"ViT-*", 1.0, "center", VIT_FILTER_BICUBIC, CLIP},
    {"*.bamboo", 1.0, "center", VIT_FILTER_BICUBIC, CLIP},
    {"*dinov2*", 1.0, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"vit_intern300m*", 1.0, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"vit_huge_patch16_gap_448*", 1.0, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"*_tipsv2*", 1.0, "center", VIT_FILTER_BICUBIC, ZERO},
    {"*.mae", 0.9, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"*.dino", 0.9, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"*_ijepa", 0.9, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"deit3_*.fb_in22k*", 1.0, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"deit*_384*", 1.0, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"deit*", 0.9, "center", VIT_FILTER_BICUBIC, IMAGENET},
    {"flexivit*", 0.95, "center", VIT_FILTER_BICUBIC, HALF},
    {"test_vit*", 0.95, "center", VIT_FILTER_BICUBIC, HALF},
    {"vit_so150m2_*_448*", 1.0, "squash", VIT_FILTER_BICUBIC, HALF},
    {"vit_so150m2_*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"vit_*_reg?_gap_384*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"vit_*_gap_384*", 0.95, "squash", VIT_FILTER_BICUBIC, HALF},
    {"vit_*_gap_2[45]?*", 0.95, "center", VIT_FILTER_BICUBIC, HALF},
    {"vit_*_384*", 1.0, "center", VIT_FILTER_BICUBIC, HALF},
    {"vit_*", 0.9, "center", VIT_FILTER_BICUBIC, HALF},
    {"*", 0.875, "center", VIT_FILTER_BICUBIC, IMAGENET}, /* also what timm takes for a field that is missing */
};
enum { N_TRANSFORMS = sizeof transforms / sizeof *transforms };

static const struct transform *find_transform(const char *name)
{
    int i = 0;
    while (fnmatch(transforms[i].pattern, name, 0) != 0)
        i++;
    return &transforms[i];
}

/* Each sets one thing to what source says, and reports it. */

static vit_status set_mode(struct vit_weights *weights, const char *word, const char *source, struct vit_error *err)
{
    static const char *const modes[] = {[VIT_RESIZE_SHORTEST] = "center", [VIT_RESIZE_SQUASH] = "squash",
                                        [VIT_RESIZE_BORDER] = "border", NULL};
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
    const struct transform *t = cfg->object ? &transforms[N_TRANSFORMS - 1] : find_transform(name);
    const char *fallback = cfg->object ? "timm's default" : "the table of timm's models";
    double crop_pct = t->crop_pct;
    const char *interpolation = vit_filter_name(t->filter), *crop_mode = t->crop_mode;
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
