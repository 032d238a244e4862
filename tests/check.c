/* check.c: compares arrays. The verdict is `largest <= tolerance`, which a tolerance that is not a number fails too. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 256 };

static double value(const struct npy *a, size_t i)
{
    return a->type == NPY_F32 ? (double)((const float *)a->data)[i] : (double)((const uint8_t *)a->data)[i];
}

/* Element i's place for people: "[3, 17]" of a matrix. */
static const char *place(char text[PLACE_MAX], const struct npy *a, size_t i)
{
    size_t index[NPY_MAX_DIMS];
    for (int d = a->n_dims - 1; d >= 0; d--) {
        index[d] = i % a->shape[d];
        i /= a->shape[d];
    }
    size_t used = 0;
    for (int d = 0; d < a->n_dims; d++)
        used += (size_t)snprintf(text + used, PLACE_MAX - used, "%s%zu", d ? ", " : "[", index[d]);
    snprintf(text + used, PLACE_MAX - used, "%s", a->n_dims ? "]" : "[]");
    return text;
}

static const char *shape_text(char text[PLACE_MAX], const struct npy *a)
{
    size_t used = (size_t)snprintf(text, PLACE_MAX, "%s (", a->type == NPY_F32 ? "f32" : "u8");
    for (int d = 0; d < a->n_dims; d++)
        used += (size_t)snprintf(text + used, PLACE_MAX - used, "%s%zu", d ? ", " : "", a->shape[d]);
    snprintf(text + used, PLACE_MAX - used, ")");
    return text;
}

/* The type and shape are equal. */
static bool compare(char *message, const char *name, const struct npy *got, const struct npy *want, double tol)
{
    char at[PLACE_MAX];
    if (want->count == 0) {
        snprintf(message, CHECK_MESSAGE_MAX, "%s: nothing to compare", name);
        return false;
    }
    double largest = 0, scale = 1;
    size_t worst = 0;
    for (size_t i = 0; i < want->count; i++) {
        double a = value(got, i), b = value(want, i);
        if (!isfinite(a) || !isfinite(b)) {
            snprintf(message, CHECK_MESSAGE_MAX, "%s: not finite at %s: got %.9g, expected %.9g", name,
                     place(at, want, i), a, b);
            return false;
        }
        if (fabs(b) > scale)
            scale = fabs(b);
        if (fabs(a - b) > largest) {
            largest = fabs(a - b);
            worst = i;
        }
    }
    snprintf(message, CHECK_MESSAGE_MAX,
             "%s: largest error %.3g at %s: got %.9g, expected %.9g; tolerance %.3g = %g * %.4g", name, largest,
             place(at, want, worst), value(got, worst), value(want, worst), tol * scale, tol, scale);
    return largest <= tol * scale;
}

bool check_f32(char *message, const char *name, const float *got, const float *want, size_t n, double tol)
{
    struct npy a = { .type = NPY_F32, .n_dims = 1, .shape = { n }, .count = n }, b = a;
    a.data = (void *)(uintptr_t)got;
    b.data = (void *)(uintptr_t)want;
    return compare(message, name, &a, &b, tol);
}

bool check_u8(char *message, const char *name, const uint8_t *got, const uint8_t *want, size_t n, double tol)
{
    struct npy a = { .type = NPY_U8, .n_dims = 1, .shape = { n }, .count = n }, b = a;
    a.data = (void *)(uintptr_t)got;
    b.data = (void *)(uintptr_t)want;
    return compare(message, name, &a, &b, tol);
}

bool check_npy(char *message, const char *name, const struct npy *got, const struct npy *want, double tol)
{
    bool same = got->type == want->type && got->n_dims == want->n_dims;
    for (int d = 0; same && d < want->n_dims; d++)
        same = got->shape[d] == want->shape[d];
    if (same)
        return compare(message, name, got, want, tol);
    char a[PLACE_MAX], b[PLACE_MAX];
    snprintf(message, CHECK_MESSAGE_MAX, "%s: got %s, expected %s", name, shape_text(a, got), shape_text(b, want));
    return false;
}
