/* test_tiles_attention.c: attention on tiles against double loops: the words of tiles and vectors in plain C on any
 * machine, and AMX's where it may run, which must give the same bytes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/kernels/vec_plain.h"

#include "vit/kernels/tiles_plain.h"

#include "tests/operators.h"
#include "vit/kernels/tiles_attention_loops.h"
#include "vit/onednn/isa.h"

extern const struct vit_tiles_attention_isa tiles_attention_plain;

const struct vit_tiles_attention_isa tiles_attention_plain = {tiles_begin, tiles_end, pack, attend};

static const struct body {
    const char *name;
    const struct vit_tiles_attention_isa *isa;
    enum vit_isa_level needs;
} bodies[] = {{"plain", &tiles_attention_plain, VIT_ISA_ANY}, {"amx", &vit_tiles_attention_amx, VIT_ISA_AMX}};

enum { N_BODIES = sizeof bodies / sizeof *bodies };

static bool may_run(const struct body *body)
{
    return body->needs <= vit_isa_level();
}

static const enum vit_format formats[] = {VIT_PANELS_BF16, VIT_PANELS_BF16X2, VIT_PANELS_BF16X3};

enum { N_FORMATS = sizeof formats / sizeof *formats };

/* ---- Arrays ---- */

struct shape {
    int batch, tokens, heads, head_dim;
    bool causal;
};

/* q, k and v of a token follow each other. */
struct qkv {
    struct vit_problem problem;
    int width;
    void *data;     /* in the problem's format */
    float *numbers; /* (B T, width), what the format has kept of them */
};

static void *array(enum vit_format format, int64_t rows, int width)
{
    size_t size = vit_format_size(format, rows, width);
    void *data = aligned_alloc(64, size);
    cr_assert(data);
    return memset(data, 0xFF, size); /* NaN in every part */
}

static void fill(struct qkv *a)
{
    struct vit_attention_problem *p = &a->problem.attention;
    for (int64_t row = 0; row < p->q_step; row++) {
        float *numbers = a->numbers + row * a->width;
        vit_format_write(p->format, a->data, p->q_step, row, 0, numbers, a->width);
        vit_format_read(numbers, p->format, a->data, p->q_step, row, 0, a->width);
    }
}

/* The heads begin with column q_column of the first panel, and as far apart as they are wide. numbers (B T, 3 NH HD +
 * q_column) become the array's; NULL: random ones. */
static struct qkv make_qkv(enum vit_format format, struct shape s, int q_column, float *numbers)
{
    int D = s.heads * s.head_dim, rows = s.batch * s.tokens;
    struct qkv a = {.problem = {VIT_ATTENTION, .attention = {.format = format,
                                                             .q_step = rows,
                                                             .kv_step = rows,
                                                             .dst_step = rows,
                                                             .q_rows = s.tokens,
                                                             .kv_rows = s.tokens,
                                                             .q_column = q_column,
                                                             .k_column = q_column + D,
                                                             .v_column = q_column + 2 * D,
                                                             .batch = s.batch,
                                                             .queries = s.tokens,
                                                             .tokens = s.tokens,
                                                             .heads = s.heads,
                                                             .head_dim = s.head_dim,
                                                             .causal = s.causal}},
                    .width = q_column + 3 * D};
    a.data = array(format, rows, a.width);
    a.numbers = numbers ? numbers : operators_noise((size_t)rows * (size_t)a.width, (uint32_t)(rows * D), 3);
    fill(&a);
    return a;
}

static void free_qkv(struct qkv *a)
{
    free(a->data), free(a->numbers);
}

static void run(const struct body *body, const struct vit_problem *problem, void *dst, const void *q, const void *kv)
{
    struct vit_implementation implementation = {"tiles", vit_tiles_attention_create, body->isa};
    operators_run(&implementation, problem, (struct vit_buffers){.dst = dst, .in = {q, kv}}, NULL);
}

/* The array that body makes of a; freed by the caller. */
static void *attention(const struct body *body, const struct qkv *a)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    void *dst = array(p->format, p->dst_step, p->dst_column + p->heads * p->head_dim);
    run(body, &a->problem, dst, a->data, a->data);
    return dst;
}

/* Of arrays that attention has made, whose last rows of all are nobody's. */
static size_t written_size(const struct vit_attention_problem *p)
{
    return vit_format_size(p->format, p->dst_step, p->dst_column + p->heads * p->head_dim) - 15 * TILE_LINE;
}

/* ---- What is expected ---- */

