/* timm.h: how timm prepares a picture for each of its releases that vit can run. Private to weights/. */
#ifndef VIT_TIMM_H
#define VIT_TIMM_H

#include "vit/base/preprocess.h"

/* What red, green and blue are normalised by; unit: not at all. */
struct vit_colours {
    double mean[3], std[3];
};

extern const struct vit_colours vit_colours_half, vit_colours_imagenet, vit_colours_clip, vit_colours_unit;

struct vit_timm_model {
    const char *name; /* "vit_tiny_patch16_224.augreg_in21k", or without a tag: what timm takes that for */
    int image_size, classes;
    double crop_pct; /* of the resized picture's side, the part that is cropped */
    enum vit_resize_mode resize;
    enum vit_filter filter;
    const struct vit_colours *colours;
};

/* The model of exactly that name, or NULL. */
const struct vit_timm_model *vit_timm_find(const char *name);

#endif
