/* peak.h: what the units that multiply do when nothing holds them up: the yardstick of the benchmark. */
#ifndef VIT_PEAK_H
#define VIT_PEAK_H

#include <stdint.h>

#include "vit/base/error.h"

/* A unit of a core: a loop of independent operations on its registers alone. */
struct vit_unit {
    const char *name;              /* "AVX-512 FMA" */
    double flops;                  /* of one turn of the loop; a multiply-add counts as two */
    void (*turn)(int64_t n_turns); /* of the CPU that it is written for */
};

extern const struct vit_unit vit_unit_avx2, vit_unit_avx512, vit_unit_amx;

/* On so many threads at once, which have a core each where there are as many: the best of many short runs, as a unit's
 * rate is what it can do. Takes about 0.2 s. Errors: memory. */
vit_status vit_unit_time(double *flops_per_second, const struct vit_unit *unit, int threads, struct vit_error *err);

#endif
