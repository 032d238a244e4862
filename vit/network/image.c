/* image.c: one picture, however it is given, to the pixels that a model sees. */
#include "patches/patches.h"
#include "vit/vit.h"

static vit_status check_rgb(const struct vit_input *input, const struct vit_decode_options *options,
                            struct vit_error *err)
{
    if (input->width < 1 || input->height < 1)
        return vit_fail(err, VIT_ERR_EMPTY, "a picture of %d x %d pixels", input->width, input->height);
    if ((int64_t)input->width * input->height > options->max_pixels)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%d x %d pixels, at most %lld", input->width, input->height,
                        (long long)options->max_pixels);
    return VIT_OK;
}

static vit_status decode(struct vit_image *image, const struct vit_input *input,
                         const struct vit_decode_options *options, struct vit_error *err)
{
    if (input->path)
        return vit_decode_file(image, input->path, options, err);
    return vit_decode(image, input->bytes, input->n_bytes, options, err);
}

vit_status vit_load_image(const struct vit_model *model, const struct vit_input *input,
                          const struct vit_decode_options *options, uint8_t *pixels, struct vit_error *err)
{
    struct vit_decode_options defaults = vit_decode_options_default();
    if (!options)
        options = &defaults;
    if ((input->path != NULL) + (input->bytes != NULL) + (input->rgb != NULL) != 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "exactly one of path, bytes and rgb must be given");

    if (input->rgb) {
        VIT_TRY(check_rgb(input, options, err));
        struct vit_image borrowed = {input->width, input->height, (uint8_t *)(uintptr_t)input->rgb};
        return vit_pixels_from_image(pixels, &borrowed, vit_model_preprocess(model), err);
    }
    struct vit_image image;
    VIT_TRY(decode(&image, input, options, err));
    vit_status status = vit_pixels_from_image(pixels, &image, vit_model_preprocess(model), err);
    vit_image_free(&image);
    return status;
}

vit_status vit_decode_image(uint8_t **rgb, int *width, int *height, const struct vit_input *input,
                            const struct vit_decode_options *options, struct vit_error *err)
{
    struct vit_decode_options defaults = vit_decode_options_default();
    *rgb = NULL;
    if ((input->path != NULL) + (input->bytes != NULL) != 1 || input->rgb)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "exactly one of path and bytes must be given");
    struct vit_image image;
    VIT_TRY(decode(&image, input, options ? options : &defaults, err));
    *rgb = image.rgb;
    *width = image.width;
    *height = image.height;
    return VIT_OK;
}
