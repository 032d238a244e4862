/* test_attention.c: the own attention kernels, each that this machine can run, against the plain loops. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/operators.h"
#include "vit/base/half.h"
#include "vit/choice/implementations.h"

struct shape {
    int batch, tokens, heads, head_dim;
    bool causal;
};

/* One stream of numbers for all shapes. */
static float *random_floats(size_t n, float scale)
{
    static uint32_t seed = 1;
    float *data = operators_noise(n, seed, scale);
    for (size_t i = 0; i < n; i++)
        seed = seed * 1664525u + 1013904223u;
    return data;
}

static size_t dst_count(struct shape s)
{
    return (size_t)s.batch * (size_t)s.tokens * (size_t)s.heads * (size_t)s.head_dim;
}

/* q, k and v of a token follow each other. */
static struct vit_problem problem_of(enum vit_format type, struct shape s)
{
    int D = s.heads * s.head_dim;
    return (struct vit_problem){VIT_ATTENTION, .attention = {.format = type,
                                                             .q_step = 3 * D,
                                                             .kv_step = 3 * D,
                                                             .dst_step = D,
                                                             .q_rows = s.tokens,
                                                             .kv_rows = s.tokens,
                                                             .k_column = D,
                                                             .v_column = 2 * D,
                                                             .batch = s.batch,
                                                             .queries = s.tokens,
                                                             .tokens = s.tokens,
                                                             .heads = s.heads,
                                                             .head_dim = s.head_dim,
                                                             .causal = s.causal}};
}

/* The own implementations that this machine can run; their number. */
static int list_own(struct vit_implementation list[OPERATORS_MAX])
{
    struct vit_problem problem = problem_of(VIT_ROWS_F32, (struct shape){1, 1, 1, 1, false});
    int own = 0, n = operators_list(list, &problem);
    for (int i = 0; i < n; i++)
        if (strncmp(list[i].name, "own:", 4) == 0)
            list[own++] = list[i];
    return own;
}

/* What implementation, NULL: plain loops, makes of qkv (B, T, 3, NH, HD), all of type on the way, on so many threads;
 * the caller frees it. */
static float *attend_cut(const struct vit_implementation *implementation, enum vit_format type, struct shape s,
                         const float *qkv, int threads)
{
    size_t n = dst_count(s);
    struct vit_problem problem = problem_of(type, s);
    void *data = operators_narrowed(qkv, type, 3 * n), *dst = operators_narrowed(qkv, type, n);
    operators_run_cut(implementation ? implementation : vit_plain_implementation(&problem), &problem,
                      (struct vit_buffers){.dst = dst, .in = {data, data}}, NULL, threads, 1);
    float *wide = operators_widened(dst, type, n);
    free(data), free(dst);
    return wide;
}

static float *attend(const struct vit_implementation *implementation, enum vit_format type, struct shape s,
                     const float *qkv)
{
    return attend_cut(implementation, type, s, qkv, 1);
}

static float *attention(const struct vit_implementation *implementation, struct shape s, const float *qkv)
{
    return attend(implementation, VIT_ROWS_F32, s, qkv);
}

static void compare_all(const char *what, struct shape s, const float *qkv, double tolerance)
{
    struct vit_implementation list[OPERATORS_MAX];
    float *want = attention(NULL, s, qkv);
    for (int i = list_own(list) - 1; i >= 0; i--) {
        char message[CHECK_MESSAGE_MAX], name[128];
        snprintf(name, sizeof name, "%s, %s, B %d T %d NH %d HD %d%s", what, list[i].name, s.batch, s.tokens, s.heads,
                 s.head_dim, s.causal ? ", causal" : "");
        float *got = attention(&list[i], s, qkv);
        cr_assert(check_f32(message, name, got, want, dst_count(s), tolerance), "%s", message);
        free(got);
    }
    free(want);
}

static const struct shape shapes[] = {
    {1, 1, 1, 1, false},    {3, 1, 2, 64, false},   {1, 2, 1, 10, false},   {2, 5, 3, 7, false},
    {1, 7, 1, 30, false},   {1, 8, 2, 8, false},    {1, 9, 1, 1, false},    {2, 15, 2, 17, false},
    {1, 16, 1, 16, false},  {1, 17, 3, 33, false},  {1, 31, 2, 31, false},  {1, 32, 1, 32, false},
    {1, 33, 2, 48, false},  {2, 50, 2, 64, false},  {3, 65, 6, 64, false},  {1, 66, 1, 72, false},
    {1, 97, 2, 80, false},  {1, 197, 3, 64, false}, {1, 197, 1, 88, false}, {1, 65, 2, 96, false},
    {1, 65, 2, 104, false}, {1, 257, 1, 65, false}, {1, 577, 1, 64, false},
};

