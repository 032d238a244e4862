/* opening.h: the model of a command, opened as the options say: with a bar while texts become classes, and a word on
 * those that were cut. */
#ifndef VIT_TOOLS_OPENING_H
#define VIT_TOOLS_OPENING_H

#include "tools/common/options.h"

/* Opens the model at path. The caller frees *model; NULL on failure. A stop (stop.h) ends it, too. */
vit_status vit_opening(struct vit_model **model, const char *path, const struct vit_options *options,
                       struct vit_error *err);

/* The same of the model that is named, or the default one (locate.h); *path is the caller's to free, also after a
 * failure. */
vit_status vit_opening_named(struct vit_model **model, char **path, const char *named,
                             const struct vit_options *options, struct vit_error *err);

#endif