/* dst (HD): in double. */
static void attend_plainly(double *dst, const struct qkv *a, int image, int head, int query)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    int T = p->causal ? query + 1 : p->tokens, HD = p->head_dim, W = a->width;
    const float *rows = a->numbers + (int64_t)image * p->tokens * W + head * HD;
    const float *q = rows + query * W + p->q_column, *k = rows + p->k_column, *v = rows + p->v_column;
    double *score = malloc((size_t)T * sizeof *score), top = -INFINITY, sum = 0;
    cr_assert(score);
    for (int t = 0; t < T; t++) {
        score[t] = 0;
        for (int i = 0; i < HD; i++)
            score[t] += (double)q[i] * k[t * W + i] / sqrt(HD);
        top = fmax(top, score[t]);
    }
    for (int t = 0; t < T; t++)
        sum += score[t] = exp(score[t] - top);
    for (int i = 0; i < HD; i++) {
        dst[i] = 0;
        for (int t = 0; t < T; t++)
            dst[i] += score[t] / sum * v[t * W + i];
    }
    free(score);
}

struct errors {
    double max, rms;
    bool nan_differs;
};

/* Of each result of the array dst. */
static struct errors errors_of(const struct qkv *a, const void *dst)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    int HD = p->head_dim;
    double want[256], n = (double)p->batch * p->tokens * p->heads * HD;
    float got[256];
    struct errors e = {0, 0, false};
    cr_assert_leq(HD, 256);
    for (int image = 0; image < p->batch; image++)
        for (int h = 0; h < p->heads; h++)
            for (int t = 0; t < p->tokens; t++) {
                attend_plainly(want, a, image, h, t);
                vit_format_read(got, p->format, dst, p->dst_step, image * p->q_rows + t, p->dst_column + h * HD, HD);
                for (int i = 0; i < HD; i++) {
                    double error = isnan(want[i]) ? 0 : fabs(got[i] - want[i]);
                    e.nan_differs = e.nan_differs || !isnan(got[i]) != !isnan(want[i]);
                    e.max = fmax(e.max, error);
                    e.rms += error * error;
                }
            }
    e.rms = sqrt(e.rms / n);
    return e;
}

/* Of the largest value; about the rounding of one part of a probability, and of a result. */
static const double tolerances[N_FORMATS] = {0.004, 2.5e-5, 1.5e-6};

static void compare(const char *what, const struct qkv *a, int format, double largest)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    for (int i = 0; i < N_BODIES; i++)
        if (may_run(&bodies[i])) {
            void *dst = attention(&bodies[i], a);
            struct errors e = errors_of(a, dst);
            cr_assert(e.max <= tolerances[format] * largest && !e.nan_differs,
                      "%s, %s, %s, B %d T %d NH %d HD %d%s: error %g%s", what, bodies[i].name,
                      vit_format_name(p->format), p->batch, p->tokens, p->heads, p->head_dim,
                      p->causal ? " causal" : "", e.max, e.nan_differs ? ", NaN elsewhere" : "");
            free(dst);
        }
}

/* ---- Shapes ---- */

static const struct shape shapes[] = {
    {1, 1, 1, 1, false},    {3, 1, 2, 64, false},   {1, 2, 1, 10, false},   {2, 5, 3, 7, false},
    {1, 7, 1, 30, false},   {1, 8, 2, 8, false},    {1, 9, 1, 1, false},    {2, 15, 2, 17, false},
    {1, 16, 1, 16, false},  {1, 17, 3, 33, false},  {1, 31, 2, 31, false},  {1, 32, 1, 32, false},
    {1, 33, 2, 48, false},  {2, 50, 2, 64, false},  {3, 65, 6, 64, false},  {1, 66, 1, 72, false},
    {1, 97, 2, 80, false},  {1, 197, 1, 64, false}, {1, 197, 1, 88, false}, {1, 65, 2, 96, false},
    {1, 65, 2, 104, false}, {1, 257, 1, 65, false}, {1, 577, 1, 64, false},
};

