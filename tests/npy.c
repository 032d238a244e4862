/* npy.c: reads .npy files. A file that is longer or shorter than its header says is refused, so that a half-written
 * array cannot pass for a whole one. */
#include "tests/npy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 4096 };

static bool fail(char *message, const char *path, const char *why)
{
    snprintf(message, NPY_MESSAGE_MAX, "%s: %s", path, why);
    return false;
}

/* The header's text (a Python dict), NUL-terminated; NULL on success, else what is wrong. */
static const char *read_header(FILE *f, char header[HEADER_MAX])
{
    uint8_t head[12];
    if (fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY", 6) != 0)
        return "not a .npy file";
    size_t length = head[8] | (size_t)head[9] << 8;
    if (head[6] > 1) { /* versions 2 and 3: four bytes of length */
        if (fread(head + 10, 1, 2, f) != 2)
            return "the header is cut";
        length |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (length >= HEADER_MAX)
        return "the header is too long";
    if (fread(header, 1, length, f) != length)
        return "the header is cut";
    header[length] = '\0';
    return NULL;
}

/* What stands behind 'key': in the header, or NULL. */
static const char *find_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    return at + strspn(at, ": ");
}

static const char *parse_shape(struct npy *array, const char *text)
{
    if (*text++ != '(')
        return "the shape is not a tuple";
    array->count = 1;
    while (text += strspn(text, ", "), *text != ')') {
        char *end;
        errno = 0;
        unsigned long long size = strtoull(text, &end, 10);
        if (end == text || errno || size > SIZE_MAX / sizeof(float))
            return "a size of the shape is not a number";
        if (array->n_dims == NPY_MAX_DIMS)
            return "too many dimensions";
        if (size && array->count > SIZE_MAX / sizeof(float) / size)
            return "the shape overflows";
        array->shape[array->n_dims++] = (size_t)size;
        array->count *= (size_t)size;
        text = end;
    }
    return NULL;
}

static const char *parse_header(struct npy *array, const char *header)
{
    const char *descr = find_value(header, "'descr'");
    const char *order = find_value(header, "'fortran_order'");
    const char *shape = find_value(header, "'shape'");
    if (!descr || !order || !shape)
        return "the header lacks descr, fortran_order or shape";
    if (strncmp(order, "False", 5) != 0)
        return "not in C order";
    if (strncmp(descr, "'<f4'", 5) == 0)
        array->type = NPY_F32;
    else if (strncmp(descr, "'|u1'", 5) == 0)
        array->type = NPY_U8;
    else
        return "neither f32 nor u8";
    return parse_shape(array, shape);
}

static const char *read_data(struct npy *array, FILE *f)
{
    size_t size = array->type == NPY_F32 ? sizeof(float) : 1;
    array->data = malloc(array->count ? array->count * size : 1);
    if (!array->data)
        return "out of memory";
    if (fread(array->data, size, array->count, f) != array->count)
        return "fewer elements than the shape says";
    if (fgetc(f) != EOF)
        return "more bytes than the shape says";
    return NULL;
}

bool npy_read(struct npy *array, const char *path, char *message)
{
    memset(array, 0, sizeof *array);
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(message, path, strerror(errno));
    char header[HEADER_MAX];
    const char *why = read_header(f, header);
    if (!why)
        why = parse_header(array, header);
    if (!why)
        why = read_data(array, f);
    fclose(f);
    if (!why)
        return true;
    npy_free(array);
    return fail(message, path, why);
}

struct npy npy_golden(const char *root, const char *folder, const char *name)
{
    struct npy array;
    char path[256], message[NPY_MESSAGE_MAX];
    snprintf(path, sizeof path, "%s/%s/%s.npy", root, folder, name);
    cr_assert(npy_read(&array, path, message), "%s", message);
    return array;
}

void npy_free(struct npy *array)
{
    if (!array)
        return;
    free(array->data);
    memset(array, 0, sizeof *array);
}
