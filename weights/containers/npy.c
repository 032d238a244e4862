/* npy.c: numpy array files: a header, which is a Python dict literal with three keys, then the elements. */
#include "weights/containers/npy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/file.h"
#include "vit/base/half.h"
#include "vit/base/limits.h"
#include "weights/containers/source.h"

/* The text that is left to parse. */
struct cursor {
    const char *at, *end;
};

enum { PREFIX = 12 }; /* bytes of magic, version and length; in version 1 the last 2 are the text's */

/* The header's text is the *n bytes at *begin. */
static vit_status parse_prefix(const uint8_t *bytes, size_t *begin, size_t *n, struct vit_error *err)
{
    if (memcmp(bytes, "\x93NUMPY", 6) != 0)
        return vit_fail(err, VIT_ERR_DECODE, "not a numpy array: its first bytes are not \\x93NUMPY");
    if (bytes[6] < 1 || bytes[6] > 3)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "numpy format version %d.%d; 1 to 3 are read", bytes[6], bytes[7]);
    *begin = bytes[6] == 1 ? 10 : 12;
    *n = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] != 1)
        *n |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (*n > VIT_LIMIT_NPY_HEADER)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "a numpy header of %zu bytes, at most %d are read", *n,
                        VIT_LIMIT_NPY_HEADER);
    return VIT_OK;
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at)
        c->at++;
}

/* Takes the character if it is next. */
static bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_space(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* A quoted string without escapes, into text. */
static bool take_string(struct cursor *c, char *text, size_t max)
{
    char quote = take(c, '\'') ? '\'' : take(c, '"') ? '"' : '\0';
    const char *begin = c->at, *end = quote ? memchr(begin, quote, (size_t)(c->end - begin)) : NULL;
    if (!end || (size_t)(end - begin) >= max || memchr(begin, '\\', (size_t)(end - begin)))
        return false;
    memcpy(text, begin, (size_t)(end - begin));
    text[end - begin] = '\0';
    c->at = end + 1;
    return true;
}

/* A non-negative integer, with the L that Python 2 wrote. */
static bool take_integer(struct cursor *c, int64_t *value)
{
    skip_space(c);
    const char *begin = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *c->at - '0', value))
            return false;
    }
    bool some = c->at > begin;
    if (some && c->at < c->end && *c->at == 'L')
        c->at++;
    return some;
}

static vit_status parse_shape(struct vit_npy *npy, struct cursor *c, struct vit_error *err)
{
    npy->n_dims = 0;
    if (!take(c, '('))
        return vit_fail(err, VIT_ERR_DECODE, "numpy header: shape is not a tuple");
    while (!take(c, ')')) {
        int64_t size;
        if (!take_integer(c, &size))
            return vit_fail(err, VIT_ERR_DECODE, "numpy header: dimension %d of shape is not a 64-bit integer",
                            npy->n_dims);
        if (npy->n_dims == VIT_MAX_DIMS)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "more than %d dimensions", VIT_MAX_DIMS);
        npy->shape[npy->n_dims++] = size;
        if (!take(c, ',')) {
            if (!take(c, ')'))
                return vit_fail(err, VIT_ERR_DECODE, "numpy header: shape is not a tuple");
            break;
        }
    }
    return VIT_OK;
}

static vit_status parse_descr(struct vit_npy *npy, struct cursor *c, struct vit_error *err)
{
    static const struct {
        const char *code;
        enum vit_dtype dtype;
    } codes[] = {
        {"f4", VIT_F32}, {"f2", VIT_F16}, {"f8", VIT_F64},  {"i8", VIT_I64}, {"i4", VIT_I32}, {"i2", VIT_I16},
        {"i1", VIT_I8},  {"u1", VIT_U8},  {"b1", VIT_BOOL}, {"V2", VIT_BF16}}; /* bfloat16 has no code of its own */
    char descr[32];
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a structured numpy array; plain numbers are read");
    if (!take_string(c, descr, sizeof descr) || !descr[0])
        return vit_fail(err, VIT_ERR_DECODE, "numpy header: descr is not a short string");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(descr + 1, codes[i].code) != 0 || !strchr("<>|", descr[0]))
            continue;
        if (descr[0] == '>' && vit_dtype_size(codes[i].dtype) > 1)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "numpy type %s is big-endian; save it with newbyteorder('<')",
                            descr);
        npy->dtype = codes[i].dtype;
        return VIT_OK;
    }
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "numpy type %s%s", descr,
                    descr[1] == 'O' ? " (Python objects): save plain arrays" : " is not supported");
}

