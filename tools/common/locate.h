/* locate.h: which model a command uses when none is named. */
#ifndef VIT_TOOLS_LOCATE_H
#define VIT_TOOLS_LOCATE_H

#include "vit/vit.h"

/* named when it is not NULL; else $VIT_MODEL; else the model found near the running executable. The caller frees
 * *path. Errors: open (none is there; the message says where was looked), memory. */
vit_status vit_locate_model(char **path, const char *named, struct vit_error *err);

/* Refuses (open) what is no file but the name or address of a model to download, and says how to. Any other name that
 * does not exist is left to whoever opens it. */
vit_status vit_locate_check(const char *named, struct vit_error *err);

#endif
