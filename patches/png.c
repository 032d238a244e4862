/* png.c: checks a PNG file as a whole (every chunk, its order and its CRC, from IHDR to IEND) and hands a plain copy
 * of what matters to stb_image, which checks little of that: it knows no CRC, takes a cut file for a whole one, and
 * leaves palette entries that the file lacks unset. Alpha and transparency are dropped, as Pillow's convert("RGB")
 * does; of 16 bit the high byte is kept. */
#include "patches/formats.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { SIGNATURE = 8, FRAME = 12 /* length, type and CRC of a chunk */, IHDR = 13, PALETTE = 256 * 3 };
enum { TEXT_MAX = 1 << 20 /* bytes that compressed text is allowed, as in Pillow */ };

static const char profile_keyword[] = "Raw profile type exif", xmp_keyword[] = "XML:com.adobe.xmp";
static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

struct chunk {
    const uint8_t *data;
    uint32_t size;
    char type[5];
};

struct png {
    const uint8_t *header; /* IHDR's 13 bytes, or NULL */
    uint32_t width, height;
    int depth, colour;        /* bits of a sample; colour type */
    uint8_t palette[PALETTE]; /* entries that the file lacks are black, as in Pillow */
    bool has_palette, ended;
    const uint8_t *data_begin, *data_end; /* the IDAT chunks, whole */
    size_t data_size;                     /* bytes of image data in them */
    struct chunk exif, profile, xmp;      /* the last that tells of orientation, of each kind; data is NULL without */
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t n)
{
    memcpy(to, bytes, n);
    return to + n;
}

static uint8_t *put_chunk_head(uint8_t *to, const char *type, size_t size)
{
    uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    return put(put(to, length, 4), type, 4);
}

static vit_status next_chunk(struct chunk *chunk, const uint8_t *at, const uint8_t *end, struct vit_error *err)
{
    if (end - at < FRAME)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: the file is cut: no IEND chunk");
    chunk->size = get32(at);
    memcpy(chunk->type, at + 4, 4);
    chunk->type[4] = '\0';
    for (int i = 0; i < 4; i++) {
        if ((chunk->type[i] | 0x20) < 'a' || (chunk->type[i] | 0x20) > 'z')
            return vit_fail(err, VIT_ERR_DECODE, "PNG: damaged: a chunk's type is not four letters");
    }
    if (chunk->size > (size_t)(end - at) - FRAME)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: the file is cut within its %s chunk of %u bytes", chunk->type,
                        chunk->size);
    chunk->data = at + 8;
    uint32_t stored = get32(chunk->data + chunk->size), found = (uint32_t)crc32_z(0, at + 4, (size_t)chunk->size + 4);
    if (stored != found)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: damaged: the CRC of chunk %s is %08x, expected %08x", chunk->type,
                        found, stored);
    return VIT_OK;
}

static vit_status take_header(struct png *png, const struct chunk *c, const struct vit_decode_options *options,
                              struct vit_error *err)
{
    /* Bit depths of each colour type, as sets of bits. */
    static const uint32_t depths[7] = {1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16, 0, 1 << 8 | 1 << 16,
                                       1 << 1 | 1 << 2 | 1 << 4 | 1 << 8, 1 << 8 | 1 << 16, 0, 1 << 8 | 1 << 16};
    if (c->size != IHDR)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: IHDR of %u bytes, expected %d", c->size, IHDR);
    png->header = c->data;
    png->width = get32(c->data);
    png->height = get32(c->data + 4);
    png->depth = c->data[8];
    png->colour = c->data[9];
    if (png->colour > 6 || png->depth > 16 || !(depths[png->colour] >> png->depth & 1))
        return vit_fail(err, VIT_ERR_DECODE, "PNG: colour type %d with %d bits does not exist", png->colour,
                        png->depth);
    if (c->data[10] || c->data[11] || c->data[12] > 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "PNG: compression %d, filter %d, interlacing %d is not handled",
                        c->data[10], c->data[11], c->data[12]);
    return vit_image_check_size(png->width, png->height, options, err);
}

