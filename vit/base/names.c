/* names.c: the words for the choices of a configuration and of its preprocessing. */
#include "vit/base/names.h"

#include <stddef.h>
#include <string.h>

#include "vit/base/config.h"

const char *const vit_act_names[] = {"gelu_erf", "gelu_tanh", "quick_gelu", "silu", NULL};
const char *const vit_pool_names[] = {"token", "avg", "map", "concat", "cls_dist_mean", "last", NULL};
const char *const vit_norm_place_names[] = {"before", "after", "none", NULL};
const char *const vit_pos_covers_names[] = {"patches", "cls", "cls_dist", "reg", NULL};
const char *const vit_pos_resize_names[] = {"none",     "bicubic",         "bicubic_off01",    "bicubic_aa",
                                            "bilinear", "bicubic_corners", "bilinear_corners", NULL};
const char *const vit_filter_names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming", NULL};
const char *const vit_resize_mode_names[] = {"shortest", "squash", "border", NULL};
const char *const vit_crop_round_names[] = {"half_even", "floor", NULL};

const char *vit_act_name(enum vit_act act) { return vit_act_names[act]; }
const char *vit_pool_name(enum vit_pool pool) { return vit_pool_names[pool]; }
const char *vit_norm_place_name(enum vit_norm_place place) { return vit_norm_place_names[place]; }
const char *vit_pos_covers_name(enum vit_pos_covers covers) { return vit_pos_covers_names[covers]; }
const char *vit_pos_resize_name(enum vit_pos_resize resize) { return vit_pos_resize_names[resize]; }
const char *vit_filter_name(enum vit_filter filter) { return vit_filter_names[filter]; }
const char *vit_resize_mode_name(enum vit_resize_mode mode) { return vit_resize_mode_names[mode]; }
const char *vit_crop_round_name(enum vit_crop_round round) { return vit_crop_round_names[round]; }

int vit_name_find(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}
