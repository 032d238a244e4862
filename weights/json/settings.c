/* settings.c: keys by name and type, and an account of those that nobody asked for. */
#include "weights/json/settings.h"

#include <fnmatch.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"

vit_status vit_settings_refuse(const struct vit_settings *s, const char *key, const char *why, struct vit_error *err)
{
    char *text = json_dumps(json_object_get(s->object, key), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    vit_status status = vit_fail(err, VIT_ERR_UNSUPPORTED, "%s: %s%s%.80s %.80s%s: %s", s->file,
                                 s->within ? s->within : "", s->within ? "." : "", key, text ? text : "",
                                 text && strlen(text) > 80 ? "..." : "", why);
    free(text);
    return status;
}

const json_t *vit_take(struct vit_settings *s, const char *key)
{
    if (s->n_asked < VIT_SETTINGS_KEYS)
        s->asked[s->n_asked++] = key;
    const json_t *value = json_object_get(s->object, key);
    return json_is_null(value) ? NULL : value;
}

vit_status vit_settings_within(struct vit_settings *inner, struct vit_settings *parent, const char *key,
                               struct vit_error *err)
{
    *inner = (struct vit_settings){.file = parent->file, .within = key, .object = vit_take(parent, key)};
    bool right = !inner->object || json_is_object(inner->object);
    return right ? VIT_OK : vit_settings_refuse(parent, key, "not an object", err);
}

vit_status vit_take_bool(struct vit_settings *s, const char *key, bool *out, struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    if (value && !json_is_boolean(value))
        return vit_settings_refuse(s, key, "neither true nor false", err);
    *out = value ? json_is_true(value) : *out;
    return VIT_OK;
}

/* Whether value is a whole number of low..high. */
static bool read_int(const json_t *value, int low, int high, int *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high)
        return false;
    *out = (int)json_integer_value(value);
    return true;
}

vit_status vit_take_ints(struct vit_settings *s, const char *key, int n, int low, int high, int *out,
                         struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    bool right = json_array_size(value) == (size_t)n;
    char why[64];
    snprintf(why, sizeof why, n ? "not %3$d whole numbers of %1$d..%2$d" : "not a whole number of %1$d..%2$d", low,
             high, n);
    for (int i = 0; value && right && i < (n ? n : 1); i++)
        right = read_int(n ? json_array_get(value, (size_t)i) : value, low, high, &out[i]);
    return !value || right ? VIT_OK : vit_settings_refuse(s, key, why, err);
}

vit_status vit_take_int(struct vit_settings *s, const char *key, int low, int high, int *out, struct vit_error *err)
{
    return vit_take_ints(s, key, 0, low, high, out, err);
}

vit_status vit_take_real(struct vit_settings *s, const char *key, double *out, struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    if (value && !(json_is_number(value) && isfinite(json_number_value(value))))
        return vit_settings_refuse(s, key, "not a finite number", err);
    *out = value ? json_number_value(value) : *out;
    return VIT_OK;
}

vit_status vit_take_string(struct vit_settings *s, const char *key, const char **out, struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    if (value && !json_is_string(value))
        return vit_settings_refuse(s, key, "not a string", err);
    *out = value ? json_string_value(value) : *out;
    return VIT_OK;
}

vit_status vit_take_side(struct vit_settings *s, const char *key, int *out, struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    size_t n = json_array_size(value);
    int height = 0, width = 0;
    if (!value)
        return VIT_OK;
    if (!read_int(n >= 2 ? json_array_get(value, n - 2) : value, 1, VIT_LIMIT_IMAGE_SIZE, &height) ||
        !read_int(n >= 2 ? json_array_get(value, n - 1) : value, 1, VIT_LIMIT_IMAGE_SIZE, &width) || n > 3)
        return vit_settings_refuse(s, key, "no size of a picture, which has 1 to 8192 pixels a side", err);
    if (height != width)
        return vit_settings_refuse(s, key, "only squares are supported", err);
    *out = height;
    return VIT_OK;
}

vit_status vit_take_colours(struct vit_settings *s, const char *key, double out[3], struct vit_error *err)
{
    const json_t *value = vit_take(s, key);
    size_t n = json_array_size(value);
    for (size_t i = 0; value && i < 3; i++) {
        const json_t *one = n ? json_array_get(value, n == 3 ? i : 0) : value;
        if (!json_is_number(one) || !isfinite(json_number_value(one)) || (n > 0 && n != 1 && n != 3))
            return vit_settings_refuse(s, key, "neither three finite numbers nor one", err);
        out[i] = json_number_value(one);
    }
    return VIT_OK;
}

vit_status vit_expect_int(struct vit_settings *s, const char *key, int expected, struct vit_error *err)
{
    int found = expected;
    char why[64];
    snprintf(why, sizeof why, "the tensors say %d", expected);
    VIT_TRY(json_is_array(json_object_get(s->object, key)) ? vit_take_side(s, key, &found, err)
                                                           : vit_take_int(s, key, 0, INT_MAX, &found, err));
    return found == expected ? VIT_OK : vit_settings_refuse(s, key, why, err);
}

vit_status vit_expect_bool(struct vit_settings *s, const char *key, bool expected, struct vit_error *err)
{
    bool found = expected;
    const char *why = expected ? "only true is supported" : "only false is supported";
    VIT_TRY(vit_take_bool(s, key, &found, err));
    return found == expected ? VIT_OK : vit_settings_refuse(s, key, why, err);
}

vit_status vit_expect_word(struct vit_settings *s, const char *key, const char *expected, struct vit_error *err)
{
    const char *found = expected;
    char why[64];
    snprintf(why, sizeof why, "only \"%.20s\" is supported", expected);
    VIT_TRY(vit_take_string(s, key, &found, err));
    return strcmp(found, expected) == 0 ? VIT_OK : vit_settings_refuse(s, key, why, err);
}

const char *vit_settings_source(const struct vit_settings *s, const char *key, const char *fallback)
{
    const json_t *value = json_object_get(s->object, key);
    return value && !json_is_null(value) ? s->file : fallback;
}

static bool is_known(const struct vit_settings *s, const char *const *harmless, const char *key)
{
    for (int i = 0; i < s->n_asked; i++)
        if (strcmp(s->asked[i], key) == 0)
            return true;
    for (; harmless && *harmless; harmless++)
        if (fnmatch(*harmless, key, 0) == 0)
            return true;
    return false;
}

vit_status vit_settings_end(const struct vit_settings *s, const char *const *harmless, struct vit_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)s->object, key, value) {
        bool says_nothing = json_is_null(value) || ((json_is_object(value) || json_is_array(value)) &&
                                                    json_object_size(value) + json_array_size(value) == 0);
        if (!says_nothing && !is_known(s, harmless, key))
            return vit_settings_refuse(s, key, "not understood; if it changes no answer, take it out of the file", err);
    }
    return VIT_OK;
}
