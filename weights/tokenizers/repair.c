/* repair.c: what OpenCLIP mends in a text: HTML's character references as Python's html.unescape reads them, and what
 * ftfy mends, but for text that was decoded wrongly, escapes of terminals, and names of references in capitals. */
#include <stdlib.h>
#include <string.h>

#include "weights/tokenizers/clean.h"
#include "weights/tokenizers/entities.h"
#include "weights/tokenizers/unicode.h"

/* What the bytes 0x80..0x9f are in Windows' code page 1252; those that it leaves out stay as they are. */
static const int32_t windows[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

/* ---- References ---- */

/* Characters that a reference stands for: none, one or two. */
struct meaning {
    int n;
    int32_t chars[2];
};

static struct meaning of_number(int32_t number)
{
    enum { LAST = 0x10ffff, REPLACEMENT = 0xfffd };
    if (number == 0 || (number >= 0xd800 && number < 0xe000) || number > LAST)
        return (struct meaning){1, {REPLACEMENT}};
    if (number >= 0x80 && number < 0xa0)
        return (struct meaning){1, {windows[number - 0x80]}};
    bool nothing = (number < 0x20 && number != '\t' && number != '\n' && number != '\f' && number != '\r') ||
                   number == 0x7f || (number >= 0xfdd0 && number <= 0xfdef) || (number & 0xfffe) == 0xfffe;
    return (struct meaning){!nothing, {number}};
}

static int digit_of(int32_t c, int base)
{
    static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
    const char *found = c > 0 && c < 0x80 ? strchr(digits, c) : NULL;
    int digit = found ? (int)(found - digits) / 2 : base;
    return digit < base ? digit : -1;
}

/* "#65;", "#x41;" or the same without the semicolon. */
static size_t read_number(const int32_t *chars, size_t n, struct meaning *meaning)
{
    int base = n > 1 && (chars[1] == 'x' || chars[1] == 'X') ? 16 : 10;
    size_t first = base == 16 ? 2 : 1, i = first;
    int32_t number = 0;
    for (; i < n && digit_of(chars[i], base) >= 0; i++)
        number = number > 0x10ffff ? number : number * base + digit_of(chars[i], base);
    if (i == first)
        return 0;
    *meaning = of_number(number);
    return i < n && chars[i] == ';' ? i + 1 : i;
}

static int compare_entity(const void *key, const void *entity)
{
    return strcmp(key, ((const struct vit_entity *)entity)->name);
}

static const struct vit_entity *find_entity(const char *name)
{
    return bsearch(name, vit_entities, VIT_N_ENTITIES, sizeof *vit_entities, compare_entity);
}

/* "eacute;", or the longest beginning that HTML also knows without a semicolon. */
static size_t read_name(const int32_t *chars, size_t n, struct meaning *meaning)
{
    enum { LONGEST = 32 };
    char name[LONGEST + 1];
    size_t length = 0;
    while (length < n && length < LONGEST && chars[length] < 0x80 && vit_kind_of(chars[length]) != VIT_KIND_WHITE &&
           !strchr("<&#;", chars[length]))
        name[length] = (char)chars[length], length++;
    bool ended = length < n && chars[length] == ';';
    for (size_t try = length; try > 1; try--, ended = false) {
        name[try] = '\0';
        const struct vit_entity *found = find_entity(name);
        if (found && (ended || found->bare)) {
            *meaning = (struct meaning){found->chars[1] ? 2 : 1, {found->chars[0], found->chars[1]}};
            return ended ? try + 1 : try;
        }
    }
    return 0;
}

/* How many of n characters behind an ampersand are a reference; 0: they are none. */
static size_t read_reference(const int32_t *chars, size_t n, struct meaning *meaning)
{
    return n > 0 && chars[0] == '#' ? read_number(chars, n, meaning) : read_name(chars, n, meaning);
}

void vit_clean_entities(struct vit_numbers *out, const struct vit_numbers *in)
{
    for (size_t i = 0; i < in->n; i++) {
        struct meaning meaning = {1, {in->at[i]}};
        size_t length = in->at[i] == '&' ? read_reference(in->at + i + 1, in->n - i - 1, &meaning) : 0;
        for (int j = 0; j < meaning.n; j++)
            vit_numbers_add(out, meaning.chars[j]);
        i += length;
    }
}

/* ---- ftfy ---- */

static const int32_t ligatures[][4] = {
    {0x132, 'I', 'J'},    {0x133, 'i', 'j'},  {0x149, '\'', 'n'}, {0x1c4, 'D', 0x17d},     {0x1c5, 'D', 0x17e},
    {0x1c6, 'd', 0x17e},  {0x1c7, 'L', 'J'},  {0x1c8, 'L', 'j'},  {0x1c9, 'l', 'j'},       {0x1ca, 'N', 'J'},
    {0x1cb, 'N', 'j'},    {0x1cc, 'n', 'j'},  {0x1f1, 'D', 'Z'},  {0x1f2, 'D', 'z'},       {0x1f3, 'd', 'z'},
    {0xfb00, 'f', 'f'},   {0xfb01, 'f', 'i'}, {0xfb02, 'f', 'l'}, {0xfb03, 'f', 'f', 'i'}, {0xfb04, 'f', 'f', 'l'},
    {0xfb05, 0x17f, 't'}, {0xfb06, 's', 't'},
};

static bool add_ligature(struct vit_numbers *out, int32_t c)
{
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++) {
        for (int j = 1; ligatures[i][0] == c && j < 4 && ligatures[i][j]; j++)
            vit_numbers_add(out, ligatures[i][j]);
        if (ligatures[i][0] == c)
            return true;
    }
    return false;
}

