/* plan.h: a model made into an array of steps, for so many images, or texts, and threads. Private to vit/.
 *
 * forward.c and output.c say which steps a Transformer is made of, steps.c appends them, arrays.c has the memory that
 * they share, and plan.c runs them. */
#ifndef VIT_PLAN_H
#define VIT_PLAN_H

#include "vit/base/team.h"
#include "vit/choice/choose.h"
#include "vit/network/model.h"
#include "vit/network/types.h"

/* What an operator reads or writes. */
struct vit_array {
    void *data;
    enum vit_format format;
    int64_t step;
};

/* A stage of the pipeline that ends with a step: what a trace writes. */
struct vit_tap {
    char name[16];
    const float *data; /* NULL: no stage ends here */
    int n_dims;
    int64_t shape[3]; /* (B, ...); B is left out of the trace when it is 1 */
};

struct vit_step {
    char name[64];  /* as "blocks.3.attn.qkv": timm's name of the layer */
    const char *op; /* "linear", "norm", ... */
    bool wait;      /* for all threads to have done the step before */
    int n;
    struct vit_part *parts;          /* (n): what thread i does */
    struct vit_kernel **kernels;     /* (n), the plan's */
    const struct vit_linear *linear; /* the model's layer, where it has a weight; or NULL */
    double flops;                    /* of one run; a multiply-add counts as two */
    double seconds;                  /* that the first thread spent while profiling */
    struct vit_tap tap;
};

struct vit_plan_kernels {
    char key[VIT_PROBLEM_KEY_MAX];
    struct vit_kernel **kernels; /* (threads); NULL from the number of parts on */
};

struct vit_piece {
    void *data;
    size_t size;
    int arrays; /* that it is in use for */
    /* The array that was there last: its shape, and the number of the step behind its last one. */
    enum vit_format format;
    int64_t rows, width;
    int until;
};

struct vit_plan {
    const struct vit_model *model;
    struct vit_choices *choices; /* NULL: plain loops */
    struct vit_team *team;       /* while the plan is made */
    int n_preferred;
    const struct vit_preference *preferred; /* likewise: vit_wanted */
    const struct vit_types *types;
    int batch, threads;
    int columns; /* into how many parts the outputs of layers are cut: vit_cut */
    int length;  /* T: tokens of each image or text */
    int tokens;  /* of each in x; fewer than T behind a last block that computes only those that are read */
    enum vit_output_kind output;
    bool normalize;
    bool traced; /* every stage is wanted whole */

    struct vit_array x; /* (B, tokens, D) f32: the residual stream at the last step */
    struct vit_array y; /* (B, width) f32: the output */
    int64_t width;

    int n_pieces; /* of memory, which the arrays of steps lie in */
    struct vit_piece *pieces;

    int n_steps;
    struct vit_step *steps; /* the first reads the input */
    int64_t place;          /* of the last step, as struct vit_cut has it */
    int last_wait;          /* number of the last step that waits */
    int n_kernels;          /* fewer than steps: those of the same problem share them */
    struct vit_plan_kernels *kernels;
    char *scratch; /* scratch_size for each thread: as large as the neediest step asks */
    size_t scratch_size;

    struct vit_barrier barrier; /* of its threads */
    atomic_int failed;          /* a vit_status */
    struct vit_error failure;   /* what it says */
    struct vit_error *err;      /* of whoever is building the plan */
};

struct vit_plan_options {
    int batch, threads;
    const struct vit_types *types;
    struct vit_choices *choices; /* begun, and used while the plan is made; NULL: plain loops */
    struct vit_team *team;       /* of at least so many threads, used while the plan is made */
    int n_preferred;
    const struct vit_preference *preferred;
    int length;                  /* T of texts; 0: the model sees pictures */
    enum vit_output_kind output; /* not FEATURES */
    bool normalize;
    bool traced;
};

vit_status vit_plan_create(struct vit_plan **plan, const struct vit_model *model,
                           const struct vit_plan_options *options, struct vit_error *err);
void vit_plan_free(struct vit_plan *plan); /* NULL is fine */

/* Before it runs, its layers get their weights, packed once for all plans of the model; or, to see how long it takes,
 * pieces of size bytes of noise. */
vit_status vit_plan_bind(struct vit_plan *plan, struct vit_error *err);
void vit_plan_bind_noise(struct vit_plan *plan, const char *noise, size_t size);

/* input -> y, which is whole when this returns: called by all threads beside each other, each with its number. input:
 * pixels (B, S, S, 3), or the rows of tokens (B, T, D) f32. profile adds to every step's seconds; trace_dir may be
 * NULL. After a failure nothing is computed until it has been asked for. */
void vit_plan_run(struct vit_plan *plan, int thread, const void *input, bool profile, const char *trace_dir);
vit_status vit_plan_failure(struct vit_plan *plan, struct vit_error *err); /* of the runs since it was asked last */

/* Bytes of the packed weights of the encoder of a model, in so many. */
double vit_plan_weights(const struct vit_model *model, const struct vit_types *types);

