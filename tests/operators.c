#include "tests/operators.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/choice/implementations.h"

float *operators_noise(size_t n, uint32_t seed, float scale)
{
    float *data = malloc(n * sizeof *data);
    cr_assert(data);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = scale * ((float)(seed >> 8) / (float)(1 << 23) - 1);
    }
    return data;
}

void *operators_narrowed(const float *src, enum vit_dtype type, size_t n)
{
    void *dst = malloc(n * vit_dtype_size(type));
    cr_assert(dst);
    if (type == VIT_F32)
        memcpy(dst, src, n * sizeof *src);
    else
        vit_narrow(dst, src, type, (int64_t)n);
    return dst;
}

float *operators_widened(const void *src, enum vit_dtype type, size_t n)
{
    float *dst = malloc(n * sizeof *dst);
    cr_assert(dst);
    vit_widen(dst, src, type, (int64_t)n);
    return dst;
}

int operators_list(struct vit_implementation list[OPERATORS_MAX], const struct vit_problem *problem)
{
    int n = 0;
    for (int part = 0; part < VIT_PARTS_OF_IMPLEMENTATIONS; part++) {
        struct vit_implementation some[VIT_MAX_IMPLEMENTATIONS];
        int more = vit_implementations(some, part, problem, NULL);
        cr_assert_leq(n + more, OPERATORS_MAX);
        memcpy(list + n, some, (size_t)more * sizeof *some);
        n += more;
    }
    return n;
}

void operators_run(const struct vit_implementation *implementation, const struct vit_problem *problem,
                   struct vit_buffers buffers, const float *weight)
{
    struct vit_error err = {0};
    struct vit_kernel *kernel;
    cr_assert_eq(implementation->create(&kernel, implementation, problem, &err), VIT_OK, "%s: %s", implementation->name,
                 err.message);
    void *scratch = aligned_alloc(64, (kernel->scratch_size + 64) / 64 * 64);
    void *packed = aligned_alloc(64, (kernel->packing.size + 64) / 64 * 64);
    cr_assert(scratch && packed);
    if (kernel->packing.size > 0) {
        cr_assert_eq(kernel->pack(kernel, packed, weight, &err), VIT_OK, "%s", err.message);
        buffers.in[VIT_WEIGHT] = packed;
    }
    cr_assert_eq(kernel->run(kernel, &buffers, scratch, &err), VIT_OK, "%s: %s", implementation->name, err.message);
    vit_kernel_free(kernel);
    free(scratch), free(packed);
}
