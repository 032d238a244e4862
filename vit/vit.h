/* vit.h: classify images with Vision Transformers on the CPU.
 *
 *     struct vit_error err;
 *     struct vit_model *model = NULL;
 *     struct vit_session *session = NULL;
 *     if (vit_model_open(&model, "vit.safetensors", NULL, &err) || vit_session_create(&session, model, NULL, &err))
 *         ... err.message says what is wrong ...
 *     vit_load_image(model, &(struct vit_input){ .path = "cat.jpg" }, NULL, pixels, &err);
 *     vit_classify(session, pixels, 1, logits, &err);
 *     vit_top_k(model, logits, VIT_SCORE_PROB, 5, results);
 *     vit_session_free(session);
 *     vit_model_free(model);
 *
 * A model is immutable and may be shared by any number of threads. A session belongs to one thread at a time; it holds
 * everything that classifying needs, its threads too, so that vit_classify neither allocates nor creates threads; in a
 * forked child, where the threads are missing, it refuses (unsupported). The library has no global state, never prints,
 * reads no environment variable and has no default model. It never exits, but oneDNN ends the process when memory for
 * what is its own runs out. */
#ifndef VIT_VIT_H
#define VIT_VIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/base/config.h"
#include "vit/base/error.h"
#include "vit/base/machine.h"
#include "vit/base/options.h"
#include "vit/base/preprocess.h"
#include "vit/base/tensor.h"
#include "weights/canonical/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Model: a checkpoint, checked ---- */

struct vit_model;

/* Opens a canonical file, an original checkpoint or a folder as downloaded (weights beside config.json). Every tensor's
 * name, type and shape is checked; the message of a refusal names the tensor and both shapes. options may be NULL. On
 * success *model is the caller's to free; on failure it is NULL. */
vit_status vit_model_open(struct vit_model **model, const char *path, const struct vit_model_options *options,
                          struct vit_error *err);

/* A model of a known architecture, as "vit_base_patch16_224", with random weights of a sensible size: for measuring. They
 * are always the same, and are made as they are needed. vit_arch_name lists the known ones. */
vit_status vit_model_random(struct vit_model **model, const char *arch, struct vit_error *err);

/* Frees the model; its sessions must be freed first. NULL is fine. */
void vit_model_free(struct vit_model *model);

const struct vit_config *vit_model_config(const struct vit_model *model);
const struct vit_preprocess *vit_model_preprocess(const struct vit_model *model);

/* The id (as "n02123045") and the name (as "tabby, tabby cat") of class index, 0 <= index < K. A model without labels
 * answers with the index as text. Owned by the model. */
const char *vit_model_label_id(const struct vit_model *model, int index);
const char *vit_model_label(const struct vit_model *model, int index);

/* What the model was made from, as JSON text ("{}" when unknown), and its tensors in the model's order. */
const char *vit_model_source(const struct vit_model *model);
int vit_model_n_tensors(const struct vit_model *model);
const struct vit_tensor *vit_model_tensor(const struct vit_model *model, int i);

/* What was decided while opening it and where each setting came from, and the tensors of the checkpoint that have no use. */
int vit_model_n_settings(const struct vit_model *model);
const struct vit_setting *vit_model_setting(const struct vit_model *model, int i);
int vit_model_n_ignored(const struct vit_model *model);
const char *vit_model_ignored(const struct vit_model *model, int i);

/* Writes the model as a canonical file: a new file beside out, then renamed over it. options may be NULL. Classes that
 * were given in words are saved as an ordinary classifier, which needs no text tower (vit_model_source says of which
 * templates and tower they are); without them the image tower alone is saved. */
vit_status vit_model_save(const struct vit_model *model, const char *out, const struct vit_save_options *options,
                          struct vit_error *err);

/* ---- Images: from a file, bytes or RGB samples to the pixels that the model sees ---- */

/* One picture: exactly one of path, bytes and rgb is set. Nothing of it is kept. */
struct vit_input {
    const char *path;    /* an image file */
    const void *bytes;   /* an image file's content, n_bytes long */
    size_t n_bytes;
    const uint8_t *rgb;  /* (H, W, 3), rows without padding */
    int width, height;
};

/* Bytes of one image's pixels (S, S, 3). */
size_t vit_model_pixels_size(const struct vit_model *model);

/* Decodes, resizes and crops one picture into pixels (S, S, 3), vit_model_pixels_size bytes. options may be NULL: the
 * defaults. Thread-safe. Errors: open, read, empty, unsupported, decode, too_large, memory. */
vit_status vit_load_image(const struct vit_model *model, const struct vit_input *input,
                          const struct vit_decode_options *options, uint8_t *pixels, struct vit_error *err);

/* The first half of vit_load_image: decodes the picture at path or in bytes to RGB samples (H, W, 3), which vit_load_image
 * takes in turn. The caller frees *rgb; on failure it is NULL. */
