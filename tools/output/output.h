/* output.h: where data goes: stdout or the file of --output, a record at a time. */
#ifndef VIT_TOOLS_OUTPUT_H
#define VIT_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "vit/vit.h"

struct vit_output {
    FILE *text;       /* write here; it gathers in memory until the flush */
    int fd;
    const char *name; /* for messages */
    char *buffer;
    size_t length;
    bool owned; /* fd is a file of ours */
};

/* Keeps a duplicate of fd 1 for data and lets fd 1 lead to stderr, so that no library can print between the records.
 * Once, before anything is opened. A pipe that nobody reads any more ends the program without a word, by status 2. */
void vit_output_claim_stdout(void);

/* path NULL or "-": stdout. A file is created or emptied. On failure nothing is left to close. */
vit_status vit_output_open(struct vit_output *output, const char *path, struct vit_error *err);

/* Hands everything gathered so far to the system. */
vit_status vit_output_flush(struct vit_output *output, struct vit_error *err);

/* Drops what was not flushed and closes; a file system may report a failed write only here. */
vit_status vit_output_close(struct vit_output *output, struct vit_error *err);

/* Closes behind work that ended with status, which is returned; when that was well, what became of closing. */
vit_status vit_output_finish(struct vit_output *output, vit_status status, struct vit_error *err);

#endif
