/* exif.c: finds the orientation in EXIF and XMP, and turns the pixels by it. */
#include <stdbool.h>
#include <string.h>

#include "patches/formats.h"

enum { TAG_ORIENTATION = 0x0112, ENTRY_SIZE = 12, N_TAGS = 1 << 16 };

enum type { SHORT = 3, LONG, RATIONAL, SIGNED_BYTE, SIGNED_SHORT = 8, SIGNED_LONG, SIGNED_RATIONAL, FLOAT, DOUBLE, IFD,
            LONG8 = 16, N_TYPES };

/* Bytes of one value; 0: no type that Pillow knows. */
static const uint8_t type_sizes[N_TYPES] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8};

struct tiff {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
};

/* Integers of size bytes, at most 8, at an offset that the caller has checked. */
static uint64_t get(const struct tiff *t, size_t offset, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) {
        int shift = 8 * (t->big_endian ? size - 1 - i : i);
        value |= (uint64_t)t->bytes[offset + (size_t)i] << shift;
    }
    return value;
}

static double get_signed(const struct tiff *t, size_t offset, int size)
{
    uint64_t value = get(t, offset, size), sign = UINT64_C(1) << (8 * size - 1);
    return (double)(int64_t)((value ^ sign) - sign);
}

/* The first of a tag's values; 0 where it is bytes or text, which are no number to Pillow. */
static double get_number(const struct tiff *t, size_t offset, enum type type)
{
    uint64_t bits = get(t, offset, type_sizes[type]);
    uint32_t half = (uint32_t)bits;
    float f;
    double d;
    switch (type) {
    case SHORT: case LONG: case IFD: case LONG8:
        return (double)bits;
    case SIGNED_BYTE: case SIGNED_SHORT: case SIGNED_LONG:
        return get_signed(t, offset, type_sizes[type]);
    case RATIONAL:
        return (double)get(t, offset, 4) / (double)get(t, offset + 4, 4);
    case SIGNED_RATIONAL:
        return get_signed(t, offset, 4) / get_signed(t, offset + 4, 4);
    case FLOAT:
        memcpy(&f, &half, sizeof f);
        return (double)f;
    case DOUBLE:
        memcpy(&d, &bits, sizeof d);
        return d;
    default:
        return 0;
    }
}

/* The orientation in the first directory, by Pillow's rules: of a tag that comes twice the first with a value counts,
 * values that together are longer than the whole are passed over, and one that reaches beyond the end ends it all. */
static int scan_directory(const struct tiff *t, size_t offset)
{
    bool seen[N_TAGS] = {false};
    uint64_t entries, total = 0;
    if (offset > t->n || t->n - offset < 2)
        return 0;
    entries = get(t, offset, 2);
    offset += 2;
    for (uint64_t i = 0; i < entries && t->n - offset >= ENTRY_SIZE; i++, offset += ENTRY_SIZE) {
        uint64_t tag = get(t, offset, 2), type = get(t, offset + 2, 2), at = offset + 8;
        uint64_t size = type < N_TYPES ? type_sizes[type] * get(t, offset + 4, 4) : 0;
        if (size == 0 || seen[tag])
            continue;
        if (size > 4) { /* the value is elsewhere */
            total += size;
            if (total > t->n)
                continue;
            at = get(t, at, 4);
            if (at > t->n || t->n - at < size)
                return 0;
        }
        seen[tag] = true;
        if (tag != TAG_ORIENTATION)
            continue;
        double value = get_number(t, at, (enum type)type);
        int orientation = value >= 1 && value <= 8 ? (int)value : 1;
        return orientation == value ? orientation : 1;
    }
    return 0;
}

int vit_exif_orientation(const uint8_t *exif, size_t n)
{
    static const char magics[4][5] = {"II*\0", "MM\0*", "II\0*", "MM*\0"};
    for (int i = 0; i < 2 && n >= 6 && !memcmp(exif, "Exif\0\0", 6); i++) {
        exif += 6;
        n -= 6;
    }
    struct tiff t = {exif, n, n > 0 && exif[0] == 'M'};
    for (int i = 0; i < 4 && n >= 8; i++)
        if (!memcmp(exif, magics[i], 4))
            return scan_directory(&t, get(&t, 4, 4));
    return n > 0;
}

int vit_exif_xmp_orientation(const uint8_t *xmp, size_t n)
{
    static const char key[] = "tiff:Orientation";
    const uint8_t *end = xmp + n;
    for (const uint8_t *p = xmp; (p = memmem(p, (size_t)(end - p), key, sizeof key - 1));) {
        p += sizeof key - 1;
        size_t skip = end - p >= 1 && p[0] == '>' ? 1 : end - p >= 2 && !memcmp(p, "=\"", 2) ? 2 : 0;
        if (skip > 0 && end - p > (ptrdiff_t)skip && p[skip] >= '0' && p[skip] <= '9')
            return p[skip] >= '1' && p[skip] <= '8' ? p[skip] - '0' : 0;
    }
    return 0;
}

/* Pixel (x, y) of the upright picture is the stored pixel at origin + x * x_step + y * y_step, in pixels. */
struct view {
    int width, height;
    ptrdiff_t origin, x_step, y_step;
};

static struct view view_upright(const struct vit_image *image, int orientation)
{
    ptrdiff_t w = image->width, h = image->height;
    bool swap = orientation >= 5;                                            /* rows become columns */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    ptrdiff_t column = from_right ? -1 : 1, row = from_bottom ? -w : w;
    return (struct view){
        .width = swap ? image->height : image->width,
        .height = swap ? image->width : image->height,
        .origin = (from_right ? w - 1 : 0) + (from_bottom ? (h - 1) * w : 0),
        .x_step = swap ? row : column,
        .y_step = swap ? column : row,
    };
}

/* One tile; tiles keep both pictures' rows in the cache while rows become columns. */
static void copy_tile(uint8_t *dst, const uint8_t *src, const struct view *v, int x0, int y0, int side)
{
    int x1 = v->width - x0 < side ? v->width : x0 + side;
    int y1 = v->height - y0 < side ? v->height : y0 + side;
    for (int y = y0; y < y1; y++) {
        uint8_t *to = dst + ((size_t)y * (size_t)v->width + (size_t)x0) * 3;
        const uint8_t *from = src + (v->origin + x0 * v->x_step + y * v->y_step) * 3;
        for (int x = x0; x < x1; x++, to += 3, from += v->x_step * 3)
            memcpy(to, from, 3);
    }
}

vit_status vit_exif_apply(struct vit_image *image, int orientation, struct vit_error *err)
{
    enum { SIDE = 64 };
    if (orientation < 2 || orientation > 8)
        return VIT_OK;
    struct view v = view_upright(image, orientation);
    struct vit_image upright;
    VIT_TRY(vit_image_create(&upright, v.width, v.height, err));
    for (int y = 0; y < v.height; y += SIDE) {
        for (int x = 0; x < v.width; x += SIDE)
            copy_tile(upright.rgb, image->rgb, &v, x, y, SIDE);
    }
    vit_image_free(image);
    *image = upright;
    return VIT_OK;
}
