/* operators.h: runs implementations of operators on a test's own buffers. */
#ifndef VIT_TESTS_OPERATORS_H
#define VIT_TESTS_OPERATORS_H

#include "vit/operators/kernel.h"

/* Exactly n floats from -scale to scale, so that a sanitizer sees every access beyond them; the same for a seed on
 * every machine. Freed by the caller. */
float *operators_noise(size_t n, uint32_t seed, float scale);

/* n floats as rows of a format have them, and back; freed by the caller. */
void *operators_narrowed(const float *src, enum vit_format rows, size_t n);
float *operators_widened(const void *src, enum vit_format rows, size_t n);

/* All implementations for problem that this machine can run, the plain loops last. */
enum { OPERATORS_MAX = 64 };
int operators_list(struct vit_implementation list[OPERATORS_MAX], const struct vit_problem *problem);

/* Makes kernels for so many threads, cut as vit_cut does, packs weight (out, in) for them where the operator has one,
 * and runs them once. */
void operators_run_cut(const struct vit_implementation *implementation, const struct vit_problem *problem,
                       struct vit_buffers buffers, const float *weight, int threads, int columns);

/* The same on one thread. */
void operators_run(const struct vit_implementation *implementation, const struct vit_problem *problem,
                   struct vit_buffers buffers, const float *weight);

#endif
