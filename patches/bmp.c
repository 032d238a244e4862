/* bmp.c: uncompressed BMP, of 1, 4, 8, 16, 24 and 32 bits a pixel, bottom-up or top-down, as Pillow reads it.
 * stb_image is not used here: it fills what a cut file lacks with zeros, leaves palette entries that the file lacks
 * unset, and widens 5 bits to 8 otherwise than Pillow does. */
#include "patches/formats.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { FILE_HEADER = 14, CORE_HEADER = 12, RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 };

struct bmp {
    const uint8_t *bytes;
    size_t n;
    uint32_t header_size, compression, colours;
    int64_t width, height;
    bool top_down;
    int bits;
    int palette_step;          /* bytes of a palette entry */
    size_t palette;            /* where it begins */
    uint32_t red, green, blue; /* masks, of 16 and 32 bits */
    size_t pixels;             /* where they begin */
};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static void read_core_header(struct bmp *b)
{
    const uint8_t *h = b->bytes + FILE_HEADER;
    b->width = get16(h + 4);
    b->height = get16(h + 6);
    b->bits = (int)get16(h + 10);
    b->compression = RAW;
    b->palette_step = 3;
}

static vit_status read_info_header(struct bmp *b, struct vit_error *err)
{
    const uint8_t *h = b->bytes + FILE_HEADER;
    b->top_down = h[11] == 0xFF;
    b->width = get32(h + 4);
    b->height = b->top_down ? (INT64_C(1) << 32) - get32(h + 8) : get32(h + 8);
    b->bits = (int)get16(h + 14);
    b->compression = get32(h + 16);
    b->colours = get32(h + 32);
    b->palette_step = 4;
    if (b->compression != BITFIELDS)
        return VIT_OK;

    /* The masks follow the fields of a 40-byte header, whether as part of a larger header or behind this one. */
    if (b->n < FILE_HEADER + 52)
        return vit_fail(err, VIT_ERR_DECODE, "BMP: the file is cut: it ends within its header");
    b->red = get32(h + 40);
    b->green = get32(h + 44);
    b->blue = get32(h + 48);
    if (b->header_size == 40)
        b->palette += 12;
    return VIT_OK;
}

static vit_status read_header(struct bmp *b, struct vit_error *err)
{
    if (b->n < FILE_HEADER + 4)
        return vit_fail(err, VIT_ERR_DECODE, "BMP: the file is cut: it ends within its header");
    b->header_size = get32(b->bytes + FILE_HEADER);
    switch (b->header_size) {
    case CORE_HEADER: case 40: case 52: case 56: case 64: case 108: case 124: break;
    default: return vit_fail(err, VIT_ERR_UNSUPPORTED, "BMP with a header of %u bytes is not handled", b->header_size);
    }
    if (b->n < FILE_HEADER + (size_t)b->header_size)
        return vit_fail(err, VIT_ERR_DECODE, "BMP: the file is cut: it ends within its header");
    b->palette = FILE_HEADER + (size_t)b->header_size;
    if (b->header_size != CORE_HEADER)
        return read_info_header(b, err);
    read_core_header(b);
    return VIT_OK;
}

static vit_status check_kind(struct bmp *b, struct vit_error *err)
{
    if (b->compression == RLE8 || b->compression == RLE4)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "BMP with run-length compression is not handled");
    if (b->compression != RAW && b->compression != BITFIELDS)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "BMP with compression %u is not handled", b->compression);
    switch (b->bits) {
    case 1: case 4: case 8: case 16: case 24: case 32: break;
    default: return vit_fail(err, VIT_ERR_UNSUPPORTED, "BMP with %d bits a pixel is not handled", b->bits);
    }
    return VIT_OK;
}

/* Sets the masks of 16 and 32 bits a pixel. Masks in the file may be those that Pillow takes. */
static vit_status choose_masks(struct bmp *b, struct vit_error *err)
{
    static const struct {
        int bits;
        uint32_t red, green, blue;
    } known[] = {
        {16, 0x7C00, 0x03E0, 0x001F},         {16, 0xF800, 0x07E0, 0x001F},
        {24, 0xFF0000, 0x00FF00, 0x0000FF},   {32, 0xFF0000, 0x00FF00, 0x0000FF},
        {32, 0xFF000000, 0xFF0000, 0x00FF00}, {32, 0xFF000000, 0x00FF00, 0x0000FF},
        {32, 0x0000FF, 0x00FF00, 0xFF0000},
    };
    bool given = b->compression == BITFIELDS && (b->bits != 32 || b->red || b->green || b->blue);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].bits != b->bits)
            continue;
        if (!given || (known[i].red == b->red && known[i].green == b->green && known[i].blue == b->blue)) {
            b->red = known[i].red;
            b->green = known[i].green;
            b->blue = known[i].blue;
            return VIT_OK;
        }
    }
    if (!given)
        return VIT_OK; /* a palette */
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "BMP with %d bits a pixel and colour masks %x %x %x is not handled",
                    b->bits, b->red, b->green, b->blue);
}

