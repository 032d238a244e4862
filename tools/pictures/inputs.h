/* inputs.h: the PATHs of a command line, as the list of pictures that they stand for. */
#ifndef VIT_TOOLS_INPUTS_H
#define VIT_TOOLS_INPUTS_H

#include "tools/common/options.h"

struct vit_item {
    char *file;            /* as records name it; "-" is stdin */
    struct vit_error *err; /* NULL; or why it cannot even be tried (a folder that cannot be listed, a broken link) */
    bool is_stdin, is_pipe; /* read to its end */
};

struct vit_inputs {
    const char *command; /* that they are of, for messages */
    struct vit_item *items;
    size_t n, capacity;
    size_t n_skipped; /* entries of folders: hidden, links to folders, no pictures by their names */
    size_t n_subfolders; /* that were left out */
};

/* Expands options->args in their order. A file is always listed, also when it does not exist; "-" may come once. A
 * folder stands for the .jpg .jpeg .png .bmp in it, and with options->recursive in its subfolders, sorted by the bytes
 * of their paths. What is hidden there is left out, links to files are followed, links to folders are not. Warns of empty
 * folders and of subfolders that are left out unless quiet.
 * vit_inputs_free is due either way. Errors: memory, unsupported. */
vit_status vit_inputs_expand(struct vit_inputs *inputs, const struct vit_options *options, struct vit_error *err);
void vit_inputs_free(struct vit_inputs *inputs);

/* Makes a failed input of one that could be tried, for the reason given. Errors: memory. */
vit_status vit_inputs_refuse(struct vit_item *item, struct vit_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the name ends like that of a picture. */
bool vit_inputs_is_picture(const char *name);

#endif
