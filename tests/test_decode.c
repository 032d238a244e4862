/* test_decode.c: every kind of file decodes to Pillow's pixels or is refused with the right status; no bytes crash. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patches/formats.h"
#include "tests/pictures.h"

static void check_decode(const char *rest)
{
    char path[256];
    int autorotate, width, height;
    unsigned crc;
    struct vit_image image;
    struct vit_error err = {VIT_OK, ""};
    cr_assert_eq(sscanf(rest, "%255s %d %d %d %x", path, &autorotate, &width, &height, &crc), 5, "%s", rest);
    struct vit_decode_options options = vit_decode_options_default();
    options.autorotate = autorotate;
    vit_status status = vit_decode_file(&image, path, &options, &err);
    cr_expect_eq(status, VIT_OK, "%s: %s", path, err.message);
    if (status != VIT_OK)
        return;
    cr_expect(image.width == width && image.height == height, "%s: %d x %d pixels, expected %d x %d", path, image.width,
              image.height, width, height);
    uint32_t found = image_crc(&image);
    cr_expect_eq(found, crc, "%s, autorotate %d: CRC %08x, expected %08x", path, autorotate, found, crc);
    vit_image_free(&image);
}

Test(decode, pixels_equal_pillow)
{
    each_line("decode", 145, check_decode);
}

static void check_refuse(const char *rest)
{
    char path[256], name[32], word[64];
    struct vit_image image = {1, 1, NULL};
    struct vit_error err = {VIT_OK, ""};
    cr_assert_eq(sscanf(rest, "%255s %31s %63s", path, name, word), 3, "%s", rest);
    struct vit_decode_options options = vit_decode_options_default();
    vit_status status = vit_decode_file(&image, path, &options, &err);
    cr_expect_str_eq(vit_status_name(status), name, "%s: %s (%s)", path, vit_status_name(status), err.message);
    cr_expect_eq(err.status, status, "%s: the record says %s", path, vit_status_name(err.status));
    cr_expect_not_null(strstr(err.message, word), "%s: '%s' lacks '%s'", path, err.message, word);
    cr_expect(image.rgb == NULL && image.width == 0 && image.height == 0, "%s: not empty after a failure", path);
    cr_expect_eq(vit_decode_file(&image, path, &options, NULL), status, "%s: another status without a record", path);
}

Test(decode, refusals)
{
    each_line("refuse", 50, check_refuse);
}

static void expect_file(const char *path, vit_status expected)
{
    struct vit_image image;
    struct vit_error err = {VIT_OK, ""};
    struct vit_decode_options options = vit_decode_options_default();
    vit_status status = vit_decode_file(&image, path, &options, &err);
    cr_expect_eq(status, expected, "%s: %s (%s)", path, vit_status_name(status), err.message);
    vit_image_free(&image);
}

Test(decode, what_is_no_file)
{
    char folder[] = "/tmp/vit-decode-XXXXXX", fifo[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    expect_file(fifo, VIT_ERR_UNSUPPORTED);
    expect_file(folder, VIT_ERR_UNSUPPORTED);
    unlink(fifo);
    expect_file(fifo, VIT_ERR_OPEN);
    expect_file("/dev/null", VIT_ERR_UNSUPPORTED);
    expect_file("samples/bee.jpg/under", VIT_ERR_OPEN);
    rmdir(folder);
}

Test(decode, limits)
{
    struct vit_image image;
    struct vit_error err;
    const char *files[] = {"tests/pictures/jpeg-420.jpg", "tests/pictures/png-type2-8bit.png",
                           "tests/pictures/bmp-24bit.bmp"};
    const int pixels[] = {45 * 37, 19 * 13, 19 * 13};
    for (int i = 0; i < 3; i++) {
        struct vit_decode_options options = vit_decode_options_default();
        options.max_pixels = pixels[i];
        cr_expect_eq(vit_decode_file(&image, files[i], &options, &err), VIT_OK, "%s", files[i]);
        vit_image_free(&image);
        options.max_pixels--;
        cr_expect_eq(vit_decode_file(&image, files[i], &options, &err), VIT_ERR_TOO_LARGE, "%s", files[i]);
        cr_expect_null(image.rgb);

        struct stat st;
        cr_assert_eq(stat(files[i], &st), 0);
        options = vit_decode_options_default();
        options.max_bytes = st.st_size;
        cr_expect_eq(vit_decode_file(&image, files[i], &options, &err), VIT_OK, "%s", files[i]);
        vit_image_free(&image);
        options.max_bytes--;
        cr_expect_eq(vit_decode_file(&image, files[i], &options, &err), VIT_ERR_TOO_LARGE, "%s", files[i]);
    }
}

static size_t read_file(uint8_t *bytes, size_t room, const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s cannot be opened", path);
    size_t n = fread(bytes, 1, room, file);
    fclose(file);
    return n;
}

/* A copy that ends where its bytes end, so that a sanitizer sees a read beyond them. */
static vit_status decode_copy(const uint8_t *bytes, size_t n)
{
    struct vit_image image;
    struct vit_decode_options options = vit_decode_options_default();
    options.max_pixels = 1000000;
    uint8_t *copy = malloc(n ? n : 1);
    cr_assert_not_null(copy);
    memcpy(copy, bytes, n);
    vit_status status = vit_decode(&image, copy, n, &options, NULL);
    cr_expect_eq(status == VIT_OK, image.rgb != NULL);
    vit_image_free(&image);
    free(copy);
    return status;
}

