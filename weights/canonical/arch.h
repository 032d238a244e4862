/* arch.h: configurations by the name of an architecture, as "vit_base_patch16_224". */
#ifndef VIT_ARCH_H
#define VIT_ARCH_H

#include <stdbool.h>

#include "vit/base/config.h"

#ifdef __cplusplus
extern "C" {
#endif

int vit_arch_count(void);
const char *vit_arch_name(int i);

/* Fills *config with the architecture of that name. What follows a dot, timm's tag, tells the number of classes where
 * timm knows it, and does not matter else. */
bool vit_arch_find(struct vit_config *config, const char *name);

#ifdef __cplusplus
}
#endif
#endif
