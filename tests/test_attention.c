/* test_attention.c: the own attention kernels, each that this machine can run, against the plain loops of ref.c. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "vit/base/half.h"
#include "vit/kernels/attention.h"

struct shape {
    int batch, tokens, heads, head_dim;
};

static size_t dst_count(struct shape s)
{
    return (size_t)s.batch * (size_t)s.tokens * (size_t)s.heads * (size_t)s.head_dim;
}

/* Exactly n floats, so that a sanitizer sees every access beyond them. */
static float *allocate(size_t n)
{
    float *data = malloc(n * sizeof *data);
    cr_assert(data);
    for (size_t i = 0; i < n; i++)
        data[i] = FLT_MAX;
    return data;
}

static float *random_floats(size_t n, float scale)
{
    static uint32_t seed = 1;
    float *data = allocate(n);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = scale * ((float)(seed >> 8) / (float)(1 << 23) - 1);
    }
    return data;
}

static void run(struct vit_kernel *kernel)
{
    void *scratch = aligned_alloc(64, (kernel->scratch_size + 64) / 64 * 64);
    cr_assert(scratch);
    cr_assert_eq(kernel->run(kernel, scratch, NULL), VIT_OK);
    free(scratch);
    vit_kernel_free(kernel);
}

/* n floats as bf16; freed by the caller. */
static void *narrowed(const float *src, size_t n)
{
    uint16_t *dst = malloc(n * sizeof *dst);
    cr_assert(dst);
    vit_narrow(dst, src, VIT_BF16, (int64_t)n);
    return dst;
}

/* The result by level, or by ref.c for VIT_ISA_ANY, of qkv (B, T, 3, NH, HD); freed by the caller. */
static void *execute(enum vit_isa_level level, enum vit_dtype type, struct shape s, const void *qkv)
{
    struct vit_kernel *kernel;
    int64_t D = s.heads * s.head_dim, size = type == VIT_F32 ? 4 : 2;
    void *dst = malloc(dst_count(s) * (size_t)size);
    cr_assert(dst);
    struct vit_attention_op op = {.type = type, .dst = dst, .q = qkv};
    op.k = (const char *)qkv + size * D, op.v = (const char *)qkv + size * 2 * D;
    op.q_step = op.kv_step = 3 * D;
    op.batch = s.batch, op.queries = op.tokens = s.tokens, op.heads = s.heads, op.head_dim = s.head_dim;
    vit_status status = level == VIT_ISA_ANY ? vit_ops_ref.attention(&kernel, NULL, &op, NULL)
                                             : vit_attention_create(&kernel, level, &op, NULL);
    cr_assert_eq(status, VIT_OK);
    run(kernel);
    return dst;
}

static float *attention(enum vit_isa_level level, struct shape s, const float *qkv)
{
    return execute(level, VIT_F32, s, qkv);
}

/* The same with everything in bf16 on the way. */
static float *attention_bf16(enum vit_isa_level level, struct shape s, const float *qkv)
{
    size_t n = dst_count(s);
    void *narrow_qkv = narrowed(qkv, 3 * n), *narrow = execute(level, VIT_BF16, s, narrow_qkv);
    float *dst = allocate(n);
    vit_widen(dst, narrow, VIT_BF16, (int64_t)n);
    free(narrow_qkv), free(narrow);
    return dst;
}

static void compare_all(const char *what, struct shape s, const float *qkv, double tolerance)
{
    float *want = attention(VIT_ISA_ANY, s, qkv);
    for (int level = VIT_ISA_AVX2; level <= (int)vit_isa_level(); level++) {
        char message[CHECK_MESSAGE_MAX], name[128];
        snprintf(name, sizeof name, "%s, level %d, B %d T %d NH %d HD %d", what, level, s.batch, s.tokens, s.heads,
                 s.head_dim);
        float *got = attention((enum vit_isa_level)level, s, qkv);
        cr_assert(check_f32(message, name, got, want, dst_count(s), tolerance), "%s", message);
        free(got);
    }
    free(want);
}

static const struct shape shapes[] = {
    {1, 1, 1, 1},   {3, 1, 2, 64},  {1, 2, 1, 10},  {2, 5, 3, 7},    {1, 7, 1, 30},   {1, 8, 2, 8},   {1, 9, 1, 1},
    {2, 15, 2, 17}, {1, 16, 1, 16}, {1, 17, 3, 33}, {1, 31, 2, 31},  {1, 32, 1, 32},  {1, 33, 2, 48}, {2, 50, 2, 64},
    {3, 65, 6, 64}, {1, 66, 1, 72}, {1, 97, 2, 80}, {1, 197, 3, 64}, {1, 197, 1, 88}, {1, 65, 2, 96}, {1, 65, 2, 104},
    {1, 257, 1, 65}, {1, 577, 1, 64},
};

Test(attention, every_shape)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        float *qkv = random_floats(3 * dst_count(shapes[i]), 3);
        compare_all("random", shapes[i], qkv, 2e-6);
        free(qkv);
    }
}

