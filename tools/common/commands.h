/* commands.h: what main.c dispatches to, and the exit statuses that every command shares. */
#ifndef VIT_TOOLS_COMMANDS_H
#define VIT_TOOLS_COMMANDS_H

#include "tools/common/options.h"

enum {
    VIT_EXIT_DONE = 0,
    VIT_EXIT_INPUT = 1,       /* it ran, but an input or a demanded check failed */
    VIT_EXIT_FATAL = 2,       /* usage, model, nothing to do, output not writable, out of memory */
    VIT_EXIT_INTERRUPTED = 130 /* by SIGINT, SIGTERM or SIGHUP; main says so */
};

/* Each takes the parsed options and returns an exit status, having said on stderr what went wrong. */
int vit_command_classify(const struct vit_options *options);
int vit_command_embed(const struct vit_options *options);
int vit_command_similar(const struct vit_options *options);
int vit_command_convert(const struct vit_options *options);
int vit_command_info(const struct vit_options *options);

#endif
