/* tuner.h: remembers which implementation was fastest for which operator on which machine, in memory and in a small
 * file. It measures nothing itself: who builds an operator asks, measures when nothing is known and there is time left,
 * and tells. */
#ifndef VIT_TUNER_H
#define VIT_TUNER_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"

enum { VIT_TUNER_KEY_MAX = 256, VIT_TUNER_NAME_MAX = 64 };

/* An implementation is named, never numbered: numbers change with the library's version. */
struct vit_choice {
    char primitive[16];                      /* as "matmul" */
    char implementation[VIT_TUNER_NAME_MAX]; /* as "brg:avx512_core" */
    double seconds;                          /* of one run, when it was chosen */
};

struct vit_tuner_options {
    bool measure;        /* off: nothing is timed, the cache neither read nor written */
    bool force;          /* measure anew what the file knows */
    const char *cache;   /* the file, or NULL. One that is missing or not of this format counts as empty */
    const char *machine; /* tells CPU, instruction set, library and version apart; choices of another machine stay in the file and
                            are not used */
    double pass_flops;   /* of one forward pass */
};

struct vit_tuner;

vit_status vit_tuner_create(struct vit_tuner **tuner, const struct vit_tuner_options *options, struct vit_error *err);
void vit_tuner_free(struct vit_tuner *tuner);

/* What is known for key: NULL when nothing is, or, under force, when this tuner has not measured it. */
const struct vit_choice *vit_tuner_find(const struct vit_tuner *tuner, const char *key);

/* Whether there is something to measure, and time left for it: the longer of one second and ten forward passes, counted from the tuner's
 * creation. What a pass takes follows from the fastest choice so far, in flops per second; before the first, it is
 * taken as short. */
bool vit_tuner_has_time(const struct vit_tuner *tuner);

/* Remembers a choice for an operator of so many flops; 0: it was not measured, and is not saved. When memory runs out it
 * is forgotten. */
void vit_tuner_put(struct vit_tuner *tuner, const char *key, const struct vit_choice *choice, double flops);

/* At least n floats of noise, the same at every call, for whoever measures; read as bf16 they are twice as many that are
 * good as well. All are below 1/8 of either sign, so that sums stay finite; with full mantissas, so that the order of a
 * sum shows in its last bits; none denormal, which would be slow. Owned by the tuner and valid until the next call; NULL
 * when memory ran out. */
const float *vit_tuner_noise(struct vit_tuner *tuner, size_t n);

/* Writes what was measured into the file, atomically, beside what others have written there meanwhile; creates its
 * folder. A file that cannot be written is left alone: then it is measured again next time. */
void vit_tuner_save(const struct vit_tuner *tuner);

#endif
