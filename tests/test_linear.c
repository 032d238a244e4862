/* test_linear.c: every implementation of a linear layer that this machine can run, own kernels and oneDNN's, against the plain
 * loops of ref.c; and what the own kernels promise beyond that. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "vit/base/half.h"
#include "vit/choice/linear.h"
#include "vit/kernels/gemm.h"

/* Exactly n floats, so that a sanitizer sees every access beyond them. */
static float *random_floats(size_t n, uint32_t seed)
{
    float *data = malloc(n * sizeof *data);
    cr_assert(data);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(seed >> 8) / (float)(1 << 23) - 1;
    }
    return data;
}

/* A layer, its input and what dst holds before. In bf16 all are values that bf16 has. */
struct layer {
    struct vit_linear linear;
    int rows;
    float *src, *weight, *bias, *dst;
};

static void round_to_bf16(float *x, size_t n)
{
    uint16_t *narrow = malloc(n * sizeof *narrow);
    cr_assert(narrow);
    vit_narrow(narrow, x, VIT_BF16, (int64_t)n);
    vit_widen(x, narrow, VIT_BF16, (int64_t)n);
    free(narrow);
}

static struct layer make_layer(int rows, int in, int out, enum vit_dtype type)
{
    size_t n_src = (size_t)(rows * in), n_weight = (size_t)(in * out), n_dst = (size_t)(rows * out);
    struct layer l = {{"layer", in, out, 0, 0, 1, -1}, rows, random_floats(n_src, 1), random_floats(n_weight, 2),
                      random_floats((size_t)out, 3), random_floats(n_dst, 4)};
    if (type == VIT_BF16)
        round_to_bf16(l.src, n_src), round_to_bf16(l.weight, n_weight);
    return l;
}

static void free_layer(struct layer *l)
{
    free(l->src), free(l->weight), free(l->bias), free(l->dst);
}

static vit_status read_tensor(void *context, int i, float *dst, struct vit_error *err)
{
    (void)err;
    const struct layer *l = context;
    size_t out = (size_t)l->linear.out, n = i == 0 ? out * (size_t)l->linear.in : out;
    memcpy(dst, i == 0 ? l->weight : l->bias, n * sizeof *dst);
    return VIT_OK;
}

static int64_t count_tensor(void *context, int i)
{
    const struct layer *l = context;
    return i == 0 ? (int64_t)l->linear.in * l->linear.out : l->linear.out;
}

static size_t n_dst(const struct layer *l)
{
    return (size_t)l->rows * (size_t)l->linear.out;
}

/* n values at data, as type; freed by the caller. */
static void *as_type(const float *data, size_t n, enum vit_dtype type)
{
    void *copy = malloc(n * vit_dtype_size(type));
    cr_assert(copy);
    if (type == VIT_F32)
        memcpy(copy, data, n * sizeof *data);
    else
        vit_narrow(copy, data, type, (int64_t)n);
    return copy;
}

static void run_kernel(struct vit_kernel *kernel)
{
    void *scratch = aligned_alloc(64, (kernel->scratch_size + 64) / 64 * 64);
    cr_assert(scratch);
    cr_assert_eq(kernel->run(kernel, scratch, NULL), VIT_OK);
    free(scratch);
}

/* What ref.c makes of l: (rows, out), freed by the caller. */
static float *expected(const struct layer *l, struct vit_linear_op op)
{
    struct vit_params *params;
    struct vit_kernel *kernel;
    float *dst = as_type(l->dst, n_dst(l), VIT_F32);
    cr_assert_eq(vit_params_create(&params, (struct vit_param_reader){read_tensor, count_tensor, (void *)(uintptr_t)l}, NULL),
                 VIT_OK);
    op.src = (struct vit_array){l->src, VIT_F32};
    op.dst = (struct vit_array){dst, VIT_F32};
    op.rows = l->rows, op.images = 1, op.linear = &l->linear, op.params = params;
    cr_assert_eq(vit_ops_ref.linear(&kernel, NULL, &op, NULL), VIT_OK);
    run_kernel(kernel);
    vit_kernel_free(kernel);
    vit_params_free(params);
    return dst;
}

/* What the implementation that list stands at makes of l, as f32; freed by the caller. */
static float *result(const struct layer *l, const struct vit_linear_kind *kind, const void *list,
                     const struct vit_linear_op *op)
{
    struct vit_linear_candidate c;
    cr_assert_eq(kind->make(list, &c, NULL), VIT_OK, "%s", kind->implementation(list));
    void *weight = aligned_alloc(64, (c.packing.size + 63) / 64 * 64);
    cr_assert(weight);
    cr_assert_eq(c.packing.pack(&c.packing, l->weight, weight, NULL), VIT_OK);
    cr_assert_eq(c.set_weight(c.kernel, weight, NULL), VIT_OK);
    run_kernel(c.kernel);
    vit_kernel_free(c.kernel);
    free(weight);
    float *dst = malloc(n_dst(l) * sizeof *dst);
    cr_assert(dst);
    vit_widen(dst, op->dst.data, op->dst.type, (int64_t)n_dst(l));
    return dst;
}

