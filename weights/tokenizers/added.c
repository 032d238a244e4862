/* added.c: tokens that are found in a text before anything else is done with it. */
#include "weights/tokenizers/added.h"

#include <stdlib.h>

#include "weights/tokenizers/unicode.h"

vit_status vit_added_add(struct vit_added *added, const char *name, size_t n, struct vit_added_token token,
                         struct vit_error *err)
{
    struct vit_added_token *larger = realloc(added->tokens, ((size_t)added->n + 1) * sizeof *larger);
    if (!larger)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d added tokens", added->n + 1);
    added->tokens = larger;
    added->tokens[added->n] = token;
    return vit_strings_add(&added->names[token.cleaned], name, n, added->n++, err);
}

vit_status vit_added_sort(struct vit_added *added, struct vit_error *err)
{
    for (int i = 0; i < 2; i++) {
        vit_status status = vit_strings_sort(&added->names[i], err);
        if (status != VIT_OK)
            return vit_context(err, status, "added tokens");
    }
    return VIT_OK;
}

void vit_added_free(struct vit_added *added)
{
    vit_strings_free(&added->names[0]);
    vit_strings_free(&added->names[1]);
    free(added->tokens);
    *added = (struct vit_added){0};
}

/* Takes to a match the white space that belongs to it, as far back as earliest. */
static void widen(struct vit_match *match, const struct vit_added_token *token, const int32_t *chars, size_t n,
                  size_t earliest)
{
    while (token->left && match->from > earliest && vit_kind_of(chars[match->from - 1]) == VIT_KIND_WHITE)
        match->from--;
    while (token->right && match->to < n && vit_kind_of(chars[match->to]) == VIT_KIND_WHITE)
        match->to++;
}

bool vit_added_find(const struct vit_added *added, bool cleaned, const int32_t *chars, size_t n, size_t from,
                    struct vit_match *match)
{
    const struct vit_strings *names = &added->names[cleaned];
    for (size_t i = from; i < n && names->n > 0; i++) {
        size_t length;
        int found = vit_strings_longest(names, chars + i, n - i, &length);
        if (found < 0)
            continue;
        *match = (struct vit_match){i, i + length, added->tokens[found].id};
        widen(match, &added->tokens[found], chars, n, from);
        return true;
    }
    return false;
}
