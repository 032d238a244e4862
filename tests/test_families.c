/* test_families.c: small models of every family, as their libraries save them, from the picture's file to the logits that
 * those libraries gave (tests/make_families.py); one model in many layouts; and what each family refuses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "tests/scratch.h"
#include "vit/vit.h"

#define FAMILIES "tests/families/"

static const double TOL = 2e-6;

static struct vit_error err;

/* Towers without classes give what their library calls the features. */
static void classify(const struct vit_model *model, const uint8_t *pixels, int n, float *logits)
{
    struct vit_session_options options = vit_session_options_default();
    bool classes = vit_model_config(model)->classes > 0;
    options.threads = 1;
    options.output = classes ? VIT_OUTPUT_LOGITS : VIT_OUTPUT_FEATURES;
    struct vit_session *session;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    cr_assert_eq((classes ? vit_classify : vit_embed)(session, pixels, n, logits, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);
}

/* Opens path within the family's folder ("": the folder) and classifies the picture. */
static void check_family(const char *name, const char *file, const struct vit_model_options *options)
{
    char path[256], message[CHECK_MESSAGE_MAX];
    struct vit_model *model;
    struct npy want = npy_golden("tests/families", name, "logits");
    snprintf(path, sizeof path, FAMILIES "%s/%s", name, file);
    cr_assert_eq(vit_model_open(&model, path, options, &err), VIT_OK, "%s", err.message);
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    float *got = malloc(want.count * sizeof *got);
    cr_assert(pixels && got);
    const struct vit_config *config = vit_model_config(model);
    int n = config->classes ? config->classes : config->embedding;
    cr_assert_eq((size_t)n, want.count, "%s: %d classes, or numbers of an embedding", name, n);
    struct vit_input input = {.path = FAMILIES "picture.png"};
    cr_assert_eq(vit_load_image(model, &input, NULL, pixels, &err), VIT_OK, "%s", err.message);
    classify(model, pixels, 1, got);
    cr_expect(check_f32(message, name, got, want.data, want.count, TOL), "%s", message);
    free(pixels);
    free(got);
    npy_free(&want);
    vit_model_free(model);
}

Test(families, timm)
{
    static const char *const names[] = {
        "timm_vit",       "timm_clip",    "timm_reg_gap",    "timm_so150m",    "timm_so150m2",
        "timm_dinov2_reg", "timm_dinov2_giant", "timm_siglip", "timm_distilled", "timm_deit3",
        "timm_miil",      "timm_test_vit3", "timm_eva_large", "timm_plus",     "timm_prenorm",
        "timm_mask_token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], "timm_dinov2_giant") != 0)
            check_family(names[i], "", NULL);
    check_family("timm_dinov2_giant", "model.safetensors", NULL);
}

/* Positions brought to another grid, each model by its own rule. */
Test(families, timm_at_another_size)
{
    check_family("timm_resized", "", &(struct vit_model_options){.image_size = 48});
    check_family("timm_flexivit", "", &(struct vit_model_options){.image_size = 48});
}

Test(families, timm_from_a_training_script)
{
    check_family("timm_wrapped", "", &(struct vit_model_options){.arch = "test_vit.r160_in1k"});
    check_family("timm_wrapped", "checkpoint.pth", &(struct vit_model_options){.arch = "test_vit"});
}

Test(families, hugging_face)
{
    static const char *const names[] = {"hf_vit",    "hf_vit_new_names",    "hf_deit",       "hf_deit_teacher",
                                        "hf_dinov2", "hf_dinov2_new_names", "hf_dinov2_reg", "hf_siglip",
                                        "hf_clip",   "hf_clip_projection", "hf_ijepa"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_family(names[i], "", NULL);
}

Test(families, torchvision)
{
    const struct vit_model_options options = {.arch = "test_vit"};
    check_family("torchvision", "", &options);
    check_family("torchvision_old", "vit_b_16_swag-0123abcd.pth", &options);
}

Test(families, facebook)
{
    struct vit_model_options options = {.arch = "test_vit"};
    check_family("facebook_deit3", "", &options);
    check_family("facebook_deit3_timm", "", NULL); /* with a config.json of timm's, which counts */
    options.head = FAMILIES "facebook_dinov2/linear_head.pth";
    check_family("facebook_dinov2", "backbone.pth", &options);
    options.head = FAMILIES "facebook_dinov2_reg/linear_head.pth";
    check_family("facebook_dinov2_reg", "backbone.pth", &options);
}

Test(families, jax)
{
    static const char *const names[] = {"jax_vit", "jax_opt_target", "jax_big_vision", "jax_stacked"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_family(names[i], "weights.npz", NULL);
}

Test(families, open_clip)
{
    check_family("open_clip", "", NULL);
}

/* ---- One model in many layouts ---- */

static struct vit_model *open_same(const char *name)
{
    static const double half[3] = {0.5, 0.5, 0.5};
    struct vit_model_options options = {.mean = half, .std = half};
    if (!strstr(name, "hf") && !strstr(name, "jax"))
        options.arch = "test_vit";
    struct vit_model *model;
    char path[128];
    snprintf(path, sizeof path, FAMILIES "same/%s", name);
    cr_assert_eq(vit_model_open(&model, path, &options, &err), VIT_OK, "%s", err.message);
    return model;
}

Test(families, every_layout_of_a_model_gives_the_same_bits)
{
    static const char *const names[] = {"timm", "timm_zip", "timm_legacy", "torchvision", "hf", "jax", "jax_stacked"};
    enum { N = sizeof names / sizeof *names, LOGITS = 2 * 7 };
    float logits[N][LOGITS];
    struct npy pixels = npy_golden("tests/families", "same", "pixels");
    for (int i = 0; i < N; i++) {
        struct vit_model *model = open_same(names[i]);
        classify(model, pixels.data, 2, logits[i]);
        vit_model_free(model);
        cr_expect_eq(memcmp(logits[i], logits[0], sizeof logits[0]), 0, "%s: %g, %s: %g", names[i], logits[i][0],
                     names[0], logits[0][0]);
    }
    npy_free(&pixels);
}

/* ---- Converting ---- */

/* What is written is read back as the same model, and classifies with the same bits. */
static void check_conversion(const char *name, const struct vit_model_options *options)
{
    struct scratch s;
    char path[128];
    scratch_enter(&s, "model.safetensors");
    snprintf(path, sizeof path, FAMILIES "%s", name);
    struct vit_model *original, *canonical;
    cr_assert_eq(vit_model_open(&original, path, options, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_save(original, s.path, NULL, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_open(&canonical, s.path, NULL, &err), VIT_OK, "%s", err.message);
    cr_expect_eq(memcmp(vit_model_config(original), vit_model_config(canonical), sizeof(struct vit_config)), 0, "%s", name);
    cr_expect_eq(memcmp(vit_model_preprocess(original), vit_model_preprocess(canonical), sizeof(struct vit_preprocess)), 0,
                 "%s", name);
    size_t n = vit_model_pixels_size(original);
    uint8_t *pixels = malloc(n);
    cr_assert_not_null(pixels);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    float a[16] = {0}, b[16] = {0};
    classify(original, pixels, 1, a);
    classify(canonical, pixels, 1, b);
    cr_expect_eq(memcmp(a, b, sizeof a), 0, "%s: %g became %g", name, a[0], b[0]);
    free(pixels);
    vit_model_free(original);
    vit_model_free(canonical);
    scratch_leave(&s);
}

Test(families, conversion_changes_nothing)
{
    static const char *const names[] = {"timm_siglip", "timm_distilled", "hf_vit",         "hf_dinov2_reg", "hf_siglip",
                                        "hf_clip",     "jax_big_vision", "jax_opt_target", "open_clip"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_conversion(names[i], NULL);
    check_conversion("torchvision", &(struct vit_model_options){.arch = "test_vit"});
    check_conversion("facebook_dinov2/backbone.pth",
                     &(struct vit_model_options){.arch = "test_vit", .head = FAMILIES "facebook_dinov2/linear_head.pth"});
}
