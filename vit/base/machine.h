/* machine.h: what this machine is, and its clock. */
#ifndef VIT_MACHINE_H
#define VIT_MACHINE_H
#ifdef __cplusplus
extern "C" {
#endif

/* The CPU's own name, as "Intel(R) Xeon(R) Processor", or "unknown CPU"; written to text. */
void vit_machine_cpu(char text[64]);

/* Physical cores in the affinity mask of the calling thread, at most the cgroup's CPU quota; at least 1. */
int vit_default_threads(void);

/* Seconds of a clock that only goes forward. */
double vit_now(void);

#ifdef __cplusplus
}
#endif

#endif
