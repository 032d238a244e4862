/* machine.h: what this machine is. Private to vit/. */
#ifndef VIT_MACHINE_H
#define VIT_MACHINE_H

/* The CPU's own name, as "Intel(R) Xeon(R) Processor". */
void vit_machine_cpu(char text[64]);

/* Seconds of a clock that only goes forward. */
double vit_now(void);

#endif
