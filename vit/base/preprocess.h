/* preprocess.h: how a picture becomes the pixels that a model sees. Plain structs, included everywhere.
 *
 * Shape letters, here and in every other file, outermost first: B batch, H W height and width of a picture,
 * S side of the model's square input, C channels, P side of a patch, N patches, T tokens, D width of a token,
 * NH heads, HD width of a head, F width of the MLP, L layers, K classes. */
#ifndef VIT_PREPROCESS_H
#define VIT_PREPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pillow's resampling filters, with Pillow's numbers (Image.Resampling; the `resample` key of Hugging Face). */
enum vit_filter {
    VIT_FILTER_NEAREST = 0,
    VIT_FILTER_LANCZOS = 1,
    VIT_FILTER_BILINEAR = 2,
    VIT_FILTER_BICUBIC = 3, /* a = -0.5 */
    VIT_FILTER_BOX = 4,
    VIT_FILTER_HAMMING = 5
};

enum vit_resize_mode {
    VIT_RESIZE_SHORTEST, /* keep the ratio; the shorter side becomes resize_to, the longer is truncated to a whole pixel */
    VIT_RESIZE_SQUASH,   /* both sides become resize_to */
    VIT_RESIZE_BORDER    /* keep the ratio; the longer side becomes resize_to; the rest is padded with the mean colour */
};

/* Where a centre crop begins when the surplus is odd. */
enum vit_crop_round {
    VIT_CROP_HALF_EVEN, /* round(surplus / 2.0) as Python rounds: torchvision, timm */
    VIT_CROP_FLOOR      /* surplus / 2: Hugging Face */
};

/* resize -> centre crop to (S, S) -> x / 255 -> (x - mean) / std, all of it decided by the model's origin. */
struct vit_preprocess {
    int size; /* S */
    enum vit_resize_mode resize;
    int resize_to;
    int crop_to; /* side of the centre crop: S */
    enum vit_crop_round crop_round;
    enum vit_filter filter;
    double mean[3]; /* of red, green, blue, in 0..1; rounded to f32 when they are used */
    double std[3];
};

/* What decoding accepts. */
struct vit_decode_options {
    int64_t max_pixels; /* a picture with more is refused before its pixels are allocated */
    int64_t max_bytes;  /* a longer file is refused before it is read */
    bool autorotate;    /* apply the EXIF orientation */
};

/* 100 million pixels, 1 GiB, EXIF orientation applied. */
struct vit_decode_options vit_decode_options_default(void);

#ifdef __cplusplus
}
#endif
#endif
