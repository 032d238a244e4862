/* test_variants.c: every option of a configuration, in tiny models whose answers PyTorch gave (tests/make_variants.py),
 * and the refusals of what cannot be executed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "vit/vit.h"

#define VARIANTS "tests/goldens/variants/"

static const double TOL = 1e-5;

static struct vit_error err;

static void read_golden(struct npy *array, const char *variant, const char *stage)
{
    char path[256], message[NPY_MESSAGE_MAX];
    snprintf(path, sizeof path, VARIANTS "%s/%s.npy", variant, stage);
    cr_assert(npy_read(array, path, message), "%s", message);
}

/* Compares a traced stage and removes its file. */
static void check_stage(const char *variant, const char *trace, const char *stage)
{
    char path[256], name[64], message[CHECK_MESSAGE_MAX];
    struct npy want, got;
    read_golden(&want, variant, stage);
    snprintf(path, sizeof path, "%s/%s.npy", trace, stage);
    snprintf(name, sizeof name, "%s, %s", variant, stage);
    cr_assert(npy_read(&got, path, message), "%s", message);
    cr_expect(check_npy(message, name, &got, &want, TOL), "%s", message);
    npy_free(&got);
    npy_free(&want);
}

static void remove_trace(const char *trace)
{
    static const char *const stages[] = {"pixels",  "patches", "tokens",      "block00",
                                         "block01", "pooled",  "pooled_dist", "logits"};
    char path[256];
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        snprintf(path, sizeof path, "%s/%s.npy", trace, stages[i]);
        unlink(path);
    }
    cr_expect_eq(rmdir(trace), 0, "the trace holds files that are no stage");
}

/* Two pictures in one batch: pooled tokens and logits of both. */
static void check_variant(const char *variant, bool reference)
{
    char trace[] = "/tmp/vit-variant-XXXXXX", path[256], message[CHECK_MESSAGE_MAX];
    cr_assert_not_null(mkdtemp(trace));
    struct npy pixels, logits;
    read_golden(&pixels, variant, "pixels");
    read_golden(&logits, variant, "logits");
    struct vit_model *model;
    snprintf(path, sizeof path, VARIANTS "%s/model.safetensors", variant);
    cr_assert_eq(vit_model_open(&model, path, NULL, &err), VIT_OK, "%s", err.message);
    struct vit_session_options options = {.batch = 2, .threads = 2, .reference = reference, .trace_dir = trace};
    struct vit_session *session;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    float *got = malloc(logits.count * sizeof *got);
    cr_assert_not_null(got);
    cr_assert_eq(vit_classify(session, pixels.data, 2, got, &err), VIT_OK, "%s", err.message);

    check_stage(variant, trace, "pooled");
    if (vit_model_config(model)->pool == VIT_POOL_CLS_DIST_MEAN)
        check_stage(variant, trace, "pooled_dist");
    check_stage(variant, trace, "logits");
    cr_expect(check_f32(message, variant, got, logits.data, logits.count, TOL), "%s", message);
    remove_trace(trace);
    free(got);
    npy_free(&logits);
    npy_free(&pixels);
    vit_session_free(session);
    vit_model_free(model);
}

#define VARIANT(name)                                                                                                  \
    Test(variants, name)                                                                                               \
    {                                                                                                                  \
        check_variant(#name, false);                                                                                   \
        check_variant(#name, true);                                                                                    \
    }

VARIANT(cls_dist_mean)
VARIANT(dist_token)
VARIANT(swiglu)
VARIANT(concat)
VARIANT(qk_norm)
VARIANT(map)
VARIANT(map_registers)
VARIANT(gap)
VARIANT(clip)
VARIANT(pos_resize)

/* ---- Refusals ---- */

static vit_status open_and_plan(const char *path)
{
    struct vit_model *model = NULL;
    struct vit_session *session = NULL;
    vit_status status = vit_model_open(&model, path, NULL, &err);
    if (status == VIT_OK)
        status = vit_session_create(&session, model, NULL, &err);
    vit_session_free(session);
    vit_model_free(model);
    return status;
}

Test(variants, a_model_without_classifier_opens_and_names_the_way_out)
{
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, "tests/goldens/refused/features.safetensors", NULL, &err), VIT_OK, "%s", err.message);
    vit_model_free(model);
    cr_assert_eq(open_and_plan("tests/goldens/refused/features.safetensors"), VIT_ERR_UNSUPPORTED);
    cr_expect_not_null(strstr(err.message, "--head"), "%s", err.message);
}

Test(variants, concat_cannot_be_normed_behind_the_pooling)
{
    cr_assert_eq(open_and_plan("tests/goldens/refused/concat_after.safetensors"), VIT_ERR_UNSUPPORTED);
    cr_expect_not_null(strstr(err.message, "concat"), "%s", err.message);
}

Test(variants, positions_of_another_grid_need_a_way_to_resize)
{
    cr_assert_eq(open_and_plan("tests/goldens/refused/grid.safetensors"), VIT_ERR_UNSUPPORTED);
    cr_expect(strstr(err.message, "3 x 3") && strstr(err.message, "5 x 5"), "%s", err.message);
}
