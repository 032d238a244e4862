/* isa.h: which of the own kernels may run. */
#ifndef VIT_ISA_H
#define VIT_ISA_H

enum vit_isa_level {
    VIT_ISA_ANY,
    VIT_ISA_AVX2,        /* with FMA */
    VIT_ISA_AVX512,      /* F, BW, DQ, VL */
    VIT_ISA_AVX512_BF16, /* and VDPBF16PS */
    VIT_ISA_AMX          /* and tiles of bf16 */
};

/* What the CPU has and the user allows: oneDNN's answer, so that its ONEDNN_MAX_CPU_ISA limits all kernels alike. */
enum vit_isa_level vit_isa_level(void);

#endif
