/* stb.c: the only home of stb_image, cut down to PNG from memory, with a limit on what it may allocate. */
#include "patches/formats.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* stb_image expands compressed data for as long as there is some, whatever size the header declares. */
static _Thread_local size_t alloc_limit;
static _Thread_local bool alloc_refused;

static void *limited_realloc(void *old, size_t n)
{
    if (n > alloc_limit) {
        alloc_refused = true;
        return NULL;
    }
    return realloc(old, n);
}

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS INT_MAX
#define STBI_MALLOC(n) limited_realloc(NULL, n)
#define STBI_REALLOC(p, n) limited_realloc(p, n)
#define STBI_FREE(p) free(p)

/* To the end of this file, as gcc judges unused functions there. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

vit_status vit_stb_decode_png(struct vit_image *image, const uint8_t *png, int n, size_t max_alloc,
                              struct vit_error *err)
{
    int width = 0, height = 0, channels = 0;
    *image = (struct vit_image){0};
    alloc_limit = max_alloc;
    alloc_refused = false;
    stbi__g_failure_reason = "damaged image data"; /* not every failure below sets it */
    uint8_t *rgb = stbi_load_from_memory(png, n, &width, &height, &channels, 3);
    if (rgb) {
        *image = (struct vit_image){width, height, rgb};
        return VIT_OK;
    }
    if (alloc_refused)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: more image data than its size allows");
    if (!strcmp(stbi_failure_reason(), "outofmem"))
        return vit_fail(err, VIT_ERR_MEMORY, "PNG: no memory to decode it");
    if (!strcmp(stbi_failure_reason(), "too large"))
        return vit_fail(err, VIT_ERR_TOO_LARGE, "PNG: more than the 1 GiB of samples that are handled");
    return vit_fail(err, VIT_ERR_DECODE, "PNG: %s", stbi_failure_reason());
}