/* Sums are f32 in bf16 too: the result is that of ref.c on the same numbers, rounded to bf16's 8 bits. */
Test(attention, every_shape_in_bf16)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = dst_count(shapes[i]);
        float *qkv = random_floats(3 * n, 3);
        void *narrow = narrowed(qkv, 3 * n);
        vit_widen(qkv, narrow, VIT_BF16, (int64_t)(3 * n));
        float *want = attention(VIT_ISA_ANY, shapes[i], qkv);
        for (int level = VIT_ISA_AVX2; level <= (int)vit_isa_level(); level++) {
            float *got = attention_bf16((enum vit_isa_level)level, shapes[i], qkv);
            for (size_t j = 0; j < n; j++)
                cr_assert(fabsf(got[j] - want[j]) <= fabsf(want[j]) / 256 + 6e-6f,
                          "level %d, shape %zu, at %zu: got %.9g, expected %.9g", level, i, j, (double)got[j],
                          (double)want[j]);
            free(got);
        }
        free(qkv), free(narrow), free(want);
    }
}

/* Every number of rows that a block can have. */
Test(attention, every_number_of_tokens)
{
    for (int T = 1; T <= 40; T++) {
        struct shape s = {1, T, 1, 20};
        float *qkv = random_floats(3 * dst_count(s), 2);
        compare_all("random", s, qkv, 2e-6);
        free(qkv);
    }
}

/* q and k of token t are along the first axis, of the given lengths. */
static void set_scores(float *qkv, struct shape s, const float *q, const float *k)
{
    for (int t = 0; t < s.tokens; t++) {
        memset(qkv + 3 * t * s.head_dim, 0, 2 * (size_t)s.head_dim * sizeof *qkv);
        qkv[3 * t * s.head_dim] = q[t];
        qkv[(3 * t + 1) * s.head_dim] = k[t];
    }
}

Test(attention, equal_scores_give_the_mean)
{
    struct shape s = {1, 19, 1, 12};
    float *qkv = random_floats(3 * dst_count(s), 1), q[19], k[19];
    for (float value = -3e4f; value <= 3e4f; value += 1e4f) {
        for (int t = 0; t < 19; t++)
            q[t] = 1, k[t] = value;
        set_scores(qkv, s, q, k);
        compare_all("equal scores", s, qkv, 2e-6);
    }
    free(qkv);
}

/* Scores from -1e4 to 1e4: the largest takes all but for its neighbours, the rest is too small for f32. */
Test(attention, scores_far_apart)
{
    struct shape s = {1, 40, 1, 16};
    float *qkv = random_floats(3 * dst_count(s), 1), q[40], k[40];
    for (int t = 0; t < 40; t++) {
        q[t] = (float)(t % 9 - 4);
        k[t] = (float)((t * 7 % 40 - 20) * 512);
    }
    k[11] = k[3] + 1;
    set_scores(qkv, s, q, k);
    compare_all("far apart", s, qkv, 2e-6);
    free(qkv);
}

/* A query that is not a number spoils its own row; a key or a value that is none, what reads it. */
Test(attention, nan_stays_nan)
{
    struct shape s = {1, 21, 2, 9};
    size_t n = dst_count(s), D = 18;
    for (int level = VIT_ISA_AVX2; level <= (int)vit_isa_level(); level++)
        for (size_t at = 0; at < 3 * n; at += 3 * D + 5) {
            float *qkv = random_floats(3 * n, 1);
            qkv[at] = NAN;
            float *want = attention(VIT_ISA_ANY, s, qkv), *got = attention((enum vit_isa_level)level, s, qkv);
            float *got_bf16 = attention_bf16((enum vit_isa_level)level, s, qkv);
            for (size_t i = 0; i < n; i++)
                cr_assert(!isnan(got[i]) == !isnan(want[i]) && !isnan(got_bf16[i]) == !isnan(want[i]),
                          "level %d, NaN at %zu: dst[%zu] is %g, %g in bf16, expected %g", level, at, i, (double)got[i],
                          (double)got_bf16[i], (double)want[i]);
            free(qkv), free(want), free(got), free(got_bf16);
        }
}

Test(attention, threads_do_not_change_the_result)
{
    struct shape s = {2, 50, 3, 24};
    size_t n = dst_count(s);
    float *qkv = random_floats(3 * n, 3);
    for (int level = VIT_ISA_AVX2; level <= (int)vit_isa_level(); level++) {
        omp_set_num_threads(1);
        float *one = attention((enum vit_isa_level)level, s, qkv);
        for (int threads = 2; threads <= 64; threads *= 2) {
            omp_set_num_threads(threads);
            float *many = attention((enum vit_isa_level)level, s, qkv);
            cr_assert_arr_eq(one, many, n * sizeof *one, "level %d, %d threads", level, threads);
            free(many);
        }
        free(one);
    }
    free(qkv);
}