vit_status vit_decode_image(uint8_t **rgb, int *width, int *height, const struct vit_input *input,
                            const struct vit_decode_options *options, struct vit_error *err);

/* ---- Session: a plan for one batch size and thread count, ready to run ---- */

struct vit_session;

/* Sums, norms, softmax and the residual stream are f32 in each of them. Refused (unsupported) where the CPU has no
 * instructions for it. */
enum vit_precision {
    VIT_PRECISION_F32,    /* with AMX each number as the sum of three in bf16, which together hold all its bits; the six
                             products of them that matter leave smaller errors than f32's own multiply-adds */
    VIT_PRECISION_BF16,   /* weights and activations in bf16 */
    VIT_PRECISION_BF16X2, /* as the sum of two numbers in bf16, three products: logits within 1e-4 of f32's; AMX alone */
    VIT_PRECISION_AUTO    /* bf16 where the CPU has it, else f32 */
};

/* "f32", "bf16", "bf16x2" or "auto". */
const char *vit_precision_name(enum vit_precision precision);

/* Bytes that a weight of a layer takes in memory on this CPU, in a session that computes so; 0: none can. Not of auto. */
int vit_precision_bytes(enum vit_precision precision);

/* Of several implementations of an operator, only those are used whose answer, to the very problem that they are to solve,
 * was compared with that of plain loops. Which of them, is decided once for all sessions of a model that have the same batch,
 * precision, number of threads and way of tuning: their answers have the same bytes. With as many images as threads or
 * more, each thread takes its own images through all layers; with fewer, they share each image. */
enum vit_tune {
    VIT_TUNE_OFF,  /* the first */
    VIT_TUNE_ON,   /* the fastest, by timing them once; what the cache file knows is not timed again */
    VIT_TUNE_FORCE /* the same, and what the cache file knows is timed anew */
};

/* What a session computes of an image. */
enum vit_output_kind {
    VIT_OUTPUT_LOGITS,    /* of the classes: (K) */
    VIT_OUTPUT_FEATURES,  /* what the library that a model comes from calls its features: projected, where there is a
                             projection, else pooled */
    VIT_OUTPUT_PROJECTED, /* in the embedding that pictures share with texts: (E); as pooled where nothing projects */
    VIT_OUTPUT_POOLED,    /* what pooling and the norm that belongs to it give: (D); (2D) with pool concat; with pool
                             cls_dist_mean, the mean of both tokens */
    VIT_OUTPUT_CLS,       /* the CLS token, the mean of the patch tokens, or all tokens in their order, behind the */
    VIT_OUTPUT_MEAN,      /* final norm where that is before pooling: (D), (D), (T, D) */
    VIT_OUTPUT_TOKENS
};

struct vit_session_options {
    int batch;             /* images in one run of the plan, at least 1; fewer are padded */
    int threads;           /* at least 1; 0: vit_default_threads() */
    enum vit_output_kind output;
    bool normalize;        /* what is computed, each row of it, is divided by its Euclidean length; not of logits */
    enum vit_precision precision;
    enum vit_tune tune;
    const char *tune_cache; /* file that keeps the choices; NULL: they are not kept */
    bool reference;        /* plain loops for everything: slow, for comparison */
    const char *trace_dir; /* NULL, or an existing folder: the first run writes pixels, patches, tokens, block00.., pooled and logits
                              there as .npy files */
};

/* batch 1, default threads, logits, f32, no tuning, no trace. */
struct vit_session_options vit_session_options_default(void);

/* Builds everything that computing needs. options may be NULL: the defaults. Refused (unsupported): logits of a model
 * without a classifier, and the CLS token of one without. The model must outlive the session. */
vit_status vit_session_create(struct vit_session **session, const struct vit_model *model,
                              const struct vit_session_options *options, struct vit_error *err);
void vit_session_free(struct vit_session *session);

/* pixels (n, S, S, 3) -> logits (n, K), for any n >= 0. The answer for an image depends on that image alone. */
vit_status vit_classify(struct vit_session *session, const uint8_t *pixels, int n, float *logits,
                        struct vit_error *err);

/* The same for a session of another output: pixels (n, S, S, 3) -> features (n, vit_session_width). */
vit_status vit_embed(struct vit_session *session, const uint8_t *pixels, int n, float *features, struct vit_error *err);

/* Numbers that the session computes of an image, and what it computes; never VIT_OUTPUT_FEATURES, which stands for
 * another. */
size_t vit_session_width(const struct vit_session *session);
enum vit_output_kind vit_session_output(const struct vit_session *session);

/* ---- Texts: for models with a text tower (CLIP, SigLIP) ---- */

/* Whether there is a text tower that vit_embed_texts could use. */
bool vit_model_has_text(const struct vit_model *model);

/* Of the classes that were given in words when the model was opened: texts that were longer than the text tower takes,
 * and were cut as the model's library does it. */
int vit_model_n_cut(const struct vit_model *model);

