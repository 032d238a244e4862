/* test_ops.c: operators, every implementation of each: against cases worked by hand, and where there are several,
 * against the plain loops over a table of shapes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/operators.h"
#include "vit/choice/implementations.h"
#include "vit/operators/params.h"

/* Every implementation of problem makes want (n) of buffers, whose dst (n) is what it is before; weight: a linear
 * layer's. */
static void check_all(const struct vit_problem *problem, struct vit_buffers buffers, const float *weight,
                      const float *want, size_t n, double tolerance)
{
    struct vit_implementation list[OPERATORS_MAX];
    float *before = operators_narrowed(buffers.dst, VIT_ROWS_F32, n);
    for (int i = operators_list(list, problem) - 1; i >= 0; i--) {
        char message[CHECK_MESSAGE_MAX], name[128];
        snprintf(name, sizeof name, "%s by %s", vit_op_name(problem->op), list[i].name);
        memcpy(buffers.dst, before, n * sizeof *before);
        operators_run(&list[i], problem, buffers, weight);
        cr_assert(check_f32(message, name, buffers.dst, want, n, tolerance), "%s", message);
    }
    free(before);
}

/* All others are as near the plain loops. */
static void check_against_plain(const struct vit_problem *problem, struct vit_buffers buffers, size_t n,
                                double tolerance)
{
    float *want = operators_noise(n, 0, 1), *got = operators_noise(n, 0, 1);
    operators_run(vit_plain_implementation(problem), problem,
                  (struct vit_buffers){.dst = want, .in = {buffers.in[0], buffers.in[1], buffers.in[2]}}, NULL);
    buffers.dst = got;
    check_all(problem, buffers, NULL, want, n, tolerance);
    free(want), free(got);
}

/* Queries (B, Q, NH, HD) over keys and values (B, T, 2, NH, HD). */
static struct vit_problem attention_problem(int B, int Q, int T, int NH, int HD)
{
    int D = NH * HD;
    return (struct vit_problem){VIT_ATTENTION, .attention = {.q_step = D,
                                                             .kv_step = 2 * D,
                                                             .dst_step = D,
                                                             .q_rows = Q,
                                                             .kv_rows = T,
                                                             .v_column = D,
                                                             .batch = B,
                                                             .queries = Q,
                                                             .tokens = T,
                                                             .heads = NH,
                                                             .head_dim = HD}};
}

Test(ops, attention_worked_by_hand)
{
    /* One head of width 2; the query is that of the first token. Scores .11 .05 .17, over sqrt 2 before the softmax. */
    const float q[2] = {.1f, .2f},
                kv[3][2][2] = {{{.3f, .4f}, {.7f, .8f}}, {{.1f, .2f}, {.9f, 1.0f}}, {{.5f, .6f}, {1.1f, 1.2f}}};
    const float want[2] = {.902888f, 1.002888f};
    float dst[2] = {0};
    struct vit_problem problem = attention_problem(1, 1, 3, 1, 2);
    check_all(&problem, (struct vit_buffers){.dst = dst, .in = {q, kv}}, NULL, want, 2, 1e-6);
}

Test(ops, attention)
{
    static const int shapes[][4] = {{1, 1, 1, 1},   {1, 1, 3, 64},   {1, 5, 2, 7},  {2, 17, 3, 10},
                                    {3, 65, 6, 64}, {1, 197, 3, 64}, {2, 50, 2, 80}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int B = shapes[s][0], T = shapes[s][1], NH = shapes[s][2], HD = shapes[s][3], D = NH * HD;
        size_t n = (size_t)(B * T * D);
        float *qkv = operators_noise(3 * n, (uint32_t)s + 1, 3); /* scores far apart, as in a trained model */
        struct vit_problem problem = attention_problem(B, T, T, NH, HD);
        problem.attention.q_step = problem.attention.kv_step = 3 * D;
        problem.attention.k_column = D, problem.attention.v_column = 2 * D;
        check_against_plain(&problem, (struct vit_buffers){.dst = NULL, .in = {qkv, qkv}}, n, 2e-6);
        free(qkv);
    }
}

/* Queries of their own: keys and values are (B, T, 2, NH, HD), as attention pooling and a pruned block have them. */
Test(ops, cross_attention)
{
    static const int shapes[][5] = {
        {1, 1, 1, 1, 1}, {3, 1, 5, 2, 7}, {2, 2, 65, 6, 64}, {1, 1, 197, 4, 72}, {2, 9, 4, 3, 16}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int B = shapes[s][0], Q = shapes[s][1], T = shapes[s][2], NH = shapes[s][3], HD = shapes[s][4], D = NH * HD;
        float *q = operators_noise((size_t)(B * Q * D), 1, 9), *kv = operators_noise(2 * (size_t)(B * T * D), 2, 1);
        struct vit_problem problem = attention_problem(B, Q, T, NH, HD);
        check_against_plain(&problem, (struct vit_buffers){.dst = NULL, .in = {q, kv}}, (size_t)(B * Q * D), 2e-6);
        free(q), free(kv);
    }
}

