/* text.c: UTF-8 validation, and the escapes of the terminal, JSON, CSV and base64. */
#include "tools/output/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* Length of the character at s, or of the ill-formed part there (*good false): Unicode's table 3-7, well-formed UTF-8.
 * The terminating NUL continues nothing, so that nothing behind it is read. */
static size_t next_char(const char *s, bool *good)
{
    const unsigned char *u = (const unsigned char *)s;
    int more = u[0] < 0x80                     ? 0
               : u[0] >= 0xC2 && u[0] <= 0xDF ? 1
               : (u[0] & 0xF0) == 0xE0        ? 2
               : u[0] >= 0xF0 && u[0] <= 0xF4 ? 3
                                              : -1;
    unsigned low = u[0] == 0xE0 ? 0xA0 : u[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = u[0] == 0xED ? 0x9F : u[0] == 0xF4 ? 0x8F : 0xBF;
    size_t n = 1;
    *good = false;
    for (int i = 0; i < more; i++, n++) {
        if (u[n] < low || u[n] > high)
            return n;
        low = 0x80;
        high = 0xBF;
    }
    *good = more >= 0;
    return n;
}

bool vit_text_is_utf8(const char *s)
{
    bool good = true;
    while (good && *s)
        s += next_char(s, &good);
    return good;
}

/* Writes the next character as it is, or U+FFFD; returns its length. */
static size_t put_char(FILE *out, const char *s)
{
    bool good;
    size_t n = next_char(s, &good);
    if (good)
        fwrite(s, 1, n, out);
    else
        fputs(REPLACEMENT, out);
    return n;
}

void vit_text_plain(FILE *out, const char *s)
{
    while (*s) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];
        if (c == '\n' || c == '\t' || c == '\r') {
            fprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
            s++;
            continue;
        }
        bool good, c1 = c == 0xC2 && next >= 0x80 && next < 0xA0; /* controls too, which terminals obey */
        size_t n = next_char(s, &good);
        good = good && c >= 0x20 && c != 0x7F && !c1;
        for (; n > 0; n--)
            fprintf(out, good ? "%c" : "\\x%02x", (unsigned char)*s++);
    }
}

/* Columns of a terminal that the character at s takes: two where it may be as wide as Chinese ones are. */
static int width_of(const char *s)
{
    return (unsigned char)*s < 0xE0 ? 1 : 2;
}

void vit_text_cut(FILE *out, const char *s, int columns)
{
    int width = 0;
    size_t n = 0, cut = 0; /* the bytes so far, and those that leave room for the dots */
    for (bool good; s[n] && width <= columns; n += next_char(s + n, &good)) {
        if (width <= columns - 3)
            cut = n;
        width += width_of(s + n);
    }
    char *start = width > columns ? strndup(s, cut) : NULL;
    vit_text_plain(out, start ? start : s);
    fputs(start ? "..." : "", out);
    free(start);
}

void vit_text_json(FILE *out, const char *s)
{
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    putc('"', out);
    while (*s) {
        const char *found = strchr(named, *s);
        if (found) {
            putc('\\', out);
            putc(names[found - named], out);
            s++;
        } else if ((unsigned char)*s < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)*s++);
        } else {
            s += put_char(out, s);
        }
    }
    putc('"', out);
}

void vit_text_field(FILE *out, const char *s, char separator)
{
    const char special[] = { '"', '\n', '\r', separator, '\0' };
    bool quote = s[strcspn(s, special)] != '\0';
    if (quote)
        putc('"', out);
    while (*s) {
        if (*s == '"')
            putc('"', out);
        putc(*s++, out);
    }
    if (quote)
        putc('"', out);
}

void vit_text_base64(FILE *out, const char *s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = (const unsigned char *)s;
    for (size_t n = strlen(s); n > 0;) {
        size_t taken = n < 3 ? n : 3;
        unsigned bits = (unsigned)u[0] << 16 | (taken > 1 ? (unsigned)u[1] << 8 : 0) | (taken > 2 ? u[2] : 0u);
        for (size_t i = 0; i < 4; i++)
            putc(i <= taken ? digits[bits >> (18 - 6 * i) & 63] : '=', out);
        u += taken;
        n -= taken;
    }
}

void vit_text_json_real(FILE *out, double value)
{
    if (isfinite(value))
        fprintf(out, "%.9g", value);
    else
        fputs("null", out);
}

void vit_text_thousands(FILE *out, int64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            putc(',', out);
        putc(digits[i], out);
    }
}
