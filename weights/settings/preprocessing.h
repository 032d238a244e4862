/* preprocessing.h: from what a checkpoint's origin says of preprocessing to struct vit_preprocess. Private to weights/.
 *
 * Each function fills weights->preprocess and weights->crop_pct for weights->config.image_size and reports every setting
 * with its source. */
#ifndef VIT_PREPROCESSING_H
#define VIT_PREPROCESSING_H

#include "weights/canonical/form.h"
#include "weights/canonical/timm.h"
#include "weights/json/settings.h"
#include "weights/settings/checkpoint.h"

/* Sets mean and std: what s has under the two keys, else those colours, which source says. */
vit_status vit_preprocess_colours(struct vit_weights *weights, struct vit_settings *s, const char *mean,
                                  const char *std, const struct vit_colours *colours, const char *source,
                                  struct vit_error *err);

/* timm: cfg is its pretrained_cfg. Without an object: what timm's release of that name does, as
 * "vit_tiny_patch16_224.augreg_in21k"; a name that timm has not is refused (unsupported), "" gives timm's defaults. */
vit_status vit_preprocess_timm(struct vit_weights *weights, struct vit_settings *cfg, const char *name,
                               struct vit_error *err);

/* Resize the shorter side to resize_to, crop to the image size, mean and std of ImageNet; all from source. */
void vit_preprocess_imagenet(struct vit_weights *weights, int resize_to, enum vit_filter filter, const char *source);

/* Hugging Face: what preprocessor_config.json says, the rest as the image processor of its class fills it in. usual:
 * how the class's name begins where the file does not tell. Sets weights->config.image_size to what comes out. */
vit_status vit_preprocess_hf(struct vit_weights *weights, const struct vit_checkpoint *cp, const char *usual,
                             struct vit_error *err);

/* What the caller's options say, over all of the above. */
vit_status vit_preprocess_override(struct vit_weights *weights, const struct vit_model_options *options,
                                   struct vit_error *err);

#endif