static vit_status parse_text(struct vit_npy *npy, const char *text, size_t n, struct vit_error *err)
{
    struct cursor c = {text, text + n};
    unsigned seen = 0;
    if (!take(&c, '{'))
        return vit_fail(err, VIT_ERR_DECODE, "numpy header: not a dict");
    while (!take(&c, '}')) {
        static const char *const keys[] = {"descr", "fortran_order", "shape"};
        char key[16];
        unsigned k = 0;
        if (!take_string(&c, key, sizeof key) || !take(&c, ':'))
            return vit_fail(err, VIT_ERR_DECODE, "numpy header: not a dict of short strings at byte %td", c.at - text);
        while (k < 3 && strcmp(key, keys[k]) != 0)
            k++;
        if (k == 3 || seen & 1u << k)
            return vit_fail(err, VIT_ERR_DECODE, "numpy header: the key %s is %s", key,
                            k == 3 ? "unknown" : "repeated");
        seen |= 1u << k;
        if (k == 0) {
            VIT_TRY(parse_descr(npy, &c, err));
        } else if (k == 2) {
            VIT_TRY(parse_shape(npy, &c, err));
        } else {
            npy->fortran_order = take_word(&c, "True");
            if (!npy->fortran_order && !take_word(&c, "False"))
                return vit_fail(err, VIT_ERR_DECODE, "numpy header: fortran_order is not a bool");
        }
        if (!take(&c, ',') && (c.at == c.end || *c.at != '}'))
            return vit_fail(err, VIT_ERR_DECODE, "numpy header: a comma is missing at byte %td", c.at - text);
    }
    skip_space(&c);
    if (seen != 7 || c.at != c.end)
        return vit_fail(err, VIT_ERR_DECODE, "numpy header: %s",
                        seen != 7 ? "a key is missing" : "text after the dict");
    return VIT_OK;
}

vit_status vit_npy_read_header(struct vit_npy *npy,
                               vit_status (*next)(void *context, void *dst, size_t n, struct vit_error *err),
                               void *context, struct vit_error *err)
{
    uint8_t prefix[PREFIX];
    size_t begin = 0, n = 0;
    VIT_TRY(next(context, prefix, sizeof prefix, err));
    VIT_TRY(parse_prefix(prefix, &begin, &n, err));
    size_t known = sizeof prefix - begin; /* of the text, already read with the prefix */
    if (n < known)
        return vit_fail(err, VIT_ERR_DECODE, "a numpy header of %zu bytes", n);
    char *text = malloc(n + 1);
    if (!text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a header of %zu bytes", n);
    memcpy(text, prefix + begin, known);
    vit_status status = next(context, text + known, n - known, err);
    if (status == VIT_OK)
        status = parse_text(npy, text, n, err);
    free(text);
    npy->data = (int64_t)(begin + n);
    return status;
}

/* ---- A file of numbers ---- */

static vit_status count_numbers(const struct vit_npy *npy, int64_t most, int64_t *n, struct vit_error *err)
{
    if (!vit_dtype_is_float(npy->dtype))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "type %s, expected a floating-point type",
                        vit_dtype_name(npy->dtype));
    if (npy->fortran_order && npy->n_dims > 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED,
                        "numbers in Fortran's order; numpy.ascontiguousarray brings them to C's");
    *n = 1;
    for (int i = 0; i < npy->n_dims; i++)
        if (npy->shape[i] < 1 || __builtin_mul_overflow(*n, npy->shape[i], n) || *n > most)
            return vit_fail(err, VIT_ERR_TOO_LARGE, "no array of 1 to %lld numbers", (long long)most);
    return VIT_OK;
}

static vit_status load(float **values, struct vit_tensor *array, int64_t most, const struct vit_file *file,
                       struct vit_error *err)
{
    struct vit_npy npy;
    struct vit_file_stream stream = {file, 0};
    int64_t n = 0;
    VIT_TRY(vit_npy_read_header(&npy, vit_file_next, &stream, err));
    VIT_TRY(count_numbers(&npy, most, &n, err));
    size_t bytes = (size_t)n * vit_dtype_size(npy.dtype);
    if (file->size - npy.data < (int64_t)bytes)
        return vit_fail(err, VIT_ERR_DECODE, "truncated: %lld numbers in %lld bytes", (long long)n,
                        (long long)(file->size - npy.data));
    *array = (struct vit_tensor){.dtype = npy.dtype, .n_dims = npy.n_dims};
    memcpy(array->shape, npy.shape, sizeof array->shape);
    void *raw = malloc(bytes);
    *values = malloc((size_t)n * sizeof **values);
    vit_status status = raw && *values ? vit_file_next(&stream, raw, bytes, err)
                                       : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", bytes);
    if (status == VIT_OK)
        vit_widen(*values, raw, npy.dtype, n);
    free(raw);
    return status;
}

vit_status vit_npy_load(float **values, struct vit_tensor *array, int64_t most, const char *path, struct vit_error *err)
{
    struct vit_file file;
    *values = NULL;
    vit_status status = vit_file_open(&file, path, err);
    if (status == VIT_OK)
        status = load(values, array, most, &file, err);
    vit_file_close(&file);
    if (status == VIT_OK)
        return VIT_OK;
    free(*values);
    *values = NULL;
    return vit_context(err, status, "%s", path);
}
