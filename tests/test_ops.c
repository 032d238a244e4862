/* test_ops.c: every operator, oneDNN against the plain loops of ref.c over a table of shapes, and ref.c against a case
 * worked by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "vit/operators/ops.h"

/* ---- Random data, the same on every machine ---- */

static float *random_floats(size_t n, uint32_t seed)
{
    float *data = aligned_alloc(64, (n * sizeof *data + 63) / 64 * 64);
    cr_assert(data);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (float)(seed >> 8) / (float)(1 << 23) - 1;
    }
    return data;
}

static void run(struct vit_kernel *kernel)
{
    struct vit_error err = {0};
    void *scratch = aligned_alloc(64, (kernel->scratch_size + 64) / 64 * 64);
    cr_assert(scratch);
    cr_assert_eq(kernel->run(kernel, scratch, &err), VIT_OK, "%s", err.message);
    free(scratch);
    vit_kernel_free(kernel);
}

static void compare(const char *what, const float *got, const float *want, size_t n, double tolerance)
{
    char message[CHECK_MESSAGE_MAX];
    cr_assert(check_f32(message, what, got, want, n, tolerance), "%s", message);
}

/* ---- Attention by hand ---- */

Test(ops, attention_worked_by_hand)
{
    /* One head of width 2; the query is that of the first token. Scores .11 .05 .17, over sqrt 2 before the softmax. */
    float qkv[3][3][2] = {
        {{.1f, .2f}, {.3f, .4f}, {.7f, .8f}},
        {{0, 0}, {.1f, .2f}, {.9f, 1.0f}},
        {{0, 0}, {.5f, .6f}, {1.1f, 1.2f}},
    };
    const float want[2] = {.902888f, 1.002888f};
    const struct vit_ops *all[] = {&vit_ops_ref, &vit_ops_dnnl};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        float dst[3][2];
        void *context;
        struct vit_error err = {0};
        struct vit_kernel *kernel;
        cr_assert_eq(all[i]->open(&context, NULL, &err), VIT_OK, "%s", err.message);
        struct vit_attention_op op = {VIT_F32, &dst[0][0], qkv[0][0], qkv[0][1], qkv[0][2], 6, 6, 1, 3, 3, 1, 2};
        cr_assert_eq(all[i]->attention(&kernel, context, &op, &err), VIT_OK, "%s", err.message);
        run(kernel);
        all[i]->close(context);
        compare(all[i]->name, dst[0], want, 2, 1e-6);
    }
}

/* ---- oneDNN against plain loops ---- */

Test(ops, attention)
{
    static const struct {
        int batch, tokens, heads, head_dim;
    } shapes[] = {{1, 1, 1, 1}, {1, 1, 3, 64}, {1, 5, 2, 7}, {2, 17, 3, 10}, {3, 65, 6, 64}, {1, 197, 3, 64}, {2, 50, 2, 80}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int B = shapes[s].batch, T = shapes[s].tokens, NH = shapes[s].heads, HD = shapes[s].head_dim;
        size_t n = (size_t)(B * T * NH * HD);
        float *qkv = random_floats(3 * n, (uint32_t)s + 1), *want = random_floats(n, 0), *got = random_floats(n, 0);
        for (size_t i = 0; i < 3 * n; i++)
            qkv[i] *= 3; /* scores far apart, as in a trained model */
        struct vit_error err = {0};
        struct vit_kernel *kernel;
        void *context;
        struct vit_attention_op op = {VIT_F32, want, qkv, qkv + NH * HD, qkv + 2 * NH * HD, 3 * NH * HD, 3 * NH * HD, B, T, T, NH, HD};
        cr_assert_eq(vit_ops_ref.attention(&kernel, NULL, &op, &err), VIT_OK, "%s", err.message);
        run(kernel);
        op.dst = got;
        cr_assert_eq(vit_ops_dnnl.open(&context, NULL, &err), VIT_OK, "%s", err.message);
        cr_assert_eq(vit_ops_dnnl.attention(&kernel, context, &op, &err), VIT_OK, "%s", err.message);
        run(kernel);
        vit_ops_dnnl.close(context);
        compare("attention", got, want, n, 2e-6);
        free(qkv), free(want), free(got);
    }
}

