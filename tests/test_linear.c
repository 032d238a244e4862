/* test_linear.c: every implementation of a linear layer that this machine can run, own kernels and oneDNN's, against
 * the plain loops; and what the own kernels promise beyond that. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/operators.h"
#include "vit/base/half.h"
#include "vit/choice/implementations.h"
#include "vit/kernels/gemm.h"
#include "vit/onednn/isa.h"

/* A layer, its input and what dst holds before. In bf16 all are values that bf16 has. */
struct layer {
    struct vit_problem problem;
    float *src, *weight, *bias, *dst;
};

static struct layer make_layer(int rows, int in, int out, struct vit_linear_problem p)
{
    size_t n_src = (size_t)(rows * in), n_weight = (size_t)(in * out);
    p.rows = rows, p.in = in, p.out = out, p.images = 1;
    p.src_step = in, p.dst_step = out;
    struct layer l = {{VIT_LINEAR, .linear = p},
                      operators_noise(n_src, 1, 1),
                      operators_noise(n_weight, 2, 1),
                      operators_noise((size_t)out, 3, 1),
                      operators_noise((size_t)(rows * out), 4, 1)};
    if (p.src == VIT_ROWS_BF16)
        vit_round_to(l.src, VIT_BF16, (int64_t)n_src), vit_round_to(l.weight, VIT_BF16, (int64_t)n_weight);
    return l;
}

static void free_layer(struct layer *l)
{
    free(l->src), free(l->weight), free(l->bias), free(l->dst);
}

static size_t n_dst(const struct layer *l)
{
    return (size_t)l->problem.linear.rows * (size_t)l->problem.linear.out;
}

/* What implementation makes of l, as f32; freed by the caller. */
static float *result_cut(const struct layer *l, const struct vit_implementation *implementation, int threads,
                         int columns)
{
    const struct vit_linear_problem *p = &l->problem.linear;
    void *src = operators_narrowed(l->src, p->src, (size_t)(p->rows * p->in));
    void *dst = operators_narrowed(l->dst, p->dst, n_dst(l));
    operators_run_cut(implementation, &l->problem, (struct vit_buffers){.dst = dst, .in = {src, NULL, l->bias}},
                      l->weight, threads, columns);
    float *wide = operators_widened(dst, p->dst, n_dst(l));
    free(src), free(dst);
    return wide;
}

static float *result(const struct layer *l, const struct vit_implementation *implementation)
{
    return result_cut(l, implementation, 1, 1);
}

/* What the plain loops make of it in f32. */
static float *expected(const struct layer *l)
{
    struct layer f32 = *l;
    f32.problem.linear.src = f32.problem.linear.dst = VIT_ROWS_F32;
    return result(&f32, vit_plain_implementation(&f32.problem));
}

static bool is_own(const struct vit_implementation *implementation)
{
    return strncmp(implementation->name, "own:", 4) == 0;
}

enum whose { OWN, ALL };

/* Every implementation for a layer of that size; of p, types and epilogue are set. */
static void check_layer(enum whose whose, int rows, int in, int out, struct vit_linear_problem p)
{
    struct layer l = make_layer(rows, in, out, p);
    struct vit_implementation list[OPERATORS_MAX];
    int n = operators_list(list, &l.problem);
    float *want = expected(&l);
    for (int i = 0; i < n; i++) {
        char name[320], key[VIT_PROBLEM_KEY_MAX], message[CHECK_MESSAGE_MAX];
        if (whose == OWN && !is_own(&list[i]))
            continue;
        vit_problem_key(key, &l.problem);
        snprintf(name, sizeof name, "%.63s, %.191s", list[i].name, key);
        float *got = result(&l, &list[i]);
        cr_assert(check_f32(message, name, got, want, n_dst(&l), p.dst == VIT_ROWS_F32 ? 2e-6 : 4e-3), "%s", message);
        free(got);
    }
    free(want);
    free_layer(&l);
}

