/* threads.h: one piece of work, done by several threads. */
#ifndef VIT_TOOLS_THREADS_H
#define VIT_TOOLS_THREADS_H

#include "vit/vit.h"

/* Runs work(context, i) for every 0 <= i < n beside each other, the first in this thread, so that a single one needs no
 * other; returns when all have ended. Where not all can be started, a stop is requested (stop.h), none of them runs but
 * those that are started already, and it fails (internal; memory). */
vit_status vit_threads_run(int n, void (*work)(void *context, int i), void *context, struct vit_error *err);

#endif