Test(ops, norm)
{
    static const struct {
        int rows, width;
        float offset, spread;
    } shapes[] = {{1, 1, 0, 1},  {1, 7, 0, 1},    {3, 30, 0, 1},     {65, 384, 0, 1},
                  {5, 768, 100, 1}, {2, 1408, 0, 1e-3f}, {197, 192, 0, 50}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int rows = shapes[s].rows, D = shapes[s].width;
        size_t n = (size_t)(rows * D);
        float *src = random_floats(n, (uint32_t)s + 1), *want = random_floats(n, 0), *got = random_floats(n, 0);
        float *gain = random_floats((size_t)D, 7), *shift = random_floats((size_t)D, 8);
        for (size_t i = 0; i < n; i++)
            src[i] = src[i] * shapes[s].spread + shapes[s].offset;
        struct vit_error err = {0};
        struct vit_kernel *kernel;
        void *context;
        struct vit_norm_op op = {{want, VIT_F32}, {src, VIT_F32}, rows, D, 1e-6f, gain, shift};
        cr_assert_eq(vit_ops_ref.norm(&kernel, NULL, &op, &err), VIT_OK, "%s", err.message);
        run(kernel);
        op.dst.data = got;
        cr_assert_eq(vit_ops_dnnl.open(&context, NULL, &err), VIT_OK, "%s", err.message);
        cr_assert_eq(vit_ops_dnnl.norm(&kernel, context, &op, &err), VIT_OK, "%s", err.message);
        run(kernel);
        vit_ops_dnnl.close(context);
        /* An offset of 100 costs its share of f32's 24 bits. */
        compare("norm", got, want, n, shapes[s].offset > 0 ? 2e-5 : 2e-6);
        free(src), free(want), free(got), free(gain), free(shift);
    }
}

/* Tensors 0, 1 and 2 of the reader below: weight, bias and gamma of one linear layer. */
struct layer {
    const float *tensors[3];
    int64_t counts[3];
};

static vit_status read_tensor(void *context, int i, float *dst, struct vit_error *err)
{
    (void)err;
    const struct layer *layer = context;
    memcpy(dst, layer->tensors[i], (size_t)layer->counts[i] * sizeof *dst);
    return VIT_OK;
}

static int64_t count_tensor(void *context, int i)
{
    return ((const struct layer *)context)->counts[i];
}

