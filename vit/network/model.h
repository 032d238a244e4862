/* model.h: an opened model: its weights by role, ready for building plans. Private to vit/. */
#ifndef VIT_MODEL_H
#define VIT_MODEL_H

#include "vit/choice/choices.h"
#include "vit/operators/params.h"
#include "vit/vit.h"
#include "weights/weights.h"

/* One pre-norm encoder block. */
struct vit_block {
    char name[32]; /* as "blocks.3" */
    struct vit_norm norm1;
    struct vit_linear qkv, q, kv, proj; /* (3D, D), its first D rows, the other 2D; (D, D) */
    struct vit_norm q_norm, k_norm;     /* of each head's HD; only with qk_norm */
    struct vit_norm norm2;
    struct vit_linear fc1, fc2; /* (F, D) or with SwiGLU (2F, D), and (D, F) */
};

/* Attention pooling: a learned query over the tokens, and an MLP on what it finds. */
struct vit_attn_pool {
    int latent;              /* (D): the tensor's number */
    struct vit_linear q, kv; /* (D, D), (2D, D) */
    struct vit_linear proj;  /* (D, D) */
    struct vit_norm norm;
    struct vit_linear fc1, fc2; /* (F, D), (D, F) */
};

struct vit_model {
    struct vit_weights *weights;
    struct vit_params *params;
    struct vit_choices *choices; /* of its sessions */
    char (*indices)[12];         /* K class numbers as text: the labels of a model that has none */

    float *prefix;           /* (T - N, D): the tokens in front of the patches, their rows of pos_embed added */
    float *pos;              /* (N, D): what is added to the patches; (context, D): to the tokens of a text */
    struct vit_linear patch; /* (D, 3PP); of pictures */
    struct vit_norm norm_pre;
    struct vit_block *blocks;          /* L */
    struct vit_norm norm;              /* the final one */
    struct vit_attn_pool attn_pool;    /* with pool map */
    struct vit_linear proj;            /* (E, D), or (E, 2D) with pool concat; where there is a joint embedding */
    struct vit_linear head, head_dist; /* (K, D), (K, 2D) or (K, E); head_dist with pool cls_dist_mean */

    struct vit_model *text; /* the text tower, a model of its own; NULL: there is none that can be used */
    int n_cut;              /* texts of its classes that were too long */
};

/* Bytes that a plan reads of one picture; or of a text of so many tokens, when length is not 0. */
size_t vit_model_input_size(const struct vit_model *model, int length);

#endif