static size_t row_bytes(const struct bmp *b)
{
    return ((size_t)b->width * (size_t)b->bits + 7) / 8;
}

static size_t row_stride(const struct bmp *b)
{
    return (row_bytes(b) + 3) & ~(size_t)3;
}

/* Finds the pixels, and makes sure that all of them are there; the last row may lack its padding. */
static vit_status locate_pixels(struct bmp *b, struct vit_error *err)
{
    if (b->bits > 8)
        b->colours = 0;
    else if (b->colours == 0)
        b->colours = 1u << b->bits;
    b->pixels = get32(b->bytes + 10);
    if (b->pixels == 0 || (b->bits <= 8 && b->pixels == b->palette))
        b->pixels = b->palette + (size_t)b->colours * (size_t)b->palette_step;
    size_t there = b->pixels < b->n ? b->n - b->pixels : 0, before_last = (size_t)b->height - 1;
    if (there / row_stride(b) < before_last || there - before_last * row_stride(b) < row_bytes(b))
        return vit_fail(err, VIT_ERR_DECODE,
                        "BMP: the file is cut: %zu bytes do not hold %" PRId64 " rows of %zu bytes", there, b->height,
                        row_stride(b));
    return VIT_OK;
}

/* Entries that the file lacks are black, as in Pillow. */
static void read_palette(uint8_t palette[256][3], const struct bmp *b)
{
    size_t step = (size_t)b->palette_step, n = b->colours < 256 ? b->colours : 256;
    memset(palette, 0, 256 * 3);
    for (size_t i = 0; i < n && b->palette + (i + 1) * step <= b->n; i++) {
        const uint8_t *bgr = b->bytes + b->palette + i * step;
        for (int c = 0; c < 3; c++)
            palette[i][c] = bgr[2 - c];
    }
}

static void unpack_palette_row(uint8_t *rgb, const uint8_t *row, const struct bmp *b, const uint8_t palette[256][3])
{
    int per_byte = 8 / b->bits, mask = (1 << b->bits) - 1;
    for (int x = 0; x < (int)b->width; x++, rgb += 3) {
        int shift = 8 - b->bits * (x % per_byte + 1);
        memcpy(rgb, palette[row[x / per_byte] >> shift & mask], 3);
    }
}

/* The 5 or 6 bits under a mask, widened to 0..255 as Pillow does. */
static uint8_t widen(uint32_t pixel, uint32_t mask)
{
    int shift = __builtin_ctz(mask);
    return (uint8_t)(((pixel & mask) >> shift) * 255 / (mask >> shift));
}

static void unpack_16_bit_row(uint8_t *rgb, const uint8_t *row, const struct bmp *b)
{
    for (int x = 0; x < (int)b->width; x++, rgb += 3, row += 2) {
        uint32_t pixel = get16(row);
        rgb[0] = widen(pixel, b->red);
        rgb[1] = widen(pixel, b->green);
        rgb[2] = widen(pixel, b->blue);
    }
}

/* 24 and 32 bits: each mask covers one byte. */
static void unpack_byte_row(uint8_t *rgb, const uint8_t *row, const struct bmp *b)
{
    int step = b->bits / 8;
    int red = __builtin_ctz(b->red) / 8, green = __builtin_ctz(b->green) / 8, blue = __builtin_ctz(b->blue) / 8;
    for (int x = 0; x < (int)b->width; x++, rgb += 3, row += step) {
        rgb[0] = row[red];
        rgb[1] = row[green];
        rgb[2] = row[blue];
    }
}

static void unpack(struct vit_image *image, const struct bmp *b)
{
    uint8_t palette[256][3];
    read_palette(palette, b);
    for (int y = 0; y < image->height; y++) {
        int stored = b->top_down ? y : image->height - 1 - y;
        const uint8_t *row = b->bytes + b->pixels + row_stride(b) * (size_t)stored;
        uint8_t *rgb = image->rgb + (size_t)y * (size_t)image->width * 3;
        if (b->bits <= 8)
            unpack_palette_row(rgb, row, b, palette);
        else if (b->bits == 16)
            unpack_16_bit_row(rgb, row, b);
        else
            unpack_byte_row(rgb, row, b);
    }
}

vit_status vit_bmp_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, struct vit_error *err)
{
    struct bmp b;
    memset(&b, 0, sizeof b);
    b.bytes = bytes;
    b.n = n;
    *image = (struct vit_image){0};
    VIT_TRY(read_header(&b, err));
    VIT_TRY(check_kind(&b, err));
    VIT_TRY(choose_masks(&b, err));
    VIT_TRY(vit_image_check_size(b.width, b.height, options, err));
    VIT_TRY(locate_pixels(&b, err));
    VIT_TRY(vit_image_create(image, (int)b.width, (int)b.height, err));
    unpack(image, &b);
    return VIT_OK;
}
