/* about.c: what this build is, what it runs with, and what the machine is good for. */
#include <stdio.h>
#include <string.h>

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

vit_status vit_gemm_peak(double *flops_per_second, int threads, enum vit_precision precision, struct vit_error *err)
{
    if (threads < 1 || precision == VIT_PRECISION_AUTO)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads, precision %d: expected at least 1, and f32 or bf16",
                        threads, (int)precision);
    const struct vit_types *types[VIT_MAX_TYPES];
    if (vit_types_for(types, precision) == 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this CPU has no instructions for %s (%s)",
                        vit_precision_name(precision), vit_isa());
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
