/* convert.c: `vit convert`: any checkpoint that can be opened, written as a canonical file. */
#include "tools/commands.h"
#include "tools/messages.h"
#include "tools/stop.h"

static vit_status convert(const struct vit_options *options, struct vit_model **model, struct vit_error *err)
{
    if (options->n_args != 1)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name one checkpoint to convert, not %d", options->n_args);
    if (!options->output)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name the file to make: -o OUT.safetensors");
    VIT_TRY(vit_model_open(model, options->args[0], NULL, err));
    if (vit_stop_requested())
        return vit_fail(err, VIT_ERR_READ, "interrupted");
    return vit_model_save(*model, options->output, &(struct vit_save_options){ .force = options->force }, err);
}

int vit_command_convert(const struct vit_options *options)
{
    struct vit_model *model = NULL;
    struct vit_error err;
    vit_status status = convert(options, &model, &err);
    if (status != VIT_OK)
        vit_say("%s", err.message);
    else if (!options->quiet)
        vit_say("%s: %s, %d tensors", options->output, vit_model_config(model)->arch, vit_model_n_tensors(model));
    vit_model_free(model);
    if (vit_stop_interrupted())
        return VIT_EXIT_INTERRUPTED;
    return status == VIT_OK ? VIT_EXIT_DONE : VIT_EXIT_FATAL;
}
