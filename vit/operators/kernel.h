/* kernel.h: from a problem to something that runs. The words, which the rest of vit/ uses in no other sense:
 *
 *     problem         what is to be computed: values alone, problem.h
 *     implementation  a way to solve problems: a plain value, one of an array (choice/implementations.c)
 *     kernel          an implementation made ready for one problem and number of threads; it knows no data
 *     buffers         the data, bound to a kernel each time it runs
 *     packing         how a kernel wants a layer's weight: packed once, shared by all whose packing has the same key
 *     isa             an instruction set (onednn/isa.h), and the inner loops of the own kernels for it (kernels/)
 *     choice          which implementation solves a problem: checked against the plain loops, then timed (choice/)
 *
 * What is new comes in as files that make kernels and rows in the table of implementations; no schedule, no plan and
 * not forward.c asks for a type or an instruction set. Two that are to come:
 *
 *     AMX tiles: kernels/gemm_amx.c and kernels/attention_amx.c, which pack W, K and V in pairs of bf16, and the rows
 *         {VIT_LINEAR, VIT_BF16, VIT_ISA_AMX, NEVER, {"own:amx", vit_gemm_amx_create}}
 *         {VIT_ATTENTION, VIT_BF16, VIT_ISA_AMX, NEVER, {"own:amx", vit_attention_amx_create}}
 *         above the others of that type.
 *     int8: kernels/gemm_amx_int8.c, which packs W with a scale for each output and quantises the rows of src, the row
 *         {VIT_LINEAR, VIT_I8, VIT_ISA_AMX, NEVER, {"own:amx_int8", vit_gemm_amx_int8_create}}, and a
 *         row of network/types.c with weights of VIT_I8; choice/sample.c says how near the plain loops they must be. */
#ifndef VIT_KERNEL_H
#define VIT_KERNEL_H

#include <stddef.h>

#include "vit/base/error.h"
#include "vit/operators/problem.h"

enum { VIT_MAX_INPUTS = 4, VIT_IMPLEMENTATION_NAME_MAX = 128, VIT_PACKING_KEY_MAX = 256 };

/* Which input is where; the other operators have theirs in the order of problem.h. */
enum { VIT_SRC = 0, VIT_WEIGHT = 1, VIT_BIAS = 2, VIT_GAIN = 1, VIT_SHIFT = 2, VIT_Q = 0, VIT_K = 1, VIT_V = 2 };

/* Owned by whoever runs the kernel. */
struct vit_buffers {
    void *dst;
    const void *in[VIT_MAX_INPUTS];
};

struct vit_packing {
    char key[VIT_PACKING_KEY_MAX]; /* equal keys: equal bytes for the same matrix */
    size_t size;                   /* bytes of the packed matrix; 0: the operator has no weight */
};

/* The implementation behind it is opaque; it embeds this struct as its first member. Running neither allocates nor
 * chooses. */
struct vit_kernel {
    char name[VIT_IMPLEMENTATION_NAME_MAX]; /* the implementation's, as "own:avx512" */
    size_t scratch_size;                    /* bytes of 64-byte aligned scratch that run needs */
    struct vit_packing packing;
    /* dst: packing.size bytes, 64-byte aligned, from weight (out, in). */
    vit_status (*pack)(struct vit_kernel *kernel, void *dst, const float *weight, struct vit_error *err);
    vit_status (*run)(struct vit_kernel *kernel, const struct vit_buffers *buffers, void *scratch,
                      struct vit_error *err);
    void (*free)(struct vit_kernel *kernel);
};

void vit_kernel_free(struct vit_kernel *kernel); /* NULL is fine */

struct vit_implementation {
    char name[VIT_IMPLEMENTATION_NAME_MAX]; /* never a number: those change with oneDNN's version */
    /* A kernel for as many threads as OpenMP would start now, freed by vit_kernel_free. */
    vit_status (*create)(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err);
    const void *how; /* create's own: an instruction set's inner loops, a plain loop, a primitive of oneDNN */
};

#endif