static void check_implementation(const struct layer *l, const struct vit_linear_kind *kind, const void *list,
                                 const struct vit_linear_op *op, const float *want)
{
    char name[160], message[CHECK_MESSAGE_MAX];
    snprintf(name, sizeof name, "%s %s, %s to %s, %d x %d -> %d%s%s", kind->name, kind->implementation(list),
             vit_dtype_name(op->src.type), vit_dtype_name(op->dst.type), l->rows, l->linear.in, l->linear.out,
             op->add ? " add" : "", op->activate ? " act" : "");
    void *before = as_type(l->dst, n_dst(l), op->dst.type);
    memcpy(op->dst.data, before, n_dst(l) * vit_dtype_size(op->dst.type));
    float *got = result(l, kind, list, op);
    cr_assert(check_f32(message, name, got, want, n_dst(l), op->dst.type == VIT_F32 ? 2e-6 : 4e-3), "%s", message);
    free(before), free(got);
}

enum whose { OWN, ALL };

/* Every implementation of op, of which types, act and add are set, for a layer of that size. */
static void check_layer(enum whose whose, int rows, int in, int out, bool has_bias, struct vit_linear_op op)
{
    struct layer l = make_layer(rows, in, out, op.src.type);
    const struct vit_linear_kind *kinds[VIT_LINEAR_KINDS + 1];
    void *context;
    if (!has_bias)
        l.linear.bias = -1;
    float *want = expected(&l, op);
    op.src.data = as_type(l.src, (size_t)(rows * in), op.src.type);
    op.dst.data = as_type(l.dst, n_dst(&l), op.dst.type);
    op.rows = rows, op.images = 1, op.linear = &l.linear;
    vit_linear_kinds(kinds, &op);
    cr_assert_eq(vit_ops_dnnl.open(&context, NULL, NULL), VIT_OK);
    for (int i = 0; kinds[i]; i++) {
        void *list;
        if ((whose == OWN && kinds[i] != &vit_linear_own) ||
            kinds[i]->open(&list, context, &op, has_bias ? l.bias : NULL, NULL) != VIT_OK)
            continue;
        do
            check_implementation(&l, kinds[i], list, &op, want);
        while (kinds[i]->next(list));
        kinds[i]->close(list);
    }
    vit_ops_dnnl.close(context);
    free(want), free(op.src.data), free(op.dst.data);
    free_layer(&l);
}

static void check_variants(enum whose whose, int rows, int in, int out, enum vit_dtype type)
{
    struct vit_linear_op op = {.src.type = type, .dst.type = type};
    check_layer(whose, rows, in, out, true, op);
    check_layer(whose, rows, in, out, false, op);
    for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++)
        check_layer(whose, rows, in, out, true,
                    (struct vit_linear_op){.src.type = type, .dst.type = type, .activate = true, .act = (enum vit_act)act});
    op.dst.type = VIT_F32;
    op.add = true;
    check_layer(whose, rows, in, out, true, op);
    check_layer(whose, rows, in, out, false, op);
}

