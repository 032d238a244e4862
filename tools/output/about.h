/* about.h: what several reports say of a model. */
#ifndef VIT_TOOLS_ABOUT_H
#define VIT_TOOLS_ABOUT_H

#include <stdio.h>

#include "vit/vit.h"

/* A line on the embedding that its head reads; nothing of a model that has none. */
void vit_about_embedding(FILE *out, const struct vit_config *config);

#endif
