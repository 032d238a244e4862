/* isa.c: what oneDNN is, and what it says that this machine can do. */
#include "vit/onednn/isa.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vit/onednn/onednn.h"

void vit_dnnl_version(char text[64])
{
    const dnnl_version_t *loaded = dnnl_version();
    snprintf(text, 64, "%d.%d.%d %.40s", loaded->major, loaded->minor, loaded->patch, loaded->hash);
}

const char *vit_dnnl_isa(void)
{
    switch ((int)dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx2_vnni_2: return "avx2_vnni_2";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_fp16: return "avx512_core_fp16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
    case dnnl_cpu_isa_avx512_core_amx_fp16: return "avx512_core_amx_fp16";
    default: return "default";
    }
}

/* Linux gives a process the tiles' state only when it asks; before other threads use them. For good, so asking again is
 * harmless. An old kernel knows nothing of it. */
static bool has_tiles(void)
{
#if defined(__x86_64__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
#else
    return false;
#endif
}

enum vit_isa_level vit_isa_level(void)
{
    /* Each value is a set of bits that holds those of the lesser ones. */
    static const dnnl_cpu_isa_t least[] = {
        [VIT_ISA_AVX2] = dnnl_cpu_isa_avx2,
        [VIT_ISA_AVX512] = dnnl_cpu_isa_avx512_core,
        [VIT_ISA_AVX512_BF16] = dnnl_cpu_isa_avx512_core_bf16,
        [VIT_ISA_AMX] = dnnl_cpu_isa_avx512_core_amx,
    };
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    int level = VIT_ISA_AMX;
    while (level > VIT_ISA_ANY &&
           ((isa & least[level]) != least[level] || (level == VIT_ISA_AMX && !has_tiles())))
        level--;
    return (enum vit_isa_level)level;
}
