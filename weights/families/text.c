/* text.c: the text tower beside an image tower. The image tower is of use without it: what stands in the way of the
 * text tower refuses that alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "weights/canonical/canonical.h"
#include "weights/families/family.h"

/* Whether tensors of a text tower are there; the scale and bias of logits are none. */
static bool is_there(const struct vit_family *text, const struct vit_checkpoint *cp)
{
    for (int i = 0; text && i < vit_source_n_tensors(cp->source); i++)
        if (vit_name_fits(text->names, cp->names[i]) && strncmp(cp->names[i], "logit_", 6) != 0)
            return true;
    return false;
}

/* Sets *value to the one number of a tensor. */
static vit_status read_number(double *value, const struct vit_checkpoint *cp, const char *name, struct vit_error *err)
{
    char raw[sizeof(double)], shape[128];
    float number;
    int i = vit_checkpoint_find(cp, name);
    if (i < 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s: missing, expected one number", name);
    const struct vit_tensor *t = vit_source_tensor(cp->source, i);
    if (vit_tensor_count(t) != 1 || !vit_dtype_is_float(t->dtype))
        return vit_fail(err, VIT_ERR_DECODE, "%s: shape %s of type %s, expected one number of a floating-point type",
                        name, vit_shape_text(shape, sizeof shape, t->n_dims, t->shape), vit_dtype_name(t->dtype));
    VIT_TRY(vit_source_read(cp->source, i, raw, err));
    vit_widen(&number, raw, t->dtype, 1);
    *value = number;
    return VIT_OK;
}

/* logit = exp(logit_scale) * cosine + logit_bias, which CLIP has not. */
static vit_status read_scale(struct vit_weights *weights, const struct vit_checkpoint *cp, struct vit_error *err)
{
    double scale = 0, bias = 0;
    VIT_TRY(read_number(&scale, cp, "logit_scale", err));
    if (vit_checkpoint_has(cp, "logit_bias"))
        VIT_TRY(read_number(&bias, cp, "logit_bias", err));
    if (!isfinite((float)exp(scale)) || !isfinite(bias))
        return vit_fail(err, VIT_ERR_DECODE, "logit_scale exp(%g) and logit_bias %g: not finite", scale, bias);
    weights->logit_scale = exp(scale);
    weights->logit_bias = bias;
    return VIT_OK;
}

static vit_status open_tower(struct vit_weights *weights, const struct vit_family *text,
                             const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct vit_weights *tower = weights->text->weights;
    struct vit_config *c = &tower->config;
    int pictures = vit_config_head_width(&weights->config);
    VIT_TRY(read_scale(weights, cp, err));
    VIT_TRY(text->shapes(tower, cp, err));
    VIT_TRY(text->usual(tower, cp, err));
    snprintf(c->arch, sizeof c->arch, "%s", text->name);
    c->pool = VIT_POOL_LAST;
    c->norm_place = VIT_NORM_BEFORE;
    c->normalize = true;
    VIT_TRY(vit_canonical_check_text(c, err));
    if (c->embedding != pictures)
        return vit_fail(err, VIT_ERR_DECODE, "texts are projected to %d numbers, pictures to %d", c->embedding,
                        pictures);
    VIT_TRY(vit_match(tower, text, cp, err));
    return vit_report_check(&tower->report, err);
}

/* The image tower's report tells of both. */
static void join_reports(struct vit_report *report, const struct vit_report *text)
{
    char name[64];
    for (int i = 0; i < text->n_settings; i++) {
        const struct vit_setting *s = &text->settings[i];
        snprintf(name, sizeof name, "text.%s", s->name);
        vit_report_set(report, name, s->source, "%s", s->value);
    }
    for (int i = 0; i < text->n_ignored; i++)
        if (strncmp(text->ignored[i], "logit_", 6) != 0) /* which are read */
            vit_report_ignore(report, text->ignored[i]);
}

static void close_tower(struct vit_weights *tower)
{
    if (!tower)
        return;
    vit_layout_free(&tower->layout);
    vit_report_free(&tower->report);
    free(tower->recipes);
    free(tower);
}

vit_status vit_text_open(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                         const char *folder, struct vit_error *err)
{
    if (!is_there(family->text, cp)) {
        read_scale(weights, cp, NULL); /* which embeddings made elsewhere need, too */
        return VIT_OK;
    }
    struct vit_text_tower *text = weights->text = calloc(1, sizeof *text);
    if (text) {
        text->cleaning = vit_open_clip_governs(cp) ? VIT_CLEANED_AS_OPEN_CLIP : VIT_CLEANED_AS_HF;
        text->folder = strdup(folder);
        text->weights = calloc(1, sizeof *text->weights);
    }
    if (!text || !text->folder || !text->weights)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = open_tower(weights, family->text, cp, &text->why);
    if (status == VIT_OK) {
        join_reports(&weights->report, &text->weights->report);
        return VIT_OK;
    }
    close_tower(text->weights);
    text->weights = NULL;
    vit_report_set(&weights->report, "text", "the checkpoint", "not usable: %s", text->why.message);
    return status == VIT_ERR_MEMORY ? vit_fail(err, status, "%s", text->why.message) : VIT_OK;
}

void vit_text_close(struct vit_text_tower *text)
{
    if (!text)
        return;
    close_tower(text->weights);
    free(text->folder);
    free(text);
}
