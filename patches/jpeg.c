/* jpeg.c: JPEG by libjpeg-turbo, with the settings and the tolerance of Pillow: the slow integer DCT, fancy
 * upsampling, warnings ignored, but data that ends before the last row is an error. */
#include "patches/formats.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* A progressive file may hold any number of scans, each a pass over the whole picture; real ones have about ten. */
enum { MAX_SCANS = 500, APP1 = JPEG_APP0 + 1 };

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    struct vit_image *image;
    const struct vit_decode_options *options;
    int *orientation;
    struct vit_error *err;
};

static void on_error(j_common_ptr jpeg)
{
    longjmp(((struct reader *)jpeg->client_data)->escape, 1);
}

static void on_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    struct reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > MAX_SCANS)
        longjmp(r->escape, 1);
}

/* All bytes are in the buffer from the start, so that a request for more means that the file is cut: libjpeg is told
 * to suspend, and the call that then returns short is the place to report it. */
static boolean source_fill(j_decompress_ptr jpeg)
{
    (void)jpeg;
    return FALSE;
}

static void source_skip(j_decompress_ptr jpeg, long n)
{
    struct jpeg_source_mgr *s = jpeg->src;
    size_t skip = n < 0 ? 0 : (size_t)n < s->bytes_in_buffer ? (size_t)n : s->bytes_in_buffer;
    s->next_input_byte += skip;
    s->bytes_in_buffer -= skip;
}

static void source_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* Turns the error with which libjpeg gave up into a status. */
static vit_status fail_libjpeg(struct reader *r)
{
    char text[JMSG_LENGTH_MAX];
    if (r->jpeg.input_scan_number > MAX_SCANS)
        return vit_fail(r->err, VIT_ERR_TOO_LARGE, "JPEG: more than %d scans", MAX_SCANS);
    r->errors.format_message((j_common_ptr)&r->jpeg, text);
    switch (r->errors.msg_code) {
    case JERR_OUT_OF_MEMORY:
        return vit_fail(r->err, VIT_ERR_MEMORY, "JPEG: no memory to decode %u x %u pixels", r->jpeg.image_width,
                        r->jpeg.image_height);
    case JERR_SOF_UNSUPPORTED: /* lossless, hierarchical */
    case JERR_BAD_PRECISION:   /* 12 bit */
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return vit_fail(r->err, VIT_ERR_UNSUPPORTED, "JPEG of a kind that is not handled: %s", text);
    default:
        return vit_fail(r->err, VIT_ERR_DECODE, "JPEG: %s", text);
    }
}

static bool has_id(jpeg_saved_marker_ptr marker, const char *id, size_t n)
{
    return marker->data_length >= n && !memcmp(marker->data, id, n);
}

/* EXIF may be cut into several segments; of XMP the last one counts. */
static vit_status read_orientation(struct reader *r)
{
    static const char exif_id[] = "Exif\0", xmp_id[] = "http://ns.adobe.com/xap/1.0/"; /* and their NUL */
    uint8_t *exif = NULL;
    size_t n = 0;
    int xmp = 0, found = 0;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next) {
        if (has_id(m, xmp_id, sizeof xmp_id))
            xmp = vit_exif_xmp_orientation(m->data, m->data_length);
        if (!has_id(m, exif_id, sizeof exif_id))
            continue;
        uint8_t *longer = realloc(exif, n + m->data_length);
        if (!longer) {
            free(exif);
            return vit_fail(r->err, VIT_ERR_MEMORY, "JPEG: no memory for its EXIF");
        }
        exif = longer;
        memcpy(exif + n, m->data + sizeof exif_id, m->data_length - sizeof exif_id);
        n += m->data_length - sizeof exif_id;
    }
    if (exif)
        found = vit_exif_orientation(exif, n);
    free(exif);
    *r->orientation = found ? found : xmp ? xmp : 1;
    return VIT_OK;
}

static vit_status read_header(struct reader *r)
{
    jpeg_save_markers(&r->jpeg, APP1, 0xFFFF);
    if (jpeg_read_header(&r->jpeg, TRUE) == JPEG_SUSPENDED)
        return vit_fail(r->err, VIT_ERR_DECODE, "JPEG: the file is cut: it ends within its header");
    VIT_TRY(vit_image_check_size(r->jpeg.image_width, r->jpeg.image_height, r->options, r->err));
    if (r->jpeg.num_components == 4)
        return vit_fail(r->err, VIT_ERR_UNSUPPORTED, "JPEG in CMYK colours is not handled");
    if (r->jpeg.num_components != 1 && r->jpeg.num_components != 3)
        return vit_fail(r->err, VIT_ERR_UNSUPPORTED, "JPEG with %d colour components is not handled",
                        r->jpeg.num_components);
    return read_orientation(r);
}

static vit_status read_rows(struct reader *r)
{
    r->jpeg.out_color_space = JCS_RGB;
    r->jpeg.dct_method = JDCT_ISLOW;
    r->jpeg.do_fancy_upsampling = TRUE;
    if (!jpeg_start_decompress(&r->jpeg)) /* a progressive file is read to its end here */
        return vit_fail(r->err, VIT_ERR_DECODE, "JPEG: the file is cut: its %d. scan is not complete",
                        r->jpeg.input_scan_number);
    VIT_TRY(vit_image_create(r->image, (int)r->jpeg.output_width, (int)r->jpeg.output_height, r->err));
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW row = r->image->rgb + (size_t)r->jpeg.output_scanline * r->jpeg.output_width * 3;
        if (jpeg_read_scanlines(&r->jpeg, &row, 1) != 1)
            return vit_fail(r->err, VIT_ERR_DECODE, "JPEG: the file is cut: its data ends at row %u of %u",
                            r->jpeg.output_scanline, r->jpeg.image_height);
    }
    (void)jpeg_finish_decompress(&r->jpeg); /* meets damage after the last row; a missing end marker is forgiven */
    return VIT_OK;
}

/* The part that libjpeg may leave by on_error; no local variable lives across that jump. */
static vit_status read_guarded(struct reader *r, const uint8_t *bytes, size_t n)
{
    if (setjmp(r->escape))
        return fail_libjpeg(r);
    jpeg_create_decompress(&r->jpeg);
    r->source.next_input_byte = bytes;
    r->source.bytes_in_buffer = n;
    r->jpeg.src = &r->source;
    r->jpeg.progress = &r->progress;
    VIT_TRY(read_header(r));
    return read_rows(r);
}

vit_status vit_jpeg_decode(struct vit_image *image, const uint8_t *bytes, size_t n,
                           const struct vit_decode_options *options, int *orientation, struct vit_error *err)
{
    struct reader r;
    memset(&r, 0, sizeof r);
    r.image = image;
    r.options = options;
    r.orientation = orientation;
    r.err = err;
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = on_error;
    r.errors.output_message = on_message;
    r.progress.progress_monitor = on_progress;
    r.source.init_source = source_nothing;
    r.source.fill_input_buffer = source_fill;
    r.source.skip_input_data = source_skip;
    r.source.resync_to_restart = jpeg_resync_to_restart;
    r.source.term_source = source_nothing;

    *image = (struct vit_image){0};
    vit_status status = read_guarded(&r, bytes, n);
    jpeg_destroy_decompress(&r.jpeg);
    if (status != VIT_OK)
        vit_image_free(image);
    return status;
}
