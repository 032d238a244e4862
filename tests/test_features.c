/* test_features.c: what a model gives beside logits, of models of many families, against what their libraries call
 * features and tokens (tests/make_features.py). */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "tests/random_model.h"
#include "vit/vit.h"

#define FAMILIES "tests/families/"

static const double TOL = 2e-6;

static struct vit_error err;

static struct vit_session *create(const struct vit_model *model, enum vit_output_kind output, bool normalize, int batch,
                                  int threads)
{
    struct vit_session_options options = vit_session_options_default();
    struct vit_session *session;
    options.batch = batch;
    options.threads = threads;
    options.output = output;
    options.normalize = normalize;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    return session;
}

/* What a session gives for n pictures; freed by the caller. */
static float *embed(const struct vit_model *model, enum vit_output_kind output, bool normalize, const uint8_t *pixels,
                    int n, size_t *width)
{
    struct vit_session *session = create(model, output, normalize, 1, 1);
    *width = vit_session_width(session);
    float *features = malloc((size_t)n * *width * sizeof *features);
    cr_assert(features);
    cr_assert_eq(vit_embed(session, pixels, n, features, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);
    return features;
}

/* ---- Families ---- */

static void check(const char *what, const float *got, size_t width, const float *want, size_t count)
{
    char message[CHECK_MESSAGE_MAX];
    cr_assert_eq(width, count, "%s: %zu numbers, expected %zu", what, width, count);
    cr_expect(check_f32(message, what, got, want, count, TOL), "%s", message);
}

/* The class token and the mean are those of the tokens. */
static void check_tokens(const struct vit_model *model, const char *folder, const uint8_t *pixels)
{
    const struct vit_config *c = vit_model_config(model);
    struct npy tokens = npy_golden("tests/families", folder, "tokens");
    size_t width, D = (size_t)c->width, T = (size_t)vit_config_tokens(c), N = (size_t)vit_config_patches(c);
    float *got = embed(model, VIT_OUTPUT_TOKENS, false, pixels, 1, &width), *mean = calloc(D, sizeof *mean);
    check(folder, got, width, tokens.data, tokens.count);
    free(got);
    for (size_t t = T - N; t < T; t++)
        for (size_t i = 0; i < D; i++)
            mean[i] += ((const float *)tokens.data)[t * D + i] / (float)N;
    got = embed(model, VIT_OUTPUT_MEAN, false, pixels, 1, &width);
    check("mean", got, width, mean, D);
    free(got);
    if (c->cls) {
        got = embed(model, VIT_OUTPUT_CLS, false, pixels, 1, &width);
        check("cls", got, width, tokens.data, D);
        free(got);
    }
    free(mean);
    npy_free(&tokens);
}

static void check_family(const char *folder, bool tokens)
{
    struct vit_model *model;
    struct npy features = npy_golden("tests/families", folder, "features");
    char path[256];
    size_t width;
    snprintf(path, sizeof path, FAMILIES "%s", folder);
    cr_assert_eq(vit_model_open(&model, path, NULL, &err), VIT_OK, "%s", err.message);
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    struct vit_input input = {.path = FAMILIES "picture.png"};
    cr_assert_eq(vit_load_image(model, &input, NULL, pixels, &err), VIT_OK, "%s", err.message);
    float *got = embed(model, VIT_OUTPUT_FEATURES, false, pixels, 1, &width);
    check(folder, got, width, features.data, features.count);
    free(got);
    if (tokens)
        check_tokens(model, folder, pixels);
    free(pixels);
    npy_free(&features);
    vit_model_free(model);
}

Test(features, of_every_family)
{
    static const char *const names[] = {"timm_vit",        "timm_clip",     "timm_reg_gap",   "timm_so150m",
                                        "timm_dinov2_reg", "timm_siglip",   "timm_distilled", "timm_test_vit3",
                                        "timm_eva_large",  "timm_prenorm",  "hf_vit",         "hf_ijepa",
                                        "hf_dinov2",       "hf_dinov2_reg", "hf_siglip",      "hf_clip"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_family(names[i], true);
    check_family("hf_clip_projection", false);
}

/* ---- Any model ---- */

static uint8_t *make_pixels(const struct vit_model *model, int n)
{
    size_t size = (size_t)n * vit_model_pixels_size(model);
    uint8_t *pixels = malloc(size);
    cr_assert(pixels);
    for (size_t i = 0; i < size; i++)
        pixels[i] = (uint8_t)((i * 2654435761u) >> 9);
    return pixels;
}

/* The same bytes in any batch and on any number of threads; normalised, each row has the length 1. */
static void check_output(const struct vit_model *model, enum vit_output_kind output, const uint8_t *pixels)
{
    enum { IMAGES = 3 };
    size_t width, D = (size_t)vit_model_config(model)->width, again;
    float *one = embed(model, output, false, pixels, IMAGES, &width);
    float *unit = embed(model, output, true, pixels, IMAGES, &again), *many = malloc(IMAGES * width * sizeof *many);
    size_t row = output == VIT_OUTPUT_TOKENS ? D : width;
    for (int threads = 1; threads <= 3; threads++) {
        struct vit_session *session = create(model, output, false, threads, threads);
        cr_assert_eq(vit_embed(session, pixels, IMAGES, many, &err), VIT_OK, "%s", err.message);
        cr_expect(memcmp(one, many, IMAGES * width * sizeof *one) == 0, "output %d, %d threads: other bytes",
                  (int)output, threads);
        vit_session_free(session);
    }
    for (size_t r = 0; r < IMAGES * width / row; r++) {
        double length = 0, dot = 0, squares = 0;
        for (size_t i = r * row; i < (r + 1) * row; i++) {
            squares += (double)unit[i] * (double)unit[i];
            length += (double)one[i] * (double)one[i];
            dot += (double)one[i] * (double)unit[i];
        }
        cr_expect_float_eq(squares, 1, 1e-5);
        cr_expect_float_eq(dot, sqrt(length), 1e-5 * sqrt(length));
    }
    free(one), free(unit), free(many);
}

Test(features, of_random_models)
{
    for (uint32_t seed = 0; seed < 20; seed++) {
        struct vit_config c = random_config(seed);
        if (vit_config_tokens(&c) > 90)
            continue;
        struct vit_model *model = random_model(&c);
        uint8_t *pixels = make_pixels(model, 3);
        for (enum vit_output_kind output = VIT_OUTPUT_FEATURES; output <= VIT_OUTPUT_TOKENS; output++)
            if (output != VIT_OUTPUT_CLS || c.cls)
                check_output(model, output, pixels);
        free(pixels);
        vit_model_free(model);
    }
}

/* However a batch is divided, among threads and one part of it after the other: no pixel beyond it is read, which a
 * sanitizer sees, and each answer has the same bytes. */
Test(features, every_size_of_a_batch)
{
    struct vit_config c = random_config(1);
    c.image_size = 4 * c.patch, c.pos_grid[0] = c.pos_grid[1] = 4;
    struct vit_model *model = random_model(&c);
    size_t width, image = vit_model_pixels_size(model);
    uint8_t *pixels = make_pixels(model, 60);
    float *one = embed(model, VIT_OUTPUT_POOLED, false, pixels, 60, &width), *many = malloc(60 * width * sizeof *many);
    for (int batch = 1; batch <= 60; batch += batch < 30 ? 1 : 5)
        for (int threads = 1; threads <= 3; threads++) {
            struct vit_session *session = create(model, VIT_OUTPUT_POOLED, false, batch, threads);
            uint8_t *exactly = malloc((size_t)batch * image);
            cr_assert(exactly && many);
            memcpy(exactly, pixels, (size_t)batch * image);
            cr_assert_eq(vit_embed(session, exactly, batch, many, &err), VIT_OK, "%s", err.message);
            cr_expect(memcmp(one, many, (size_t)batch * width * sizeof *one) == 0, "batch %d, %d threads", batch,
                      threads);
            free(exactly);
            vit_session_free(session);
        }
    free(one), free(many), free(pixels);
    vit_model_free(model);
}

Test(features, sessions_say_what_they_give)
{
    struct vit_config c = random_config(1);
    c.pool = VIT_POOL_AVG, c.norm_place = VIT_NORM_BEFORE, c.cls = c.dist = false, c.pos_covers = VIT_POS_PATCHES;
    struct vit_model *model = random_model(&c);
    uint8_t *pixels = make_pixels(model, 1);
    float numbers[64];
    struct vit_session *session = create(model, VIT_OUTPUT_LOGITS, false, 1, 1);
    cr_expect_eq(vit_session_output(session), VIT_OUTPUT_LOGITS);
    cr_expect_eq(vit_session_width(session), (size_t)c.classes);
    cr_expect_eq(vit_embed(session, pixels, 1, numbers, &err), VIT_ERR_UNSUPPORTED);
    vit_session_free(session);
    session = create(model, VIT_OUTPUT_FEATURES, false, 1, 1);
    cr_expect_eq(vit_session_output(session), VIT_OUTPUT_POOLED);
    cr_expect_eq(vit_session_width(session), (size_t)c.width);
    cr_expect_eq(vit_classify(session, pixels, 1, numbers, &err), VIT_ERR_UNSUPPORTED);
    vit_session_free(session);
    struct vit_session_options options = vit_session_options_default();
    options.output = VIT_OUTPUT_CLS;
    cr_expect_eq(vit_session_create(&session, model, &options, &err), VIT_ERR_UNSUPPORTED);
    cr_expect(strstr(err.message, "no CLS token"), "%s", err.message);
    free(pixels);
    vit_model_free(model);
}
