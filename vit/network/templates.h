/* templates.h: the sentences that a class's name is put into. Private to vit/. */
#ifndef VIT_TEMPLATES_H
#define VIT_TEMPLATES_H

#include "vit/base/error.h"

/* Each has {} where the name goes, once or more often. */
struct vit_templates {
    int n;
    char **texts;
};

/* From n words: each a template, a file with one a line, "imagenet-80" or "imagenet-7" (OpenAI's, of its paper on
 * CLIP); none: "This is a photo of {}.", which Hugging Face's pipeline takes. The caller frees them, also after a
 * failure. */
vit_status vit_templates_load(struct vit_templates *templates, const char *const *words, int n, struct vit_error *err);
void vit_templates_free(struct vit_templates *templates);

/* The template with name in place of every {}; the caller frees it. NULL: out of memory. */
char *vit_templates_fill(const char *text, const char *name);

#endif
