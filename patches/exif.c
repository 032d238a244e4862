/* exif.c: finds the orientation in EXIF and XMP, and turns the pixels by it. */
#include "patches/exif.h"

#include <stdbool.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_SIZE = 12 };

struct tiff {
    const uint8_t *bytes;
    size_t n;
    bool big_endian;
};

/* Integers of size 2 or 4 at an offset that the caller has checked. */
static uint32_t get(const struct tiff *t, size_t offset, int size)
{
    uint32_t value = 0;
    for (int i = 0; i < size; i++) {
        int shift = 8 * (t->big_endian ? size - 1 - i : i);
        value |= (uint32_t)t->bytes[offset + (size_t)i] << shift;
    }
    return value;
}

/* The orientation in the first directory. The last of several counts, as in Pillow. */
static int scan_directory(const struct tiff *t, size_t offset)
{
    if (offset > t->n || t->n - offset < 2)
        return 0;
    uint32_t entries = get(t, offset, 2);
    int orientation = 0;
    offset += 2;
    for (uint32_t i = 0; i < entries && t->n - offset >= ENTRY_SIZE; i++, offset += ENTRY_SIZE) {
        uint32_t type = get(t, offset + 2, 2);
        if (get(t, offset, 2) != TAG_ORIENTATION || get(t, offset + 4, 4) != 1)
            continue;
        if (type != TYPE_SHORT && type != TYPE_LONG)
            continue;
        uint32_t value = get(t, offset + 8, type == TYPE_SHORT ? 2 : 4);
        orientation = value >= 1 && value <= 8 ? (int)value : 0;
    }
    return orientation;
}

int vit_exif_orientation(const uint8_t *exif, size_t n)
{
    for (int i = 0; i < 2 && n >= 6 && !memcmp(exif, "Exif\0\0", 6); i++) {
        exif += 6;
        n -= 6;
    }
    if (n < 8)
        return 0;
    struct tiff t = { exif, n, exif[0] == 'M' };
    if (memcmp(exif, "II*\0", 4) && memcmp(exif, "MM\0*", 4))
        return 0;
    return scan_directory(&t, get(&t, 4, 4));
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