Test(attention, every_shape)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        float *qkv = random_floats(3 * dst_count(shapes[i]), 3);
        struct shape causal = shapes[i];
        causal.causal = true;
        compare_all("random", shapes[i], qkv, 2e-6);
        compare_all("random", causal, qkv, 2e-6);
        free(qkv);
    }
}

/* A causal query gets what it would get were it the last token. */
Test(attention, causal_queries_see_what_is_before_them)
{
    enum { T = 37, D = 2 * 20 };
    struct vit_implementation list[OPERATORS_MAX];
    float *qkv = random_floats(3 * T * D, 3);
    for (int k = list_own(list); k >= 0; k--) {
        const struct vit_implementation *implementation = k < list_own(list) ? &list[k] : NULL;
        float *all = attention(implementation, (struct shape){1, T, 2, 20, true}, qkv);
        for (int n = 1; n <= T; n++) {
            float *some = attention(implementation, (struct shape){1, n, 2, 20, false}, qkv);
            char message[CHECK_MESSAGE_MAX];
            cr_assert(check_f32(message, "causal", all + (n - 1) * D, some + (n - 1) * D, D, 1e-6), "token %d: %s", n,
                      message);
            free(some);
        }
        free(all);
    }
    free(qkv);
}

/* Sums are f32 in bf16 too: the result is that of the plain loops on the same numbers, rounded to bf16's 8 bits. */
Test(attention, every_shape_in_bf16)
{
    struct vit_implementation list[OPERATORS_MAX];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = dst_count(shapes[i]);
        float *qkv = random_floats(3 * n, 3);
        vit_round_to(qkv, VIT_BF16, (int64_t)(3 * n));
        float *want = attention(NULL, shapes[i], qkv);
        for (int k = list_own(list) - 1; k >= 0; k--) {
            float *got = attend(&list[k], VIT_ROWS_BF16, shapes[i], qkv);
            for (size_t j = 0; j < n; j++)
                cr_assert(fabsf(got[j] - want[j]) <= fabsf(want[j]) / 256 + 6e-6f,
                          "%s, shape %zu, at %zu: got %.9g, expected %.9g", list[k].name, i, j, (double)got[j],
                          (double)want[j]);
            free(got);
        }
        free(qkv), free(want);
    }
}

/* Every number of rows that a block can have. */
Test(attention, every_number_of_tokens)
{
    for (int T = 1; T <= 40; T++) {
        struct shape s = {1, T, 1, 20, false};
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
    struct shape s = {1, 19, 1, 12, false};
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
    struct shape s = {1, 40, 1, 16, false};
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
    struct shape s = {1, 21, 2, 9, false};
    size_t n = dst_count(s), D = 18;
    struct vit_implementation list[OPERATORS_MAX];
    for (int k = list_own(list) - 1; k >= 0; k--)
        for (size_t at = 0; at < 3 * n; at += 3 * D + 5) {
            float *qkv = random_floats(3 * n, 1);
            qkv[at] = NAN;
            float *want = attention(NULL, s, qkv), *got = attention(&list[k], s, qkv);
            float *got_bf16 = attend(&list[k], VIT_ROWS_BF16, s, qkv);
            for (size_t i = 0; i < n; i++)
                cr_assert(!isnan(got[i]) == !isnan(want[i]) && !isnan(got_bf16[i]) == !isnan(want[i]),
                          "%s, NaN at %zu: dst[%zu] is %g, %g in bf16, expected %g", list[k].name, at, i,
                          (double)got[i], (double)got_bf16[i], (double)want[i]);
            free(qkv), free(want), free(got), free(got_bf16);
        }
}

static void check_threads(struct shape s)
{
    size_t n = dst_count(s);
    float *qkv = random_floats(3 * n, 3);
    struct vit_implementation list[OPERATORS_MAX];
    for (int k = list_own(list) - 1; k >= 0; k--) {
        float *one = attention(&list[k], s, qkv);
        for (int threads = 2; threads <= 64; threads += threads < 8 ? 1 : 28) {
            float *many = attend_cut(&list[k], VIT_ROWS_F32, s, qkv, threads);
            cr_assert_arr_eq(one, many, n * sizeof *one, "%s, %d threads", list[k].name, threads);
            free(many);
        }
        free(one);
    }
    free(qkv);
}

Test(attention, threads_do_not_change_the_result)
{
    check_threads((struct shape){2, 50, 3, 24, false});
    check_threads((struct shape){1, 50, 3, 24, true});
    check_threads((struct shape){2, 50, 3, 24, true});
}
