/* info.c: `vit info`: what a model is, for people and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/commands.h"
#include "tools/output/about.h"
#include "tools/output/messages.h"
#include "tools/output/opening.h"
#include "tools/output/output.h"
#include "tools/output/text.h"

enum { FIRST_LABELS = 4 }; /* shown to people */

/* ---- For people ---- */

static void write_encoder(FILE *out, const struct vit_config *c)
{
    fprintf(out, "  encoder        %d blocks, width %d, %d heads of %d, MLP %d (%s%s)\n", c->depth, c->width, c->heads,
            c->width / c->heads, c->mlp, vit_act_name(c->act), c->swiglu ? ", swiglu" : "");
    const struct {
        bool set;
        const char *name;
    } details[] = {
        { c->pre_norm, "norm before the first block" }, { c->qk_norm, "norm of queries and keys" },
        { c->layer_scale, "layer scale" },              { !c->qkv_bias, "no bias of queries, keys and values" },
    };
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
        if (details[i].set)
            fprintf(out, "%17s%s\n", "", details[i].name);
    }
    fprintf(out, "%17slayer norm eps %g\n", "", c->eps);
}

static void write_tokens(FILE *out, const struct vit_config *c)
{
    fprintf(out, "  input          %d x %d RGB in patches of %d x %d\n", c->image_size, c->image_size, c->patch,
            c->patch);
    fprintf(out, "  tokens         %d: %s%s", vit_config_tokens(c), c->cls ? "cls, " : "",
            c->dist ? "distillation, " : "");
    if (c->n_reg)
        fprintf(out, "%d registers, ", c->n_reg);
    fprintf(out, "%d patches\n", vit_config_patches(c));
    fprintf(out, "  positions      %d x %d, covers %s", c->pos_grid[0], c->pos_grid[1],
            vit_pos_covers_name(c->pos_covers));
    if (c->pos_resize != VIT_POS_RESIZE_NONE)
        fprintf(out, ", resized %s", vit_pos_resize_name(c->pos_resize));
    putc('\n', out);
}

static void write_head(FILE *out, const struct vit_config *c, bool has_text)
{
    fprintf(out, "  pooling        %s, final norm %s\n", vit_pool_name(c->pool), vit_norm_place_name(c->norm_place));
    vit_about_embedding(out, c);
    if (c->classes)
        fprintf(out, "  head           %d classes%s\n", c->classes, c->sigmoid ? ", each scored by itself" : "");
    else
        fputs("  head           none: features only\n", out);
    if (has_text)
        fputs("  text tower     there is one: --classes \"a cat,a dog\" names classes in words\n", out);
}

/* Sum of elements and bytes, and the types that occur; and what they take when they are computed with. */
static void write_parameters(FILE *out, const struct vit_model *model)
{
    int64_t count = 0, bytes = 0;
    unsigned seen = 0;
    for (int i = 0; i < vit_model_n_tensors(model); i++) {
        const struct vit_tensor *tensor = vit_model_tensor(model, i);
        int64_t n = vit_tensor_count(tensor);
        count += n;
        bytes += n * (int64_t)vit_dtype_size(tensor->dtype);
        seen |= 1u << tensor->dtype;
    }
    fputs("  parameters     ", out);
    vit_text_thousands(out, count);
    fprintf(out, " in %d tensors,", vit_model_n_tensors(model));
    for (unsigned type = 0; seen >> type; type++) {
        if (seen >> type & 1)
            fprintf(out, " %s", vit_dtype_name((enum vit_dtype)type));
    }
    fprintf(out, ", %.1f MB\n", 1e-6 * (double)bytes);
    fputs("  in memory      ", out);
    for (int precision = 0; precision < VIT_PRECISION_AUTO; precision++) {
        int size = vit_precision_bytes((enum vit_precision)precision);
        if (size > 0)
            fprintf(out, "%s%s %.1f MB", precision == 0 ? "" : ", ", vit_precision_name((enum vit_precision)precision),
                    1e-6 * (double)(count * size));
    }
    fputs(" on this CPU\n", out);
}

