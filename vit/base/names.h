/* names.h: the words for the choices of a configuration, in the order of their enums; each list ends with NULL.
 * Private to weights/; everybody else asks the functions of config.h. */
#ifndef VIT_NAMES_H
#define VIT_NAMES_H

extern const char *const vit_act_names[];
extern const char *const vit_pool_names[];
extern const char *const vit_norm_place_names[];
extern const char *const vit_pos_covers_names[];
extern const char *const vit_pos_resize_names[];
extern const char *const vit_filter_names[];
extern const char *const vit_resize_mode_names[];
extern const char *const vit_crop_round_names[];

/* The position of name in such a list, or -1. */
int vit_name_find(const char *const *names, const char *name);

#endif
