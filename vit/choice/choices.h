/* choices.h: remembers which implementation was chosen for which problem: for a model, whose sessions share it, and in
 * a small file for this machine. It measures nothing itself: choose.c asks, measures when nothing is known and there is
 * time left, and tells. */
#ifndef VIT_CHOICES_H
#define VIT_CHOICES_H

#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"

enum { VIT_CHOICE_TEXT_MAX = 256 };

struct vit_choices;

vit_status vit_choices_create(struct vit_choices **choices, struct vit_error *err);
void vit_choices_free(struct vit_choices *choices); /* NULL is fine */

struct vit_choices_options {
    bool measure; /* off: nothing is timed, the file neither read nor written; such choices are kept apart */
    bool force;   /* measure anew what only the file knows */
    const char
        *cache; /* the file, or NULL; anything but a file of this or an older format is left alone. Kept until end */
    const char *
        machine; /* tells CPU, instruction set and all that was built apart; lines of other machines stay as they are */
    double pass_flops; /* of one forward pass */
};

/* Takes the choices for a session that is being made, waiting for whoever has them; end writes what was measured into
 * the file, beside what others have written there meanwhile, and gives them back. A file that cannot be read or written
 * is left alone: then it is measured again next time. Everything below is used between the two, by their thread. */
void vit_choices_begin(struct vit_choices *choices, const struct vit_choices_options *options);
void vit_choices_end(struct vit_choices *choices);

/* The implementation known for key, or NULL; valid until the next put. */
const char *vit_choices_find(const struct vit_choices *choices, const char *key);

/* Whether they are measured at all. */
bool vit_choices_measures(const struct vit_choices *choices);

/* Whether there is something to measure, and time left for it: the longer of one second and ten forward passes, counted
 * from begin. What a pass takes follows from the fastest choice so far, in flops per second; before the first, it is
 * taken as short. */
bool vit_choices_has_time(const struct vit_choices *choices);

/* Remembers a choice for an operator of so many flops that took so many seconds; 0: it was not measured, and is not
 * saved. When memory runs out it is forgotten. */
void vit_choices_put(struct vit_choices *choices, const char *key, const char *name, double flops, double seconds);

/* size bytes of noise for whoever measures, good as f32 and as bf16: all below 1/8 of either sign, so that sums stay
 * finite; none denormal, which would be slow. 64-byte aligned; valid until the next call or the end; NULL when memory
 * ran out. */
const char *vit_choices_noise(struct vit_choices *choices, size_t size);

#endif
