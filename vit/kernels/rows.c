/* rows.c: the kernel of what is done row by row. */
#include "vit/kernels/rows.h"

#include <stdlib.h>
#include <string.h>

#include "patches/patches.h"

struct rows {
    struct vit_kernel base;
    const struct vit_rows_isa *isa;
    struct vit_problem problem;
};

/* ---- Patches ---- */

enum { AT_ONCE = 16 }; /* patches, which stay in the cache until they are rounded */

static int patch_size(const struct vit_patchify_problem *p)
{
    return 3 * p->patch * p->patch;
}

static void patchify(const struct vit_patchify_problem *p, const struct vit_rows_isa *isa, const struct vit_buffers *b,
                     float *patches)
{
    int64_t side = p->preprocess.size, N = (side / p->patch) * (side / p->patch), last = p->first + p->rows;
    for (int64_t r = p->first, end; r < last; r = end) {
        int64_t image = r / N, n = r % N;
        end = (image + 1) * N < last ? (image + 1) * N : last;
        end = r + AT_ONCE < end ? r + AT_ONCE : end;
        vit_patchify(patches, (const uint8_t *)b->in[VIT_SRC] + image * side * side * 3, p->patch, &p->preprocess,
                     (int)n, (int)(n + end - r));
        struct vit_convert_problem convert = {p->dst, end - r, p->dst_step, patch_size(p)};
        isa->convert(&convert, &(struct vit_buffers){.dst = vit_format_row(p->dst, b->dst, p->dst_step, r - p->first),
                                                     .in = {patches}});
    }
}

/* ---- The kernel ---- */

static vit_status run_rows(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                           struct vit_error *err)
{
    (void)err;
    const struct rows *rows = (struct rows *)base;
    const struct vit_problem *p = &rows->problem;
    switch (p->op) {
    case VIT_PATCHIFY: patchify(&p->patchify, rows->isa, buffers, scratch); break;
    case VIT_NORM: rows->isa->norm(&p->norm, buffers); break;
    case VIT_QK_NORM: rows->isa->qk_norm(&p->qk_norm, buffers); break;
    case VIT_GATE: rows->isa->gate(&p->gate, buffers); break;
    default: rows->isa->convert(&p->convert, buffers);
    }
    return VIT_OK;
}

static void free_rows(struct vit_kernel *base)
{
    free(base);
}

vit_status vit_rows_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err)
{
    struct rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *rows = (struct rows){{.run = run_rows, .free = free_rows}, implementation->how, *problem};
    strcpy(rows->base.name, implementation->name);
    if (problem->op == VIT_PATCHIFY)
        rows->base.scratch_size = AT_ONCE * (size_t)patch_size(&problem->patchify) * sizeof(float);
    *kernel = &rows->base;
    return VIT_OK;
}
