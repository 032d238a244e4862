/* options.h: what a caller may say of a model beside its path, and what the library tells of how it read it. Plain
 * structs, included everywhere. */
#ifndef VIT_OPTIONS_H
#define VIT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who is told how far a computation is that may take minutes: of total texts, done. False stops it, which is then an
 * error (internal). tell may be NULL. */
struct vit_watch {
    bool (*tell)(void *context, int64_t done, int64_t total);
    void *context;
};

/* All zero: nothing is said. What is said here goes before what the checkpoint, the files beside it and the tables of
 * its family say. */
struct vit_model_options {
    const char *arch;          /* architecture, as "vit_base_patch16_224", with or without timm's ".tag"; a file of vit's
                                * own says so itself and takes none */
    const char *head;          /* a checkpoint file that holds only the classifier: weight and bias */
    const char *labels;        /* "imagenet-1k", or a file: a name a line, or JSON. They name the classes of a model;
                                * one without a classifier but with a text tower gets them for its classes */
    /* Classes in words: of a model with a text tower (CLIP, SigLIP). */
    const char *classes;          /* their names, with commas between them; labels takes them from a file */
    const char *const *templates; /* n_templates of them: a text with {} in place of the name, a file with one a line,
                                   * "imagenet-80" or "imagenet-7"; a class is the mean over all. None: "This is a photo
                                   * of {}." */
    int n_templates;
    const char *text_embeddings;  /* an .npy file, (K, E) or (E, K): the classes' embeddings, made elsewhere; then no
                                   * text tower is needed */
    int threads;                  /* that compute them; 0: vit_default_threads() */
    struct vit_watch watch;
    int image_size;            /* S */
    const char *interpolation; /* "bicubic", ...: a filter of Pillow */
    double crop_pct;           /* the picture is resized to S / crop_pct, rounded down */
    const char *crop_mode;     /* "center", "squash" or "border", as timm calls them */
    const double *mean, *std;  /* of red, green, blue */
};

/* One thing that was decided on the way, and where it came from: "crop_pct", "0.9", "config.json". */
struct vit_setting {
    char *name, *value, *source;
};

enum vit_save_type { VIT_SAVE_UNCHANGED, VIT_SAVE_F32, VIT_SAVE_F16, VIT_SAVE_BF16 };

struct vit_save_options {
    bool force;              /* replace a file that exists */
    enum vit_save_type type; /* of the numbers; rounded to nearest even */
};

#ifdef __cplusplus
}
#endif
#endif
