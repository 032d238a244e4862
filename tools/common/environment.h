/* environment.h: the variables that the program obeys, turned into options of the library. */
#ifndef VIT_TOOLS_ENVIRONMENT_H
#define VIT_TOOLS_ENVIRONMENT_H

#include "tools/common/options.h"
#include "vit/vit.h"

/* OMP_NUM_THREADS, where *threads is 0. Refuses more threads than the processors can use or the system starts. Errors:
 * unsupported. */
vit_status vit_environment_threads(int *threads, struct vit_error *err);

/* What the command line says of opening a model, and the threads for it. What *open leads to is that of options. */
vit_status vit_environment_model(struct vit_model_options *open, const struct vit_options *options,
                                 struct vit_error *err);

/* The threads, VIT_OPS=ref and VIT_TRACE=DIR. Errors: unsupported, open, memory. */
vit_status vit_environment_session(struct vit_session_options *session, struct vit_error *err);

/* The file that keeps what tuning has found, $XDG_CACHE_HOME/vit/tune or ~/.cache/vit/tune, its folder made; the caller
 * frees it. NULL: there is no place for it. */
char *vit_environment_tune_cache(void);

/* Whether text on this descriptor is coloured: a terminal, and no NO_COLOR. */
bool vit_environment_color(int fd);

/* Columns of the terminal; 0 when it is none, or does not say. */
int vit_environment_columns(int fd);

#endif
