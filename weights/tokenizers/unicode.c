/* unicode.c: what libutf8proc knows of characters. */
#include "weights/tokenizers/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

vit_status vit_utf8_read(struct vit_numbers *chars, const char *text, size_t n, struct vit_error *err)
{
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &c);
        if (length <= 0)
            return vit_fail(err, VIT_ERR_DECODE, "no UTF-8: byte %zu of %zu is 0x%02X", i, n, (unsigned char)text[i]);
        vit_numbers_add(chars, c);
        i += (size_t)length;
    }
    return vit_numbers_check(chars, err);
}

bool vit_is_one_character(const char *text, size_t n)
{
    utf8proc_int32_t c;
    return n > 0 && utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &c) == (utf8proc_ssize_t)n;
}

int vit_utf8_write(int32_t c, uint8_t bytes[4])
{
    return (int)utf8proc_encode_char(c, bytes);
}

size_t vit_measure_cluster(const int32_t *chars, size_t n, size_t *n_bytes)
{
    utf8proc_int32_t state = 0;
    size_t length = 0;
    uint8_t bytes[4];
    *n_bytes = 0;
    do
        *n_bytes += (size_t)vit_utf8_write(chars[length++], bytes);
    while (length < n && !utf8proc_grapheme_break_stateful(chars[length - 1], chars[length], &state));
    return length;
}

/* ---- Kinds ---- */

static bool is_white(int32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool vit_is_python_white(int32_t c)
{
    return is_white(c) || (c >= 0x1c && c <= 0x1f);
}

bool vit_is_punctuation(int32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

enum vit_kind vit_kind_of(int32_t c)
{
    if (is_white(c))
        return VIT_KIND_WHITE;
    utf8proc_category_t category = utf8proc_category(c);
    if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
        return VIT_KIND_LETTER;
    bool number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
    return number ? VIT_KIND_NUMBER : VIT_KIND_OTHER;
}

/* ---- Lower case ---- */

enum { CAPITAL_I_WITH_DOT = 0x130, DOT_ABOVE = 0x307, CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };

void vit_add_lower(struct vit_numbers *out, int32_t c)
{
    vit_numbers_add(out, c == CAPITAL_I_WITH_DOT ? 'i' : utf8proc_tolower(c));
    if (c == CAPITAL_I_WITH_DOT) /* the one that is longer in lower case */
        vit_numbers_add(out, DOT_ABOVE);
}

/* Whether a character has a case, and whether it is passed over in looking for one that has: Unicode's Cased and
 * Case_Ignorable, of which libutf8proc knows the general categories alone. The others are ordinals and capitals in
 * squares and circles, and marks that stand within words. */
static bool is_cased(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    bool framed = (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT) || c == 0xaa || c == 0xba || framed ||
           utf8proc_tolower(c) != c || utf8proc_toupper(c) != c;
}

static bool is_passed_over(int32_t c)
{
    static const int32_t within_words[] = {'\'',   '.',    ':',    0xb7,   0x387,  0x55f,  0x5f4,  0x2018, 0x2019,
                                           0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};
    for (size_t i = 0; i < sizeof within_words / sizeof *within_words; i++)
        if (c == within_words[i])
            return true;
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK;
}

/* Whether the nearest character that counts after the one at i has a case. */
static bool case_follows(const struct vit_numbers *in, size_t i)
{
    do
        i++;
    while (i < in->n && is_passed_over(in->at[i]));
    return i < in->n && is_cased(in->at[i]);
}

void vit_lower_as_python(struct vit_numbers *out, const struct vit_numbers *in)
{
    bool seen = false; /* whether the last one that counts has a case */
    for (size_t i = 0; i < in->n; i++) {
        int32_t c = in->at[i];
        if (c == CAPITAL_SIGMA && seen && !case_follows(in, i))
            vit_numbers_add(out, FINAL_SIGMA);
        else
            vit_add_lower(out, c);
        if (!is_passed_over(c))
            seen = is_cased(c);
    }
}

/* ---- Form C ---- */

static int class_of(int32_t c)
{
    return utf8proc_get_property(c)->combining_class;
}

static void decompose(struct vit_numbers *out, int32_t c, utf8proc_option_t more)
{
    enum { LONGEST = 32 };
    utf8proc_int32_t parts[LONGEST];
    utf8proc_ssize_t n =
        utf8proc_decompose_char(c, parts, LONGEST, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | more, NULL);
    for (utf8proc_ssize_t i = 0; i < n && i < LONGEST; i++)
        vit_numbers_add(out, parts[i]);
}

void vit_add_compatible(struct vit_numbers *out, int32_t c)
{
    decompose(out, c, UTF8PROC_COMPAT);
}

/* Sorts n marks by class, equal ones staying in their order; by counting, for a text may consist of marks alone. */
static void sort_marks(int32_t *marks, size_t n, int32_t *scratch)
{
    size_t starts[257] = {0};
    for (size_t i = 0; i < n; i++)
        starts[class_of(marks[i]) + 1]++;
    for (int i = 0; i < 256; i++)
        starts[i + 1] += starts[i];
    for (size_t i = 0; i < n; i++)
        scratch[starts[class_of(marks[i])]++] = marks[i];
    memcpy(marks, scratch, n * sizeof *marks);
}

static void order_marks(struct vit_numbers *row)
{
    int32_t *scratch = malloc((row->n + 1) * sizeof *scratch);
    row->failed = row->failed || !scratch;
    for (size_t i = 0; i < row->n && scratch; i++) {
        size_t end = i;
        while (end < row->n && class_of(row->at[end]) != 0)
            end++;
        if (end - i > 1)
            sort_marks(row->at + i, end - i, scratch);
        i = end;
    }
    free(scratch);
}

void vit_compose(struct vit_numbers *out, const struct vit_numbers *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->at[i] < 0x80)
            vit_numbers_add(out, in->at[i]);
        else
            decompose(out, in->at[i], UTF8PROC_DECOMPOSE);
    order_marks(out);
    utf8proc_ssize_t n = 0;
    if (!out->failed && out->n > 0)
        n = utf8proc_normalize_utf32(out->at, (utf8proc_ssize_t)out->n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    out->n = n > 0 ? (size_t)n : 0;
}