struct vit_text_options {
    int threads; /* 0: vit_default_threads() */
    enum vit_precision precision;
    bool normalize; /* divide each by its Euclidean length */
    struct vit_watch watch;
};

/* n texts in UTF-8 -> features (n, E), in the embedding that they share with pictures: E is the width of a session for
 * VIT_OUTPUT_PROJECTED. *n_cut: how many were longer than the text tower takes. options may be NULL: the defaults.
 * Errors: unsupported (no text tower, or one of another kind), open (no tokenizer beside the model), decode, memory. */
vit_status vit_embed_texts(const struct vit_model *model, const char *const *texts, int n,
                           const struct vit_text_options *options, float *features, int *n_cut, struct vit_error *err);

/* ---- Features in files: .npy, by whatever program ---- */

struct vit_features;

/* Opens an array (n, width) of f16, bf16, f32 or f64 numbers in C order, which must lie in the file whole. On success
 * *features is the caller's to close; on failure it is NULL, and the message names the path. */
vit_status vit_features_open(struct vit_features **features, const char *path, struct vit_error *err);
void vit_features_close(struct vit_features *features); /* NULL is fine */

int64_t vit_features_count(const struct vit_features *features); /* n */
int vit_features_width(const struct vit_features *features);

/* Reads n rows from `first` on into dst (n, width), rounded to f32 where they are f64. Any number of threads may do this
 * at once. Errors: read, also when the file changed since it was opened; unsupported: there are no such rows. */
vit_status vit_features_read(const struct vit_features *features, int64_t first, int64_t n, float *dst,
                             struct vit_error *err);

/* ---- Profile: where the time goes ---- */

/* One step of a session's plan. */
struct vit_step_info {
    const char *name;           /* as "blocks.3.attn.qkv" */
    const char *op;             /* as "linear" */
    const char *implementation; /* as "brg:avx512_core" */
    double flops;               /* of one run, a multiply-add counting as two */
    double seconds;             /* spent since profiling was switched on */
};

/* Starts timing every step from zero, or stops. */
void vit_session_profile(struct vit_session *session, bool on);

/* Steps in the order of execution. The strings are owned by the session. */
int vit_session_n_steps(const struct vit_session *session);
void vit_session_step(const struct vit_session *session, int i, struct vit_step_info *info);

/* The precision that a session computes in; never auto. */
enum vit_precision vit_session_precision(const struct vit_session *session);

/* What the units of this machine do at most on so many threads, in products of one precision, with nothing to wait for:
 * multiply-adds of f32; tiles for bf16 where the CPU has them, and a third of that for bf16x2, which takes three products
 * of bf16 for one. f32 is measured by multiply-adds also where it is computed by tiles, and may then exceed them. unit:
 * their name, which is static. Takes 0.2 s. 0: a CPU without multiply-adds. Errors: unsupported, memory. */
vit_status vit_unit_peak(double *flops_per_second, const char **unit, int threads, enum vit_precision precision,
                         struct vit_error *err);

/* What this machine reaches in matrix products of one precision by oneDNN on so many threads: the best of square
 * ones of side 512, 1024 and 2048, each by the median of several runs. Takes a second or two. */
vit_status vit_gemm_peak(double *flops_per_second, int threads, enum vit_precision precision, struct vit_error *err);

/* ---- Comparing with the original ---- */

struct vit_difference {
    double largest, allowed; /* of |logit - reference|; allowed: 1e-4, from a width of 1024 on 1e-3, times the largest
                                |reference| or 1 */
    int index;               /* where it is largest, or not a number */
    float logit, reference;
    bool agrees;
};

/* Compares the logits (K) of one picture with those in an .npy file: K numbers, f32, f16 or f64, in any shape. Of a
 * model without a classifier: its features, as VIT_OUTPUT_FEATURES. */
vit_status vit_compare_logits(const struct vit_model *model, const float *logits, const char *path,
                              struct vit_difference *difference, struct vit_error *err);

/* ---- Scores ---- */

enum vit_score {
    VIT_SCORE_PROB,   /* softmax over the classes */
    VIT_SCORE_LOGIT,  /* as the head gives them */
    VIT_SCORE_SIGMOID /* each class by itself */
};

struct vit_result {
    int index;
    const char *label; /* owned by the model */
    float score;
};

/* The k best classes of one image's logits (K), best first, ties by index; writes and returns min(k, K). A NaN ranks last. */
int vit_top_k(const struct vit_model *model, const float *logits, enum vit_score score, int k,
              struct vit_result *results);

/* ---- This build ---- */

const char *vit_version(void); /* "0.1.0" */
const char *vit_commit(void);  /* the commit it was built from, or "unknown" */
const char *vit_onednn_version(char text[32]); /* of the library that is loaded: writes "3.2.0" to text and returns it */
const char *vit_isa(void);     /* the instruction set that oneDNN uses on this machine: "avx512_core_bf16" */

#ifdef __cplusplus
}
#endif
#endif
