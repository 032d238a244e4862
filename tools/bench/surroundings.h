/* surroundings.h: what the kernel says of this process and of the CPUs that it runs on. */
#ifndef VIT_TOOLS_SURROUNDINGS_H
#define VIT_TOOLS_SURROUNDINGS_H

/* The memory that this process holds, and the most that it has held at once, in MB (2^20); 0: unknown. */
double vit_surroundings_memory_mb(void);
double vit_surroundings_peak_mb(void);

/* The CPUs that this process may use, as "0-3,8"; written to text, which is returned. */
const char *vit_surroundings_cpus(char text[64]);

/* How the first of them chooses its frequency, as "performance"; "" where the kernel does not say. And what it is now,
 * in MHz; 0: unknown. sys: NULL, or the folder that stands for /sys. */
const char *vit_surroundings_governor(char text[32], const char *sys);
double vit_surroundings_mhz(const char *sys);

/* Time that has passed, in seconds. */
struct vit_times {
    double wall;
    double own;  /* of CPUs for this process and its children that have ended, user and system */
    double busy; /* of the CPUs that it may use, for any process, and for other guests of a virtual machine */
    int cpus;    /* their number; 0: the kernel does not say */
};
struct vit_times vit_surroundings_times(void);

/* The share, 0 .. 1, of the CPUs' time since then that others had; 0 after a time too short for the kernel's clock. */
double vit_surroundings_other_load(const struct vit_times *since);

#endif
