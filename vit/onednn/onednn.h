/* onednn.h: what oneDNN offers: the door of this folder. */
#ifndef VIT_ONEDNN_H
#define VIT_ONEDNN_H

#include "vit/operators/kernel.h"

/* Writes oneDNN's implementations for problem to list, at most max, in its own order, and returns their number: 0 for
 * an operator that it is not asked for. Each is named after primitive and code, as "matmul brg:avx512_core". name: the
 * one of that name alone; NULL: all. */
int vit_dnnl_list(struct vit_implementation *list, int max, const struct vit_problem *problem, const char *name);

/* The library that is loaded, as "3.2.0 8a1b...": version and commit. */
void vit_dnnl_version(char text[64]);

/* The instruction set that it uses here, as "avx512_core_amx". */
const char *vit_dnnl_isa(void);

/* What this machine reaches in matrix products of rows on so many threads; see vit_gemm_peak of vit.h. */
vit_status vit_dnnl_peak(double *flops_per_second, int threads, enum vit_format rows, struct vit_error *err);

#endif
