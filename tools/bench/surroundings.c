/* surroundings.c: /proc/self/status, /proc/stat and /sys. */
#include "tools/bench/surroundings.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vit/vit.h"

/* The text behind "name   :   " in the first line of /proc/self/status that begins with name; "" when there is none. */
static const char *find_field(const char *name, char *value, size_t n)
{
    char line[512];
    size_t length = strlen(name);
    FILE *file = fopen("/proc/self/status", "re");
    value[0] = '\0';
    while (file && !value[0] && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        char *text = line + length + 1;
        text += strspn(text, " \t");
        text[strcspn(text, "\n")] = '\0';
        snprintf(value, n, "%s", text);
    }
    if (file)
        fclose(file);
    return value;
}

double vit_surroundings_memory_mb(void)
{
    char kilobytes[32];
    return atof(find_field("VmRSS", kilobytes, sizeof kilobytes)) / 1024;
}

double vit_surroundings_peak_mb(void)
{
    char kilobytes[32];
    return atof(find_field("VmHWM", kilobytes, sizeof kilobytes)) / 1024;
}

const char *vit_surroundings_cpus(char text[64])
{
    return find_field("Cpus_allowed_list", text, 64);
}

/* A word that /sys has of the first CPU's frequency. */
static const char *find_frequency(char text[32], const char *sys, const char *name)
{
    char path[1024], cpus[64];
    snprintf(path, sizeof path, "%s/devices/system/cpu/cpu%d/cpufreq/%s", sys ? sys : "/sys",
             atoi(vit_surroundings_cpus(cpus)), name);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%31s", text) != 1)
        text[0] = '\0';
    if (file)
        fclose(file);
    return text;
}

const char *vit_surroundings_governor(char text[32], const char *sys)
{
    return find_frequency(text, sys, "scaling_governor");
}

double vit_surroundings_mhz(const char *sys)
{
    char kilohertz[32];
    return atof(find_frequency(kilohertz, sys, "scaling_cur_freq")) / 1000;
}

/* ---- Times ---- */

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + 1e-6 * (double)time->tv_usec;
}

static double used_by(int who)
{
    struct rusage usage;
    return getrusage(who, &usage) == 0 ? seconds(&usage.ru_utime) + seconds(&usage.ru_stime) : 0;
}

/* Lines "cpu3 user nice system idle iowait irq softirq steal ...", in ticks. */
static void add_busy(struct vit_times *times, const cpu_set_t *allowed)
{
    char line[512];
    FILE *file = fopen("/proc/stat", "re");
    while (file && fgets(line, sizeof line, file)) {
        unsigned cpu;
        double user, nice, system, irq, soft, steal;
        if (sscanf(line, "cpu%u %lf %lf %lf %*f %*f %lf %lf %lf", &cpu, &user, &nice, &system, &irq, &soft, &steal) != 7
            || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, allowed))
            continue;
        times->busy += (user + nice + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
        times->cpus++;
    }
    if (file)
        fclose(file);
}

struct vit_times vit_surroundings_times(void)
{
    cpu_set_t allowed;
    struct vit_times times = {.wall = vit_now(), .own = used_by(RUSAGE_SELF) + used_by(RUSAGE_CHILDREN)};
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        add_busy(&times, &allowed);
    return times;
}

double vit_surroundings_other_load(const struct vit_times *since)
{
    struct vit_times now = vit_surroundings_times();
    double time = now.cpus * (now.wall - since->wall), others = (now.busy - since->busy) - (now.own - since->own);
    double resolution = now.cpus / (double)sysconf(_SC_CLK_TCK);
    return time > 20 * resolution && others > resolution ? fmin(others / time, 1) : 0;
}