static void write_preprocessing(FILE *out, const struct vit_preprocess *p)
{
    static const char *const how[] = {
        [VIT_RESIZE_SHORTEST] = "the shorter side to %d, %s\n",
        [VIT_RESIZE_SQUASH] = "both sides to %d, %s\n",
        [VIT_RESIZE_BORDER] = "the longer side to %d, %s; the rest in the mean colour\n",
    };
    fputs("preprocessing\n  resize         ", out);
    fprintf(out, how[p->resize], p->resize_to, vit_filter_name(p->filter));
    fprintf(out, "  crop           the centre, %d x %d, odd surplus %s\n", p->crop_to, p->crop_to,
            vit_crop_round_name(p->crop_round));
    fprintf(out, "  normalise      x / 255, minus %g %g %g, by %g %g %g\n", p->mean[0], p->mean[1], p->mean[2],
            p->std[0], p->std[1], p->std[2]);
}

static void write_labels(FILE *out, const struct vit_model *model)
{
    int classes = vit_model_config(model)->classes;
    for (int i = 0; i < classes && i < FIRST_LABELS; i++) {
        fprintf(out, "%s %5d  ", i ? "        " : "labels  ", i);
        vit_text_plain(out, vit_model_label(model, i));
        putc('\n', out);
    }
    if (classes > FIRST_LABELS)
        fprintf(out, "%14s (%d in all)\n", "...", classes);
}

static void write_tensors(FILE *out, const struct vit_model *model)
{
    fputs("tensors\n", out);
    for (int i = 0; i < vit_model_n_tensors(model); i++) {
        const struct vit_tensor *tensor = vit_model_tensor(model, i);
        fprintf(out, "  %-4s  ", vit_dtype_name(tensor->dtype));
        vit_text_plain(out, tensor->name);
        fputs("  [", out);
        for (int d = 0; d < tensor->n_dims; d++)
            fprintf(out, "%s%" PRId64, d ? ", " : "", tensor->shape[d]);
        fputs("]\n", out);
    }
}

/* People make models of other patches and pictures than an architecture's name says, the shipped one among them. */
static void write_architecture(FILE *out, const struct vit_config *c)
{
    struct vit_config named;
    fputs("\narchitecture     ", out);
    vit_text_plain(out, c->arch);
    putc('\n', out);
    if (vit_arch_find(&named, c->arch) && (named.patch != c->patch || named.image_size != c->image_size))
        fprintf(out, "%17sbut %d x %d pixels in patches of %d x %d\n", "", c->image_size, c->image_size, c->patch,
                c->patch);
}

static void write_text(FILE *out, const char *path, const struct vit_model *model, bool tensors)
{
    const struct vit_config *c = vit_model_config(model);
    vit_text_plain(out, path);
    write_architecture(out, c);
    write_tokens(out, c);
    write_encoder(out, c);
    write_head(out, c, vit_model_has_text(model));
    write_parameters(out, model);
    write_preprocessing(out, vit_model_preprocess(model));
    write_labels(out, model);
    fputs("source           ", out);
    vit_text_plain(out, vit_model_source(model));
    putc('\n', out);
    if (tensors)
        write_tensors(out, model);
}

/* ---- As JSON ---- */

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

static void write_json_config(FILE *out, const struct vit_config *c)
{
    fputs("{\"arch\":", out);
    vit_text_json(out, c->arch);
    fprintf(out, ",\"width\":%d,\"depth\":%d,\"heads\":%d,\"mlp\":%d,\"patch\":%d,\"image_size\":%d,\"classes\":%d",
            c->width, c->depth, c->heads, c->mlp, c->patch, c->image_size, c->classes);
    fprintf(out, ",\"eps\":%.9g,\"act\":\"%s\",\"swiglu\":%s,\"qkv_bias\":%s,\"layer_scale\":%s", c->eps,
            vit_act_name(c->act), boolean(c->swiglu), boolean(c->qkv_bias), boolean(c->layer_scale));
    fprintf(out, ",\"pre_norm\":%s,\"qk_norm\":%s,\"cls\":%s,\"dist\":%s,\"n_reg\":%d", boolean(c->pre_norm),
            boolean(c->qk_norm), boolean(c->cls), boolean(c->dist), c->n_reg);
    fprintf(out, ",\"pool\":\"%s\",\"norm_place\":\"%s\",\"pos_covers\":\"%s\"", vit_pool_name(c->pool),
            vit_norm_place_name(c->norm_place), vit_pos_covers_name(c->pos_covers));
    fprintf(out, ",\"pos_grid\":[%d,%d],\"pos_resize\":\"%s\"", c->pos_grid[0], c->pos_grid[1],
            vit_pos_resize_name(c->pos_resize));
    fprintf(out, ",\"embedding\":%d,\"normalize\":%s,\"sigmoid\":%s}", c->embedding, boolean(c->normalize),
            boolean(c->sigmoid));
}

