/* test_choose.c: what is chosen computes what the plain loops compute: implementations that are wrong are found out,
 * and models of random configurations answer right, in every session made of them and wherever a picture stands in the
 * batch. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/check.h"
#include "tests/operators.h"
#include "tests/program.h"
#include "tests/random_model.h"
#include "vit/choice/implementations.h"
#include "vit/choice/sample.h"
#include "vit/network/types.h"

/* ---- Implementations ---- */

/* Whether implementation conforms; its result for the sample is left in dst. */
static bool conforms(const struct vit_implementation *implementation, const struct vit_problem *problem, void *dst,
                     const void *src)
{
    struct vit_sample *sample;
    struct vit_crew crew;
    bool yes;
    double seconds;
    cr_assert_eq(vit_sample_create(&sample, problem, &(struct vit_buffers){.dst = dst, .in = {src}}, NULL), VIT_OK);
    struct vit_part part = {*problem, vit_sample_buffers(sample), 0};
    cr_assert_eq(vit_crew_create(&crew, implementation, 1, &part, NULL, NULL), VIT_OK);
    crew.scratch = aligned_alloc(64, crew.scratch_size + 64);
    cr_assert(crew.scratch);
    cr_assert_eq(vit_sample_run(&yes, &seconds, sample, &crew, NULL), VIT_OK);
    free(crew.scratch);
    vit_crew_free(&crew);
    vit_sample_free(sample);
    return yes;
}

/* Plain loops, and then one value is another. */
static struct vit_kernel *inner;
static int64_t spoilt;
static float by;

static vit_status run_spoilt(struct vit_kernel *kernel, const struct vit_buffers *buffers, void *scratch,
                             struct vit_error *err)
{
    (void)kernel;
    VIT_TRY(inner->run(inner, buffers, scratch, err));
    ((float *)buffers->dst)[spoilt] += by;
    return VIT_OK;
}

static vit_status pack_spoilt(struct vit_kernel *kernel, void *dst, const float *weight, struct vit_error *err)
{
    (void)kernel;
    return inner->pack(inner, dst, weight, err);
}

static void free_spoilt(struct vit_kernel *kernel)
{
    vit_kernel_free(inner);
    free(kernel);
}

static vit_status create_spoilt(struct vit_kernel **kernel, const struct vit_implementation *implementation,
                                const struct vit_problem *problem, struct vit_error *err)
{
    (void)implementation;
    const struct vit_implementation *plain = vit_plain_implementation(problem);
    VIT_TRY(plain->create(&inner, plain, problem, err));
    *kernel = malloc(sizeof **kernel);
    cr_assert(*kernel);
    **kernel = *inner;
    (*kernel)->run = run_spoilt, (*kernel)->pack = pack_spoilt, (*kernel)->free = free_spoilt;
    return VIT_OK;
}

Test(choose, one_wrong_value_is_found)
{
    enum { ROWS = 30, IN = 19, OUT = 21 };
    const struct vit_implementation wrong = {.name = "spoilt", .create = create_spoilt};
    float src[ROWS * IN] = {0}, dst[ROWS * OUT];
    struct vit_problem problem = {VIT_LINEAR, .linear = {.rows = ROWS,
                                                         .src_step = IN,
                                                         .dst_step = OUT,
                                                         .images = 3,
                                                         .in = IN,
                                                         .out = OUT,
                                                         .bias = true,
                                                         .add = true}};
    spoilt = 0, by = 0;
    cr_expect(conforms(&wrong, &problem, dst, src), "what is right was refused");
    spoilt = 9 * OUT + 20, by = 0.01f;
    cr_expect_not(conforms(&wrong, &problem, dst, src), "the last value of an image");
    spoilt = 20 * OUT + 3, by = 1e-6f;
    cr_expect_not(conforms(&wrong, &problem, dst, src), "the last bit of a value of the third image");
    by = NAN;
    cr_expect_not(conforms(&wrong, &problem, dst, src), "not a number");
}