static void run_linear(const struct vit_ops *ops, struct vit_linear_op op, float *dst)
{
    struct vit_error err = {0};
    struct vit_kernel *kernel;
    void *context;
    op.dst.data = dst;
    cr_assert_eq(ops->open(&context, NULL, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(ops->linear(&kernel, context, &op, &err), VIT_OK, "%s", err.message);
    run(kernel);
    ops->close(context);
}

static void check_linear(int rows, int in, int out, bool bias, bool gamma, struct vit_linear_op op)
{
    float *src = random_floats((size_t)(rows * in), 1), *weight = random_floats((size_t)(in * out), 2);
    float *b = random_floats((size_t)out, 3), *g = random_floats((size_t)out, 4);
    float *want = random_floats((size_t)(rows * out), 5), *got = random_floats((size_t)(rows * out), 5);
    struct layer layer = {{weight, b, g}, {(int64_t)in * out, out, out}};
    struct vit_linear linear = {"layer", in, out, 0, 0, bias ? 1 : -1, gamma ? 2 : -1};
    struct vit_params *params;
    cr_assert_eq(vit_params_create(&params, (struct vit_param_reader){read_tensor, count_tensor, &layer}, NULL), VIT_OK);
    op.src.data = src;
    op.rows = rows;
    op.images = 1;
    op.linear = &linear;
    op.params = params;
    run_linear(&vit_ops_ref, op, want);
    run_linear(&vit_ops_dnnl, op, got);
    compare("linear", got, want, (size_t)(rows * out), 2e-6);
    vit_params_free(params);
    free(src), free(weight), free(b), free(g), free(want), free(got);
}

Test(ops, linear)
{
    static const int shapes[][3] = {{1, 1, 1}, {1, 7, 3}, {5, 30, 75}, {17, 10, 9}, {65, 384, 1152}, {197, 192, 200}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int rows = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
        check_linear(rows, in, out, true, false, (struct vit_linear_op){0});
        check_linear(rows, in, out, false, false, (struct vit_linear_op){0});
        check_linear(rows, in, out, true, true, (struct vit_linear_op){.add = true});
        check_linear(rows, in, out, false, true, (struct vit_linear_op){.add = true});
        for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++)
            check_linear(rows, in, out, true, false,
                         (struct vit_linear_op){.activate = true, .act = (enum vit_act)act});
    }
}

Test(ops, embed_and_mean)
{
    enum { B = 2, T = 5, N = 3, D = 2 };
    const float prefix[] = {1, 2, 3, 4}, pos[] = {10, 20, 30, 40, 50, 60};
    const float src[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};
    const float tokens[] = {1, 2, 3, 4, 11, 22, 33, 44, 55, 66, 1, 2, 3, 4, 9, 18, 27, 36, 45, 54};
    float x[B * T * D], mean[B * D];
    struct vit_kernel *kernel;
    struct vit_embed_op embed = {x, src, prefix, pos, B, T, N, D};
    cr_assert_eq(vit_embed_create(&kernel, &embed, NULL), VIT_OK);
    run(kernel);
    compare("tokens", x, tokens, B * T * D, 0);
    struct vit_mean_op patches = {mean, x + 2 * D, B, N, D, D, T * D, D};
    cr_assert_eq(vit_mean_create(&kernel, &patches, NULL), VIT_OK);
    run(kernel);
    compare("mean of the patches", mean, (const float[]){33, 44, 27, 36}, B * D, 0);
    struct vit_mean_op second = {mean, x + D, B, 1, D, D, T * D, D};
    cr_assert_eq(vit_mean_create(&kernel, &second, NULL), VIT_OK);
    run(kernel);
    compare("the second token", mean, (const float[]){3, 4, 3, 4}, B * D, 0);
}

/* ---- The operators that only some models need ---- */

static const struct vit_ops *const both[] = {&vit_ops_ref, &vit_ops_dnnl};

static void run_gate(const struct vit_ops *ops, const struct vit_gate_op *op)
{
    struct vit_kernel *kernel;
    cr_assert_eq(ops->gate(&kernel, NULL, op, NULL), VIT_OK);
    run(kernel);
}

Test(ops, gate_worked_by_hand)
{
    /* x / (1 + e^-x) of 1 and -2 is .7310586 and -.2384058. */
    const float src[2][4] = {{1, -2, 3, .5f}, {0, 1, 7, -1}}, want[4] = {2.1931757f, -.1192029f, 0, -.7310586f};
    for (size_t i = 0; i < 2; i++) {
        float dst[4];
        run_gate(both[i], &(struct vit_gate_op){dst, src[0], 2, 2, VIT_ACT_SILU});
        compare(both[i]->name, dst, want, 4, 1e-7);
    }
}

Test(ops, gate)
{
    enum { ROWS = 7, F = 37 };
    float *src = random_floats(ROWS * 2 * F, 1);
    for (size_t i = 0; i < ROWS * 2 * F; i++)
        src[i] *= 5;
    src[0] = -200; /* e^200 is beyond f32 */
    for (int act = VIT_ACT_GELU_ERF; act <= VIT_ACT_SILU; act++) {
        float want[ROWS * F], got[ROWS * F];
        run_gate(&vit_ops_ref, &(struct vit_gate_op){want, src, ROWS, F, (enum vit_act)act});
        run_gate(&vit_ops_dnnl, &(struct vit_gate_op){got, src, ROWS, F, (enum vit_act)act});
        compare("gate", got, want, ROWS * F, 1e-6);
    }
    free(src);
}

static void run_qk_norm(const struct vit_ops *ops, const struct vit_qk_norm_op *op)
{
    struct vit_kernel *kernel;
    cr_assert_eq(ops->qk_norm(&kernel, NULL, op, NULL), VIT_OK);
    run(kernel);
}

Test(ops, qk_norm_worked_by_hand)
{
    /* Every variance is 1; with eps 3 the deviations are halved. Two heads of width 2; v stays. */
    const float want[12] = {-.5f, .5f, 1.5f, -2.5f, .5f, .75f, -.5f, -.25f, 7, 8, 9, 10};
    const float q_gain[2] = {2, 3}, q_shift[2] = {.5f, -1}, k_gain[2] = {1, -1}, k_shift[2] = {0, .25f};
    for (size_t i = 0; i < 2; i++) {
        float qkv[12] = {1, 3, -3, -5, 9, 7, 2, 4, 7, 8, 9, 10};
        run_qk_norm(both[i], &(struct vit_qk_norm_op){qkv, 1, 2, 2, 3, q_gain, q_shift, k_gain, k_shift});
        compare(both[i]->name, qkv, want, 12, 1e-7);
    }
}

Test(ops, qk_norm)
{
    static const int shapes[][3] = {{1, 1, 1}, {5, 3, 10}, {65, 6, 64}, {17, 2, 72}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int rows = shapes[s][0], NH = shapes[s][1], HD = shapes[s][2];
        size_t n = (size_t)(rows * 3 * NH * HD), head = (size_t)HD;
        float *want = random_floats(n, 1), *got = random_floats(n, 1), *v[4];
        for (uint32_t i = 0; i < 4; i++)
            v[i] = random_floats(head, i + 2);
        run_qk_norm(&vit_ops_ref, &(struct vit_qk_norm_op){want, rows, NH, HD, 1e-6f, v[0], v[1], v[2], v[3]});
        run_qk_norm(&vit_ops_dnnl, &(struct vit_qk_norm_op){got, rows, NH, HD, 1e-6f, v[0], v[1], v[2], v[3]});
        compare("norms of q and k", got, want, n, 2e-6);
        free(want), free(got), free(v[0]), free(v[1]), free(v[2]), free(v[3]);
    }
}

/* Attention with queries of their own: op's kv is (B, T, 2, NH, HD), as attention pooling and a pruned block have it. */
static void run_cross_attention(const struct vit_ops *ops, float *dst, const float *q, const float *kv, int B, int Q,
                                int T, int NH, int HD)
{
    struct vit_kernel *kernel;
    struct vit_error err = {0};
    void *context;
    int D = NH * HD;
    struct vit_attention_op op = {VIT_F32, dst, q, kv, kv + D, D, 2 * D, B, Q, T, NH, HD};
    cr_assert_eq(ops->open(&context, NULL, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(ops->attention(&kernel, context, &op, &err), VIT_OK, "%s", err.message);
    run(kernel);
    ops->close(context);
}

Test(ops, cross_attention_worked_by_hand)
{
    /* The first query of attention_worked_by_hand, its keys and values; in the second image all values are equal. */
    const float q[4] = {.1f, .2f, .1f, .2f}, want[4] = {.902888f, 1.002888f, 5, -6};
    const float kv[2][3][2][2] = {{{{.3f, .4f}, {.7f, .8f}}, {{.1f, .2f}, {.9f, 1.0f}}, {{.5f, .6f}, {1.1f, 1.2f}}},
                                  {{{.3f, .4f}, {5, -6}}, {{.1f, .2f}, {5, -6}}, {{.5f, .6f}, {5, -6}}}};
    for (size_t i = 0; i < 2; i++) {
        float dst[4];
        run_cross_attention(both[i], dst, q, kv[0][0][0], 2, 1, 3, 1, 2);
        compare(both[i]->name, dst, want, 4, 1e-6);
    }
}

Test(ops, cross_attention)
{
    static const int shapes[][5] = {{1, 1, 1, 1, 1}, {3, 1, 5, 2, 7}, {2, 2, 65, 6, 64}, {1, 1, 197, 4, 72}, {2, 9, 4, 3, 16}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int B = shapes[s][0], Q = shapes[s][1], T = shapes[s][2], NH = shapes[s][3], HD = shapes[s][4];
        size_t D = (size_t)(NH * HD), n = (size_t)(B * Q) * D;
        float *q = random_floats(n, 1), *kv = random_floats(2 * (size_t)(B * T) * D, 2);
        float *want = random_floats(n, 3), *got = random_floats(n, 4);
        for (size_t i = 0; i < n; i++)
            q[i] *= 9; /* scores far apart, as in a trained model */
        run_cross_attention(&vit_ops_ref, want, q, kv, B, Q, T, NH, HD);
        run_cross_attention(&vit_ops_dnnl, got, q, kv, B, Q, T, NH, HD);
        compare("attention with queries of their own", got, want, n, 2e-6);
        free(q), free(kv), free(want), free(got);
    }
}

Test(ops, mean_of_rows_far_apart)
{
    /* The mean of two arrays of two rows, written to the second half of wider rows. */
    const float src[8] = {1, 2, 3, 4, 5, 8, 11, 14};
    float dst[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    struct vit_kernel *kernel;
    struct vit_mean_op op = {.dst = dst + 2, .src = src, .batch = 2, .count = 2, .width = 2};
    op.dst_step = 4, op.batch_step = 2, op.row_step = 4;
    cr_assert_eq(vit_mean_create(&kernel, &op, NULL), VIT_OK);
    run(kernel);
    compare("mean", dst, (const float[]){-1, -1, 3, 5, -1, -1, 7, 9}, 8, 0);
}
