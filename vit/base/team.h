/* team.h: threads that work together. Whoever waits watches for a while, which costs nothing but a core, and then
 * sleeps until it is woken: beside another process a team gets its share of the cores, and its members do not keep each
 * other from theirs. */
#ifndef VIT_TEAM_H
#define VIT_TEAM_H

#include <stdatomic.h>

#include "vit/base/error.h"

/* What is waited for: that a number changes. All zero at first. */
struct vit_bell {
    atomic_uint rings;
    atomic_int sleepers;
};

void vit_bell_ring(struct vit_bell *bell);

/* Returns when it has rung since it had rung so many times. */
void vit_bell_wait(struct vit_bell *bell, unsigned int rings);

/* Where so many threads wait for each other, again and again. All zero but for members at first. */
struct vit_barrier {
    int members;
    atomic_int arrived;
    struct vit_bell bell;
};

/* What a member has written before, all can read afterwards. */
void vit_barrier_wait(struct vit_barrier *barrier);

struct vit_team;

/* threads - 1 threads of their own, which wait for work. Errors: memory (also when the system starts no more threads).
 * Freed by the caller. */
vit_status vit_team_create(struct vit_team **team, int threads, struct vit_error *err);
void vit_team_free(struct vit_team *team); /* NULL is fine */

int vit_team_size(const struct vit_team *team);

/* work(context, member) for every member from 0 to threads - 1, each on its thread; 0 is the caller's. Returns when all
 * have. Errors: unsupported in a forked child, which has none of the threads; then nothing was done. */
vit_status vit_team_run(struct vit_team *team, void (*work)(void *context, int member), void *context,
                        struct vit_error *err);

#endif