Test(linear, every_implementation)
{
    static const int shapes[][3] = {{5, 30, 75}, {65, 192, 200}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_variants(ALL, shapes[s][0], shapes[s][1], shapes[s][2], VIT_F32);
}

/* Around the sizes of tiles, vectors, panels and blocks. */
static const int own_shapes[][3] = {{1, 1, 1},     {1, 7, 15},    {2, 8, 16},    {3, 9, 17},   {4, 75, 47},
                                    {7, 588, 48},  {8, 31, 49},   {9, 33, 64},   {17, 12, 97}, {50, 192, 1000},
                                    {5, 1025, 23}, {12, 2100, 40}};

Test(linear, own_at_every_edge)
{
    for (size_t s = 0; s < sizeof own_shapes / sizeof *own_shapes; s++)
        check_variants(OWN, own_shapes[s][0], own_shapes[s][1], own_shapes[s][2], VIT_F32);
}

Test(linear, own_in_bf16)
{
    for (size_t s = 0; s < sizeof own_shapes / sizeof *own_shapes; s++)
        check_variants(OWN, own_shapes[s][0], own_shapes[s][1], own_shapes[s][2], VIT_BF16);
}

/* More rows than stay in the cache with a block: several passes over the weight. */
Test(linear, own_in_pieces)
{
    check_layer(OWN, 300, 1030, 33, true, (struct vit_linear_op){0});
    check_layer(OWN, 700, 1000, 20, true, (struct vit_linear_op){.src.type = VIT_BF16, .dst.type = VIT_BF16});
}

/* Every upper half of a float, with lower halves on each side of what rounding tells apart, as vit_narrow does it. */
static void check_narrowing(const struct vit_gemm_kernel *kernel)
{
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { N = sizeof lower / sizeof *lower << 16 };
    uint16_t *want = malloc(N * sizeof *want), *got = malloc(N * sizeof *got);
    float *values = malloc(N * sizeof *values);
    cr_assert(want && got && values);
    for (uint32_t i = 0; i < N; i++)
        memcpy(&values[i], &(uint32_t){(i & 0xffff) << 16 | lower[i >> 16]}, sizeof *values);
    vit_narrow(want, values, VIT_BF16, N);
    for (int i = 0; i < N; i += kernel->lanes) /* a weight with one input: its panel is its outputs */
        kernel->pack_weight(got + i, VIT_BF16, values + i, 1, kernel->lanes);
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(got[i], want[i], "%s: %04x%04x became %04x, expected %04x", kernel->name, i & 0xffff,
                     lower[i >> 16], got[i], want[i]);
    free(want), free(got), free(values);
}

Test(linear, own_narrowing_of_every_kind_of_value)
{
    if (vit_isa_level() >= VIT_ISA_AVX2)
        check_narrowing(&vit_gemm_avx2);
    if (vit_isa_level() >= VIT_ISA_AVX512)
        check_narrowing(&vit_gemm_avx512);
}

/* One row computed by itself has the bytes that it has among others, whatever the number of threads. */
Test(linear, own_rows_are_independent)
{
    enum { ROWS = 37, IN = 1500, OUT = 130 };
    struct layer l = make_layer(ROWS, IN, OUT, VIT_F32);
    void *list;
    float *first = NULL;
    struct vit_linear_op op = {.src = {l.src, VIT_F32}, .dst = {l.dst, VIT_F32}, .rows = ROWS, .images = 1, .linear = &l.linear};
    if (vit_linear_own.open(&list, NULL, &op, l.bias, NULL) != VIT_OK)
        return; /* no AVX2 */
    do {
        for (int threads = 1; threads <= 7; threads += 2) {
            omp_set_num_threads(threads);
            float *whole = result(&l, &vit_linear_own, list, &op);
            if (threads == 1)
                first = whole;
            cr_assert_eq(memcmp(whole, first, n_dst(&l) * sizeof *whole), 0, "%d threads", threads);
            if (threads > 1)
                free(whole);
        }
        for (int r = 0; r < ROWS; r++) {
            struct layer one = {l.linear, 1, l.src + r * IN, l.weight, l.bias, l.dst};
            op.src.data = one.src, op.rows = 1;
            float *row = result(&one, &vit_linear_own, list, &op);
            cr_assert_eq(memcmp(row, first + r * OUT, OUT * sizeof *row), 0, "row %d", r);
            op.src.data = l.src, op.rows = ROWS;
            free(row);
        }
        free(first);
    } while (vit_linear_own.next(list));
    vit_linear_own.close(list);
    free_layer(&l);
}

/* act of x (n) by the implementation that list stands at: a layer of one weight, which is 1. */
static float *activated(const struct vit_linear_kind *kind, float *x, int n, enum vit_act act, bool second)
{
    static float one = 1;
    float *dst = malloc((size_t)n * sizeof *dst);
    cr_assert(dst);
    struct layer l = {{"layer", 1, 1, 0, 0, -1, -1}, n, x, &one, NULL, dst};
    struct vit_linear_op op = {.src = {x, VIT_F32}, .dst = {dst, VIT_F32}, .rows = n, .images = 1, .linear = &l.linear};
    op.activate = true, op.act = act;
    void *list;
    float *got = NULL;
    if (kind->open(&list, NULL, &op, NULL, NULL) == VIT_OK) {
        if (!second || kind->next(list))
            got = result(&l, kind, list, &op);
        kind->close(list);
    }
    free(dst);
    return got;
}

/* As polynomials.h claims, also far out. */
Test(linear, own_gelu_is_exact)
{
    enum { N = 100001 };
    float *x = malloc(N * sizeof *x);
    cr_assert(x);
    for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * (12.0f / (N / 2));
    x[0] = -1e6f, x[1] = 1e6f, x[2] = FLT_MAX, x[3] = NAN;
    for (int second = 0; second < 2; second++) {
        float *got = activated(&vit_linear_own, x, N, VIT_ACT_GELU_ERF, second);
        for (int i = 0; got && i < N; i++) {
            double want = 0.5 * x[i] * (1 + erf(x[i] * sqrt(0.5))), limit = fabsf(x[i]) < 3 ? 4.8e-7 : 9e-7;
            cr_assert(i == 3 ? isnan(got[i]) : fabs(got[i] - want) <= limit + 1.2e-7 * fabs(want), "gelu(%g) = %.9g, not %.9g", x[i],
                      got[i], want);
        }
        free(got);
    }
    free(x);
}

Test(linear, own_activations_far_out)
{
    float x[8] = {-FLT_MAX, -300, -100, 100, 300, FLT_MAX, NAN, 0};
    for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++)
        for (int second = 0; second < 2; second++) {
            float *got = activated(&vit_linear_own, x, 8, (enum vit_act)act, second);
            for (int i = 0; got && i < 8; i++) {
                float want = x[i] > 0 ? x[i] : isnan(x[i]) ? NAN : 0;
                cr_assert(isnan(want) ? isnan(got[i]) : fabsf(got[i] - want) <= 1e-6f * fmaxf(fabsf(want), 1) ||
                                                            (x[i] == -FLT_MAX && fabsf(got[i]) <= 8),
                          "activation %d of %g is %g", act, x[i], got[i]);
            }
            free(got);
        }
}
