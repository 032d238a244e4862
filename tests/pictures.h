/* pictures.h: what the tests of patches/ share: the lines of tests/pictures/manifest.txt, and a picture's CRC. */
#ifndef VIT_TESTS_PICTURES_H
#define VIT_TESTS_PICTURES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include <zlib.h>

#include "patches/patches.h"

/* Calls check with what follows the word on each line that begins with it; fails when there are fewer than least. */
static inline void each_line(const char *word, int least, void (*check)(const char *rest))
{
    char line[512];
    int n = 0;
    FILE *file = fopen("tests/pictures/manifest.txt", "r");
    cr_assert_not_null(file, "tests/pictures/manifest.txt cannot be opened");
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(word);
        if (!strncmp(line, word, length) && line[length] == ' ') {
            check(line + length + 1);
            n++;
        }
    }
    fclose(file);
    cr_assert_geq(n, least, "%d lines of '%s' in the manifest, expected at least %d", n, word, least);
}

static inline uint32_t image_crc(const struct vit_image *image)
{
    return (uint32_t)crc32_z(0, image->rgb, (size_t)image->width * (size_t)image->height * 3);
}

#endif
