/* strings.h: strings of characters, found at the beginning of a text: the pieces of a vocabulary. */
#ifndef VIT_STRINGS_H
#define VIT_STRINGS_H

#include "weights/tokenizers/numbers.h"

struct vit_string {
    size_t start, n; /* among the characters */
    int value;       /* whatever the owner likes */
};

/* All zero is empty. */
struct vit_strings {
    struct vit_numbers chars;
    struct vit_string *at; /* in the order of their characters, once sorted */
    int n, room;
};

/* Adds n bytes of UTF-8, of 1 to VIT_LIMIT_PIECE characters. Errors: decode, too_large, memory. */
vit_status vit_strings_add(struct vit_strings *strings, const char *text, size_t n, int value, struct vit_error *err);

/* After the last was added. Errors: decode (two are the same). */
vit_status vit_strings_sort(struct vit_strings *strings, struct vit_error *err);
void vit_strings_free(struct vit_strings *strings);

/* The value of the longest that n characters begin with, and how many characters that is; -1 and 0: none is. */
int vit_strings_longest(const struct vit_strings *strings, const int32_t *chars, size_t n, size_t *length);

/* All that n characters begin with, shortest first: while vit_prefix_next, there is one of length, with its value. */
struct vit_prefix {
    const struct vit_strings *strings;
    const int32_t *chars;
    size_t n;
    int low, high; /* those that go on as the text does, as far as length */
    size_t length;
    int value;
};
struct vit_prefix vit_prefix_start(const struct vit_strings *strings, const int32_t *chars, size_t n);
bool vit_prefix_next(struct vit_prefix *prefix);

#endif
