/* form.h: the one canonical form that a checkpoint of any origin is brought into: configuration, preprocessing, labels,
 * and checked tensors under canonical names. */
#ifndef VIT_FORM_H
#define VIT_FORM_H

#include "vit/base/config.h"
#include "vit/base/options.h"
#include "vit/base/preprocess.h"
#include "weights/canonical/labels.h"
#include "weights/canonical/layout.h"
#include "weights/canonical/report.h"
#include "weights/containers/source.h"
#include "weights/tokenizers/tokenizer.h"

struct vit_recipe;

/* The text tower beside the image tower of a model that shares an embedding with texts. */
struct vit_text_tower {
    struct vit_weights *weights; /* its configuration (context > 0), layout and recipes; source, preprocessing and labels
                                  * are the image tower's. NULL: it is refused, for the reason that why gives */
    struct vit_error why;
    char *folder;                /* of the checkpoint, where its tokenizer is */
    enum vit_cleaning cleaning;
};

struct vit_weights {
    struct vit_config config;
    struct vit_preprocess preprocess;
    double crop_pct;          /* S / resize_to before rounding; 0: not known */
    struct vit_labels labels; /* none, or one per class */
    const char *imagenet;     /* why its 1000 classes are those of ImageNet-1k; NULL: nothing says so */
    char *origin;             /* what it was made from: a JSON object as text */
    struct vit_report report;
    struct vit_layout layout;   /* the canonical tensors, with the types that the file has */
    struct vit_recipe *recipes; /* recipes[i]: how layout.tensors[i] is made */
    struct vit_source *source;
    struct vit_source *head; /* of a separate classifier, or NULL */
    struct vit_text_tower *text; /* NULL: there is none, as in every file of vit's own */
    double logit_scale, logit_bias; /* of a model that shares an embedding with texts: logit = scale * cosine + bias;
                                     * scale 0: the checkpoint does not say */
};

#endif
