/* progress.c: drawing and wiping the bar. */
#include "tools/output/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "vit/vit.h"

enum { WIDTH = 30 };

static const double FIRST_DRAWN = 0.5, DRAWN_EVERY = 0.1; /* seconds: a short run needs no bar */

void vit_progress_start(struct vit_progress *progress, size_t total, int data_fd, bool quiet)
{
    *progress = (struct vit_progress){ .total = total, .start = vit_now() };
    progress->shown = total > 1 && !quiet && isatty(STDERR_FILENO) && !isatty(data_fd);
}

double vit_progress_seconds(const struct vit_progress *progress)
{
    return vit_now() - progress->start;
}

static void draw(struct vit_progress *progress, double seconds)
{
    char bar[WIDTH + 1];
    size_t full = progress->done * WIDTH / progress->total;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    double rate = (double)progress->done / seconds;
    long left = (long)((double)(progress->total - progress->done) / rate + 0.5);
    fprintf(stderr, "\r%s %zu/%zu  %.1f/s  %ld:%02ld left\033[K", bar, progress->done, progress->total, rate, left / 60,
            left % 60);
    progress->drawn = true;
    progress->last = seconds;
}

void vit_progress_at(struct vit_progress *progress, size_t done)
{
    progress->done = done;
    if (!progress->shown)
        return;
    double seconds = vit_progress_seconds(progress);
    if (seconds >= FIRST_DRAWN && seconds - progress->last >= DRAWN_EVERY)
        draw(progress, seconds);
}

void vit_progress_step(struct vit_progress *progress)
{
    vit_progress_at(progress, progress->done + 1);
}

void vit_progress_clear(struct vit_progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
