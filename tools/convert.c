/* convert.c: `vit convert`: any checkpoint that can be opened, reported on, compared with its original, and written as a
 * canonical file. */
#include <stdlib.h>
#include <string.h>

#include "tools/common/commands.h"
#include "tools/common/environment.h"
#include "tools/common/locate.h"
#include "tools/common/stop.h"
#include "tools/output/about.h"
#include "tools/output/messages.h"
#include "tools/output/opening.h"
#include "tools/output/output.h"
#include "tools/output/text.h"

enum { FIRST_IGNORED = 8 }; /* shown by name */

/* ---- The report ---- */

static void write_ignored(FILE *out, const struct vit_model *model)
{
    int n = vit_model_n_ignored(model);
    for (int i = 0; i < n && i < FIRST_IGNORED; i++) {
        fputs(i ? ", " : ", ignored: ", out);
        vit_text_plain(out, vit_model_ignored(model, i));
    }
    if (n > FIRST_IGNORED)
        fprintf(out, " and %d more", n - FIRST_IGNORED);
}

static void write_shape(FILE *out, const struct vit_model *model)
{
    const struct vit_config *c = vit_model_config(model);
    fprintf(out, "  shape          %d blocks, width %d, mlp %d, %d x %d pixels in patches of %d, %d classes\n", c->depth,
            c->width, c->mlp, c->image_size, c->image_size, c->patch, c->classes);
    vit_about_embedding(out, c);
    if (vit_model_has_text(model))
        fprintf(out, "  text tower     left behind%s\n",
                c->classes ? ", with the classes that it made in its place" : "; --classes or --labels has it make classes");
}

/* What was found, each setting with its source, and the tensors. */
static void write_report(FILE *out, const char *path, const struct vit_model *model)
{
    vit_text_plain(out, path);
    fputs("\n  source         ", out);
    vit_text_plain(out, vit_model_source(model));
    putc('\n', out);
    for (int i = 0; i < vit_model_n_settings(model); i++) {
        const struct vit_setting *setting = vit_model_setting(model, i);
        fprintf(out, "  %-14s ", setting->name);
        vit_text_plain(out, setting->value);
        fputs("  (from ", out);
        vit_text_plain(out, setting->source);
        fputs(")\n", out);
    }
    write_shape(out, model);
    fprintf(out, "  tensors        %d made", vit_model_n_tensors(model));
    write_ignored(out, model);
    fputs(", missing: none\n", out);
}

/* The report goes to stderr, but with --dry-run it is what was asked for. */
static vit_status report(const struct vit_options *options, const struct vit_model *model, struct vit_error *err)
{
    struct vit_output output = { .fd = -1 };
    if (options->quiet)
        return VIT_OK;
    if (!options->dry_run) {
        write_report(stderr, options->args[0], model);
        return VIT_OK;
    }
    VIT_TRY(vit_output_open(&output, NULL, err));
    write_report(output.text, options->args[0], model);
    vit_status status = vit_output_flush(&output, err);
    vit_output_close(&output, NULL);
    return status;
}

/* ---- Comparing ---- */

/* logits: of a model without a classifier, its features. */
static vit_status compute(const struct vit_model *model, const char *image, float *logits, uint8_t *pixels,
                          struct vit_error *err)
{
    struct vit_decode_options decode = vit_decode_options_default();
    struct vit_session_options options = vit_session_options_default();
    struct vit_session *session = NULL;
    bool classes = vit_model_config(model)->classes > 0;
    decode.autorotate = false; /* as the original libraries read pictures */
    options.output = classes ? VIT_OUTPUT_LOGITS : VIT_OUTPUT_FEATURES;
    VIT_TRY(vit_environment_session(&options, err));
    VIT_TRY(vit_load_image(model, &(struct vit_input){ .path = image }, &decode, pixels, err));
    vit_status status = vit_session_create(&session, model, &options, err);
    if (status == VIT_OK)
        status = (classes ? vit_classify : vit_embed)(session, pixels, 1, logits, err);
    vit_session_free(session);
    return status;
}

/* Sets *agrees. */
static vit_status verify(const struct vit_options *options, const struct vit_model *model, bool *agrees,
                         struct vit_error *err)
{
    struct vit_difference d = { 0 };
    const struct vit_config *c = vit_model_config(model);
    float *logits = calloc((size_t)vit_config_outputs(c), sizeof *logits);
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    vit_status status = logits && pixels ? compute(model, options->image, logits, pixels, err)
                                         : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (status == VIT_OK)
        status = vit_compare_logits(model, logits, options->verify, &d, err);
    free(logits);
    free(pixels);
    *agrees = d.agrees;
    if (status == VIT_OK && (!d.agrees || !options->quiet))
        vit_say("%s: the largest difference is %.3g, of %s %d (%.9g, reference %.9g); %.3g is allowed%s",
                options->verify, d.largest, c->classes ? "class" : "number", d.index, (double)d.logit, (double)d.reference, d.allowed,
                d.agrees ? "" : ": nothing is written");
    return status;
}

/* ---- The command ---- */

static vit_status list_archs(struct vit_error *err)
{
    struct vit_output output = { .fd = -1 };
    VIT_TRY(vit_output_open(&output, NULL, err));
    for (int i = 0; i < vit_arch_count(); i++)
        fprintf(output.text, "%s\n", vit_arch_name(i));
    vit_status status = vit_output_flush(&output, err);
    vit_output_close(&output, NULL);
    return status;
}

static vit_status check_options(const struct vit_options *options, struct vit_error *err)
{
    if (options->n_args != 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name one checkpoint to convert, not %d", options->n_args);
    if (!options->output && !options->dry_run)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name the file to make: -o OUT.safetensors");
    size_t length = options->output ? strlen(options->output) : 0;
    if (options->output && (length < 12 || strcmp(options->output + length - 12, ".safetensors") != 0))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "-o %s: a safetensors file is made: name it so, as OUT.safetensors",
                        options->output);
    if (!options->verify != !options->image)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--verify LOGITS.npy and --image PICTURE go together");
    return VIT_OK;
}

static vit_status convert(const struct vit_options *options, struct vit_model **model, bool *agrees,
                          struct vit_error *err)
{
    VIT_TRY(check_options(options, err));
    VIT_TRY(vit_locate_check(options->args[0], err));
    VIT_TRY(vit_opening(model, options->args[0], options, err));
    VIT_TRY(report(options, *model, err));
    if (options->verify)
        VIT_TRY(verify(options, *model, agrees, err));
    if (options->dry_run || !*agrees)
        return VIT_OK;
    if (vit_stop_requested())
        return vit_fail(err, VIT_ERR_READ, "interrupted");
    struct vit_save_options save = { .force = options->force, .type = (enum vit_save_type)(options->dtype + 1) };
    VIT_TRY(vit_model_save(*model, options->output, &save, err));
    if (!options->quiet)
        vit_say("%s: %s, %d tensors", options->output, vit_model_config(*model)->arch, vit_model_n_tensors(*model));
    return VIT_OK;
}

int vit_command_convert(const struct vit_options *options)
{
    struct vit_model *model = NULL;
    struct vit_error err;
    bool agrees = true;
    vit_status status = options->list_archs ? list_archs(&err) : convert(options, &model, &agrees, &err);
    if (status != VIT_OK)
        vit_say("%s", err.message);
    vit_model_free(model);
    return status != VIT_OK ? VIT_EXIT_FATAL : agrees ? VIT_EXIT_DONE : VIT_EXIT_INPUT;
}
