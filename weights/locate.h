/* locate.h: from what a user names to the file with the weights and the folder with what describes them. */
#ifndef VIT_LOCATE_H
#define VIT_LOCATE_H

#include "vit/base/error.h"

/* path is a checkpoint file, or a folder as downloaded: then the file in it that has a text tower goes before one that
 * holds the same image tower alone, also where nothing is asked of texts, so that it is one model always. The caller
 * frees *file and *folder, also after a failure. */
vit_status vit_weights_locate(const char *path, char **file, char **folder, struct vit_error *err);

#endif