Test(ops, norm)
{
    static const struct {
        int rows, width;
        float offset, spread;
    } shapes[] = {{1, 1, 0, 1},     {1, 7, 0, 1},        {3, 30, 0, 1},    {65, 384, 0, 1},
                  {5, 768, 100, 1}, {2, 1408, 0, 1e-3f}, {197, 192, 0, 50}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int rows = shapes[s].rows, D = shapes[s].width;
        size_t n = (size_t)(rows * D);
        float *src = operators_noise(n, (uint32_t)s + 1, shapes[s].spread);
        float *gain = operators_noise((size_t)D, 7, 1), *shift = operators_noise((size_t)D, 8, 1);
        for (size_t i = 0; i < n; i++)
            src[i] += shapes[s].offset;
        struct vit_problem problem = {VIT_NORM, .norm = {VIT_ROWS_F32, rows, D, D, 1e-6f}};
        /* An offset of 100 costs its share of f32's 24 bits. */
        check_against_plain(&problem, (struct vit_buffers){.dst = NULL, .in = {src, gain, shift}}, n,
                            shapes[s].offset > 0 ? 2e-5 : 2e-6);
        free(src), free(gain), free(shift);
    }
}

/* ---- Parameters: tensors 0, 1 and 2 are weight, bias and gamma of one linear layer ---- */

static const float weight[3][2] = {{1, 2}, {3, 4}, {5, 6}}, bias[3] = {10, 20, 30}, gamma_[3] = {1, -1, 2};

static vit_status read_tensor(void *context, int i, float *dst, struct vit_error *err)
{
    (void)context, (void)err;
    const float *const tensors[] = {weight[0], bias, gamma_};
    memcpy(dst, tensors[i], (i == 0 ? 6 : 3) * sizeof *dst);
    return VIT_OK;
}

static int64_t count_tensor(void *context, int i)
{
    (void)context;
    return i == 0 ? 6 : 3;
}

/* The last two outputs of the layer, scaled by gamma, and packed once. */
Test(ops, parameters_of_a_part_of_a_layer)
{
    struct vit_linear linear = {"layer", 2, 2, 1, 0, 1, 2};
    struct vit_problem problem = {VIT_LINEAR, .linear = {.rows = 1, .images = 1, .in = 2, .out = 2, .bias = true}};
    const struct vit_implementation *plain = vit_plain_implementation(&problem);
    struct vit_params *params;
    struct vit_kernel *kernel;
    const void *packed, *again;
    const float *b, src[2] = {1, 1}, want[2] = {-27, 82};
    float dst[2];
    cr_assert_eq(vit_params_create(&params, (struct vit_param_reader){read_tensor, count_tensor, NULL}, NULL), VIT_OK);
    cr_assert_eq(plain->create(&kernel, plain, &problem, NULL), VIT_OK);
    cr_assert_eq(vit_params_bias(params, &linear, &b, NULL), VIT_OK);
    cr_assert_eq(vit_params_packed(params, &linear, kernel, &packed, NULL), VIT_OK);
    cr_assert_eq(vit_params_packed(params, &linear, kernel, &again, NULL), VIT_OK);
    cr_assert_eq(packed, again);
    cr_assert_eq(kernel->run(kernel, &(struct vit_buffers){.dst = dst, .in = {src, packed, b}}, NULL, NULL), VIT_OK);
    cr_assert_arr_eq(dst, want, sizeof want);
    vit_kernel_free(kernel);
    vit_params_free(params);
}

/* ---- The operators that have one implementation, by hand ---- */

Test(ops, embed_and_mean)
{
    enum { B = 2, T = 5, N = 3, D = 2 };
    const float prefix[] = {1, 2, 3, 4}, pos[] = {10, 20, 30, 40, 50, 60};
    const float src[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};
    const float tokens[] = {1, 2, 3, 4, 11, 22, 33, 44, 55, 66, 1, 2, 3, 4, 9, 18, 27, 36, 45, 54};
    float x[B * T * D], mean[B * D];
    check_all(&(struct vit_problem){VIT_EMBED, .embed = {0, B * T, T, N, D}},
              (struct vit_buffers){.dst = x, .in = {src, prefix, pos}}, NULL, tokens, B * T * D, 0);
    memcpy(x, tokens, sizeof x);
    check_all(&(struct vit_problem){VIT_MEAN, .mean = {B, N, D, D, T * D, D}},
              (struct vit_buffers){.dst = mean, .in = {x + 2 * D}}, NULL, (const float[]){33, 44, 27, 36}, B * D, 0);
    check_all(&(struct vit_problem){VIT_MEAN, .mean = {B, 1, D, D, T * D, D}},
              (struct vit_buffers){.dst = mean, .in = {x + D}}, NULL, (const float[]){3, 4, 3, 4}, B * D, 0);
}

