/* base64.c: bytes that are written in letters: four letters are three bytes. */
#include "weights/tokenizers/base64.h"

#include <stdlib.h>
#include <string.h>

static int value_of(char letter)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? (int)(found - letters) : -1;
}

vit_status vit_base64_read(uint8_t **bytes, size_t *n, const char *text, size_t length, struct vit_error *err)
{
    *n = 0;
    *bytes = malloc(length / 4 * 3 + 3);
    if (!*bytes)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", length);
    while (length > 0 && text[length - 1] == '=')
        length--;
    uint32_t bits = 0;
    for (size_t i = 0; i < length; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            free(*bytes);
            *bytes = NULL;
            return vit_fail(err, VIT_ERR_DECODE, "no base64: character %zu of %zu", i, length);
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 > 0)
            (*bytes)[(*n)++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return VIT_OK;
}