static const char *const whole[] = {
    "tests/pictures/jpeg-420.jpg", "tests/pictures/jpeg-progressive.jpg", "tests/pictures/jpeg-restart.jpg",
    "tests/pictures/jpeg-arithmetic.jpg", "tests/pictures/exif-6.jpg", "tests/pictures/exif-xmp.jpg",
    "tests/pictures/png-type3-4bit.png", "tests/pictures/png-type6-16bit-interlaced.png", "tests/pictures/exif-6.png",
    "tests/pictures/png-split.png", "tests/pictures/bmp-4bit.bmp", "tests/pictures/bmp-565.bmp",
    "tests/pictures/bmp-v5.bmp",
};

Test(decode, cut_anywhere)
{
    uint8_t bytes[8192];
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t n = read_file(bytes, sizeof bytes, whole[i]);
        cr_expect_eq(decode_copy(bytes, n), VIT_OK, "%s", whole[i]);
        for (size_t cut = 0; cut < n; cut++) {
            vit_status status = decode_copy(bytes, cut);
            if (!strstr(whole[i], ".png") && cut + 4 > n)
                continue; /* all rows are there without JPEG's end marker or the padding of BMP's last row */
            cr_expect_neq(status, VIT_OK, "%s: accepted when cut after %zu of %zu bytes", whole[i], cut, n);
        }
    }
}

Test(decode, damaged_anywhere)
{
    uint8_t bytes[8192];
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t n = read_file(bytes, sizeof bytes, whole[i]);
        for (size_t at = 0; at < n; at++) {
            uint8_t good = bytes[at];
            random = random * 1664525 + 1013904223;
            bytes[at] = (uint8_t)(good ^ (1 + (random >> 16) % 255));
            vit_status status = decode_copy(bytes, n);
            if (strstr(whole[i], ".png"))
                cr_expect_neq(status, VIT_OK, "%s: accepted with byte %zu changed", whole[i], at);
            bytes[at] = good;
        }
    }
}

Test(decode, orientation_stays_in_bounds)
{
    /* Every length of a directory that claims more entries than there are. */
    const uint8_t exif[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0xFF, 0xFF, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0};
    for (size_t n = 0; n <= sizeof exif; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        cr_assert_not_null(copy);
        memcpy(copy, exif, n);
        int expected = n == sizeof exif ? 6 : n >= 8 || n == 0 ? 0 : 1; /* some, but less than a header, is damage */
        cr_expect_eq(vit_exif_orientation(copy, n), expected, "%zu bytes", n);
        cr_expect_eq(vit_exif_xmp_orientation(copy, n), 0);
        free(copy);
    }
    const char xmp[] = "tiff:Orientation tiff:Orientation=\"x tiff:Orientation>7<";
    cr_expect_eq(vit_exif_xmp_orientation((const uint8_t *)xmp, sizeof xmp - 1), 7);
    cr_expect_eq(vit_exif_xmp_orientation((const uint8_t *)xmp, sizeof xmp - 3), 0);
}

Test(decode, free_accepts_nothing)
{
    struct vit_image empty = {0, 0, NULL};
    vit_image_free(NULL);
    vit_image_free(&empty);
}