Test(ops, mean_of_rows_far_apart)
{
    /* The mean of two arrays of two rows, written to the second half of wider rows. */
    const float src[8] = {1, 2, 3, 4, 5, 8, 11, 14}, want[8] = {-1, -1, 3, 5, -1, -1, 7, 9};
    float dst[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    struct vit_problem problem = {VIT_MEAN, .mean = {2, 2, 2, 4, 2, 4}};
    operators_run(vit_plain_implementation(&problem), &problem, (struct vit_buffers){.dst = dst + 2, .in = {src}},
                  NULL);
    cr_assert_arr_eq(dst, want, sizeof want);
}

Test(ops, gate)
{
    /* x / (1 + e^-x) of 1 and -2 is .7310586 and -.2384058. */
    const float src[2][4] = {{1, -2, 3, .5f}, {0, 1, 7, -1}}, want[4] = {2.1931757f, -.1192029f, 0, -.7310586f};
    float dst[4] = {0};
    check_all(&(struct vit_problem){VIT_GATE, .gate = {2, 2, VIT_ACT_SILU}},
              (struct vit_buffers){.dst = dst, .in = {src[0]}}, NULL, want, 4, 1e-7);
}

/* Against the functions as books have them, in f64. */
Test(ops, gate_of_every_activation)
{
    enum { F = 37 };
    float *src = operators_noise(2 * F, 1, 5), want[4][F], dst[F] = {0};
    src[0] = -200; /* e^200 is beyond f32 */
    for (int i = 0; i < F; i++) {
        double x = src[i], other = src[F + i];
        want[VIT_ACT_GELU_ERF][i] = (float)(0.5 * x * (1 + erf(x * sqrt(0.5))) * other);
        want[VIT_ACT_GELU_TANH][i] =
            (float)(0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x))) * other);
        want[VIT_ACT_QUICK_GELU][i] = (float)(x / (1 + exp(-1.702 * x)) * other);
        want[VIT_ACT_SILU][i] = (float)(x / (1 + exp(-x)) * other);
    }
    for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++)
        check_all(&(struct vit_problem){VIT_GATE, .gate = {1, F, (enum vit_act)act}},
                  (struct vit_buffers){.dst = dst, .in = {src}}, NULL, want[act], F, 1e-6);
    free(src);
}

Test(ops, qk_norm_worked_by_hand)
{
    /* Every variance is 1; with eps 3 the deviations are halved. Two heads of width 2; v stays. */
    const float want[12] = {-.5f, .5f, 1.5f, -2.5f, .5f, .75f, -.5f, -.25f, 7, 8, 9, 10};
    const float q_gain[2] = {2, 3}, q_shift[2] = {.5f, -1}, k_gain[2] = {1, -1}, k_shift[2] = {0, .25f};
    float qkv[12] = {1, 3, -3, -5, 9, 7, 2, 4, 7, 8, 9, 10};
    check_all(&(struct vit_problem){VIT_QK_NORM, .qk_norm = {1, 2, 2, 3}},
              (struct vit_buffers){.dst = qkv, .in = {q_gain, q_shift, k_gain, k_shift}}, NULL, want, 12, 1e-7);
}

/* As the plain norm has it, head by head. */
Test(ops, qk_norm)
{
    static const int shapes[][3] = {{1, 1, 1}, {5, 3, 10}, {65, 6, 64}, {17, 2, 72}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int rows = shapes[s][0], NH = shapes[s][1], HD = shapes[s][2];
        size_t n = (size_t)(rows * 3 * NH * HD), head = (size_t)HD;
        float *want = operators_noise(n, 1, 1), *got = operators_noise(n, 1, 1), *v[4];
        for (uint32_t i = 0; i < 4; i++)
            v[i] = operators_noise(head, i + 2, 1);
        struct vit_problem one = {VIT_NORM, .norm = {VIT_ROWS_F32, 1, HD, HD, 1e-6f}};
        for (int i = 0; i < rows * 3 * NH; i++) {
            int part = i / NH % 3;
            float *x = want + i * HD;
            if (part < 2)
                operators_run(vit_plain_implementation(&one), &one,
                              (struct vit_buffers){.dst = x, .in = {x, v[2 * part], v[2 * part + 1]}}, NULL);
        }
        check_all(&(struct vit_problem){VIT_QK_NORM, .qk_norm = {rows, NH, HD, 1e-6f}},
                  (struct vit_buffers){.dst = got, .in = {v[0], v[1], v[2], v[3]}}, NULL, want, n, 2e-6);
        free(want), free(got), free(v[0]), free(v[1]), free(v[2]), free(v[3]);
    }
}
