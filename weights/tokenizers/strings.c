/* strings.c: strings in their order, among which those that a text begins with are found by halving. */
#include "weights/tokenizers/strings.h"

#include <stdlib.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/unicode.h"

static vit_status make_room(struct vit_strings *strings, struct vit_error *err)
{
    if (strings->n < strings->room)
        return VIT_OK;
    int room = strings->room ? 2 * strings->room : 64;
    struct vit_string *larger = realloc(strings->at, (size_t)room * sizeof *larger);
    if (!larger)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d pieces", room);
    strings->at = larger;
    strings->room = room;
    return VIT_OK;
}

vit_status vit_strings_add(struct vit_strings *strings, const char *text, size_t n, int value, struct vit_error *err)
{
    size_t start = strings->chars.n;
    if (n == 0)
        return vit_fail(err, VIT_ERR_DECODE, "a piece without characters");
    VIT_TRY(vit_utf8_read(&strings->chars, text, n, err));
    if (strings->chars.n - start > VIT_LIMIT_PIECE)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "a piece of %zu characters; at most %d are read",
                        strings->chars.n - start, VIT_LIMIT_PIECE);
    VIT_TRY(make_room(strings, err));
    strings->at[strings->n++] = (struct vit_string){start, strings->chars.n - start, value};
    return VIT_OK;
}

/* ---- Order ---- */

static int compare(const void *a, const void *b, void *chars)
{
    const struct vit_string *x = a, *y = b;
    const int32_t *left = (const int32_t *)chars + x->start, *right = (const int32_t *)chars + y->start;
    for (size_t i = 0; i < x->n && i < y->n; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return x->n < y->n ? -1 : x->n > y->n;
}

vit_status vit_strings_sort(struct vit_strings *strings, struct vit_error *err)
{
    if (strings->n > 0)
        qsort_r(strings->at, (size_t)strings->n, sizeof *strings->at, compare, strings->chars.at);
    for (int i = 1; i < strings->n; i++)
        if (compare(&strings->at[i - 1], &strings->at[i], strings->chars.at) == 0)
            return vit_fail(err, VIT_ERR_DECODE, "pieces %d and %d are the same", strings->at[i - 1].value,
                            strings->at[i].value);
    return VIT_OK;
}

void vit_strings_free(struct vit_strings *strings)
{
    vit_numbers_free(&strings->chars);
    free(strings->at);
    *strings = (struct vit_strings){0};
}

/* ---- Beginnings ---- */

struct vit_prefix vit_prefix_start(const struct vit_strings *strings, const int32_t *chars, size_t n)
{
    return (struct vit_prefix){.strings = strings, .chars = chars, .n = n, .high = strings->n};
}

/* The character at place i of a string that has more than i, else one that is before all others. */
static int32_t char_at(const struct vit_strings *strings, int string, size_t i)
{
    const struct vit_string *s = &strings->at[string];
    return i < s->n ? strings->chars.at[s->start + i] : -1;
}

/* The first of low..high whose character at place i is not below c. */
static int first_not_below(const struct vit_prefix *p, int32_t c, int low, int high)
{
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (char_at(p->strings, middle, p->length) < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool vit_prefix_next(struct vit_prefix *p)
{
    while (p->low < p->high && p->length < p->n) {
        int32_t c = p->chars[p->length];
        p->low = first_not_below(p, c, p->low, p->high);
        p->high = first_not_below(p, c + 1, p->low, p->high);
        p->length++;
        if (p->low < p->high && p->strings->at[p->low].n == p->length) {
            p->value = p->strings->at[p->low].value;
            return true;
        }
    }
    return false;
}

int vit_strings_longest(const struct vit_strings *strings, const int32_t *chars, size_t n, size_t *length)
{
    int value = -1;
    *length = 0;
    for (struct vit_prefix prefix = vit_prefix_start(strings, chars, n); vit_prefix_next(&prefix);) {
        value = prefix.value;
        *length = prefix.length;
    }
    return value;
}