/* Of what is done row by row, in the first row or the last. */
Test(choose, one_wrong_value_of_a_row_is_found)
{
    enum { ROWS = 9, WIDTH = 12 };
    const struct vit_implementation wrong = {.name = "spoilt", .create = create_spoilt};
    const struct vit_preprocess preprocess = {.size = 6, .mean = {.5, .5, .5}, .std = {.5, .5, .5}};
    const struct vit_problem problems[] = {
        {VIT_PATCHIFY, .patchify = {.rows = ROWS, .dst_step = WIDTH, .patch = 2, .preprocess = preprocess}},
        {VIT_NORM, .norm = {.rows = ROWS, .dst_step = WIDTH, .width = WIDTH, .eps = 1}},
        {VIT_CONVERT, .convert = {.rows = ROWS, .dst_step = WIDTH, .width = WIDTH}},
        {VIT_GATE, .gate = {.rows = ROWS, .width = WIDTH, .act = VIT_ACT_SILU}},
        {VIT_QK_NORM, .qk_norm = {.rows = ROWS, .heads = 2, .head_dim = 2, .eps = 1}}};
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
        float src[2 * ROWS * WIDTH] = {0}, dst[ROWS * WIDTH];
        const char *name = vit_op_name(problems[i].op);
        spoilt = 0, by = 0;
        cr_expect(conforms(&wrong, &problems[i], dst, src), "%s: what is right was refused", name);
        spoilt = WIDTH - 1, by = 0.01f;
        cr_expect_not(conforms(&wrong, &problems[i], dst, src), "%s: the last value of the first row", name);
        spoilt = ROWS * WIDTH - 1, by = 1e-5f;
        cr_expect_not(conforms(&wrong, &problems[i], dst, src), "%s: the last bits of the last row", name);
    }
}

/* What conforms is right in every value, not only in those that were compared. oneDNN 3.2 has products of bf16 that are
 * wrong for odd widths, and such as round an image's sums by its place. */
static void check_conforming(const struct vit_linear_problem *p)
{
    struct vit_problem problem = {VIT_LINEAR, .linear = *p};
    struct vit_implementation list[OPERATORS_MAX];
    size_t n = (size_t)p->rows * (size_t)p->out, n_src = (size_t)p->rows * (size_t)p->in;
    void *src = malloc(n_src * sizeof(float)), *dst = malloc(n * sizeof(float));
    float *want = NULL;
    cr_assert(src && dst);
    for (int i = operators_list(list, &problem) - 1; i >= 0; i--) {
        char message[CHECK_MESSAGE_MAX], name[128];
        if (!conforms(&list[i], &problem, dst, src))
            continue;
        float *got = operators_widened(dst, p->dst, n);
        snprintf(name, sizeof name, "%.63s, %d x %d -> %d", list[i].name, (int)p->rows, p->in, p->out);
        if (!want) /* plain is the last */
            want = got;
        else
            cr_expect(check_f32(message, name, got, want, n, p->src == VIT_ROWS_F32 ? 2e-5 : 1e-2), "%s", message);
        if (got != want)
            free(got);
    }
    cr_assert(want, "the plain loops do not conform to themselves");
    free(want), free(src), free(dst);
}

Test(choose, what_conforms_is_right)
{
    static const int shapes[][4] = {{30, 3, 7, 7}, {30, 2, 51, 101}, {60, 4, 9, 15}, {195, 3, 48, 40}, {17, 1, 101, 3}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int type = 0; type < 2; type++)
            for (int add = 0; add < 2; add++) {
                enum vit_format t = type ? VIT_ROWS_BF16 : VIT_ROWS_F32;
                if (type && vit_isa_level() < VIT_ISA_AVX512_BF16)
                    continue;
                check_conforming(&(struct vit_linear_problem){t, add ? VIT_ROWS_F32 : t, shapes[s][0], shapes[s][2],
                                                              shapes[s][3], shapes[s][1], shapes[s][2], shapes[s][3],
                                                              true, add, !add, VIT_ACT_GELU_ERF});
            }
}

/* ---- Models of random configurations ---- */

