/* preprocess.h: from what a checkpoint's origin says of preprocessing to struct vit_preprocess. Private to weights/.
 *
 * Each function fills weights->preprocess and weights->crop_pct for weights->config.image_size and reports every setting
 * with its source. */
#ifndef VIT_WEIGHTS_PREPROCESS_H
#define VIT_WEIGHTS_PREPROCESS_H

#include "weights/canonical/form.h"
#include "weights/settings/checkpoint.h"

/* timm: cfg is its pretrained_cfg, from file. NULL: what timm's release of that name does, as
 * "vit_tiny_patch16_224.augreg_in21k"; a name that is not known is refused (unsupported), "" gives timm's defaults. */
vit_status vit_preprocess_timm(struct vit_weights *weights, const json_t *cfg, const char *file, const char *name,
                               struct vit_error *err);

/* Resize the shorter side to resize_to, crop to the image size, mean and std of ImageNet; all from source. */
void vit_preprocess_imagenet(struct vit_weights *weights, int resize_to, enum vit_filter filter, const char *source);

/* Hugging Face: what preprocessor_config.json says, the rest as the image processor of that model type fills it in. Sets
 * weights->config.image_size to what the pipeline gives. */
vit_status vit_preprocess_hf(struct vit_weights *weights, const struct vit_checkpoint *cp, const char *model_type,
                             struct vit_error *err);

/* What the caller's options say, over all of the above. */
vit_status vit_preprocess_override(struct vit_weights *weights, const struct vit_model_options *options,
                                   struct vit_error *err);

#endif
