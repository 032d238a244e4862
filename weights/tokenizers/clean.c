/* clean.c: the plain steps of cleaning a text. Those that mend what went wrong with it are in repair.c. */
#include "weights/tokenizers/clean.h"

#include "weights/tokenizers/unicode.h"

vit_status vit_clean(struct vit_numbers *chars, vit_clean_step *const *steps, struct vit_error *err)
{
    for (; *steps; steps++) {
        struct vit_numbers out = {0};
        (*steps)(&out, chars);
        vit_numbers_free(chars);
        *chars = out;
        VIT_TRY(vit_numbers_check(chars, err));
    }
    return VIT_OK;
}

void vit_clean_compose(struct vit_numbers *out, const struct vit_numbers *in)
{
    vit_compose(out, in);
}

void vit_clean_lower(struct vit_numbers *out, const struct vit_numbers *in)
{
    for (size_t i = 0; i < in->n; i++)
        vit_add_lower(out, in->at[i]);
}

void vit_clean_lower_words(struct vit_numbers *out, const struct vit_numbers *in)
{
    vit_lower_as_python(out, in);
}

void vit_clean_white(struct vit_numbers *out, const struct vit_numbers *in)
{
    bool white = false;
    for (size_t i = 0; i < in->n; i++) {
        bool after_white = white;
        white = vit_kind_of(in->at[i]) == VIT_KIND_WHITE;
        if (!white || !after_white)
            vit_numbers_add(out, white ? ' ' : in->at[i]);
    }
}

void vit_clean_trim(struct vit_numbers *out, const struct vit_numbers *in)
{
    bool white = false;
    for (size_t i = 0; i < in->n; i++) {
        bool after_white = white;
        white = vit_is_python_white(in->at[i]);
        if (!white && after_white && out->n > 0)
            vit_numbers_add(out, ' ');
        if (!white)
            vit_numbers_add(out, in->at[i]);
    }
}

void vit_clean_punctuation(struct vit_numbers *out, const struct vit_numbers *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (!vit_is_punctuation(in->at[i]))
            vit_numbers_add(out, in->at[i]);
}

static void replace(struct vit_numbers *out, const struct vit_numbers *in, int32_t from, int32_t to)
{
    for (size_t i = 0; i < in->n; i++)
        vit_numbers_add(out, in->at[i] == from ? to : in->at[i]);
}

void vit_clean_low_lines(struct vit_numbers *out, const struct vit_numbers *in)
{
    replace(out, in, '_', ' ');
}

void vit_clean_marked(struct vit_numbers *out, const struct vit_numbers *in)
{
    replace(out, in, VIT_UNDERLINE, ' ');
}

void vit_clean_mark(struct vit_numbers *out, const struct vit_numbers *in)
{
    replace(out, in, ' ', VIT_UNDERLINE);
}
