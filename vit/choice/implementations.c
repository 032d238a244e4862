/* implementations.c: the table of implementations, and which of them fit a problem on this machine. */
#include "vit/choice/implementations.h"

#include <string.h>

#include "vit/kernels/attention.h"
#include "vit/kernels/gemm.h"
#include "vit/kernels/rows.h"
#include "vit/kernels/tiles_attention.h"
#include "vit/kernels/tiles_linear.h"
#include "vit/onednn/isa.h"
#include "vit/onednn/onednn.h"
#include "vit/operators/plain.h"

enum { ANY = -1, PANELS = -2, ROWS = -3, NEVER = VIT_ISA_AMX + 1 };

/* Own implementations; of one operator, the better ones first. */
static const struct row {
    enum vit_op op;
    int format; /* enum vit_format, or PANELS, ROWS or ANY: of a linear layer's src, an attention, what others write */
    int needs;  /* the instruction set, of enum vit_isa_level */
    int behind; /* the one from which on oneDNN's come first, because it has better instructions than this uses */
    struct vit_implementation implementation;
} rows[] = {
    {VIT_LINEAR, PANELS, VIT_ISA_AMX, NEVER, {"own:amx", vit_tiles_linear_create, &vit_tiles_linear_amx}},
    {VIT_LINEAR, VIT_ROWS_F32, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_gemm_create, &vit_gemm_avx512}},
    {VIT_LINEAR, VIT_ROWS_F32, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_gemm_create, &vit_gemm_avx2}},
    {VIT_LINEAR, VIT_ROWS_BF16, VIT_ISA_AVX512, VIT_ISA_AMX, {"own:avx512", vit_gemm_create, &vit_gemm_avx512_bf16}},
    {VIT_LINEAR, VIT_ROWS_BF16, VIT_ISA_AVX2, VIT_ISA_AMX, {"own:avx2", vit_gemm_create, &vit_gemm_avx2_bf16}},
    {VIT_LINEAR, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_linear}},

    {VIT_ATTENTION, PANELS, VIT_ISA_AMX, NEVER, {"own:amx", vit_tiles_attention_create, &vit_tiles_attention_amx}},
    {VIT_ATTENTION, ANY, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_attention_create, &vit_attention_avx512}},
    {VIT_ATTENTION, ANY, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_attention_create, &vit_attention_avx2}},
    {VIT_ATTENTION, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_attention}},

    {VIT_NORM, PANELS, VIT_ISA_AMX, NEVER, {"own:amx", vit_rows_create, &vit_rows_amx}},
    {VIT_NORM, ROWS, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_rows_create, &vit_rows_avx512}},
    {VIT_NORM, ROWS, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_rows_create, &vit_rows_avx2}},
    {VIT_NORM, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_norm}},
    {VIT_PATCHIFY, PANELS, VIT_ISA_AMX, NEVER, {"own:amx", vit_rows_create, &vit_rows_amx}},
    {VIT_PATCHIFY, ROWS, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_rows_create, &vit_rows_avx512}},
    {VIT_PATCHIFY, ROWS, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_rows_create, &vit_rows_avx2}},
    {VIT_PATCHIFY, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_patchify}},
    {VIT_GATE, ANY, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_rows_create, &vit_rows_avx512}},
    {VIT_GATE, ANY, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_rows_create, &vit_rows_avx2}},
    {VIT_GATE, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_gate}},
    {VIT_QK_NORM, ANY, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_rows_create, &vit_rows_avx512}},
    {VIT_QK_NORM, ANY, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_rows_create, &vit_rows_avx2}},
    {VIT_QK_NORM, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_qk_norm}},
    {VIT_EMBED, ANY, VIT_ISA_ANY, NEVER, {"plain", vit_plain_create, &vit_plain_embed}},
    {VIT_MEAN, ANY, VIT_ISA_ANY, NEVER, {"plain", vit_plain_create, &vit_plain_mean}},
    {VIT_GATHER, ANY, VIT_ISA_ANY, NEVER, {"plain", vit_plain_create, &vit_plain_gather}},
    {VIT_NORMALIZE, ANY, VIT_ISA_ANY, NEVER, {"plain", vit_plain_create, &vit_plain_normalize}},
    {VIT_CONVERT, PANELS, VIT_ISA_AMX, NEVER, {"own:amx", vit_rows_create, &vit_rows_amx}},
    {VIT_CONVERT, ROWS, VIT_ISA_AVX512, NEVER, {"own:avx512", vit_rows_create, &vit_rows_avx512}},
    {VIT_CONVERT, ROWS, VIT_ISA_AVX2, NEVER, {"own:avx2", vit_rows_create, &vit_rows_avx2}},
    {VIT_CONVERT, ANY, VIT_ISA_ANY, VIT_ISA_ANY, {"plain", vit_plain_create, &vit_plain_convert}},
};

enum { N_ROWS = sizeof rows / sizeof *rows };

static enum vit_format format_of(const struct vit_problem *problem)
{
    switch (problem->op) {
    case VIT_LINEAR: return problem->linear.src;
    case VIT_ATTENTION: return problem->attention.format;
    case VIT_NORM: return problem->norm.dst;
    case VIT_PATCHIFY: return problem->patchify.dst;
    case VIT_CONVERT: return problem->convert.dst;
    case VIT_GATHER: return problem->gather.format;
    default: return VIT_ROWS_F32;
    }
}

static bool fits(const struct row *row, const struct vit_problem *problem, int level)
{
    enum vit_format format = format_of(problem);
    int kind = vit_format_parts(format) > 0 ? PANELS : ROWS;
    return row->op == problem->op && row->needs <= level &&
           (row->format == ANY || row->format == (int)format || row->format == kind);
}

int vit_implementations(struct vit_implementation list[VIT_MAX_IMPLEMENTATIONS], int part,
                        const struct vit_problem *problem, const char *name)
{
    if (part == 1)
        return vit_dnnl_list(list, VIT_MAX_IMPLEMENTATIONS, problem, name);
    int n = 0, level = vit_isa_level();
    for (int i = 0; i < N_ROWS; i++)
        if (fits(&rows[i], problem, level) && (level >= rows[i].behind) == (part == 2) &&
            (!name || strcmp(name, rows[i].implementation.name) == 0))
            list[n++] = rows[i].implementation;
    return n;
}

const struct vit_implementation *vit_plain_implementation(const struct vit_problem *problem)
{
    int i = 0;
    while (rows[i].op != problem->op || rows[i].implementation.create != vit_plain_create)
        i++;
    return &rows[i].implementation;
}
