/* config.c: the counts that follow from a configuration. */
#include "vit/base/config.h"

int vit_config_patches(const struct vit_config *config)
{
    int side = config->context ? 0 : config->image_size / config->patch;
    return side * side;
}

int vit_config_prefix(const struct vit_config *config)
{
    return (config->cls ? 1 : 0) + (config->dist ? 1 : 0) + config->n_reg;
}

int vit_config_tokens(const struct vit_config *config)
{
    return config->context ? config->context : vit_config_prefix(config) + vit_config_patches(config);
}

static int covered_prefix(const struct vit_config *config)
{
    switch (config->pos_covers) {
    case VIT_POS_PATCHES: return 0;
    case VIT_POS_CLS: return 1;
    case VIT_POS_CLS_DIST: return 2;
    case VIT_POS_REG: return config->n_reg;
    }
    return 0;
}

int vit_config_pos_rows(const struct vit_config *config)
{
    return covered_prefix(config) + config->pos_grid[0] * config->pos_grid[1];
}

int vit_config_pooled_width(const struct vit_config *config)
{
    return config->pool == VIT_POOL_CONCAT ? 2 * config->width : config->width;
}

int vit_config_head_width(const struct vit_config *config)
{
    return config->embedding > 0 ? config->embedding : vit_config_pooled_width(config);
}

int vit_config_outputs(const struct vit_config *config)
{
    return config->classes > 0 ? config->classes : vit_config_head_width(config);
}
