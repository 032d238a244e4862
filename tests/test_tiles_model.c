/* test_tiles_model.c: whole models on tiles, of 1 to 3 parts: the kernels for AMX with tiles in plain C, on any
 * machine. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/random_model.h"
#include "vit/kernels/tiles_attention.h"
#include "vit/kernels/tiles_linear.h"
#include "vit/network/groups.h"

extern const struct vit_tiles_linear_isa tiles_linear_plain;
extern const struct vit_tiles_attention_isa tiles_attention_plain;

static const struct vit_preference plain[] = {
    {VIT_LINEAR, {"tiles in C", vit_tiles_linear_create, &tiles_linear_plain}},
    {VIT_ATTENTION, {"tiles in C", vit_tiles_attention_create, &tiles_attention_plain}}};

static const struct {
    struct vit_types types;
    double tolerance; /* of the largest logit, from f32 */
} parts[] = {{{VIT_PRECISION_BF16, "bf16", VIT_PANELS_BF16, VIT_ISA_ANY}, 5e-2},
             {{VIT_PRECISION_BF16X2, "bf16x2", VIT_PANELS_BF16X2, VIT_ISA_ANY}, 1e-4},
             {{VIT_PRECISION_F32, "f32", VIT_PANELS_BF16X3, VIT_ISA_ANY}, 1e-5}};

enum { IMAGES = 3 };

/* The logits (IMAGES, K) of pixels, batch images at once; the last batch may read beyond. Freed by the caller. */
static float *answer(const struct vit_model *model, const struct vit_types *types, int n_preferred, int batch,
                     int threads, const uint8_t *pixels)
{
    struct vit_error err = {0};
    struct vit_team *team;
    struct vit_groups *groups;
    size_t image = vit_model_pixels_size(model), K = (size_t)vit_model_config(model)->classes;
    float *logits = calloc(2 * IMAGES * K, sizeof *logits);
    cr_assert(logits);
    cr_assert_eq(vit_team_create(&team, threads, &err), VIT_OK, "%s", err.message);
    vit_choices_begin(model->choices, &(struct vit_choices_options){.machine = n_preferred ? "C" : "here"});
    const struct vit_plan_options options = {.batch = batch,
                                             .threads = threads,
                                             .types = types,
                                             .choices = model->choices,
                                             .team = team,
                                             .n_preferred = n_preferred,
                                             .preferred = plain};
    cr_assert_eq(vit_groups_create(&groups, model, &options, &err), VIT_OK, "%s", err.message);
    vit_choices_end(model->choices);
    cr_assert_eq(vit_groups_bind(groups, &err), VIT_OK, "%s", err.message);
    for (int i = 0; i < IMAGES; i += batch) {
        const struct vit_pass pass = {pixels + (size_t)i * image, batch, logits + (size_t)i * K, false, NULL};
        cr_assert_eq(vit_groups_run(groups, &pass, &err), VIT_OK, "%s", err.message);
    }
    vit_groups_free(groups);
    vit_team_free(team);
    return logits;
}

/* As the plain loops in f32, within what the parts keep; the same bytes on so many threads and in so many batches; and
 * those of the CPU's own tiles, where it has any. */
static void check_parts(const struct vit_model *model, size_t which, const float *want, const uint8_t *pixels,
                        uint32_t seed)
{
    const struct vit_types *types = &parts[which].types;
    size_t n = IMAGES * (size_t)vit_model_config(model)->classes;
    float *first = answer(model, types, 2, 1, 1, pixels);
    char message[CHECK_MESSAGE_MAX], what[64];
    snprintf(what, sizeof what, "%s, seed %u", types->name, seed);
    cr_expect(check_f32(message, what, first, want, n, parts[which].tolerance), "%s", message);
    for (int batch = 1; batch <= IMAGES; batch++)
        for (int threads = 1; threads <= 3; threads++) {
            bool tiles = vit_isa_level() >= VIT_ISA_AMX && threads < 3;
            float *again = answer(model, types, tiles ? 0 : 2, batch, threads, pixels);
            cr_expect(memcmp(again, first, n * sizeof *first) == 0, "%s, batch %d, %d threads%s: other bytes", what,
                      batch, threads, tiles ? ", own tiles" : "");
            free(again);
        }
    free(first);
}

static void check_model(const struct vit_config *config, uint32_t seed)
{
    struct vit_model *model = random_model(config);
    size_t n = 2 * IMAGES * vit_model_pixels_size(model);
    uint8_t *pixels = malloc(n);
    cr_assert(pixels);
    for (size_t i = 0; i < n; i++)
        pixels[i] = (uint8_t)((i * 2654435761u) >> 9);
    struct vit_session_options options = vit_session_options_default();
    options.reference = true;
    struct vit_session *session;
    float *want = calloc(IMAGES * (size_t)config->classes, sizeof *want);
    cr_assert(want);
    cr_assert_eq(vit_session_create(&session, model, &options, NULL), VIT_OK);
    cr_assert_eq(vit_classify(session, pixels, IMAGES, want, NULL), VIT_OK);
    vit_session_free(session);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        check_parts(model, i, want, pixels, seed);
    free(want), free(pixels);
    vit_model_free(model);
}

/* Those whose work is small: tiles in C take a thousand times as long. */
Test(tiles_model, random_models, .timeout = 600)
{
    for (uint32_t seed = 0; seed < 40; seed += 4) {
        struct vit_config c = random_config(seed);
        if (vit_config_tokens(&c) <= 60)
            check_model(&c, seed);
    }
}

/* ViT-Ti, but for its size: heads of 64, an MLP four times as wide. */
Test(tiles_model, a_small_vit, .timeout = 600)
{
    struct vit_config c = random_config(0);
    c.width = 128, c.heads = 2, c.mlp = 512, c.depth = 2, c.patch = 4, c.image_size = 24, c.classes = 40;
    c.pos_grid[0] = c.pos_grid[1] = 6;
    c.pool = VIT_POOL_TOKEN, c.cls = true, c.dist = c.swiglu = c.qk_norm = c.pre_norm = false, c.n_reg = 0;
    c.pos_covers = VIT_POS_CLS, c.norm_place = VIT_NORM_BEFORE, c.act = VIT_ACT_GELU_ERF;
    check_model(&c, 0);
}
