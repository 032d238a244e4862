/* machine.c: what this machine is, and how many threads are worth having on it. */
#include <ctype.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vit/base/machine.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* The first number of a small file, or -1. */
static long read_number(const char *path)
{
    long number = -1;
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%ld", &number) != 1)
            number = -1;
        fclose(file);
    }
    return number;
}

/* Physical cores among the processors this thread may use: the first sibling of each core stands for it. */
static int count_cores(void)
{
    cpu_set_t allowed, counted;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return 1;
    CPU_ZERO(&counted);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        char path[96];
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", cpu);
        long first = read_number(path);
        CPU_SET(first >= 0 && first < CPU_SETSIZE ? (size_t)first : cpu, &counted);
    }
    int cores = CPU_COUNT(&counted);
    return cores > 0 ? cores : 1;
}

static int whole(long quota, long period)
{
    return quota > period ? (int)(quota / period) : 1;
}

/* Whole processors (at least 1) in the quota of one cgroup folder, version 2 ("max 100000" or "150000 100000") or 1; 0: no quota. */
static int folder_quota(const char *root, const char *folder)
{
    char path[1024], quota[32];
    long period = 0;
    snprintf(path, sizeof path, "%s%s/cpu.max", root, folder);
    FILE *file = fopen(path, "re");
    if (file) {
        bool limited = fscanf(file, "%31s %ld", quota, &period) == 2 && isdigit((unsigned char)quota[0]) && period > 0;
        fclose(file);
        return limited ? whole(atol(quota), period) : 0;
    }
    snprintf(path, sizeof path, "%s%s/cpu.cfs_quota_us", root, folder);
    long micros = read_number(path);
    snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", root, folder);
    period = read_number(path);
    return micros > 0 && period > 0 ? whole(micros, period) : 0;
}

/* The tightest quota from folder up to the root of its hierarchy, or 0. folder is cut on the way. */
static int tightest_quota(const char *root, char *folder)
{
    int tightest = 0;
    for (;;) {
        int quota = folder_quota(root, folder);
        if (quota > 0 && (tightest == 0 || quota < tightest))
            tightest = quota;
        char *slash = strrchr(folder, '/');
        if (!slash)
            return tightest;
        *slash = '\0';
    }
}

/* Lines of /proc/self/cgroup: "0::/user.slice" (version 2), "4:cpu,cpuacct:/docker/ab" (version 1). */
static int cgroup_quota(void)
{
    int tightest = 0;
    char line[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *folder = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!folder)
            continue;
        *folder++ = '\0';
        bool unified = controllers[1] == '\0';
        if (!unified && !strstr(controllers, "cpu"))
            continue;
        int quota = tightest_quota(unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", folder);
        if (quota > 0 && (tightest == 0 || quota < tightest))
            tightest = quota;
    }
    if (file)
        fclose(file);
    return tightest;
}

int vit_default_threads(void)
{
    int cores = count_cores(), quota = cgroup_quota();
    return quota > 0 && quota < cores ? quota : cores;
}

void vit_machine_cpu(char text[64])
{
    snprintf(text, 64, "unknown CPU");
#if defined(__x86_64__)
    unsigned int brand[12];
    for (unsigned int i = 0; i < 3; i++) /* 48 characters, 16 from each of three leaves */
        if (!__get_cpuid(0x80000002 + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2], &brand[4 * i + 3]))
            return;
    snprintf(text, 64, "%.48s", (const char *)brand);
#endif
}

double vit_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
