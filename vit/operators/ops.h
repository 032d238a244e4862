/* ops.h: the operators of a Vision Transformer. For each: one line of mathematics, the shapes, and what may overlap.
 *
 * An operator is described by a plain struct and made into a kernel once; running a kernel neither allocates nor
 * chooses. Each has two implementations with the same contract: oneDNN (dnnl_*.c) and plain loops (ref.c), which
 * are the specification and the second opinion in tests. What only moves data (tokens.c) has one. */
#ifndef VIT_OPS_H
#define VIT_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/base/config.h"
#include "vit/base/error.h"
#include "vit/base/tensor.h"
#include "vit/operators/params.h"

/* What an operator reads or writes. Where ops.h says (rows, D), the rows follow each other densely. */
struct vit_array {
    void *data;
    enum vit_dtype type; /* VIT_F32, or VIT_BF16 where an operator says so */
};

/* An operator ready to run. The implementation behind it is opaque; it embeds this struct as its first member. */
struct vit_kernel {
    const char *implementation; /* "brgemm:avx512_core", "ref", ... */
    size_t scratch_size;        /* bytes of 64-byte aligned scratch that run needs */
    vit_status (*run)(struct vit_kernel *kernel, void *scratch, struct vit_error *err);
    void (*free)(struct vit_kernel *kernel);
};

void vit_kernel_free(struct vit_kernel *kernel); /* NULL is fine */

/* A kernel in plain C, whose only state is a copy of its description: op_size bytes at op, which vit_plain_op gives back. */
vit_status vit_plain_create(struct vit_kernel **kernel, const char *implementation,
                            vit_status (*run)(struct vit_kernel *kernel, void *scratch, struct vit_error *err),
                            size_t scratch_size, const void *op, size_t op_size, struct vit_error *err);
const void *vit_plain_op(const struct vit_kernel *kernel);

/* dst[r] = (src[r] - mean(src[r])) / sqrt(var(src[r]) + eps) * gain + shift, for each of rows rows; var is the mean of
 * the squared deviations. dst (rows, width) f32 or bf16, src (rows, width) f32, gain and shift (width). dst may be src. */
struct vit_norm_op {
    struct vit_array dst, src;
    int64_t rows;
    int width;
    float eps;
    const float *gain, *shift;
};

/* dst = act(src W^T + b), or dst += src W^T + b when add is set (then without act).
 * dst (rows, out) f32, or bf16 when src is; src (rows, in) f32 or bf16; W (out, in), of src's type; b (out). Sums are taken
 * in f32. dst must not overlap src. */
struct vit_linear_op {
    struct vit_array dst, src;
    int64_t rows;
    int images; /* that the rows belong to, as many to each; an image's bytes must not depend on its place among them */
    const struct vit_linear *linear;
    struct vit_params *params;
    bool activate;
    enum vit_act act; /* when activate is set */
    bool add;
};

/* dst[b,:,h] = softmax(q k^T / sqrt(HD)) v, per image b and head h, softmax over the keys.
 * q (B, Q, NH, HD), k and v (B, T, NH, HD), dst (B, Q, NH, HD). The rows (NH, HD) of q are q_step elements apart, those of
 * k and v kv_step, and all images follow each other; so the three may lie in one array (B, T, 3, NH, HD). dst is dense
 * and must not overlap the others. All are f32, or all are bf16; sums and the softmax are f32. */
struct vit_attention_op {
    enum vit_dtype type;
    void *dst;
    const void *q, *k, *v;
    int64_t q_step, kv_step;
    int batch, queries, tokens, heads, head_dim;
};

/* dst[r][i] = act(src[r][i]) * src[r][F + i]: SwiGLU when act is SiLU.
 * dst (rows, F), src (rows, 2F), both f32. dst must not overlap src. */
struct vit_gate_op {
    float *dst;
    const float *src;
    int64_t rows;
    int width; /* F */
    enum vit_act act;
};

/* q[r,h] = norm(q[r,h]) with gain and shift q_*, k[r,h] = norm(k[r,h]) with k_*, in place, the norm as in vit_norm_op
 * over the HD elements of one head. qkv (rows, 3, NH, HD) f32, gains and shifts (HD). */
struct vit_qk_norm_op {
    float *qkv;
    int64_t rows;
    int heads, head_dim;
    float eps;
    const float *q_gain, *q_shift, *k_gain, *k_shift;
};

/* The operators that only some models need are plain C (variants.c), also among oneDNN's. */
vit_status vit_gate_create(struct vit_kernel **kernel, void *context, const struct vit_gate_op *op,
                           struct vit_error *err);
vit_status vit_qk_norm_create(struct vit_kernel **kernel, void *context, const struct vit_qk_norm_op *op,
                              struct vit_error *err);

struct vit_tuner;

/* One way to execute the operators. open makes whatever its kernels share within a plan; tuner (NULL: none) is asked
 * where there is a choice, and outlives the building of the kernels. */
struct vit_ops {
    const char *name;
    vit_status (*open)(void **context, struct vit_tuner *tuner, struct vit_error *err);
    void (*close)(void *context);
    vit_status (*norm)(struct vit_kernel **kernel, void *context, const struct vit_norm_op *op, struct vit_error *err);
    vit_status (*linear)(struct vit_kernel **kernel, void *context, const struct vit_linear_op *op,
                         struct vit_error *err);
    vit_status (*attention)(struct vit_kernel **kernel, void *context, const struct vit_attention_op *op,
                            struct vit_error *err);
    vit_status (*gate)(struct vit_kernel **kernel, void *context, const struct vit_gate_op *op, struct vit_error *err);
    vit_status (*qk_norm)(struct vit_kernel **kernel, void *context, const struct vit_qk_norm_op *op,
                          struct vit_error *err);
};

extern const struct vit_ops vit_ops_dnnl;
extern const struct vit_ops vit_ops_ref;

/* dst[b] = prefix rows, then src[b][n] + pos[n]: the tokens of an image.
 * dst (B, T, D), prefix (T - N, D), src (B, N, D), pos (N, D), all f32. */
struct vit_embed_op {
    float *dst;
    const float *src, *prefix, *pos;
    int batch, tokens, patches, width;
};
vit_status vit_embed_create(struct vit_kernel **kernel, const struct vit_embed_op *op, struct vit_error *err);

/* dst[b] = src[b][0] + ... + src[b][count - 1], divided by count; each a row of width floats. Row dst[b] begins at
 * dst + b * dst_step, row src[b][t] at src + b * batch_step + t * row_step. dst must not overlap src. All f32. */
struct vit_mean_op {
    float *dst;
    const float *src;
    int batch, count, width;
    int64_t dst_step, batch_step, row_step;
};
vit_status vit_mean_create(struct vit_kernel **kernel, const struct vit_mean_op *op, struct vit_error *err);

/* dst[b] = src[b], for rows of width elements that begin src_step elements apart. dst (B, width) is dense, of src's type,
 * and must not overlap src. */
struct vit_gather_op {
    struct vit_array dst, src;
    int batch;
    int64_t width, src_step;
};
vit_status vit_gather_create(struct vit_kernel **kernel, const struct vit_gather_op *op, struct vit_error *err);

/* dst[i] = src[i], rounded to nearest even. dst (n) bf16, src (n) f32; they must not overlap. */
struct vit_round_op {
    void *dst;
    const float *src;
    int64_t n;
};
vit_status vit_round_create(struct vit_kernel **kernel, const struct vit_round_op *op, struct vit_error *err);

#endif
