/* rows.c: the kernel of what is done row by row. */
#include "vit/kernels/rows.h"

#include <stdlib.h>
#include <string.h>

struct rows {
    struct vit_kernel base;
    const struct vit_rows_isa *isa;
    struct vit_problem problem;
};

static vit_status run_rows(struct vit_kernel *base, const struct vit_buffers *buffers, void *scratch,
                           struct vit_error *err)
{
    (void)scratch, (void)err;
    const struct rows *rows = (struct rows *)base;
    if (rows->problem.op == VIT_NORM)
        rows->isa->norm(&rows->problem.norm, buffers);
    else if (rows->problem.op == VIT_QK_NORM)
        rows->isa->qk_norm(&rows->problem.qk_norm, buffers);
    else
        rows->isa->convert(&rows->problem.convert, buffers);
    return VIT_OK;
}

static void free_rows(struct vit_kernel *base)
{
    free(base);
}

static enum vit_format written(const struct vit_problem *problem)
{
    return problem->op == VIT_NORM      ? problem->norm.dst
           : problem->op == VIT_CONVERT ? problem->convert.dst
                                        : VIT_ROWS_F32;
}

vit_status vit_rows_create(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                           const struct vit_problem *problem, struct vit_error *err)
{
    const struct vit_rows_isa *isa = implementation->how;
    if (vit_format_parts(written(problem)) > 0 && !isa->panels)
        return VIT_ERR_UNSUPPORTED;
    struct rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    *rows = (struct rows){{.run = run_rows, .free = free_rows}, isa, *problem};
    strcpy(rows->base.name, implementation->name);
    *kernel = &rows->base;
    return VIT_OK;
}