/* ---- For forward.c and output.c: arrays ---- */

/* An array (rows, width), in memory that no other array has which is not given back yet. Without data when memory has
 * run out: then the next step fails. */
struct vit_array vit_plan_take(struct vit_plan *plan, enum vit_format format, int64_t rows, int64_t width);

/* The same for values that other holds: other itself, where that is of this format. */
struct vit_array vit_plan_take_as(struct vit_plan *plan, enum vit_format format, struct vit_array other, int64_t rows,
                                  int64_t width);

/* Of what the encoder's layers read; and of f32, as the residual stream is. */
struct vit_array vit_plan_take_activation(struct vit_plan *plan, int64_t rows, int64_t width);
struct vit_array vit_plan_take_stream(struct vit_plan *plan, int64_t rows, int64_t width);

/* Gives an array back when the last step that uses it has been appended. */
void vit_plan_give_back(struct vit_plan *plan, struct vit_array array);

/* ---- For them, too: each appends one step or a few, named after the layer that they execute ---- */

/* dst (B, N, 3PP) = the patches of the pixels. */
vit_status vit_plan_patchify(struct vit_plan *plan, struct vit_array dst);

/* dst (rows, D) = norm(src (rows, D) f32). */
vit_status vit_plan_norm(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                         const struct vit_norm *norm);

/* dst (rows, out) = linear(src (rows, in)); the activation of it; or added to what dst holds. */
vit_status vit_plan_linear(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *linear);
vit_status vit_plan_linear_act(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear);
vit_status vit_plan_linear_add(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                               const struct vit_linear *linear);

/* dst (rows, 3D) = the projection of src (rows, D), with the norms of q and k where the model has them. */
vit_status vit_plan_qkv(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                        const struct vit_block *block);

/* dst (rows, F) = act(fc1(src (rows, D))); with SwiGLU, act of fc1's first half times its second half. */
vit_status vit_plan_hidden(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                           const struct vit_linear *fc1);

/* dst (B, T, D) = attention(qkv (B, T, 3D)). */
vit_status vit_plan_attention(struct vit_plan *plan, struct vit_array dst, struct vit_array qkv, const char *name);

/* dst (B, Q, D) = attention of q (B, Q, D) over the tokens of kv (B, T, 2D). */
vit_status vit_plan_cross_attention(struct vit_plan *plan, struct vit_array dst, struct vit_array q, int queries,
                                    struct vit_array kv, const char *name);

/* dst (B, count, D) = the first count tokens of each image of src (B, T, D), of the same format. */
vit_status vit_plan_gather(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int count,
                           const char *name);

/* dst (B, D) f32 = src (D) for every image. */
vit_status vit_plan_repeat(struct vit_plan *plan, struct vit_array dst, const float *src, const char *name);

/* dst (rows, width) = src (rows, width) f32, rounded; without a step where both are one (vit_plan_take_as). */
vit_status vit_plan_convert(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows, int width,
                            const char *name);

/* dst (B, T, D) = the tokens of the embedded patches src (B, N, D), both f32; of a text, whose rows are the input, src
 * is empty. */
vit_status vit_plan_embed(struct vit_plan *plan, struct vit_array dst, struct vit_array src);

/* dst (B, D) = mean of tokens first .. first + count - 1 of src (B, tokens, D), both f32; from dst's column at on. */
vit_status vit_plan_mean(struct vit_plan *plan, struct vit_array dst, int at, struct vit_array src, int first,
                         int count);

/* dst (B, width) = mean of the two of pair (2, B, width), both f32. */
vit_status vit_plan_average(struct vit_plan *plan, struct vit_array dst, struct vit_array pair, int width);

/* dst (rows, width) = src (rows, width), each row divided by its length, both f32. */
vit_status vit_plan_normalize(struct vit_plan *plan, struct vit_array dst, struct vit_array src, int64_t rows,
                              int width);

/* array from its row on. */
struct vit_array vit_array_row(struct vit_array array, int64_t row);

/* Marks the last step as the end of the stage called name, whose values are array (B, rows, width) f32, or (B, width)
 * when rows is 0. */
void vit_plan_tap(struct vit_plan *plan, const char *name, struct vit_array array, int rows, int width);

/* Appends all steps of the model; and those behind its blocks. */
vit_status vit_forward(struct vit_plan *plan);
vit_status vit_forward_output(struct vit_plan *plan);

/* What FEATURES stands for, else output; and whether the model has it. Errors: unsupported. */
enum vit_output_kind vit_forward_kind(const struct vit_config *config, enum vit_output_kind output);
vit_status vit_forward_check(const struct vit_config *config, enum vit_output_kind output, struct vit_error *err);

/* ---- For arrays.c and steps.c ---- */

void vit_plan_free_kernels(const struct vit_plan *plan, struct vit_kernel **kernels);

/* array, of n elements of size, with room for one more; NULL when there is none, and array as it was. */
void *vit_plan_room(void *array, int n, size_t size, struct vit_error *err);

#endif
