/* charsmap.c: the double array of a precompiled_charsmap. Where the array leads outside of itself, or to what is no
 * replacement, it replaces nothing: so a damaged one gives other text, but nothing worse. */
#include "weights/tokenizers/charsmap.h"

#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/tokenizers/unicode.h"

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Each is UTF-8, of VIT_LIMIT_PIECE bytes at most, and ends. */
static vit_status check_replacements(const struct vit_charsmap *map, struct vit_error *err)
{
    struct vit_numbers chars = {0};
    vit_status status = vit_utf8_read(&chars, map->replacements, map->n_replacements, err);
    vit_numbers_free(&chars);
    VIT_TRY(status);
    for (size_t i = 0; i < map->n_replacements;) {
        size_t n = strnlen(map->replacements + i, map->n_replacements - i);
        if (n > VIT_LIMIT_PIECE || i + n == map->n_replacements)
            return vit_fail(err, VIT_ERR_DECODE, "a replacement that does not end within %d bytes", VIT_LIMIT_PIECE);
        i += n + 1;
    }
    return VIT_OK;
}

vit_status vit_charsmap_read(struct vit_charsmap *map, const void *bytes, size_t n, struct vit_error *err)
{
    *map = (struct vit_charsmap){0};
    if (n == 0)
        return VIT_OK;
    const uint8_t *at = bytes;
    size_t size = n < 4 ? 0 : read_u32(at);
    if (size < 4 || size % 4 != 0 || size > n - 4)
        return vit_fail(err, VIT_ERR_DECODE, "charsmap: an array of %zu bytes in %zu", size, n);
    map->n_units = size / 4;
    map->n_replacements = n - 4 - size;
    map->units = malloc(size);
    map->replacements = malloc(map->n_replacements + 1);
    if (!map->units || !map->replacements)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a charsmap of %zu bytes", n);
    for (size_t i = 0; i < map->n_units; i++)
        map->units[i] = read_u32(at + 4 + 4 * i);
    memcpy(map->replacements, at + 4 + size, map->n_replacements);
    vit_status status = check_replacements(map, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "charsmap");
}

void vit_charsmap_free(struct vit_charsmap *map)
{
    free(map->units);
    free(map->replacements);
    *map = (struct vit_charsmap){0};
}

/* ---- The array ---- */

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 0x200) >> 6);
}

/* From a node along one byte, where it leads: whether it does. */
static bool step(const struct vit_charsmap *map, uint32_t *node, uint8_t byte, uint32_t *unit)
{
    *node ^= byte;
    *unit = *node < map->n_units ? map->units[*node] : 0;
    if (*node >= map->n_units || (*unit & 0x800000ff) != byte)
        return false;
    *node ^= offset_of(*unit);
    return true;
}

/* The replacement of the string that ends at a node; NULL: there is none. */
static const char *replacement_at(const struct vit_charsmap *map, uint32_t node, uint32_t unit)
{
    if (!(unit >> 8 & 1) || node >= map->n_units)
        return NULL;
    uint32_t start = map->units[node] & 0x7fffffff;
    if (start >= map->n_replacements || (map->replacements[start] & 0xc0) == 0x80)
        return NULL;
    return map->replacements + start;
}

/* A match of the beginning of a text: its characters and what replaces them; no characters: there is none. */
struct match {
    size_t n;
    const char *replacement;
};

/* The longest of n characters, or the shortest. */
static struct match find(const struct vit_charsmap *map, const int32_t *chars, size_t n, bool shortest)
{
    struct match match = {0, NULL};
    uint32_t node = map->n_units ? offset_of(map->units[0]) : 0, unit = 0;
    for (size_t i = 0; i < n && i < VIT_LIMIT_PIECE && !(shortest && match.n > 0); i++) {
        uint8_t bytes[4];
        int length = vit_utf8_write(chars[i], bytes);
        for (int j = 0; j < length; j++)
            if (!step(map, &node, bytes[j], &unit))
                return match;
        const char *found = replacement_at(map, node, unit);
        if (found)
            match = (struct match){i + 1, found};
    }
    return match;
}

/* Adds what becomes of a match, else the first character. */
static void add(struct vit_numbers *out, struct match match, int32_t c)
{
    if (match.n > 0)
        vit_utf8_read(out, match.replacement, strlen(match.replacement), NULL);
    else
        vit_numbers_add(out, c);
}

void vit_charsmap_apply(struct vit_numbers *out, const struct vit_charsmap *map, const struct vit_numbers *in)
{
    struct match match;
    for (size_t i = 0; i<in->n; i += match.n> 0 ? match.n : 1) {
        match = find(map, in->at + i, in->n - i, false);
        add(out, match, in->at[i]);
    }
}

void vit_charsmap_apply_clusters(struct vit_numbers *out, const struct vit_charsmap *map, const struct vit_numbers *in)
{
    enum { SHORT = 6 }; /* bytes, that a short one has less than */
    for (size_t i = 0, n; i < in->n; i += n) {
        size_t n_bytes;
        n = vit_measure_cluster(in->at + i, in->n - i, &n_bytes);
        struct match whole = n_bytes < SHORT ? find(map, in->at + i, n, true) : (struct match){0, NULL};
        if (whole.n > 0)
            add(out, whole, in->at[i]);
        for (size_t j = 0; j < n && whole.n == 0; j++)
            add(out, find(map, in->at + i + j, 1, true), in->at[i + j]);
    }
}