static vit_status take_palette(struct png *png, const struct chunk *c, struct vit_error *err)
{
    if (png->colour != 3)
        return VIT_OK; /* a suggestion for displays with few colours */
    if (png->data_begin || png->has_palette || c->size % 3 || c->size < 3 || c->size > PALETTE)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: a palette of %u bytes, or in the wrong place", c->size);
    memcpy(png->palette, c->data, c->size);
    png->has_palette = true;
    return VIT_OK;
}

static vit_status take_data(struct png *png, const struct chunk *c, struct vit_error *err)
{
    if (png->colour == 3 && !png->has_palette)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: no palette before the image data");
    if (png->data_begin && png->data_end != c->data - 8)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: its IDAT chunks are not consecutive");
    if (!png->data_begin)
        png->data_begin = c->data - 8;
    png->data_end = c->data + c->size + 4;
    png->data_size += c->size;
    return VIT_OK;
}

static bool has_keyword(const struct chunk *c, const char *keyword)
{
    return c->size > strlen(keyword) && !memcmp(c->data, keyword, strlen(keyword) + 1);
}

/* Text is read at the end: a file may hold any number of chunks, and of each keyword the last one counts. */
static void take_text(struct png *png, const struct chunk *c)
{
    if (c->type[0] == 't' && has_keyword(c, "exif"))
        png->exif = (struct chunk){c->data + sizeof "exif", c->size - (uint32_t)sizeof "exif", "exif"};
    else if (has_keyword(c, profile_keyword))
        png->profile = *c;
    else if (has_keyword(c, xmp_keyword))
        png->xmp = *c;
}

static vit_status take_chunk(struct png *png, const struct chunk *c, const struct vit_decode_options *options,
                             struct vit_error *err)
{
    if (!strcmp(c->type, "CgBI"))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "PNG in Apple's CgBI variant is not handled");
    if (!strcmp(c->type, "IHDR") != !png->header)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: IHDR is not its first chunk, or comes twice");
    if (!strcmp(c->type, "IHDR"))
        return take_header(png, c, options, err);
    if (!strcmp(c->type, "PLTE"))
        return take_palette(png, c, err);
    if (!strcmp(c->type, "IDAT"))
        return take_data(png, c, err);
    if (!strcmp(c->type, "eXIf"))
        png->exif = *c;
    else if (!strcmp(c->type, "tEXt") || !strcmp(c->type, "zTXt") || !strcmp(c->type, "iTXt"))
        take_text(png, c);
    else if (!strcmp(c->type, "IEND"))
        png->ended = true;
    return VIT_OK;
}

/* Inflates into TEXT_MAX bytes at text and returns how many there are: what comes before the end of cut data counts,
 * damaged data is empty. */
static size_t inflate_text(uint8_t *text, const uint8_t *data, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n, .next_out = text, .avail_out = TEXT_MAX};
    if (inflateInit(&z) != Z_OK)
        return 0;
    int result = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? z.total_out : 0;
}

/* What follows p's next NUL, or the end. */
static const uint8_t *skip_string(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *nul = memchr(p, 0, (size_t)(end - p));
    return nul ? nul + 1 : end;
}

