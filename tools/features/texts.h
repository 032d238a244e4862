/* texts.h: the lines of a text file through a model's text tower, handed over in their order. */
#ifndef VIT_TOOLS_TEXTS_H
#define VIT_TOOLS_TEXTS_H

#include "tools/output/delivery.h"

struct vit_texts_job {
    const struct vit_options *options; /* whose text names the file; "-" is stdin */
    char *bytes, **lines;              /* without their ends; an array of n */
    size_t n;
    char *model_path;
    struct vit_model *model;
    struct vit_text_options how; /* the caller may change it before the run */
    size_t width;                /* E */
    struct vit_delivery delivery;
};

/* Reads the lines and opens the model. vit_texts_finish is due either way. */
vit_status vit_texts_open(struct vit_texts_job *job, const struct vit_options *options, struct vit_error *err);

/* Hands over every line, or those until a stop was requested (stop.h); says how many were cut. */
vit_status vit_texts_run(struct vit_texts_job *job, const struct vit_receiver *receiver, int data_fd,
                         struct vit_error *err);

/* As vit_delivery_finish; frees everything. */
int vit_texts_finish(struct vit_texts_job *job, vit_status status, const struct vit_error *err);

#endif
