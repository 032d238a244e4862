/* arch.c: the table of architectures, under timm's names. */
#include "weights/arch.h"

#include <stdio.h>
#include <string.h>

static const struct row {
    const char *name;
    int width, depth, heads, patch, image_size;
} rows[] = {
    {"vit_tiny_patch16_224", 192, 12, 3, 16, 224},
    {"vit_tiny_patch16_384", 192, 12, 3, 16, 384},
    {"vit_small_patch16_224", 384, 12, 6, 16, 224},
    {"vit_small_patch16_384", 384, 12, 6, 16, 384},
    {"vit_small_patch32_224", 384, 12, 6, 32, 224},
    {"vit_small_patch32_384", 384, 12, 6, 32, 384},
    {"vit_base_patch16_224", 768, 12, 12, 16, 224},
    {"vit_base_patch16_384", 768, 12, 12, 16, 384},
    {"vit_base_patch32_224", 768, 12, 12, 32, 224},
    {"vit_base_patch32_384", 768, 12, 12, 32, 384},
    {"vit_large_patch16_224", 1024, 24, 16, 16, 224},
    {"vit_large_patch16_384", 1024, 24, 16, 16, 384},
    {"vit_large_patch32_224", 1024, 24, 16, 32, 224},
    {"vit_large_patch32_384", 1024, 24, 16, 32, 384},
};

int vit_arch_count(void)
{
    return (int)(sizeof rows / sizeof *rows);
}

const char *vit_arch_name(int i)
{
    return rows[i].name;
}

bool vit_arch_find(struct vit_config *config, const char *name)
{
    for (int i = 0; i < vit_arch_count(); i++) {
        const struct row *r = &rows[i];
        if (strcmp(r->name, name) != 0)
            continue;
        int side = r->image_size / r->patch;
        *config = (struct vit_config){
            .width = r->width, .depth = r->depth, .heads = r->heads, .mlp = 4 * r->width, .patch = r->patch,
            .image_size = r->image_size, .classes = 1000, .eps = 1e-6, .act = VIT_ACT_GELU_ERF, .qkv_bias = true,
            .cls = true, .pool = VIT_POOL_TOKEN, .norm_place = VIT_NORM_BEFORE, .pos_covers = VIT_POS_CLS,
            .pos_grid = {side, side}, .pos_resize = VIT_POS_RESIZE_BICUBIC_AA,
        };
        snprintf(config->arch, sizeof config->arch, "%s", name);
        return true;
    }
    return false;
}
