/* added.h: tokens that are found in a text before anything else is done with it: "<|endoftext|>" in CLIP's. */
#ifndef VIT_ADDED_H
#define VIT_ADDED_H

#include "weights/tokenizers/strings.h"

struct vit_added_token {
    int id;
    bool cleaned;     /* it is found in the text as it is after cleaning, else as it was before */
    bool left, right; /* the white space on this side of it belongs to it */
};

/* All zero is empty. */
struct vit_added {
    struct vit_strings names[2]; /* to find before and after cleaning; a value is a place in tokens */
    struct vit_added_token *tokens;
    int n;
};

/* Errors: decode, too_large, memory. */
vit_status vit_added_add(struct vit_added *added, const char *name, size_t n, struct vit_added_token token,
                         struct vit_error *err);

/* After the last was added. Errors: decode (two of one name). */
vit_status vit_added_sort(struct vit_added *added, struct vit_error *err);
void vit_added_free(struct vit_added *added);

/* Characters from..to of a text, which are a token. */
struct vit_match {
    size_t from, to;
    int id;
};

/* The first match at place from or behind it, of those at one place the longest; whether there is any. */
bool vit_added_find(const struct vit_added *added, bool cleaned, const int32_t *chars, size_t n, size_t from,
                    struct vit_match *match);

#endif
