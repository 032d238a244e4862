/* test_pixels.c: from a picture to the pixels and patches of the model, as torchvision, timm and Hugging Face. */
#include <math.h>
#include <stdlib.h>

#include "patches/patches.h"
#include "tests/pictures.h"

static struct vit_preprocess plain(int size, enum vit_resize_mode mode, int resize_to, enum vit_crop_round round)
{
    return (struct vit_preprocess){.size = size, .resize = mode, .resize_to = resize_to, .crop_to = size,
                                   .crop_round = round, .filter = VIT_FILTER_BICUBIC, .mean = {0.5f, 0.5f, 0.5f},
                                   .std = {0.5f, 0.5f, 0.5f}};
}

static enum vit_resize_mode mode_named(const char *name)
{
    return !strcmp(name, "shortest") ? VIT_RESIZE_SHORTEST : !strcmp(name, "squash") ? VIT_RESIZE_SQUASH
                                                                                      : VIT_RESIZE_BORDER;
}

static void check_pixels(const char *rest)
{
    char path[256], mode[16], round[16];
    int size, resize_to, filter;
    double mean[3];
    unsigned crc;
    struct vit_image image;
    struct vit_error err = {VIT_OK, ""};
    cr_assert_eq(sscanf(rest, "%255s %d %15s %d %15s %d %lf %lf %lf %x", path, &size, mode, &resize_to, round, &filter,
                        &mean[0], &mean[1], &mean[2], &crc), 10, "%s", rest);
    struct vit_preprocess p = plain(size, mode_named(mode), resize_to,
                                    strcmp(round, "floor") ? VIT_CROP_HALF_EVEN : VIT_CROP_FLOOR);
    p.filter = (enum vit_filter)filter;
    memcpy(p.mean, mean, sizeof mean);

    struct vit_decode_options options = vit_decode_options_default();
    size_t n = (size_t)size * (size_t)size * 3;
    uint8_t *pixels = malloc(n);
    cr_assert_not_null(pixels);
    cr_assert_eq(vit_decode_file(&image, path, &options, &err), VIT_OK, "%s: %s", path, err.message);
    cr_assert_eq(vit_pixels_from_image(pixels, &image, &p, &err), VIT_OK, "%s: %s", path, err.message);
    uint32_t found = (uint32_t)crc32_z(0, pixels, n);
    cr_expect_eq(found, crc, "CRC %08x for %s", found, rest);
    vit_image_free(&image);
    free(pixels);
}

Test(pixels, equal_torchvision_timm_and_hugging_face)
{
    each_line("pixels", 170, check_pixels);
}

/* The first pixel that is seen of a square picture, side pixels wide, in which red counts columns and green rows. */
static int crop_begins(int side, int size, enum vit_crop_round round)
{
    struct vit_image image;
    uint8_t pixels[40 * 40 * 3];
    struct vit_preprocess p = plain(size, VIT_RESIZE_SHORTEST, side, round);
    cr_assert(vit_image_create(&image, side, side, NULL) == VIT_OK && size <= 40);
    for (int i = 0; i < side * side; i++) {
        image.rgb[i * 3] = (uint8_t)(i % side);
        image.rgb[i * 3 + 1] = (uint8_t)(i / side);
        image.rgb[i * 3 + 2] = 0;
    }
    cr_assert_eq(vit_pixels_from_image(pixels, &image, &p, NULL), VIT_OK);
    cr_assert_eq(pixels[0], pixels[1]);
    vit_image_free(&image);
    return pixels[0];
}

Test(pixels, crop_rounding)
{
    static const int surplus[] = {33, 35, 31, 1, 0, 2}, even[] = {16, 18, 16, 0, 0, 1},
                     down[] = {16, 17, 15, 0, 0, 1};
    for (int i = 0; i < 6; i++) {
        cr_expect_eq(crop_begins(32 + surplus[i], 32, VIT_CROP_HALF_EVEN), even[i], "surplus %d", surplus[i]);
        cr_expect_eq(crop_begins(32 + surplus[i], 32, VIT_CROP_FLOOR), down[i], "surplus %d", surplus[i]);
    }
}

Test(pixels, very_long_pictures)
{
    /* The longer side would be millions of pixels; what the crop needs of it is small. */
    struct vit_image image;
    struct vit_error err = {VIT_OK, ""};
    uint8_t pixels[32 * 32 * 3];
    struct vit_preprocess p = plain(32, VIT_RESIZE_SHORTEST, 32, VIT_CROP_FLOOR);
    cr_assert_eq(vit_image_create(&image, 1, 100000, NULL), VIT_OK);
    memset(image.rgb, 77, 100000 * 3);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, &err), VIT_OK, "%s", err.message);
    cr_expect_eq(pixels[32 * 32], 77);
    p = plain(32, VIT_RESIZE_BORDER, 32, VIT_CROP_HALF_EVEN);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, &err), VIT_OK, "%s", err.message);
    cr_expect(pixels[0] == 128 && pixels[15 * 3] == 77, "%d %d", pixels[0], pixels[15 * 3]);
    p = plain(32, VIT_RESIZE_SHORTEST, 100000, VIT_CROP_FLOOR);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, &err), VIT_ERR_TOO_LARGE);
    vit_image_free(&image);
}

Test(pixels, refusals)
{
    uint8_t rgb[12] = {0}, pixels[12];
    struct vit_image image = {2, 2, rgb};
    struct vit_preprocess p = plain(2, VIT_RESIZE_SQUASH, 2, VIT_CROP_FLOOR);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, NULL), VIT_OK);
    p.crop_to = 1;
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, NULL), VIT_ERR_UNSUPPORTED);
    p = plain(2, VIT_RESIZE_SQUASH, 0, VIT_CROP_FLOOR);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, NULL), VIT_ERR_UNSUPPORTED);
    p = plain(2, (enum vit_resize_mode)3, 2, VIT_CROP_FLOOR);
    cr_expect_eq(vit_pixels_from_image(pixels, &image, &p, NULL), VIT_ERR_UNSUPPORTED);
}

Test(pixels, patches_in_the_order_of_a_convolution)
{
    enum { S = 6, P = 3 };
    uint8_t pixels[S * S * 3];
    float patches[S * S * 3];
    struct vit_preprocess p = plain(S, VIT_RESIZE_SQUASH, S, VIT_CROP_FLOOR);
    const double mean[3] = {0.485, 0.456, 0.406}, std[3] = {0.229, 0.224, 0.225};
    memcpy(p.mean, mean, sizeof mean);
    memcpy(p.std, std, sizeof std);
    for (int i = 0; i < S * S * 3; i++)
        pixels[i] = (uint8_t)(i * 7 % 256);
    vit_patchify(patches, pixels, P, &p, 0, 4);
    for (int n = 0; n < 4; n++) {
        for (int i = 0; i < 3 * P * P; i++) {
            int c = i / (P * P), y = n / 2 * P + i / P % P, x = n % 2 * P + i % P;
            float expected = ((float)pixels[(y * S + x) * 3 + c] / 255.0f - (float)mean[c]) / (float)std[c];
            float found = patches[n * 3 * P * P + i];
            cr_expect(found == expected, "patch %d, value %d: %.9g, expected %.9g", n, i, (double)found,
                      (double)expected);
        }
    }
    /* torch: (torch.tensor(200, dtype=torch.uint8).float().div(255) - 0.485) / 0.229 */
    pixels[0] = 200;
    vit_patchify(patches, pixels, P, &p, 0, 4);
    cr_expect_float_eq(patches[0], 1.30704677f, 1e-6f);
}