Test(tiles_attention, every_shape)
{
    for (int f = 0; f < N_FORMATS; f++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            if (f == 0 || shapes[i].tokens < 200) {
                struct qkv a = make_qkv(formats[f], shapes[i], 0, NULL);
                compare("random", &a, f, 3);
                a.problem.attention.causal = true;
                compare("random", &a, f, 3);
                free_qkv(&a);
            }
}

Test(tiles_attention, bodies_give_the_same_bytes)
{
    if (!may_run(&bodies[1]))
        cr_skip("no AMX");
    for (int f = 0; f < N_FORMATS; f++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            if (f == 0 || shapes[i].tokens < 100) {
                struct qkv a = make_qkv(formats[f], shapes[i], 0, NULL);
                a.problem.attention.causal = i % 2;
                void *plain = attention(&bodies[0], &a), *amx = attention(&bodies[1], &a);
                cr_assert_eq(memcmp(plain, amx, written_size(&a.problem.attention)), 0, "%s, shape %zu",
                             vit_format_name(formats[f]), i);
                free(plain), free(amx), free_qkv(&a);
            }
}

/* dst begins within its second panel, and ends within its third. */
Test(tiles_attention, columns_beside_the_heads)
{
    for (int f = 0; f < N_FORMATS; f++)
        for (int i = 0; i < N_BODIES; i++) {
            struct qkv a = make_qkv(formats[f], (struct shape){2, 37, 2, 20, false}, 11, NULL);
            struct vit_attention_problem *p = &a.problem.attention;
            p->dst_column = 45;
            if (!may_run(&bodies[i]))
                continue;
            void *dst = attention(&bodies[i], &a);
            struct errors e = errors_of(&a, dst);
            cr_assert(e.max <= 3 * tolerances[f] && !e.nan_differs, "error %g", e.max);
            for (int row = 0; row < 2 * 37; row++) {
                float x[96];
                vit_format_read(x, formats[f], dst, p->dst_step, row, 0, 96);
                for (int c = 0; c < 45; c++)
                    cr_assert(isnan(x[c]), "column %d was written", c);
                for (int c = 85; c < 96; c++)
                    cr_assert(x[c] == 0, "column %d is %g", c, (double)x[c]);
            }
            free(dst), free_qkv(&a);
        }
}

/* ---- Cuts ---- */

struct cut {
    int image, images, head, heads, query, queries;
};

/* What is computed of a cut is, byte for byte, what is computed of all. */
static void run_cut(const struct body *body, const struct qkv *a, void *dst, struct cut c)
{
    struct vit_problem problem = a->problem;
    struct vit_attention_problem *p = &problem.attention;
    int column = c.head * p->head_dim;
    int64_t row = c.image * p->q_rows;
    p->batch = c.images, p->heads = c.heads, p->queries = c.queries, p->past = c.query;
    p->q_column += column, p->k_column += column, p->v_column += column, p->dst_column += column;
    run(body, &problem, vit_format_row(p->format, dst, p->dst_step, row + c.query),
        vit_format_row(p->format, a->data, p->q_step, row + c.query),
        vit_format_row(p->format, a->data, p->kv_step, row));
}

static void compare_cuts(const struct body *body, const struct qkv *a, int heads, int queries)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    void *whole = attention(body, a), *cut = array(p->format, p->dst_step, p->heads * p->head_dim);
    for (int image = 0; image < p->batch; image++)
        for (int head = 0; head < p->heads; head += heads)
            for (int query = 0; query < p->queries; query += queries) {
                int left = p->queries - query;
                run_cut(body, a, cut, (struct cut){image, 1, head, heads, query, left < queries ? left : queries});
            }
    cr_assert_eq(memcmp(whole, cut, written_size(p)), 0, "%s, %s: by %d heads and %d queries", body->name,
                 vit_format_name(p->format), heads, queries);
    free(whole), free(cut);
}

Test(tiles_attention, cuts_do_not_change_the_result)
{
    for (int f = 0; f < N_FORMATS; f++)
        for (int i = 0; i < N_BODIES; i++) {
            if (!may_run(&bodies[i]))
                continue;
            struct qkv whole_panels = make_qkv(formats[f], (struct shape){2, 50, 2, 32, false}, 0, NULL);
            struct qkv others = make_qkv(formats[f], (struct shape){2, 50, 3, 40, true}, 0, NULL);
            compare_cuts(&bodies[i], &whole_panels, 1, 50);
            for (int queries = 1; queries <= 50; queries = 3 * queries + 4) {
                compare_cuts(&bodies[i], &whole_panels, 2, queries);
                compare_cuts(&bodies[i], &others, 3, queries);
            }
            free_qkv(&whole_panels), free_qkv(&others);
        }
}

/* ---- Exactness ---- */

/* As attend_plainly, of the first head: in f32, by chains of FMAs. */
static void attend_by_chains(float *dst, const struct qkv *a, int query)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    int T = p->tokens, HD = p->head_dim, W = a->width;
    const float *q = a->numbers + query * W, *k = a->numbers + p->k_column, *v = a->numbers + p->v_column;
    float score[256], top = -INFINITY, sum = 0, scale = (float)(1 / sqrt(HD));
    for (int t = 0; t < T; t++) {
        score[t] = 0;
        for (int i = 0; i < HD; i++)
            score[t] = fmaf(q[i], k[t * W + i], score[t]);
        top = fmaxf(top, score[t]);
    }
    for (int t = 0; t < T; t++)
        sum += score[t] = expf((score[t] - top) * scale);
    for (int i = 0; i < HD; i++) {
        dst[i] = 0;
        for (int t = 0; t < T; t++)
            dst[i] = fmaf(score[t], v[t * W + i], dst[i]);
        dst[i] /= sum;
    }
}

