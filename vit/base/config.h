/* config.h: everything that the engine must know of a model beside its tensors. A plain struct, included everywhere.
 *
 * The engine has no family names in it: a family is a set of these choices. */
#ifndef VIT_CONFIG_H
#define VIT_CONFIG_H

#include <stdbool.h>

#include "vit/base/preprocess.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vit_act {
    VIT_ACT_GELU_ERF,   /* x * Phi(x), exact */
    VIT_ACT_GELU_TANH,  /* its tanh approximation */
    VIT_ACT_QUICK_GELU, /* x * sigmoid(1.702 x) */
    VIT_ACT_SILU        /* x * sigmoid(x) */
};

/* What the head reads of the last tokens (B, T, D). */
enum vit_pool {
    VIT_POOL_TOKEN,        /* the CLS token: (B, D) */
    VIT_POOL_AVG,          /* mean of the patch tokens: (B, D) */
    VIT_POOL_MAP,          /* attention pooling by a learned query: (B, D) */
    VIT_POOL_CONCAT,       /* CLS beside the mean of the patch tokens: (B, 2D) */
    VIT_POOL_CLS_DIST_MEAN, /* head of the CLS token and head_dist of the distillation token, averaged: logits (B, K) */
    VIT_POOL_LAST           /* the last token, of a text: (B, D) */
};

enum vit_norm_place { VIT_NORM_BEFORE, VIT_NORM_AFTER, VIT_NORM_NONE }; /* the final norm, before or after pooling */

/* Which tokens the rows of pos_embed stand for, in front of the N patch rows. */
enum vit_pos_covers {
    VIT_POS_PATCHES,  /* none: N rows */
    VIT_POS_CLS,      /* the CLS token: 1 + N */
    VIT_POS_CLS_DIST, /* CLS and distillation token: 2 + N */
    VIT_POS_REG       /* the registers (no CLS token): n_reg + N */
};

/* How pos_embed's patch rows are brought to another grid. */
enum vit_pos_resize {
    VIT_POS_RESIZE_NONE,
    VIT_POS_RESIZE_BICUBIC,
    VIT_POS_RESIZE_BICUBIC_OFF01, /* scale factor (n + 0.1) / n0 */
    VIT_POS_RESIZE_BICUBIC_AA,
    VIT_POS_RESIZE_BILINEAR,
    VIT_POS_RESIZE_BICUBIC_CORNERS,
    VIT_POS_RESIZE_BILINEAR_CORNERS
};

enum { VIT_ARCH_MAX = 128 };

struct vit_config {
    char arch[VIT_ARCH_MAX]; /* a name for people; nothing is decided by it */
    int width;               /* D */
    int depth;               /* L */
    int heads;               /* NH; D % NH == 0 */
    int mlp;                 /* F: inputs of fc2 */
    int patch;               /* P */
    int image_size;          /* S; S % P == 0 */
    int classes;             /* K; 0: no classifier, features only */
    int embedding;           /* E: outputs of a projection behind pooling, which the head reads then; 0: none */
    bool normalize;          /* what the head reads is divided by its Euclidean length first */
    bool sigmoid;            /* each class is scored by itself, unless asked for otherwise */
    double eps;              /* of every layer norm; rounded to f32 when it is used */
    enum vit_act act;
    bool swiglu;      /* fc1 (2F, D): act(first half) * second half */
    bool qkv_bias;
    bool layer_scale; /* ls1.gamma, ls2.gamma in every block */
    bool pre_norm;    /* norm_pre after the position embedding; the patch embedding then has no bias */
    bool qk_norm;     /* layer norm of every head's q and k */
    bool cls;         /* has a CLS token */
    bool dist;        /* has a distillation token */
    int n_reg;        /* register tokens */
    enum vit_pool pool;
    enum vit_norm_place norm_place;
    enum vit_pos_covers pos_covers;
    int pos_grid[2]; /* rows and columns of pos_embed's patch map as stored */
    enum vit_pos_resize pos_resize;

    /* Of a text tower, which has no patches and no prefix tokens. */
    int context;    /* tokens at most, one row of pos_embed for each; 0: the model sees pictures */
    int vocabulary; /* V: rows of the table of tokens */
    bool causal;    /* a token attends to itself and those before it alone */
};

/* The word for each value, also those of preprocess.h, as the canonical file and `vit info` spell it. */
const char *vit_act_name(enum vit_act act);
const char *vit_pool_name(enum vit_pool pool);
const char *vit_norm_place_name(enum vit_norm_place place);
const char *vit_pos_covers_name(enum vit_pos_covers covers);
const char *vit_pos_resize_name(enum vit_pos_resize resize);
const char *vit_filter_name(enum vit_filter filter);
const char *vit_resize_mode_name(enum vit_resize_mode mode);
const char *vit_crop_round_name(enum vit_crop_round round);

/* N: patches of one image; T: tokens, in the order CLS, distillation, registers, patches; of a text, at most. */
int vit_config_patches(const struct vit_config *config);
int vit_config_prefix(const struct vit_config *config); /* T - N */
int vit_config_tokens(const struct vit_config *config);

/* Rows of pos_embed as stored; what pooling gives; and what the head reads. */
int vit_config_pos_rows(const struct vit_config *config);
int vit_config_pooled_width(const struct vit_config *config);
int vit_config_head_width(const struct vit_config *config);

/* Numbers that a model gives of a picture: its logits (K), or without a classifier its features. */
int vit_config_outputs(const struct vit_config *config);

#ifdef __cplusplus
}
#endif
#endif