/* The logits (n, K) of n pictures; freed by the caller. */
static float *answer(const struct vit_model *model, const struct vit_session_options *options, const uint8_t *pixels,
                     int n)
{
    struct vit_error err = {0};
    struct vit_session *session;
    float *logits = malloc((size_t)n * (size_t)vit_model_config(model)->classes * sizeof *logits);
    cr_assert(logits);
    cr_assert_eq(vit_session_create(&session, model, options, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_classify(session, pixels, n, logits, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);
    return logits;
}

/* Pictures 0 to n - 1, and picture 0 again at every place of another batch: one answer, that of the plain loops, and
 * the same from a second session. */
static void check_model(const struct vit_model *model, struct vit_session_options options, const char *what)
{
    size_t size = vit_model_pixels_size(model), K = (size_t)vit_model_config(model)->classes;
    int n = options.batch + 1; /* a short batch follows */
    uint8_t *pixels = malloc((size_t)n * size);
    char message[CHECK_MESSAGE_MAX];
    cr_assert(pixels);
    for (size_t i = 0; i < (size_t)n * size; i++)
        pixels[i] = (uint8_t)((i * 2654435761u ^ i / size * 77) >> 7);
    float *got = answer(model, &options, pixels, n), *again = answer(model, &options, pixels, n);
    struct vit_session_options plain = options;
    plain.reference = true, plain.batch = 1;
    float *want = answer(model, &plain, pixels, n);
    bool f32 = options.precision == VIT_PRECISION_F32;
    cr_expect(check_f32(message, what, got, want, (size_t)n * K, f32 ? 1e-4 : 5e-2), "%s", message);
    cr_expect(memcmp(got, again, (size_t)n * K * sizeof *got) == 0, "%s: another session, other bytes", what);
    for (int i = 1; i < n; i++)
        memcpy(pixels + (size_t)i * size, pixels, size);
    free(again);
    again = answer(model, &options, pixels, n);
    for (int i = 0; i < n; i++)
        cr_expect(memcmp(again + (size_t)i * K, got, K * sizeof *got) == 0, "%s: other bytes at place %d", what, i);
    free(got), free(again), free(want), free(pixels);
}

static void check_random_model(uint32_t seed)
{
    struct vit_config c = random_config(seed);
    for (int precision = VIT_PRECISION_F32; precision < VIT_PRECISION_AUTO; precision++) {
        const struct vit_types *types[VIT_MAX_TYPES];
        if (vit_types_for(types, (enum vit_precision)precision) == 0)
            continue;
        struct vit_model *model = random_model(&c);
        struct vit_session_options options = {.batch = random_draw(1, vit_config_tokens(&c) > 1000 ? 2 : 7),
                                              .threads = random_draw(1, 4),
                                              .precision = (enum vit_precision)precision,
                                              .tune = random_draw(0, 1) ? VIT_TUNE_ON : VIT_TUNE_OFF};
        char what[160];
        snprintf(what, sizeof what,
                 "seed %u, %s, batch %d, %d threads, tune %d, %d tokens of %d, heads %d, mlp %d, pool %s", seed,
                 vit_precision_name((enum vit_precision)precision), options.batch, options.threads, (int)options.tune,
                 vit_config_tokens(&c), c.width, c.heads, c.mlp, vit_pool_name(c.pool));
        check_model(model, options, what);
        vit_model_free(model);
    }
}

/* Some of 40, others every hour. */
Test(choose, random_models, .timeout = 900)
{
    uint32_t hour = (uint32_t)(time(NULL) / 3600);
    for (uint32_t i = 0; i < 6; i++)
        check_random_model((hour + 7 * i) % 40);
}

/* ---- Threads ---- */

/* oneDNN's own threads are not used, so that what OpenMP is told changes nothing. */
Test(choose, settings_of_openmp_do_not_matter)
{
    static const char *const limits[][4] = {{"HOME=/nonexistent", NULL},
                                            {"HOME=/nonexistent", "OMP_DYNAMIC=true", NULL},
                                            {"HOME=/nonexistent", "OMP_THREAD_LIMIT=1", NULL}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (int tune = 0; tune < 2; tune++) {
            struct program p =
                program_done((struct program){ARGUMENTS("classify", "-q", "-k1", "-f", "csv", "-t", "2", "--tune",
                                                        tune ? "on" : "off", "samples/bee.jpg"),
                                              .variables = limits[i]});
            program_expect(&p, 0, NULL);
            cr_expect(strstr(p.out, "samples/bee.jpg,1,38,bee,0.60580"), "%s: %s",
                      limits[i][1] ? limits[i][1] : "no limit", p.out);
            program_free(&p);
        }
}