static void write_json_preprocess(FILE *out, const struct vit_preprocess *p)
{
    fprintf(out, "{\"size\":%d,\"resize\":\"%s\",\"resize_to\":%d,\"crop_to\":%d", p->size,
            vit_resize_mode_name(p->resize), p->resize_to, p->crop_to);
    fprintf(out, ",\"crop_round\":\"%s\",\"filter\":\"%s\"", vit_crop_round_name(p->crop_round),
            vit_filter_name(p->filter));
    fprintf(out, ",\"mean\":[%.9g,%.9g,%.9g],\"std\":[%.9g,%.9g,%.9g]}", p->mean[0], p->mean[1], p->mean[2], p->std[0],
            p->std[1], p->std[2]);
}

static void write_json_labels(FILE *out, const struct vit_model *model)
{
    int classes = vit_model_config(model)->classes;
    for (int i = 0; i < classes; i++) {
        fputs(i ? ",{\"id\":" : "[{\"id\":", out);
        vit_text_json(out, vit_model_label_id(model, i));
        fputs(",\"name\":", out);
        vit_text_json(out, vit_model_label(model, i));
        putc('}', out);
    }
    fputs(classes ? "]" : "[]", out);
}

static int64_t write_json_tensors(FILE *out, const struct vit_model *model, bool list)
{
    int64_t count = 0;
    fputs(list ? ",\n\"tensors\":[" : "", out);
    for (int i = 0; i < vit_model_n_tensors(model); i++) {
        const struct vit_tensor *tensor = vit_model_tensor(model, i);
        count += vit_tensor_count(tensor);
        if (!list)
            continue;
        fputs(i ? ",\n {\"name\":" : "\n {\"name\":", out);
        vit_text_json(out, tensor->name);
        fprintf(out, ",\"dtype\":\"%s\",\"shape\":[", vit_dtype_name(tensor->dtype));
        for (int d = 0; d < tensor->n_dims; d++)
            fprintf(out, "%s%" PRId64, d ? "," : "", tensor->shape[d]);
        fputs("]}", out);
    }
    fputs(list ? "]" : "", out);
    return count;
}

static void write_json(FILE *out, const char *path, const struct vit_model *model, bool tensors)
{
    fputs("{\"model\":", out);
    vit_text_json(out, path);
    fputs(",\n\"config\":", out);
    write_json_config(out, vit_model_config(model));
    fputs(",\n\"preprocess\":", out);
    write_json_preprocess(out, vit_model_preprocess(model));
    fprintf(out, ",\n\"text_tower\":%s", boolean(vit_model_has_text(model)));
    fputs(",\n\"labels\":", out);
    write_json_labels(out, model);
    fprintf(out, ",\n\"source\":%s", vit_model_source(model)); /* JSON already */
    int64_t count = write_json_tensors(out, model, tensors);
    fprintf(out, ",\n\"parameters\":%" PRId64 ",\n\"bytes_of_a_weight\":{", count);
    for (int precision = 0; precision < VIT_PRECISION_AUTO; precision++)
        fprintf(out, "%s\"%s\":%d", precision == 0 ? "" : ",", vit_precision_name((enum vit_precision)precision),
                vit_precision_bytes((enum vit_precision)precision));
    fputs("}}\n", out);
}

/* ---- The command ---- */

static vit_status info(const struct vit_options *options, char **path, struct vit_model **model,
                       struct vit_output *output, struct vit_error *err)
{
    if (options->n_args > 1 || (options->n_args == 1 && options->model))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "name one model, not several");
    VIT_TRY(vit_opening_named(model, path, options->n_args ? options->args[0] : options->model, options, err));
    VIT_TRY(vit_output_open(output, options->output, err));
    if (options->format == VIT_FORMAT_JSON)
        write_json(output->text, *path, *model, options->tensors);
    else
        write_text(output->text, *path, *model, options->tensors);
    VIT_TRY(vit_output_flush(output, err));
    return vit_output_close(output, err);
}

int vit_command_info(const struct vit_options *options)
{
    char *path = NULL;
    struct vit_model *model = NULL;
    struct vit_output output = { .fd = -1 };
    struct vit_error err;
    vit_status status = info(options, &path, &model, &output, &err);
    if (status != VIT_OK)
        vit_say("%s", err.message);
    vit_output_close(&output, NULL);
    vit_model_free(model);
    free(path);
    return status == VIT_OK ? VIT_EXIT_DONE : VIT_EXIT_FATAL;
}