static bool is_control(int32_t c)
{
    return c < 0x09 || c == 0x0b || (c >= 0x0e && c < 0x20) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

static void add_mended(struct vit_numbers *out, int32_t c)
{
    if (c >= 0x80 && c < 0xa0)
        c = windows[c - 0x80];
    if (is_control(c) || (c >= 0x80 && add_ligature(out, c)))
        return;
    if (c == 0x3000)
        vit_numbers_add(out, ' ');
    else if (c > 0xff00 && c < 0xfff0) /* forms of half and full width */
        vit_add_compatible(out, c);
    else if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
        vit_numbers_add(out, '\'');
    else
        vit_numbers_add(out, c >= 0x201c && c <= 0x201f ? '"' : c);
}

/* Where a semicolon has just ended a reference: what it stands for instead. That may be an ampersand of another one,
 * which the next semicolon ends. */
static void resolve(struct vit_numbers *out)
{
    enum { LONGEST = 25 };
    size_t from = out->n;
    while (from > 0 && out->n - from < LONGEST + 1 && out->at[from - 1] != '&')
        from--;
    struct meaning meaning;
    if (from == 0 || out->at[from - 1] != '&' ||
        read_reference(out->at + from, out->n - from, &meaning) != out->n - from ||
        (meaning.n > 0 && meaning.chars[0] == ';'))
        return;
    out->n = from - 1;
    for (int i = 0; i < meaning.n; i++)
        add_mended(out, meaning.chars[i]);
}

/* Where the first line begins that has a "<" in it: from there on, ftfy takes references to be meant. */
static size_t find_markup(const struct vit_numbers *in)
{
    size_t line = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (in->at[i] == '<')
            return line;
        if (in->at[i] == '\n')
            line = i + 1;
    }
    return in->n;
}

void vit_clean_repair(struct vit_numbers *out, const struct vit_numbers *in)
{
    size_t markup = find_markup(in);
    for (size_t i = 0; i < in->n && !out->failed; i++) {
        add_mended(out, in->at[i]);
        if (i < markup && out->n > 0 && out->at[out->n - 1] == ';')
            resolve(out);
    }
}