static void check_variants(enum whose whose, int rows, int in, int out, enum vit_format type)
{
    const struct vit_linear_problem p = {.src = type, .dst = type},
                                    add = {.src = type, .dst = VIT_ROWS_F32, .add = true};
    struct vit_linear_problem variants[] = {p, p, p, p, p, p, add, add};
    for (int i = 0; i < 8; i++) {
        variants[i].bias = i % 7 != 0;
        variants[i].activate = i >= 2 && i < 6;
        variants[i].act = i >= 2 && i < 6 ? (enum vit_act)(VIT_ACT_GELU_ERF + i - 2) : VIT_ACT_GELU_ERF;
        check_layer(whose, rows, in, out, variants[i]);
    }
}

Test(linear, every_implementation)
{
    static const int shapes[][3] = {{1, 1, 1}, {5, 30, 75}, {17, 10, 9}, {65, 192, 200}, {65, 384, 1152}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_variants(ALL, shapes[s][0], shapes[s][1], shapes[s][2], VIT_ROWS_F32);
}

/* Around the sizes of tiles, vectors, panels and blocks. */
static const int own_shapes[][3] = {{1, 1, 1},    {1, 7, 15},      {2, 8, 16},    {3, 9, 17},
                                    {4, 75, 47},  {7, 588, 48},    {8, 31, 49},   {9, 33, 64},
                                    {17, 12, 97}, {50, 192, 1000}, {5, 1025, 23}, {12, 2100, 40}};

Test(linear, own_at_every_edge)
{
    for (size_t s = 0; s < sizeof own_shapes / sizeof *own_shapes; s++)
        check_variants(OWN, own_shapes[s][0], own_shapes[s][1], own_shapes[s][2], VIT_ROWS_F32);
}

Test(linear, own_in_bf16)
{
    for (size_t s = 0; s < sizeof own_shapes / sizeof *own_shapes; s++)
        check_variants(OWN, own_shapes[s][0], own_shapes[s][1], own_shapes[s][2], VIT_ROWS_BF16);
}

/* More rows than stay in the cache with a block: several passes over the weight. */
Test(linear, own_in_pieces)
{
    check_layer(OWN, 300, 1030, 33, (struct vit_linear_problem){.bias = true});
    check_layer(OWN, 700, 1000, 20,
                (struct vit_linear_problem){.src = VIT_ROWS_BF16, .dst = VIT_ROWS_BF16, .bias = true});
}

/* Every upper half of a float, with lower halves on each side of what rounding tells apart, as vit_narrow does it. */
static void check_narrowing(const char *name, const struct vit_gemm_isa *isa)
{
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { N = sizeof lower / sizeof *lower << 16 };
    uint16_t *want = malloc(N * sizeof *want), *got = malloc(N * sizeof *got);
    float *values = malloc(N * sizeof *values);
    cr_assert(want && got && values);
    for (uint32_t i = 0; i < N; i++)
        memcpy(&values[i], &(uint32_t){(i & 0xffff) << 16 | lower[i >> 16]}, sizeof *values);
    vit_narrow(want, values, VIT_BF16, N);
    for (int i = 0; i < N; i += isa->lanes) /* a weight with one input: its panel is its outputs */
        isa->pack_weight(got + i, values + i, 1, isa->lanes);
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(got[i], want[i], "%s: %04x%04x became %04x, expected %04x", name, i & 0xffff, lower[i >> 16],
                     got[i], want[i]);
    free(want), free(got), free(values);
}

Test(linear, own_narrowing_of_every_kind_of_value)
{
    if (vit_isa_level() >= VIT_ISA_AVX2)
        check_narrowing("avx2", &vit_gemm_avx2_bf16);
    if (vit_isa_level() >= VIT_ISA_AVX512)
        check_narrowing("avx512", &vit_gemm_avx512_bf16);
}

/* One row computed by itself has the bytes that it has among others, and however the layer is cut. */
Test(linear, own_rows_are_independent)
{
    enum { ROWS = 37, IN = 1500, OUT = 130 };
    struct layer l = make_layer(ROWS, IN, OUT, (struct vit_linear_problem){.bias = true});
    struct vit_implementation list[OPERATORS_MAX];
    int n = operators_list(list, &l.problem);
    for (int i = 0; i < n; i++) {
        if (!is_own(&list[i]))
            continue;
        float *first = result(&l, &list[i]);
        for (int threads = 2; threads <= 7; threads++)
            for (int columns = 1; columns <= threads; columns++) {
                if (threads % columns != 0)
                    continue;
                float *whole = result_cut(&l, &list[i], threads, columns);
                cr_assert_eq(memcmp(whole, first, n_dst(&l) * sizeof *whole), 0, "%d threads, %d by outputs", threads,
                             columns);
                free(whole);
            }
        for (int r = 0; r < ROWS; r++) {
            struct layer one = {l.problem, l.src + r * IN, l.weight, l.bias, l.dst};
            one.problem.linear.rows = 1;
            float *row = result(&one, &list[i]);
            cr_assert_eq(memcmp(row, first + r * OUT, OUT * sizeof *row), 0, "row %d", r);
            free(row);
        }
        free(first);
    }
    free_layer(&l);
}

/* act of x (n) by an own implementation: a layer of one weight, which is 1. */
static float *activated(const struct vit_implementation *implementation, float *x, int n, enum vit_act act)
{
    float one = 1, *dst = malloc((size_t)n * sizeof *dst);
    struct layer l = {
        {VIT_LINEAR,
         .linear =
             {.rows = n, .src_step = 1, .dst_step = 1, .images = 1, .in = 1, .out = 1, .activate = true, .act = act}},
        x,
        &one,
        NULL,
        dst};
    cr_assert(dst);
    float *got = result(&l, implementation);
    free(dst);
    return got;
}

/* The own implementations of an f32 layer. */
static int list_own(struct vit_implementation list[OPERATORS_MAX])
{
    struct vit_problem problem = {VIT_LINEAR,
                                  .linear = {.rows = 1, .src_step = 1, .dst_step = 1, .images = 1, .in = 1, .out = 1}};
    int own = 0, n = operators_list(list, &problem);
    for (int i = 0; i < n; i++)
        if (is_own(&list[i]))
            list[own++] = list[i];
    return own;
}

/* As polynomials.h claims, also far out. */
Test(linear, own_gelu_is_exact)
{
    enum { N = 100001 };
    struct vit_implementation list[OPERATORS_MAX];
    float *x = malloc(N * sizeof *x);
    cr_assert(x);
    for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * (12.0f / (N / 2));
    x[0] = -1e6f, x[1] = 1e6f, x[2] = FLT_MAX, x[3] = NAN;
    for (int n = list_own(list); n > 0; n--) {
        float *got = activated(&list[n - 1], x, N, VIT_ACT_GELU_ERF);
        for (int i = 0; i < N; i++) {
            double want = 0.5 * x[i] * (1 + erf(x[i] * sqrt(0.5))), limit = fabsf(x[i]) < 3 ? 4.8e-7 : 9e-7;
            cr_assert(i == 3 ? isnan(got[i]) : fabs(got[i] - want) <= limit + 1.2e-7 * fabs(want),
                      "gelu(%g) = %.9g, not %.9g", x[i], got[i], want);
        }
        free(got);
    }
    free(x);
}

Test(linear, own_activations_far_out)
{
    float x[8] = {-FLT_MAX, -300, -100, 100, 300, FLT_MAX, NAN, 0};
    struct vit_implementation list[OPERATORS_MAX];
    for (int n = list_own(list); n > 0; n--)
        for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++) {
            float *got = activated(&list[n - 1], x, 8, (enum vit_act)act);
            for (int i = 0; i < 8; i++) {
                float want = x[i] > 0 ? x[i] : isnan(x[i]) ? NAN : 0;
                cr_assert(isnan(want) ? isnan(got[i])
                                      : fabsf(got[i] - want) <= 1e-6f * fmaxf(fabsf(want), 1) ||
                                            (x[i] == -FLT_MAX && fabsf(got[i]) <= 8),
                          "activation %d of %g is %g", act, x[i], got[i]);
            }
            free(got);
        }
}