Test(tiles_attention, three_parts_are_no_less_exact_than_f32)
{
    struct shape s = {1, 197, 1, 64, false};
    struct qkv a = make_qkv(VIT_PANELS_BF16X3, s, 0, NULL);
    double max = 0, rms = 0;
    for (int t = 0; t < s.tokens; t++) {
        float chain[64];
        double want[64];
        attend_by_chains(chain, &a, t);
        attend_plainly(want, &a, 0, 0, t);
        for (int i = 0; i < s.head_dim; i++) {
            max = fmax(max, fabs(chain[i] - want[i]));
            rms += (chain[i] - want[i]) * (chain[i] - want[i]);
        }
    }
    rms = sqrt(rms / (s.tokens * s.head_dim));
    for (int i = 0; i < N_BODIES; i++)
        if (may_run(&bodies[i])) {
            void *dst = attention(&bodies[i], &a);
            struct errors e = errors_of(&a, dst);
            cr_assert(e.max <= max && e.rms <= rms, "%s: errors %g, %g; chains of FMAs: %g, %g", bodies[i].name, e.max,
                      e.rms, max, rms);
            free(dst);
        }
    free_qkv(&a);
}

/* The errors that polynomials.h states. */
Test(tiles_attention, powers_of_two)
{
    double worst[7] = {0};
    for (int degree = 3; degree <= 6; degree++)
        if (degree != 4)
            for (float x = -3; x <= 0; x += 0x1p-14f)
                worst[degree] = fmax(worst[degree], fabs(v_exp2_of(degree, v_set1(x)).at[0] / exp2(x) - 1));
    cr_assert(worst[3] <= 7.6e-5 && worst[5] <= 1.5e-7 && worst[6] <= 1.2e-7, "%g %g %g", worst[3], worst[5], worst[6]);
}

/* ---- Scores that are out of the ordinary ---- */

/* q and k of token t along the first axis, of the given lengths. */
static void set_scores(struct qkv *a, const float *q, const float *k)
{
    const struct vit_attention_problem *p = &a->problem.attention;
    for (int t = 0; t < p->tokens; t++) {
        float *row = a->numbers + t * a->width;
        memset(row, 0, (size_t)p->v_column * sizeof *row);
        row[0] = q[t];
        row[p->k_column] = k[t];
    }
    fill(a);
}

Test(tiles_attention, equal_scores_give_the_mean)
{
    for (int f = 0; f < N_FORMATS; f++)
        for (float value = -3e4f; value <= 3e4f; value += 1e4f) {
            struct qkv a = make_qkv(formats[f], (struct shape){1, 19, 1, 12, false}, 0, NULL);
            float q[19], k[19];
            for (int t = 0; t < 19; t++)
                q[t] = 1, k[t] = value;
            set_scores(&a, q, k);
            compare("equal scores", &a, f, 3);
            free_qkv(&a);
        }
}

/* Scores from -1e4 to 1e4: the largest takes all but for its neighbours, the rest is too small for f32. */
Test(tiles_attention, scores_far_apart)
{
    for (int f = 0; f < N_FORMATS; f++) {
        struct qkv a = make_qkv(formats[f], (struct shape){1, 40, 1, 16, false}, 0, NULL);
        float q[40], k[40];
        for (int t = 0; t < 40; t++) {
            q[t] = (float)(t % 9 - 4);
            k[t] = (float)((t * 7 % 40 - 20) * 512);
        }
        k[11] = k[3] + 1;
        set_scores(&a, q, k);
        compare("far apart", &a, f, 3);
        free_qkv(&a);
    }
}

/* A query that is not a number spoils its own row; a key or a value that is none, what reads it. */
Test(tiles_attention, nan_stays_nan)
{
    struct shape s = {1, 21, 2, 9, false};
    for (int f = 0; f < N_FORMATS; f++)
        for (int at = 0; at < 21 * 3 * 18; at += 3 * 18 + 5) {
            struct qkv a = make_qkv(formats[f], s, 0, NULL);
            a.numbers[at] = NAN;
            fill(&a);
            compare("NaN", &a, f, 3);
            free_qkv(&a);
        }
}
