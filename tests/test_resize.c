/* test_resize.c: the resampling is Pillow's, to the bit. */
#include <stdlib.h>

#include "patches/patches.h"
#include "tests/pictures.h"

static struct vit_image new_image(int width, int height)
{
    struct vit_image image;
    cr_assert_eq(vit_image_create(&image, width, height, NULL), VIT_OK);
    return image;
}

/* src(x, y, c) = (7x + 13y + 29c + 5((xy) mod 31)) mod 256 */
static struct vit_image synthetic(int width, int height)
{
    struct vit_image image = new_image(width, height);
    uint8_t *p = image.rgb;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int c = 0; c < 3; c++)
                *p++ = (uint8_t)((7 * x + 13 * y + 29 * c + 5 * ((x * y) % 31)) % 256);
        }
    }
    return image;
}

static struct vit_image resized(const struct vit_image *src, int width, int height, enum vit_filter filter)
{
    struct vit_image dst;
    struct vit_error err = {VIT_OK, ""};
    cr_assert_eq(vit_resize(&dst, src, width, height, filter, &err), VIT_OK, "%s", err.message);
    cr_assert(dst.width == width && dst.height == height);
    return dst;
}

/* A line of grey pixels, lying or standing, resized along its length. */
static void expect_line(const uint8_t *from, int n, const uint8_t *to, int m, enum vit_filter filter)
{
    for (int standing = 0; standing < 2; standing++) {
        struct vit_image src = new_image(standing ? 1 : n, standing ? n : 1);
        for (int i = 0; i < n; i++)
            memset(src.rgb + i * 3, from[i], 3);
        struct vit_image dst = resized(&src, standing ? 1 : m, standing ? m : 1, filter);
        for (int i = 0; i < 3 * m; i++)
            cr_expect_eq(dst.rgb[i], to[i / 3], "%d -> %d, filter %d, sample %d: %d, expected %d", n, m, (int)filter, i,
                         dst.rgb[i], to[i / 3]);
        vit_image_free(&src);
        vit_image_free(&dst);
    }
}

Test(resize, rows)
{
    const uint8_t row[8] = {0, 10, 50, 255, 0, 128, 64, 200};
    expect_line(row, 8, (const uint8_t[]){36, 110, 113}, 3, VIT_FILTER_BILINEAR);
    expect_line(row, 8, (const uint8_t[]){30, 113, 116}, 3, VIT_FILTER_BICUBIC);
    expect_line(row, 8, (const uint8_t[]){4, 78, 124, 88, 144}, 5, VIT_FILTER_BILINEAR);
    expect_line(row, 8, (const uint8_t[]){0, 81, 132, 77, 147}, 5, VIT_FILTER_BICUBIC);
    expect_line(row, 8, (const uint8_t[]){0, 5, 17, 43, 153, 212, 43, 64, 117, 75, 132, 200}, 12,
                VIT_FILTER_BILINEAR);
    expect_line(row, 8, (const uint8_t[]){0, 2, 13, 33, 171, 235, 26, 52, 126, 65, 132, 209}, 12,
                VIT_FILTER_BICUBIC);
}

/* The weights of 8 -> 3, one by one, through a line of 100 with one pixel of 200. */
static void expect_weights(const int32_t weights[8], int pixel, enum vit_filter filter)
{
    int64_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum += weights[i];
    for (int i = 0; i < 8; i++) {
        struct vit_image src = new_image(8, 1);
        memset(src.rgb, 100, 8 * 3);
        memset(src.rgb + i * 3, 200, 3);
        struct vit_image dst = resized(&src, 3, 1, filter);
        int64_t expected = ((1 << 21) + 100 * sum + 100 * (int64_t)weights[i]) >> 22;
        cr_expect_eq(dst.rgb[pixel * 3], expected, "filter %d, pixel %d, tap %d: %d, expected %d", (int)filter, pixel, i,
                     dst.rgb[pixel * 3], (int)expected);
        vit_image_free(&src);
        vit_image_free(&dst);
    }
}

Test(resize, weights)
{
    expect_weights((const int32_t[8]){1214141, 1655646, 993388, 331129}, 0, VIT_FILTER_BILINEAR);
    expect_weights((const int32_t[8]){0, 99864, 699051, 1298237, 1298237, 699051, 99864}, 1, VIT_FILTER_BILINEAR);
    expect_weights((const int32_t[8]){1357984, 1678094, 1096189, 261175, -104842, -91194, -3102}, 0,
                   VIT_FILTER_BICUBIC);
    expect_weights((const int32_t[8]){-113649, 59548, 732425, 1418827, 1418827, 732425, 59548, -113649}, 1,
                   VIT_FILTER_BICUBIC);
}

