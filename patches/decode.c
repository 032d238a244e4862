/* decode.c: reads a picture's file, tells its format from the content and calls that format's reader. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "patches/formats.h"
#include "vit/base/file.h"

struct vit_decode_options vit_decode_options_default(void)
{
    return (struct vit_decode_options){.max_pixels = 100000000, .max_bytes = INT64_C(1) << 30, .autorotate = true};
}

/* ---- Formats that are not handled, so that the message can name them ---- */

struct magic {
    size_t at, n;
    const char *bytes, *name;
};

static const struct magic known[] = {
    {0, 4, "GIF8", "GIF"},
    {8, 4, "WEBP", "WebP"},
    {4, 8, "ftypavif", "AVIF"},
    {4, 8, "ftypavis", "AVIF"},
    {4, 7, "ftyphei", "HEIC"},
    {4, 7, "ftyphev", "HEIC"},
    {4, 8, "ftypmif1", "HEIF"},
    {4, 8, "ftypmsf1", "HEIF"},
    {4, 6, "ftypcr", "Canon raw"},
    {4, 4, "ftyp", "MPEG-4 or QuickTime"},
    {0, 4, "II*\0", "TIFF"},
    {0, 4, "MM\0*", "TIFF"},
    {0, 4, "II+\0", "TIFF"},
    {0, 4, "MM\0+", "TIFF"},
    {0, 12, "\0\0\0\x0CJXL \r\n\x87\n", "JPEG XL"},
    {0, 2, "\xFF\x0A", "JPEG XL"},
    {0, 12, "\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000"},
    {0, 4, "\xFF\x4F\xFF\x51", "JPEG 2000"},
    {0, 4, "\xFF\xD8\xFF\xF7", "JPEG-LS"},
    {0, 4, "8BPS", "Photoshop"},
    {0, 8, "gimp xcf", "GIMP"},
    {0, 4, "\0\0\1\0", "Windows icon"},
    {0, 8, "\0\0\2\0\0\0\0\0", "TGA"},
    {0, 4, "DDS ", "DirectDraw surface"},
    {0, 4, "qoif", "QOI"},
    {0, 4, "v/1\1", "OpenEXR"},
    {0, 6, "#?RADI", "Radiance HDR"},
    {0, 4, "%PDF", "PDF"},
    {0, 4, "<svg", "SVG"},
    {0, 5, "<?xml", "SVG or other XML"},
    {0, 9, "<!DOCTYPE", "HTML"},
    {0, 9, "<!doctype", "HTML"},
    {0, 5, "<html", "HTML"},
    {0, 4, "PK\3\4", "zip"},
    {0, 2, "\x1F\x8B", "gzip"},
};

static const char *name_format(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct magic *m = &known[i];
        if (n >= m->at + m->n && !memcmp(bytes + m->at, m->bytes, m->n))
            return m->name;
    }
    if (n >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' && strchr(" \t\r\n#", bytes[2]) && bytes[2])
        return "PNM";
    return NULL;
}

/* ---- Bytes ---- */

static bool starts_with(const uint8_t *bytes, size_t n, const char *magic)
{
    return n >= strlen(magic) && !memcmp(bytes, magic, strlen(magic));
}

static vit_status dispatch(struct vit_image *image, const uint8_t *bytes, size_t n,
                           const struct vit_decode_options *options, int *orientation, struct vit_error *err)
{
    const char *name = name_format(bytes, n);
    if (name)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s format is not handled; JPEG, PNG and BMP are", name);
    if (starts_with(bytes, n, "\xFF\xD8\xFF"))
        return vit_jpeg_decode(image, bytes, n, options, orientation, err);
    if (starts_with(bytes, n, "\x89PNG"))
        return vit_png_decode(image, bytes, n, options, orientation, err);
    if (starts_with(bytes, n, "BM"))
        return vit_bmp_decode(image, bytes, n, options, err);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "not a picture in a format that is handled: JPEG, PNG, BMP");
}

static vit_status check_length(int64_t n, const struct vit_decode_options *options, struct vit_error *err)
{
    if (n == 0)
        return vit_fail(err, VIT_ERR_EMPTY, "the file is empty");
    if (n > options->max_bytes)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "a file of %" PRId64 " bytes is above the limit of %" PRId64 " bytes", n, options->max_bytes);
    return VIT_OK;
}

vit_status vit_decode(struct vit_image *image, const void *bytes, size_t n, const struct vit_decode_options *options,
                      struct vit_error *err)
{
    int orientation = 1;
    *image = (struct vit_image){0};
    VIT_TRY(check_length(n > INT64_MAX ? INT64_MAX : (int64_t)n, options, err));
    VIT_TRY(dispatch(image, bytes, n, options, &orientation, err));
    vit_status status = options->autorotate ? vit_exif_apply(image, orientation, err) : VIT_OK;
    if (status != VIT_OK)
        vit_image_free(image);
    return status;
}

vit_status vit_decode_file(struct vit_image *image, const char *path, const struct vit_decode_options *options,
                           struct vit_error *err)
{
    void *bytes;
    size_t n;
    *image = (struct vit_image){0};
    vit_status status = vit_file_load(path, options->max_bytes, &bytes, &n, err);
    if (status == VIT_OK)
        status = vit_decode(image, bytes, n, options, err);
    free(bytes);
    return status;
}
