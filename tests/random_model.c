#include "tests/random_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/program.h"
#include "weights/weights.h"

static uint32_t state;

int random_draw(int least, int most)
{
    state = state * 1664525u + 1013904223u;
    return least + (int)((state >> 8) % (uint32_t)(most - least + 1));
}

struct vit_config random_config(uint32_t seed)
{
    state = seed * 2654435761u + 1;
    int side = seed % 10 == 9 ? 45 : random_draw(1, 9), head_dim = random_draw(1, 40);
    struct vit_config c = {
        .arch = "random", .heads = random_draw(1, 300 / head_dim < 9 ? 300 / head_dim : 9), .depth = random_draw(0, 2)};
    c.width = c.heads * head_dim;
    c.mlp = random_draw(1, 300);
    c.patch = random_draw(1, 7);
    c.image_size = side * c.patch;
    c.classes = random_draw(1, 60);
    c.eps = 1e-6;
    c.act = (enum vit_act)random_draw(VIT_ACT_GELU_ERF, VIT_ACT_SILU);
    c.swiglu = random_draw(0, 3) == 0, c.qkv_bias = random_draw(0, 3) > 0, c.layer_scale = random_draw(0, 1),
    c.pre_norm = random_draw(0, 3) == 0;
    c.qk_norm = random_draw(0, 3) == 0;
    c.pool = (enum vit_pool)(seed % 5);
    bool token = c.pool != VIT_POOL_AVG && c.pool != VIT_POOL_MAP;
    c.cls = token || random_draw(0, 1), c.dist = c.pool == VIT_POOL_CLS_DIST_MEAN, c.n_reg = random_draw(0, 2);
    c.norm_place = c.pool == VIT_POOL_AVG ? (enum vit_norm_place)random_draw(VIT_NORM_BEFORE, VIT_NORM_NONE) : VIT_NORM_BEFORE;
    c.pos_covers = c.dist ? VIT_POS_CLS_DIST : c.cls ? VIT_POS_CLS : VIT_POS_PATCHES;
    c.pos_grid[0] = c.pos_grid[1] = side;
    return c;
}

struct vit_model *random_model(const struct vit_config *config)
{
    struct vit_error err = {0};
    struct vit_weights *weights;
    struct vit_model *model;
    char *folder = folder_make(), *path;
    cr_assert_geq(asprintf(&path, "%s/model.safetensors", folder), 0);
    cr_assert_eq(vit_weights_random(&weights, config, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_weights_save(weights, path, NULL, &err), VIT_OK, "%s", err.message);
    vit_weights_close(weights);
    cr_assert_eq(vit_model_open(&model, path, NULL, &err), VIT_OK, "%s", err.message);
    free(path);
    folder_remove(folder);
    return model;
}
