/* names.h: the names of the rows of F.npy, a line for each in F.files.txt beside it; other files get .files.txt behind
 * their whole name. The bytes of a name stand there as they are, so that it must not hold the end of a line. */
#ifndef VIT_TOOLS_NAMES_H
#define VIT_TOOLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/vit.h"

/* Their file; the caller frees it. NULL: out of memory. */
char *vit_names_path(const char *npy);

/* Whether a name is one line, for those too who end lines at a carriage return. */
bool vit_names_fits(const char *name);

struct vit_named_row {
    int64_t row;
    char *name; /* owned; NULL: it has none */
};

/* Reads the names of n rows, in any order, none there twice, of an array of n_rows. Where there is no such file they
 * stay NULL. With n = 0 it only checks. The caller frees them, also after a failure. Errors: decode (not as many lines
 * as rows), open, read, memory. */
vit_status vit_names_read(struct vit_named_row *rows, size_t n, const char *npy, int64_t n_rows, struct vit_error *err);

#endif
