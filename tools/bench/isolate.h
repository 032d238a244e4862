/* isolate.h: work done in a process of its own, so that it starts with nothing warmed up and its peak of memory is its
 * own. The caller's process must not have started threads. */
#ifndef VIT_TOOLS_ISOLATE_H
#define VIT_TOOLS_ISOLATE_H

#include <stddef.h>
#include <sys/types.h>

#include "vit/vit.h"

/* Memory that is zero and in which the caller sees what the work wrote; pages that are never touched cost nothing.
 * NULL: out of memory. */
void *vit_isolate_alloc(size_t size);
void vit_isolate_free(void *memory, size_t size); /* NULL is fine */

/* Runs work(context) in a child process and hands back its status and message. A child that dies is an error. */
vit_status vit_isolate(vit_status (*work)(void *context, struct vit_error *err), void *context, struct vit_error *err);

/* Waits for the end of a child process. One that dies or ends with another status than 0 is an error that names it. */
vit_status vit_isolate_await(pid_t child, const char *name, struct vit_error *err);

#endif
