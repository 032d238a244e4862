/* sysinfo.h: the machine and the process, as measurements name them. */
#ifndef VIT_TOOLS_SYSINFO_H
#define VIT_TOOLS_SYSINFO_H

/* The CPU's name as the kernel has it, or "unknown"; written to text (64 bytes), which is returned. */
const char *vit_sysinfo_cpu(char text[64]);

/* The most memory that this process has held at once (VmHWM), in MB (2^20); 0: unknown. */
double vit_sysinfo_peak_mb(void);

#endif
