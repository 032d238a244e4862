/* arch.c: architectures by name: timm's (timm.c), and the names that torchvision, facebook's DINOv2 and OpenCLIP use.
 *
 * Where a row and a checkpoint's tensors differ, the tensors hold; the table gives what no tensor shows (heads,
 * epsilon, activation) and whole configurations to benchmark. */
#include "weights/canonical/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/canonical/arch_rows.h"

static const struct vit_arch_row others[] = {
    {"vit_b_16", 768, 12, 12, 3072, 16, 224, 1000, 0, PLAIN},
    {"vit_b_32", 768, 12, 12, 3072, 32, 224, 1000, 0, PLAIN},
    {"vit_l_16", 1024, 24, 16, 4096, 16, 224, 1000, 0, PLAIN},
    {"vit_l_32", 1024, 24, 16, 4096, 32, 224, 1000, 0, PLAIN},
    {"vit_h_14", 1280, 32, 16, 5120, 14, 224, 1000, 0, PLAIN},
    {"dinov2_vits14", 384, 12, 6, 1536, 14, 518, 0, 0, SCALE},
    {"dinov2_vits14_reg", 384, 12, 6, 1536, 14, 518, 0, 4, SCALE},
    {"dinov2_vitb14", 768, 12, 12, 3072, 14, 518, 0, 0, SCALE},
    {"dinov2_vitb14_reg", 768, 12, 12, 3072, 14, 518, 0, 4, SCALE},
    {"dinov2_vitl14", 1024, 24, 16, 4096, 14, 518, 0, 0, SCALE},
    {"dinov2_vitl14_reg", 1024, 24, 16, 4096, 14, 518, 0, 4, SCALE},
    {"dinov2_vitg14", 1536, 40, 24, 4096, 14, 518, 0, 0, SWIGLU | SCALE},
    {"dinov2_vitg14_reg", 1536, 40, 24, 4096, 14, 518, 0, 4, SWIGLU | SCALE},
    {"ViT-B-32", 768, 12, 12, 3072, 32, 224, 512, 0, CLIP},
    {"ViT-B-16", 768, 12, 12, 3072, 16, 224, 512, 0, CLIP},
    {"ViT-L-14", 1024, 24, 16, 4096, 14, 224, 768, 0, CLIP},
    {"ViT-L-14-336", 1024, 24, 16, 4096, 14, 336, 768, 0, CLIP},
    {"ViT-H-14", 1280, 32, 16, 5120, 14, 224, 1024, 0, CLIP},
    {"ViT-g-14", 1408, 40, 16, 6144, 14, 224, 1024, 0, CLIP},
    {"ViT-bigG-14", 1664, 48, 16, 8192, 14, 224, 1280, 0, CLIP},
    {"ViT-B-32-quickgelu", 768, 12, 12, 3072, 32, 224, 512, 0, CLIP | QUICK},
    {"ViT-B-16-quickgelu", 768, 12, 12, 3072, 16, 224, 512, 0, CLIP | QUICK},
    {"ViT-L-14-quickgelu", 1024, 24, 16, 4096, 14, 224, 768, 0, CLIP | QUICK},
};
enum { N_OTHERS = sizeof others / sizeof *others };

static const struct vit_arch_row *row_at(int i)
{
    return i < vit_timm_n_archs ? &vit_timm_archs[i] : &others[i - vit_timm_n_archs];
}

int vit_arch_count(void)
{
    return vit_timm_n_archs + N_OTHERS;
}

const char *vit_arch_name(int i)
{
    return row_at(i)->name;
}

/* Of any row that begins with its name. */
static int compare_name(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *)row);
}

const struct vit_timm_model *vit_timm_find(const char *name)
{
    return bsearch(name, vit_timm_models, (size_t)vit_timm_n_models, sizeof *vit_timm_models, compare_name);
}

static const struct vit_arch_row *find_row(const char *name)
{
    for (int i = 0; i < N_OTHERS; i++)
        if (strcmp(others[i].name, name) == 0)
            return &others[i];
    return bsearch(name, vit_timm_archs, (size_t)vit_timm_n_archs, sizeof *vit_timm_archs, compare_name);
}

static enum vit_act act_of(int traits)
{
    if (traits & SWIGLU)
        return VIT_ACT_SILU;
    return traits & QUICK ? VIT_ACT_QUICK_GELU : traits & TANH ? VIT_ACT_GELU_TANH : VIT_ACT_GELU_ERF;
}

static enum vit_pos_covers covers_of(int traits)
{
    if (traits & REGPOS)
        return VIT_POS_REG;
    if (traits & (PATCHPOS | NOCLS))
        return VIT_POS_PATCHES;
    return traits & DIST ? VIT_POS_CLS_DIST : VIT_POS_CLS;
}

static enum vit_pool pool_of(int traits)
{
    if (traits & DIST)
        return VIT_POOL_CLS_DIST_MEAN;
    return traits & AVG ? VIT_POOL_AVG : traits & MAP ? VIT_POOL_MAP : VIT_POOL_TOKEN;
}

static struct vit_config config_of(const struct vit_arch_row *r)
{
    int grid = r->image_size / r->patch, t = r->traits;
    struct vit_config c = {
        .width = r->width,
        .depth = r->depth,
        .heads = r->heads,
        .mlp = r->mlp,
        .patch = r->patch,
        .image_size = r->image_size,
        .classes = r->classes,
        .eps = t & CLIP ? 1e-5 : 1e-6,
        .act = act_of(t),
        .swiglu = t & SWIGLU,
        .qkv_bias = !(t & NOQKVB),
        .layer_scale = t & SCALE,
        .pre_norm = t & CLIP,
        .cls = !(t & NOCLS),
        .dist = t & DIST,
        .n_reg = r->n_reg,
        .pool = pool_of(t),
        .norm_place = t & NONORM ? VIT_NORM_NONE : t & AFTER ? VIT_NORM_AFTER : VIT_NORM_BEFORE,
        .pos_covers = covers_of(t),
        .pos_grid = {grid, grid},
        .pos_resize = strncmp(r->name, "flexivit", 8) == 0 ? VIT_POS_RESIZE_BILINEAR : VIT_POS_RESIZE_BICUBIC_AA,
    };
    snprintf(c.arch, sizeof c.arch, "%s", r->name);
    return c;
}

bool vit_arch_find(struct vit_config *config, const char *name)
{
    char arch[VIT_ARCH_MAX];
    snprintf(arch, sizeof arch, "%.*s", (int)strcspn(name, "."), name);
    const struct vit_arch_row *row = find_row(arch);
    const struct vit_timm_model *release = vit_timm_find(name);
    if (!row)
        return false;
    *config = config_of(row);
    if (release)
        config->classes = release->classes;
    return true;
}
