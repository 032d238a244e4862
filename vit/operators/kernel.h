/* kernel.h: from a problem to something that runs. The words, which the rest of vit/ uses in no other sense:
 *
 *     problem         what is to be computed: values alone, problem.h
 *     implementation  a way to solve problems: a plain value, one of an array (choice/implementations.c)
 *     kernel          an implementation made ready for one problem; it knows no data
 *     buffers         the data, bound to a kernel each time it runs
 *     packing         how a kernel wants a layer's weight: packed once, shared by all whose packing has the same key
 *     isa             an instruction set (onednn/isa.h), and the inner loops of the own kernels for it (kernels/)
 *     choice          which implementation solves a problem: checked against the plain loops, then timed (choice/)
 *
 * A kernel starts no threads: what it solves, it solves on the thread that runs it. How a layer is cut among threads is
 * the plan's business (network/cut.h), and each part of it a problem of its own.
 *
 * What is new comes in as files that make kernels and rows in the table of implementations; no schedule, no plan and
 * not forward.c asks for a type or an instruction set. To come, int8: a format of panels of 64 columns, which norms and
 * epilogues write; kernels/gemm_amx_int8.c, which packs W with a scale for each output; their rows in the table, and a
 * row of network/types.c; choice/sample.c says how near the plain loops they must be. */
#ifndef VIT_KERNEL_H
#define VIT_KERNEL_H

#include <stddef.h>

#include "vit/base/error.h"
#include "vit/operators/problem.h"

enum { VIT_MAX_INPUTS = 4, VIT_IMPLEMENTATION_NAME_MAX = 128, VIT_PACKING_KEY_MAX = 256 };

/* Which input is where; the other operators have theirs in the order of problem.h. */
enum { VIT_SRC = 0, VIT_WEIGHT = 1, VIT_BIAS = 2, VIT_GAIN = 1, VIT_SHIFT = 2, VIT_Q = 0, VIT_KV = 1 };

/* Owned by whoever runs the kernel. */
struct vit_buffers {
    void *dst;
    const void *in[VIT_MAX_INPUTS];
    /* What will be read next, as the weight of the next layer: a kernel may bring it nearer; size 0: nothing. */
    const void *ahead;
    size_t ahead_size;
};

struct vit_packing {
    char key[VIT_PACKING_KEY_MAX]; /* equal keys: equal bytes for the same matrix */
    size_t size;                   /* bytes of the packed matrix; 0: the operator has no weight */
};

/* The implementation behind it is opaque; it embeds this struct as its first member. Running neither allocates nor
 * chooses. One thread at a time. */
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
    /* Freed by vit_kernel_free. Unsupported, without an error's text: it does not solve such a problem. */
    vit_status (*create)(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                         const struct vit_problem *problem, struct vit_error *err);
    const void *how; /* create's own: an instruction set's inner loops, a plain loop, a primitive of oneDNN */
};

#endif
