/* problem.h: the operators of a Vision Transformer. For each: one line of mathematics, the shapes, the inputs in the
 * order of struct vit_buffers (kernel.h), and what may overlap.
 *
 * A problem is values alone, no pointers: made from a model's configuration, it is the key of the tuning cache and the
 * input of the tests. Where it says (rows, D), the rows follow each other densely. */
#ifndef VIT_PROBLEM_H
#define VIT_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "vit/base/config.h"
#include "vit/base/tensor.h"

enum vit_op {
    VIT_NORM,
    VIT_LINEAR,
    VIT_ATTENTION,
    VIT_GATE,
    VIT_QK_NORM,
    VIT_EMBED,
    VIT_MEAN,
    VIT_GATHER,
    VIT_CONVERT
};

/* dst[r] = (src[r] - mean(src[r])) / sqrt(var(src[r]) + eps) * gain + shift, for each of rows rows; var is the mean of
 * the squared deviations. dst (rows, width) f32 or bf16. Inputs: src (rows, width), gain and shift (width), all f32.
 * dst may be src. */
struct vit_norm_problem {
    enum vit_dtype dst;
    int64_t rows;
    int width;
    float eps;
};

/* dst = act(src W^T + b), or dst += src W^T + b with add (then without act and in f32). dst (rows, out). Inputs: src
 * (rows, in); W (out, in), packed in the kernel's packing; b (out) f32, with bias. src and dst are f32 or bf16; the
 * weight's type is what it is packed to. Sums are taken in f32. dst must not overlap src. */
struct vit_linear_problem {
    enum vit_dtype src, weight, dst;
    int64_t rows;
    int images; /* that the rows belong to, as many to each; an image's bytes must not depend on its place among them */
    int in, out;
    bool bias, add, activate;
    enum vit_act act; /* when activate is set */
};

/* dst[b,:,h] = softmax(q k^T / sqrt(HD)) v, per image b and head h, softmax over the keys.
 * Inputs: q (B, Q, NH, HD), k and v (B, T, NH, HD); dst (B, Q, NH, HD). The rows (NH, HD) of q are q_step elements
 * apart, those of k and v kv_step, and all images follow each other; so the three may lie in one array (B, T, 3, NH,
 * HD). dst is dense and must not overlap the others. All are f32, or all are bf16; sums and the softmax are f32. */
struct vit_attention_problem {
    enum vit_dtype type;
    int64_t q_step, kv_step;
    int batch, queries, tokens, heads, head_dim;
};

/* dst[r][i] = act(src[r][i]) * src[r][F + i]: SwiGLU when act is SiLU. dst (rows, F). Input: src (rows, 2F). Both f32;
 * they must not overlap. */
struct vit_gate_problem {
    int64_t rows;
    int width; /* F */
    enum vit_act act;
};

/* q[r,h] = norm(q[r,h]) with gain and shift q_*, k[r,h] = norm(k[r,h]) with k_*, in place, the norm as above over the
 * HD elements of one head. dst (rows, 3, NH, HD) holds q, k and v. Inputs: q_gain, q_shift, k_gain, k_shift (HD). All
 * f32. */
struct vit_qk_norm_problem {
    int64_t rows;
    int heads, head_dim;
    float eps;
};

/* dst[b] = prefix rows, then src[b][n] + pos[n]: the tokens of an image. dst (B, T, D). Inputs: src (B, N, D), prefix
 * (T - N, D), pos (N, D). All f32. */
struct vit_embed_problem {
    int batch, tokens, patches, width;
};

/* dst[b] = src[b][0] + ... + src[b][count - 1], divided by count; each a row of width floats. Row dst[b] begins at
 * dst + b * dst_step, row src[b][t] at src + b * batch_step + t * row_step. Input: src. They must not
 * overlap. All f32. */
struct vit_mean_problem {
    int batch, count, width;
    int64_t dst_step, batch_step, row_step;
};

/* dst[b] = src[b], for rows of width elements that begin src_step elements apart. dst (B, width). Input: src, of the
 * same type; they must not overlap. */
struct vit_gather_problem {
    enum vit_dtype type;
    int batch;
    int64_t width, src_step;
};

/* dst[i] = src[i], rounded to nearest even. dst (n) bf16. Input: src (n) f32; they must not overlap. */
struct vit_convert_problem {
    int64_t n;
};

struct vit_problem {
    enum vit_op op;
    union {
        struct vit_norm_problem norm;
        struct vit_linear_problem linear;
        struct vit_attention_problem attention;
        struct vit_gate_problem gate;
        struct vit_qk_norm_problem qk_norm;
        struct vit_embed_problem embed;
        struct vit_mean_problem mean;
        struct vit_gather_problem gather;
        struct vit_convert_problem convert;
    };
};

const char *vit_op_name(enum vit_op op); /* "linear" */

enum { VIT_PROBLEM_KEY_MAX = 192 };

/* The whole problem as text, which no other has; empty for the operators below attention, of which there is one
 * implementation each: nobody looks them up. */
void vit_problem_key(char key[VIT_PROBLEM_KEY_MAX], const struct vit_problem *problem);

/* Of one run; a multiply-add counts as two. */
double vit_problem_flops(const struct vit_problem *problem);

#endif
