/* progress.h: a bar on stderr for people who wait. */
#ifndef VIT_TOOLS_PROGRESS_H
#define VIT_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct vit_progress {
    bool shown; /* at all */
    bool drawn; /* there is a bar on the line now */
    size_t done, total;
    double start, last; /* seconds; of the latest drawing */
};

/* Shown when stderr is a terminal and data_fd is not one, for more than one input, unless quiet. */
void vit_progress_start(struct vit_progress *progress, size_t total, int data_fd, bool quiet);

void vit_progress_step(struct vit_progress *progress);  /* one input more is done */
void vit_progress_at(struct vit_progress *progress, size_t done); /* so many are */
void vit_progress_clear(struct vit_progress *progress); /* before anything else goes to stderr, and at the end */

double vit_progress_seconds(const struct vit_progress *progress); /* since the start */

#endif
