/* settings.h: the one reader of the JSON that comes with a model.
 *
 * A key that is absent leaves the caller's default alone; one that is there with a value that is not understood is an
 * error, which names file, key and value; and at the end so is every key that nobody asked for and that is not known to
 * change no answer. */
#ifndef VIT_SETTINGS_H
#define VIT_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>

#include "vit/base/error.h"

enum { VIT_SETTINGS_KEYS = 64 };

/* An object of a file. Its JSON and texts are borrowed. */
struct vit_settings {
    const char *file;     /* "config.json": for messages, and the source in the report */
    const char *within;   /* key of the object in its file, or NULL for the whole */
    const json_t *object; /* NULL: there is none, and every key is absent */
    int n_asked;
    const char *asked[VIT_SETTINGS_KEYS];
};

/* The object within parent's under key. One that is absent or null reads as empty. */
vit_status vit_settings_within(struct vit_settings *inner, struct vit_settings *parent, const char *key,
                               struct vit_error *err);

/* The value of key, which counts as asked for from now on; NULL when it is absent or null. */
const json_t *vit_take(struct vit_settings *s, const char *key);

/* Each sets *out when the key is there, and refuses another type or range. */
vit_status vit_take_bool(struct vit_settings *s, const char *key, bool *out, struct vit_error *err);
vit_status vit_take_int(struct vit_settings *s, const char *key, int low, int high, int *out, struct vit_error *err);
vit_status vit_take_ints(struct vit_settings *s, const char *key, int n, int low, int high, int *out,
                         struct vit_error *err); /* an array of n; one number when n is 0 */
vit_status vit_take_real(struct vit_settings *s, const char *key, double *out, struct vit_error *err); /* finite */
vit_status vit_take_string(struct vit_settings *s, const char *key, const char **out, struct vit_error *err);

/* A side of a square: a number, or an array whose last two are that number. */
vit_status vit_take_side(struct vit_settings *s, const char *key, int *out, struct vit_error *err);

/* Red, green and blue: three numbers, or one for all. */
vit_status vit_take_colours(struct vit_settings *s, const char *key, double out[3], struct vit_error *err);

/* Refuses another value than the one that the tensors have, as a number or a side, or that is supported. */
vit_status vit_expect_int(struct vit_settings *s, const char *key, int expected, struct vit_error *err);
vit_status vit_expect_bool(struct vit_settings *s, const char *key, bool expected, struct vit_error *err);
vit_status vit_expect_word(struct vit_settings *s, const char *key, const char *expected, struct vit_error *err);

/* The file when it has key, else fallback: what a report calls the source. */
const char *vit_settings_source(const struct vit_settings *s, const char *key, const char *fallback);

/* The error that names the file, key and its value, and says why. */
vit_status vit_settings_refuse(const struct vit_settings *s, const char *key, const char *why, struct vit_error *err);

/* Refuses what nobody asked for. harmless: patterns of fnmatch, ended by NULL, of keys that change no answer. Values
 * that say nothing (null, {}, []) are let pass. */
vit_status vit_settings_end(const struct vit_settings *s, const char *const *harmless, struct vit_error *err);

#endif
