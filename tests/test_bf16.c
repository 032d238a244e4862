/* test_bf16.c: sessions in bf16: near the f32 answer where the CPU has the instructions, refused where it has not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "vit/onednn/isa.h"
#include "vit/vit.h"

#define TINY "tests/goldens/tiny"

static struct vit_error err;

static struct vit_session *open_session(const struct vit_model *model, enum vit_precision precision, int batch)
{
    struct vit_session *session;
    struct vit_session_options options = vit_session_options_default();
    options.precision = precision;
    options.batch = batch;
    options.threads = 1;
    return vit_session_create(&session, model, &options, &err) == VIT_OK ? session : NULL;
}

static struct vit_model *open_model(const char *path)
{
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, path, NULL, &err), VIT_OK, "%s", err.message);
    return model;
}

static double cosine(const float *a, const float *b, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* The logits of two sessions of the same model for the same picture. */
static void check_near(const char *path, const char *picture)
{
    struct vit_model *model = open_model(path);
    int K = vit_model_config(model)->classes;
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    float *f32 = malloc(sizeof(float) * (size_t)K), *bf16 = malloc(sizeof(float) * (size_t)K);
    cr_assert(pixels && f32 && bf16);
    struct vit_input input = {.path = picture};
    cr_assert_eq(vit_load_image(model, &input, NULL, pixels, &err), VIT_OK, "%s", err.message);

    struct vit_session *session = open_session(model, VIT_PRECISION_F32, 1);
    cr_assert(session, "%s", err.message);
    cr_assert_eq(vit_session_precision(session), VIT_PRECISION_F32);
    cr_assert_eq(vit_classify(session, pixels, 1, f32, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);

    session = open_session(model, VIT_PRECISION_BF16, 3);
    cr_assert(session, "%s", err.message);
    cr_assert_eq(vit_session_precision(session), VIT_PRECISION_BF16);
    cr_assert_eq(vit_classify(session, pixels, 1, bf16, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);

    double near = cosine(f32, bf16, K);
    cr_expect(near > 0.999, "%s: cosine %.6f of the logits of %s in bf16 and f32", path, near, picture);
    cr_expect(memcmp(f32, bf16, sizeof(float) * (size_t)K) != 0, "%s: bf16 gave the very bytes of f32", path);
    free(pixels);
    free(f32);
    free(bf16);
    vit_model_free(model);
}

Test(bf16, is_near_f32)
{
    if (vit_isa_level() < VIT_ISA_AVX512_BF16)
        cr_skip_test("this CPU has no bf16 instructions");
    check_near("weights/vit.safetensors", "samples/tractor.jpg");
    check_near("weights/vit.safetensors", "samples/espresso.jpg");
    check_near(TINY, TINY "/picture.png");
}

/* Every option of a configuration has its way through bf16, too. */
Test(bf16, every_variant_is_near_f32)
{
    static const char *const variants[] = {"cls_dist_mean", "swiglu", "qk_norm", "map", "concat"};
    if (vit_isa_level() < VIT_ISA_AVX512_BF16)
        cr_skip_test("this CPU has no bf16 instructions");
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/goldens/variants/%s/model.safetensors", variants[i]);
        check_near(path, "samples/bee.jpg");
    }
}

/* Makes the first weight of the tiny model's first MLP NaN as CUDA writes it: all its bits are set. */
static void put_nan(const char *path)
{
    static const char entry[] = "\"blocks.0.mlp.fc1.weight\":{\"dtype\":\"F32\",\"shape\":[75,30],\"data_offsets\":[";
    char head[16384] = {0};
    uint64_t header;
    FILE *file = fopen(path, "r+b");
    cr_assert(file && fread(head, 1, sizeof head - 1, file) > sizeof header);
    memcpy(&header, head, sizeof header);
    const char *found = memmem(head, sizeof head, entry, sizeof entry - 1);
    cr_assert(found, "the tiny model's header is not as it was");
    fseek(file, (long)header + 8 + strtol(found + sizeof entry - 1, NULL, 10), SEEK_SET);
    fwrite(&(uint32_t){0x7fffffff}, 4, 1, file);
    fclose(file);
}

static float first_logit(const char *path, enum vit_precision precision)
{
    struct vit_model *model = open_model(path);
    float *logits = malloc(sizeof *logits * (size_t)vit_model_config(model)->classes);
    uint8_t *pixels = calloc(vit_model_pixels_size(model), 1);
    struct vit_session *session = open_session(model, precision, 1);
    cr_assert(logits && pixels && session, "%s", err.message);
    cr_assert_eq(vit_classify(session, pixels, 1, logits, &err), VIT_OK, "%s", err.message);
    float first = logits[0];
    vit_session_free(session);
    vit_model_free(model);
    free(logits);
    free(pixels);
    return first;
}

Test(bf16, a_weight_that_is_nan_tells)
{
    setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", 0); /* without AMX, where own kernels come first */
    char *folder = folder_make(), *model = folder_copy(folder, "model.safetensors", TINY "/model.safetensors", -1);
    free(folder_copy(folder, "config.json", TINY "/config.json", -1));
    put_nan(model);
    cr_expect(isnan(first_logit(folder, VIT_PRECISION_F32)));
    cr_expect(isnan(first_logit(folder, VIT_PRECISION_AUTO)));
    free(model);
    folder_remove(folder);
}

Test(bf16, is_refused_or_left_out_without_the_instructions)
{
    struct vit_model *model = open_model(TINY);
    bool has_bf16 = vit_isa_level() >= VIT_ISA_AVX512_BF16;
    struct vit_session *session = open_session(model, VIT_PRECISION_AUTO, 1);
    cr_assert(session, "%s", err.message);
    cr_expect_eq(vit_session_precision(session), has_bf16 ? VIT_PRECISION_BF16 : VIT_PRECISION_F32);
    vit_session_free(session);
    session = open_session(model, VIT_PRECISION_BF16, 1);
    cr_expect_eq(session != NULL, has_bf16);
    if (!has_bf16)
        cr_expect(strstr(err.message, "bf16: this CPU has no instructions for it"), "%s", err.message);
    vit_session_free(session);
    vit_model_free(model);
}