Test(resize, images)
{
    static const struct {
        int from_width, from_height, width, height;
        uint32_t bilinear, bicubic;
    } rows[] = {
        {300, 200, 224, 224, 0x49598067, 0x14018b5d}, {300, 200, 336, 224, 0xb5ea619a, 0xf032d1da},
        {300, 200, 372, 248, 0x381e7cc2, 0x7d970a6a}, {640, 480, 224, 224, 0x5275b49c, 0x886e64e6},
        {640, 480, 298, 224, 0x153f9608, 0x3dcafc19}, {640, 480, 330, 248, 0xd0c39539, 0x03b73c1d},
        {640, 480, 341, 256, 0xa8726db4, 0x175de0f9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vit_image src = synthetic(rows[i].from_width, rows[i].from_height);
        cr_assert_eq(image_crc(&src), rows[i].from_width == 300 ? 0xbbc989f9u : 0x5fa1e192u);
        struct vit_image bilinear = resized(&src, rows[i].width, rows[i].height, VIT_FILTER_BILINEAR);
        struct vit_image bicubic = resized(&src, rows[i].width, rows[i].height, VIT_FILTER_BICUBIC);
        cr_expect_eq(image_crc(&bilinear), rows[i].bilinear, "bilinear, row %zu", i);
        cr_expect_eq(image_crc(&bicubic), rows[i].bicubic, "bicubic, row %zu", i);
        vit_image_free(&src);
        vit_image_free(&bilinear);
        vit_image_free(&bicubic);
    }
}

static void check_resize(const char *rest)
{
    int from_width, from_height, width, height, filter;
    unsigned crc;
    cr_assert_eq(sscanf(rest, "%d %d %d %d %d %x", &from_width, &from_height, &width, &height, &filter, &crc), 6);
    struct vit_image src = synthetic(from_width, from_height);
    struct vit_image dst = resized(&src, width, height, (enum vit_filter)filter);
    uint32_t found = image_crc(&dst);
    cr_expect_eq(found, crc, "%d x %d -> %d x %d, filter %d: CRC %08x, expected %08x", from_width, from_height, width,
                 height, filter, found, crc);
    vit_image_free(&src);
    vit_image_free(&dst);
}

Test(resize, all_filters_and_shapes)
{
    each_line("resize", 90, check_resize);
}

Test(resize, part_equals_crop)
{
    static const int sizes[][2] = {{61, 47}, {90, 33}, {90, 70}, {41, 70}, {60, 20}};
    struct vit_image src = synthetic(90, 70);
    for (int i = 0; i < 5 * 6; i++) {
        int width = sizes[i / 6][0], height = sizes[i / 6][1];
        enum vit_filter filter = (enum vit_filter)(i % 6);
        struct vit_box box = {11, 5, width - 23, height - 12};
        struct vit_image all = resized(&src, width, height, filter), part;
        cr_assert_eq(vit_resize_part(&part, &src, width, height, box, filter, NULL), VIT_OK);
        cr_assert(part.width == box.width && part.height == box.height);
        for (int y = 0; y < box.height; y++) {
            const uint8_t *row = all.rgb + ((box.top + y) * width + box.left) * 3;
            cr_expect_arr_eq(part.rgb + y * box.width * 3, row, (size_t)box.width * 3, "%d x %d, filter %d, row %d",
                             width, height, (int)filter, y);
        }
        vit_image_free(&all);
        vit_image_free(&part);
    }
    vit_image_free(&src);
}

Test(resize, refusals)
{
    struct vit_image src = synthetic(4, 4), dst = {1, 1, NULL};
    struct vit_error err;
    cr_expect_eq(vit_resize(&dst, &src, 0, 4, VIT_FILTER_BICUBIC, &err), VIT_ERR_UNSUPPORTED);
    cr_expect_eq(vit_resize(&dst, &src, 4, -1, VIT_FILTER_BICUBIC, &err), VIT_ERR_UNSUPPORTED);
    cr_expect_eq(vit_resize(&dst, &src, 2, 2, (enum vit_filter)6, &err), VIT_ERR_UNSUPPORTED);
    cr_expect(dst.rgb == NULL && dst.width == 0);
    vit_image_free(&src);
}
