/* test_timm.c: timm's architectures and the transforms of its releases, by name. What timm says of the models named
 * here is written out by hand; `python3 tests/make_timm.py --check` compares all of them with timm itself. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/program.h"
#include "vit/vit.h"
#include "weights/canonical/arch_rows.h"

static struct vit_error err;

static void check_release(const char *name, const struct vit_timm_model *want)
{
    const struct vit_timm_model *got = vit_timm_find(name);
    cr_assert(got, "%s is not there", name);
    cr_expect_str_eq(got->name, name);
    cr_expect(got->image_size == want->image_size && got->classes == want->classes, "%s: size %d, %d classes", name,
              got->image_size, got->classes);
    cr_expect(got->crop_pct == want->crop_pct && got->resize == want->resize && got->filter == want->filter,
              "%s: crop_pct %g, resize %d, filter %d", name, got->crop_pct, got->resize, got->filter);
    cr_expect_eq(memcmp(got->colours, want->colours, sizeof *got->colours), 0, "%s: mean %g", name,
                 got->colours->mean[0]);
}

#define CENTER VIT_RESIZE_SHORTEST
#define SQUASH VIT_RESIZE_SQUASH
#define CUBIC  VIT_FILTER_BICUBIC
#define RELEASE(name, ...) check_release(name, &(struct vit_timm_model){NULL, __VA_ARGS__})

Test(timm, releases)
{
    const struct vit_colours *half = &vit_colours_half, *imagenet = &vit_colours_imagenet, *clip = &vit_colours_clip;
    RELEASE("vit_tiny_patch16_224.augreg_in21k", 224, 21843, 0.9, CENTER, CUBIC, half);
    RELEASE("vit_base_patch16_plus_240.untrained", 240, 1000, 0.95, CENTER, CUBIC, half);
    RELEASE("vit_base_patch32_plus_256.untrained", 256, 1000, 0.95, CENTER, CUBIC, half);
    RELEASE("vit_base_patch16_224.dino", 224, 0, 0.9, CENTER, CUBIC, imagenet);
    RELEASE("vit_base_patch16_224_miil.in21k", 224, 11221, 0.875, CENTER, VIT_FILTER_BILINEAR, &vit_colours_unit);
    RELEASE("vit_base_patch16_clip_384.openai_ft_in12k_in1k", 384, 1000, 0.95, SQUASH, CUBIC, clip);
    RELEASE("vit_large_patch14_clip_336.laion2b_ft_in1k", 336, 1000, 1, SQUASH, CUBIC, half);
    RELEASE("deit3_base_patch16_224.fb_in22k_ft_in1k", 224, 1000, 1, CENTER, CUBIC, imagenet);
    RELEASE("vit_small_patch14_dinov2.lvd142m", 518, 0, 1, CENTER, CUBIC, imagenet);
    RELEASE("vit_so150m2_patch16_reg1_gap_448.sbb_e200_in12k_ft_in1k", 448, 1000, 1, SQUASH, CUBIC, half);
}

Test(timm, a_name_without_a_tag_is_its_first_release)
{
    RELEASE("vit_base_patch16_reg4_gap_256", 256, 1000, 0.9, CENTER, CUBIC, &vit_colours_half);
    RELEASE("vit_tiny_patch16_224", 224, 1000, 0.9, CENTER, CUBIC, &vit_colours_half);
}

Test(timm, names_are_exact)
{
    static const char *const unknown[] = {"", "vit_", "vit_tiny_patch16_22", "vit_tiny_patch16_224.augreg",
                                          "vit_tiny_patch16_224.", "VIT_TINY_PATCH16_224", "zzz"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        cr_expect_null(vit_timm_find(unknown[i]), "%s was found", unknown[i]);
}

/* Binary search finds every row, and every release is one of an architecture. */
Test(timm, every_row_is_found)
{
    struct vit_config config;
    for (int i = 0; i < vit_timm_n_models; i++) {
        const struct vit_timm_model *m = &vit_timm_models[i];
        cr_expect_eq(vit_timm_find(m->name), m, "%s", m->name);
        cr_assert(vit_arch_find(&config, m->name), "%s: no such architecture", m->name);
        cr_expect(config.classes == m->classes && config.image_size % config.patch == 0, "%s", m->name);
    }
    for (int i = 0; i < vit_arch_count(); i++)
        cr_expect(vit_arch_find(&config, vit_arch_name(i)) && strcmp(config.arch, vit_arch_name(i)) == 0, "%s",
                  vit_arch_name(i));
    cr_expect(vit_arch_find(&config, "vit_tiny_patch16_224.my_own") && config.classes == 1000);
    cr_expect_not(vit_arch_find(&config, "vit_tiny_patch16"));
}

Test(timm, a_model_unheard_of_is_refused)
{
    char *folder = folder_make();
    struct vit_model *model;
    free(folder_copy(folder, "model.safetensors", "tests/families/same/timm/model.safetensors", -1));
    free(folder_write(folder, "config.json", "{\"architecture\": \"vit_unheard_of\"}"));
    cr_expect_eq(vit_model_open(&model, folder, NULL, &err), VIT_ERR_UNSUPPORTED);
    cr_expect(strstr(err.message, "vit_unheard_of"), "%s", err.message);
    folder_remove(folder);
}
