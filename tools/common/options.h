/* options.h: what the command line says, after one table of options that also prints the help. */
#ifndef VIT_TOOLS_OPTIONS_H
#define VIT_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "vit/vit.h"

/* The commands, as bits: an option says which of them have it. */
enum {
    VIT_FOR_CLASSIFY = 1,
    VIT_FOR_EMBED = 2,
    VIT_FOR_SIMILAR = 4,
    VIT_FOR_CONVERT = 8,
    VIT_FOR_INFO = 16,
    VIT_FOR_BENCH = 32,
    VIT_FOR_EVERY = 63
};

enum { VIT_FORMAT_TEXT, VIT_FORMAT_JSON, VIT_FORMAT_JSONL, VIT_FORMAT_CSV, VIT_FORMAT_TSV };
enum { VIT_EMBED_JSONL, VIT_EMBED_NPY };                 /* the formats of `vit embed` */
enum { VIT_BENCH_MD, VIT_BENCH_CSV, VIT_BENCH_JSON }; /* the formats of `vit bench` */

enum { VIT_TOP_ALL = 1 << 30, VIT_MAX_THREADS = 4096, VIT_LIST_MAX = 32 };

/* Numbers, or the places of words, given with commas between them. */
struct vit_list {
    int n; /* 0: not given */
    int values[VIT_LIST_MAX];
};

/* Three numbers, given with commas between them. */
struct vit_triple {
    bool given;
    double values[3];
};

/* What was said by an option that may be given several times. */
struct vit_texts {
    const char **items; /* (n), owned */
    int n;
};

/* All strings are argv's. */
struct vit_options {
    const char *command; /* its name, for messages */
    const char *model;  /* NULL: the default model */
    const char *output; /* NULL: stdout */
    int format;         /* VIT_FORMAT_, VIT_EMBED_, VIT_BENCH_ */
    int threads;        /* 0: not given */
    int batch;
    int streams;
    int top_k;
    int scores;         /* enum vit_score; -1: not given */
    double threshold;   /* -INFINITY: none */
    int precision;      /* enum vit_precision */
    int tune;           /* enum vit_tune */
    struct vit_decode_options decode;
    struct vit_model_options open; /* its mean, std and templates lead to those below */
    struct vit_triple mean, std;
    struct vit_texts templates;
    bool tensors, force, recursive, quiet, verbose, help, version;

    /* of embed and similar */
    int what;             /* enum vit_output_kind less VIT_OUTPUT_FEATURES */
    bool normalize, no_normalize;
    const char *text;     /* a file of texts; of similar, the text itself */
    double duplicates;    /* the least cosine; -INFINITY: not given */

    /* of convert */
    int dtype;          /* enum vit_save_type less 1; -1: not given */
    bool dry_run, list_archs;
    const char *verify; /* an .npy file of logits */
    const char *image;  /* the picture that they are of */

    /* of bench */
    const char *archs; /* with commas between */
    struct vit_list batches, thread_counts, stream_counts, precisions;
    int warm_up;
    int repetitions;         /* 0: as many as seconds allow */
    double seconds;          /* -INFINITY: not given */
    bool profile, no_peak;
    const char *end_to_end;  /* a folder of pictures */
    const char *compare;     /* a program, or the JSON of an earlier run */
    const char *against;     /* options of the other side, blanks between them */
    int rounds;              /* 0: not given */
    double fail_over;        /* per cent; -INFINITY: not given */
    const char *plot;

    char **args; /* what is not an option, in order; owned */
    int n_args;
};

/* The defaults, and then argv[0 .. n) of the command with that bit. Stops at --help and --version. On failure err says
 * what is wrong with which argument; vit_options_free is due either way. */
vit_status vit_options_parse(struct vit_options *options, unsigned command, int n, char **argv, struct vit_error *err);
void vit_options_free(struct vit_options *options);

/* A line or more for each option of the command. */
void vit_options_print(FILE *out, unsigned command);

#endif
