/* problem.h: the operators of a Vision Transformer. For each: one line of mathematics, the shapes, the inputs in the
 * order of struct vit_buffers (kernel.h), and what may overlap.
 *
 * A problem is values alone, no pointers: made from a model's configuration, it is the key of the tuning cache and the
 * input of the tests. Its arrays have a format and a step (format.h). */
#ifndef VIT_PROBLEM_H
#define VIT_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

#include "vit/base/config.h"
#include "vit/base/preprocess.h"
#include "vit/operators/format.h"

enum vit_op {
    VIT_PATCHIFY,
    VIT_NORM,
    VIT_LINEAR,
    VIT_ATTENTION,
    VIT_GATE,
    VIT_QK_NORM,
    VIT_EMBED,
    VIT_MEAN,
    VIT_GATHER,
    VIT_CONVERT,
    VIT_NORMALIZE
};

/* dst = the patches of pixels (patches.h): rows first to first + rows - 1 of (B N, 3PP). Input: pixels (B, S, S, 3) u8.
 */
struct vit_patchify_problem {
    enum vit_format dst;
    int64_t first, rows, dst_step;
    int patch;
    struct vit_preprocess preprocess;
};

/* dst[r] = (src[r] - mean(src[r])) / sqrt(var(src[r]) + eps) * gain + shift, for each of rows rows; var is the mean of
 * the squared deviations. dst (rows, width). Inputs: src (rows, width), gain and shift (width), all f32, the rows
 * dense. dst may be src when it is f32. */
struct vit_norm_problem {
    enum vit_format dst;
    int64_t rows, dst_step;
    int width;
    float eps;
};

/* dst = act(src W^T + b), or dst += src W^T + b with add (then without act and in f32). dst (rows, out). Inputs: src
 * (rows, in); W (out, in), packed in the kernel's packing, in as many parts of as many bits as src has; b (out) f32,
 * with bias. Sums are taken in f32. dst must not overlap src. */
struct vit_linear_problem {
    enum vit_format src, dst;
    int64_t rows, src_step, dst_step;
    int images; /* that the rows belong to, as many to each; an image's bytes must not depend on its place among them */
    int in, out;
    bool bias, add, activate;
    enum vit_act act; /* when activate is set */
};

/* dst[b,:,h] = softmax(q k^T / sqrt(HD)) v, per image b and head h, softmax over the keys; with causal, over the first
 * past + i + 1 of them for query i, at most all.
 * Inputs: q, whose rows begin with the first query; kv, whose rows are keys and values; dst as q. An image's rows begin
 * q_rows, kv_rows and q_rows rows behind those of the one before. Head h of the queries, keys, values and results are
 * the columns from q_column, k_column, v_column and dst_column + h HD on. q and kv may be one array. dst must not
 * overlap the others. All are of one format; sums and the softmax are f32. */
struct vit_attention_problem {
    enum vit_format format;
    int64_t q_step, kv_step, dst_step, q_rows, kv_rows;
    int q_column, k_column, v_column, dst_column;
    int batch, queries, tokens, heads, head_dim;
    bool causal;
    int past; /* tokens of the image before the first query */
};

/* How many keys query i sees. */
static inline int vit_keys_seen(const struct vit_attention_problem *problem, int query)
{
    int seen = problem->past + query + 1;
    return problem->causal && seen < problem->tokens ? seen : problem->tokens;
}

/* dst[r][i] = act(src[r][i]) * src[r][F + i]: SwiGLU when act is SiLU. dst (rows, F). Input: src (rows, 2F). Both f32
 * and dense; they must not overlap. */
struct vit_gate_problem {
    int64_t rows;
    int width; /* F */
    enum vit_act act;
};

/* q[r,h] = norm(q[r,h]) with gain and shift q_*, k[r,h] = norm(k[r,h]) with k_*, in place, the norm as above over the
 * HD elements of one head. dst (rows, 3, NH, HD) holds q, k and v. Inputs: q_gain, q_shift, k_gain, k_shift (HD). All
 * f32 and dense. */
struct vit_qk_norm_problem {
    int64_t rows;
    int heads, head_dim;
    float eps;
};

/* dst[b] = prefix rows, then src[b][n] + pos[n]: the tokens of an image. dst (B, T, D), of which it is rows first to
 * first + rows - 1. Inputs: src (B, N, D), prefix (T - N, D), pos (N, D). All f32 and dense. */
struct vit_embed_problem {
    int64_t first, rows;
    int tokens, patches, width;
};

/* dst[b] = src[b][0] + ... + src[b][count - 1], divided by count; each a row of width floats. Row dst[b] begins at
 * dst + b * dst_step, row src[b][t] at src + b * batch_step + t * row_step. Input: src. They must not
 * overlap. All f32. */
struct vit_mean_problem {
    int batch, count, width;
    int64_t dst_step, batch_step, row_step;
};

/* dst[b][r] = src[b][r], for count rows r of each image. dst (B, count, width). Input: src, whose images begin src_rows
 * rows apart, of the same format; they must not overlap. */
struct vit_gather_problem {
    enum vit_format format;
    int64_t src_step, dst_step, src_rows;
    int batch, count, width;
};

/* dst[r] = src[r], rounded to nearest even. dst (rows, width). Input: src (rows, width) f32, dense; they must not
 * overlap. */
struct vit_convert_problem {
    enum vit_format dst;
    int64_t rows, dst_step;
    int width;
};

/* dst[r] = src[r] / max(its Euclidean length, 1e-12), the sum taken in f64. dst (rows, width). Input: src (rows,
 * width). Both f32 and dense; dst may be src. */
struct vit_normalize_problem {
    int64_t rows;
    int width;
};

struct vit_problem {
    enum vit_op op;
    union {
        struct vit_patchify_problem patchify;
        struct vit_norm_problem norm;
        struct vit_linear_problem linear;
        struct vit_attention_problem attention;
        struct vit_gate_problem gate;
        struct vit_qk_norm_problem qk_norm;
        struct vit_embed_problem embed;
        struct vit_mean_problem mean;
        struct vit_gather_problem gather;
        struct vit_convert_problem convert;
        struct vit_normalize_problem normalize;
    };
};

const char *vit_op_name(enum vit_op op); /* "linear" */

enum { VIT_PROBLEM_KEY_MAX = 192 };

/* The whole problem as text, which no other has; empty for embed, mean, gather and normalize, of which there is one
 * implementation each: nobody looks them up. */
void vit_problem_key(char key[VIT_PROBLEM_KEY_MAX], const struct vit_problem *problem);

/* Of one run; a multiply-add counts as two. */
double vit_problem_flops(const struct vit_problem *problem);

#endif
