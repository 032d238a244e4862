/* team.c: threads, a bell that they sleep by, and barriers. */
#include "vit/base/team.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vit/base/machine.h"

/* How long to watch before sleeping: a few times what falling asleep and waking costs, and more than the members of a
 * team differ by at most barriers of a pass. */
static const double WATCH = 50e-6;

/* ---- The bell ---- */

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static bool watch(const struct vit_bell *bell, unsigned int rings)
{
    enum { LOOKS = 64 }; /* between two looks at the clock */
    double end = 0;
    do {
        for (int i = 0; i < LOOKS; i++, relax())
            if (atomic_load_explicit(&bell->rings, memory_order_acquire) != rings)
                return true;
        if (end == 0)
            end = vit_now() + WATCH;
    } while (vit_now() < end);
    return false;
}

/* Whoever is about to sleep says so before the kernel looks at the number for it, and the bell is rung before it is
 * asked whether someone sleeps: one of the two sees the other. */
void vit_bell_wait(struct vit_bell *bell, unsigned int rings)
{
    if (watch(bell, rings))
        return;
    atomic_fetch_add(&bell->sleepers, 1);
    while (atomic_load(&bell->rings) == rings)
        syscall(SYS_futex, &bell->rings, FUTEX_WAIT_PRIVATE, rings, NULL, NULL, 0);
    atomic_fetch_sub(&bell->sleepers, 1);
}

void vit_bell_ring(struct vit_bell *bell)
{
    atomic_fetch_add(&bell->rings, 1);
    if (atomic_load(&bell->sleepers) > 0)
        syscall(SYS_futex, &bell->rings, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* The last to arrive lets the others go. */
void vit_barrier_wait(struct vit_barrier *barrier)
{
    unsigned int rings = atomic_load(&barrier->bell.rings);
    if (atomic_fetch_add(&barrier->arrived, 1) + 1 < barrier->members) {
        vit_bell_wait(&barrier->bell, rings);
    } else {
        atomic_store(&barrier->arrived, 0);
        if (barrier->members > 1)
            vit_bell_ring(&barrier->bell);
    }
}

/* ---- The team ---- */

struct member {
    struct vit_team *team;
    int number;
    atomic_int cpu; /* where it was last seen */
    pthread_t thread;
};

struct vit_team {
    int size, started; /* the caller among them */
    pid_t process;
    struct vit_bell start;
    struct vit_barrier end;
    cpu_set_t allowed;
    bool over;
    void (*work)(void *context, int member);
    void *context;
    struct member members[];
};

/* Whoever finds one of the members before him on his processor goes to a free one. The system may leave two threads on
 * one processor for seconds, where it holds no caches in common to be likely. Nobody is bound to where he is: other
 * processes, and other teams, know better what is free then. */
static void spread(struct member *member)
{
    struct vit_team *team = member->team;
    cpu_set_t left = team->allowed;
    bool alone = true;
    atomic_store(&member->cpu, sched_getcpu());
    for (int i = 0; i < team->size; i++) {
        int cpu = atomic_load(&team->members[i].cpu);
        if (i < member->number && cpu == atomic_load(&member->cpu))
            alone = false;
        if (cpu >= 0)
            CPU_CLR((size_t)cpu, &left);
    }
    if (alone || CPU_COUNT(&left) == 0)
        return;
    sched_setaffinity(0, sizeof left, &left);
    sched_setaffinity(0, sizeof team->allowed, &team->allowed);
    atomic_store(&member->cpu, sched_getcpu());
}

static void *live(void *data)
{
    struct member *member = data;
    struct vit_team *team = member->team;
    for (unsigned int rings = 0;; rings++) {
        vit_bell_wait(&team->start, rings);
        if (team->over)
            return NULL;
        spread(member);
        team->work(team->context, member->number);
        vit_barrier_wait(&team->end);
    }
}

/* Signals are the caller's: the new threads have all of them blocked. */
static bool start_members(struct vit_team *team)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (bool ok = true; ok && team->started < team->size; team->started += ok) {
        struct member *member = &team->members[team->started];
        *member = (struct member){.team = team, .number = team->started, .cpu = -1};
        ok = pthread_create(&member->thread, NULL, live, member) == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return team->started == team->size;
}

vit_status vit_team_create(struct vit_team **team, int threads, struct vit_error *err)
{
    struct vit_team *t = calloc(1, sizeof *t + (size_t)threads * sizeof *t->members);
    *team = NULL;
    if (!t)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    t->size = threads;
    t->started = 1;
    t->process = getpid();
    sched_getaffinity(0, sizeof t->allowed, &t->allowed);
    t->end.members = threads;
    if (!start_members(t)) {
        vit_fail(err, VIT_ERR_MEMORY, "%d threads cannot be started: see ulimit -u, and -v for their stacks", threads);
        vit_team_free(t);
        return VIT_ERR_MEMORY;
    }
    *team = t;
    return VIT_OK;
}

void vit_team_free(struct vit_team *team)
{
    if (!team)
        return;
    if (team->process == getpid()) { /* in a forked child there is nobody to wait for */
        team->over = true;
        vit_bell_ring(&team->start);
        for (int i = 1; i < team->started; i++)
            pthread_join(team->members[i].thread, NULL);
    }
    free(team);
}

int vit_team_size(const struct vit_team *team)
{
    return team->size;
}

vit_status vit_team_run(struct vit_team *team, void (*work)(void *context, int member), void *context,
                        struct vit_error *err)
{
    if (team->process != getpid())
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this process was forked: the threads are in the parent");
    team->work = work;
    team->context = context;
    atomic_store(&team->members[0].cpu, sched_getcpu());
    if (team->size > 1)
        vit_bell_ring(&team->start);
    work(context, 0);
    vit_barrier_wait(&team->end);
    return VIT_OK;
}
