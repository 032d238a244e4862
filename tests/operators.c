#include "tests/operators.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vit/choice/crew.h"
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

void *operators_narrowed(const float *src, enum vit_format rows, size_t n)
{
    void *dst = malloc(n * (rows == VIT_ROWS_F32 ? 4 : 2));
    cr_assert(dst);
    vit_format_write(rows, dst, (int64_t)n, 0, 0, src, (int)n);
    return dst;
}

float *operators_widened(const void *src, enum vit_format rows, size_t n)
{
    float *dst = malloc(n * sizeof *dst);
    cr_assert(dst);
    vit_format_read(dst, rows, src, (int64_t)n, 0, 0, (int)n);
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

void operators_run_cut(const struct vit_implementation *implementation, const struct vit_problem *problem,
                       struct vit_buffers buffers, const float *weight, int threads, int columns)
{
    struct vit_error err = {0};
    struct vit_part *parts = calloc((size_t)threads, sizeof *parts);
    struct vit_team *team;
    struct vit_crew crew;
    double seconds;
    cr_assert(parts);
    cr_assert_eq(vit_team_create(&team, threads, &err), VIT_OK, "%s", err.message);
    int n = vit_cut(parts, problem, &buffers, threads, columns).n;
    cr_assert_eq(vit_crew_create(&crew, implementation, n, parts, team, &err), VIT_OK, "%s: %s", implementation->name,
                 err.message);
    char *packed = aligned_alloc(64, crew.packing_size + 64);
    crew.scratch = aligned_alloc(64, crew.scratch_size * (size_t)n + 64);
    cr_assert(packed && crew.scratch);
    if (crew.packing_size > 0)
        cr_assert_eq(vit_crew_pack(&crew, packed, weight, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_crew_run(&crew, &seconds, &err), VIT_OK, "%s: %s", implementation->name, err.message);
    free(crew.scratch), free(packed);
    vit_crew_free(&crew);
    vit_team_free(team);
    free(parts);
}

void operators_run(const struct vit_implementation *implementation, const struct vit_problem *problem,
                   struct vit_buffers buffers, const float *weight)
{
    operators_run_cut(implementation, problem, buffers, weight, 1, 1);
}
