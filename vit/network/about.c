/* about.c: what this build is, what it runs with, and what the machine is good for. */
#include <stdio.h>
#include <string.h>

#include "vit/kernels/peak.h"
#include "vit/network/types.h"
#include "vit/onednn/onednn.h"
#include "vit/vit.h"

/* The macros come from the Makefile. */
const char *vit_version(void)
{
    return VIT_VERSION;
}

const char *vit_commit(void)
{
    return VIT_COMMIT;
}

const char *vit_onednn_version(char text[32])
{
    char whole[64];
    vit_dnnl_version(whole);
    snprintf(text, 32, "%.*s", (int)strcspn(whole, " "), whole);
    return text;
}

const char *vit_isa(void)
{
    return vit_dnnl_isa();
}

static vit_status check_peak(int threads, enum vit_precision precision, struct vit_error *err)
{
    const struct vit_types *types[VIT_MAX_TYPES];
    if (threads < 1 || precision == VIT_PRECISION_AUTO)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads, precision %s: expected at least 1, and a certain one",
                        threads, vit_precision_name(precision));
    if (vit_types_for(types, precision) == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this CPU has no instructions for %s (%s)",
                        vit_precision_name(precision), vit_isa());
    return VIT_OK;
}

vit_status vit_unit_peak(double *flops_per_second, const char **unit, int threads, enum vit_precision precision,
                         struct vit_error *err)
{
    static const struct vit_unit none = {.name = "none"};
    VIT_TRY(check_peak(threads, precision, err));
    enum vit_isa_level level = vit_isa_level();
    bool tiles = precision != VIT_PRECISION_F32 && level >= VIT_ISA_AMX;
    const struct vit_unit *best = tiles                     ? &vit_unit_amx
                                  : level >= VIT_ISA_AVX512 ? &vit_unit_avx512
                                  : level >= VIT_ISA_AVX2   ? &vit_unit_avx2
                                                            : &none;
    *flops_per_second = 0;
    *unit = tiles && precision == VIT_PRECISION_BF16X2 ? "AMX tiles, three products" : best->name;
    if (best != &none)
        VIT_TRY(vit_unit_time(flops_per_second, best, threads, err));
    if (precision == VIT_PRECISION_BF16X2)
        *flops_per_second /= 3;
    return VIT_OK;
}

vit_status vit_gemm_peak(double *flops_per_second, int threads, enum vit_precision precision, struct vit_error *err)
{
    VIT_TRY(check_peak(threads, precision, err));
    return vit_dnnl_peak(flops_per_second, threads, precision == VIT_PRECISION_BF16 ? VIT_ROWS_BF16 : VIT_ROWS_F32,
                         err);
}

const char *vit_precision_name(enum vit_precision precision)
{
    static const char *const names[] = {[VIT_PRECISION_F32] = "f32",
                                        [VIT_PRECISION_BF16] = "bf16",
                                        [VIT_PRECISION_BF16X2] = "bf16x2",
                                        [VIT_PRECISION_AUTO] = "auto"};
    return names[precision];
}

int vit_precision_bytes(enum vit_precision precision)
{
    const struct vit_types *types[VIT_MAX_TYPES];
    return vit_types_for(types, precision) > 0 ? vit_types_bytes(types[0]) : 0;
}