/* The text of a text chunk, whose keyword ends with a NUL; the caller frees it. */
static vit_status read_text(uint8_t **text, size_t *n, const struct chunk *c, struct vit_error *err)
{
    const uint8_t *end = c->data + c->size, *p = skip_string(c->data, end);
    bool deflated = c->type[0] == 'z';
    if (c->type[0] == 'i') { /* flag, method, language, translated keyword */
        deflated = p < end && *p != 0;
        p = skip_string(skip_string(end - p > 2 ? p + 2 : end, end), end);
    } else if (deflated && p < end) {
        p++; /* method */
    }
    *n = (size_t)(end - p);
    *text = malloc(deflated ? TEXT_MAX : *n + 1);
    if (!*text)
        return vit_fail(err, VIT_ERR_MEMORY, "PNG: no memory for its %s", (const char *)c->data);
    if (deflated)
        *n = inflate_text(*text, p, *n);
    else
        memcpy(*text, p, *n);
    return VIT_OK;
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* The bytes of ImageMagick's profile, "\nexif\n    1234\n45786966...", decoded in place; how many there are. */
static size_t decode_profile(uint8_t *text, size_t n)
{
    const uint8_t *p = text, *end = text + n;
    size_t count = 0;
    for (int line = 0; line < 3 && p < end; p++)
        line += *p == '\n';
    for (int high = -1; p < end; p++) {
        int digit = hex_digit(*p);
        if (digit < 0)
            continue; /* white space */
        if (high >= 0)
            text[count++] = (uint8_t)(high << 4 | digit);
        high = high < 0 ? digit : -1;
    }
    return count;
}

/* Pillow's order: the eXIf chunk, else the profile; XMP where that has no orientation. */
static vit_status find_orientation(int *orientation, const struct png *png, struct vit_error *err)
{
    uint8_t *text;
    size_t n;
    int found = 0;
    if (png->exif.data) {
        found = vit_exif_orientation(png->exif.data, png->exif.size);
    } else if (png->profile.data) {
        VIT_TRY(read_text(&text, &n, &png->profile, err));
        found = vit_exif_orientation(text, decode_profile(text, n));
        free(text);
    }
    if (!found && png->xmp.data) {
        VIT_TRY(read_text(&text, &n, &png->xmp, err));
        found = vit_exif_xmp_orientation(text, n);
        free(text);
    }
    *orientation = found ? found : 1;
    return VIT_OK;
}

/* Signature, IHDR, the whole palette, all image data in one IDAT, IEND; CRCs are zero, as stb_image skips them. */
static uint8_t *write_plain(const struct png *png, size_t n)
{
    uint8_t *plain = calloc(n, 1);
    if (!plain)
        return NULL;
    uint8_t *to = put(plain, signature, SIGNATURE);
    to = put(put_chunk_head(to, "IHDR", IHDR), png->header, IHDR) + 4;
    to = put(put_chunk_head(to, "PLTE", PALETTE), png->palette, PALETTE) + 4;
    to = put_chunk_head(to, "IDAT", png->data_size);
    for (const uint8_t *p = png->data_begin; p < png->data_end; p += FRAME + (size_t)get32(p))
        to = put(to, p + 8, get32(p));
    put_chunk_head(to + 4, "IEND", 0);
    return plain;
}

static vit_status decode_checked(struct vit_image *image, const struct png *png, struct vit_error *err)
{
    size_t n = SIGNATURE + (FRAME + IHDR) + (FRAME + PALETTE) + (FRAME + png->data_size) + FRAME;
    if (n > INT_MAX)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "PNG: %zu bytes of image data, more than the %d that are handled",
                        png->data_size, INT_MAX);
    uint8_t *plain = write_plain(png, n);
    if (!plain)
        return vit_fail(err, VIT_ERR_MEMORY, "PNG: no memory for %zu bytes of image data", png->data_size);

    /* At most 8 bytes a pixel and a filter byte a row, or the compressed data; twice, as buffers grow by doubling. */
    size_t need = (size_t)png->width * png->height * 8 + png->height;
    size_t max_alloc = 2 * (need > n ? need : n) + (1 << 16);
    vit_status status = vit_stb_decode_png(image, plain, (int)n, max_alloc, err);
    free(plain);
    return status;
}

vit_status vit_png_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                          const struct vit_decode_options *options, int *orientation, struct vit_error *err)
{
    struct png png = {0};
    *image = (struct vit_image){0};
    if (n < SIGNATURE || memcmp(bytes, signature, SIGNATURE))
        return vit_fail(err, VIT_ERR_DECODE, "PNG: damaged: its first %d bytes are not PNG's signature", SIGNATURE);
    for (const uint8_t *at = bytes + SIGNATURE; !png.ended;) {
        struct chunk c;
        VIT_TRY(next_chunk(&c, at, bytes + n, err));
        VIT_TRY(take_chunk(&png, &c, options, err));
        at += FRAME + (size_t)c.size;
    }
    if (!png.data_begin)
        return vit_fail(err, VIT_ERR_DECODE, "PNG: no image data");
    VIT_TRY(find_orientation(orientation, &png, err));
    return decode_checked(image, &png, err);
}
