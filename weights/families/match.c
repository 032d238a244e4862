/* match.c: recipes for all canonical tensors; what is missing, what is surplus. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/canonical/layout.h"
#include "weights/families/family.h"

/* A line of names with something said of each; what does not fit is counted. */
struct list {
    char text[640];
    size_t used;
    int n, n_left_out;
};

static void add_line(struct list *list, const char *line)
{
    size_t room = sizeof list->text - list->used;
    list->n++;
    if (list->n_left_out || strlen(line) + 3 > room) {
        list->n_left_out++;
        return;
    }
    list->used += (size_t)snprintf(list->text + list->used, room, "%s%s", list->used ? "; " : "", line);
}

static vit_status refuse(const struct list *list, const char *what, vit_status status, struct vit_error *err)
{
    if (list->n_left_out)
        return vit_fail(err, status, "%d tensors %s: %s; and %d more", list->n, what, list->text, list->n_left_out);
    if (list->n > 1)
        return vit_fail(err, status, "%d tensors %s: %s", list->n, what, list->text);
    return vit_fail(err, status, "%s", list->text);
}

static bool is_head(const char *name)
{
    return strcmp(name, "head.weight") == 0 || strcmp(name, "head.bias") == 0;
}

static const struct vit_rule same_name[] = {{.change = VIT_SAME_NAME}, {0}};

static const struct vit_rule head_rules[] = {
    {.to = "head.*", .from = {"*"}},
    {.to = "head.*", .from = {"head.*"}},
    {.to = "head.*", .from = {"linear.*"}},
    {.to = "head.*", .from = {"classifier.*"}},
    {.to = "head.*", .from = {"fc.*"}},
    {0},
};

static vit_status find_recipes(struct vit_weights *weights, const struct vit_family *family,
                               const struct vit_checkpoint *cp, const struct vit_checkpoint *head,
                               struct vit_error *err)
{
    struct list list = {.used = 0};
    struct vit_error why;
    vit_status status = VIT_OK;
    const struct vit_rule *rules = family ? family->rules : same_name;
    for (int i = 0; i < weights->layout.n_tensors; i++) {
        struct vit_tensor *tensor = &weights->layout.tensors[i];
        bool separate = weights->head && is_head(tensor->name);
        vit_status one = vit_recipe_find(&weights->recipes[i], tensor, separate ? head_rules : rules,
                                         separate ? head : cp, &weights->config, &why);
        if (one == VIT_OK)
            continue;
        add_line(&list, why.message);
        if (status == VIT_OK)
            status = one;
    }
    return status == VIT_OK ? VIT_OK : refuse(&list, "do not fit", status, err);
}

bool vit_name_fits(const char *const *patterns, const char *name)
{
    for (; patterns && *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

/* Whether it is a tensor of the other tower. */
static bool is_elsewhere(const struct vit_family *family, const char *name)
{
    if (!family || !(family->names || family->text))
        return false;
    return family->names ? !vit_name_fits(family->names, name) : vit_name_fits(family->text->names, name);
}

static bool is_ignored(const struct vit_weights *weights, const struct vit_family *family, const char *name)
{
    if (family && vit_name_fits(family->ignored, name))
        return true;
    for (int i = 1; weights->head && head_rules[i].to; i++) /* the classifier that another takes the place of */
        if (fnmatch(head_rules[i].from[0], name, 0) == 0)
            return true;
    return false;
}

static vit_status check_surplus(struct vit_weights *weights, const struct vit_family *family,
                                const struct vit_checkpoint *cp, struct vit_error *err)
{
    struct list list = {.used = 0};
    int n = vit_source_n_tensors(cp->source);
    bool *used = calloc((size_t)n + 1, sizeof *used);
    if (!used)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    for (int i = 0; i < weights->layout.n_tensors; i++)
        for (int part = 0; part < weights->recipes[i].n_parts; part++)
            if (weights->recipes[i].source == cp->source)
                used[weights->recipes[i].parts[part]] = true;
    for (int i = 0; i < n; i++) {
        const struct vit_tensor *tensor = vit_source_tensor(cp->source, i);
        char line[320], found[128];
        bool elsewhere = is_elsewhere(family, cp->names[i]);
        if (used[i] || (elsewhere && (family->names || (weights->text && weights->text->weights))))
            continue;
        if (elsewhere || is_ignored(weights, family, cp->names[i])) {
            vit_report_ignore(&weights->report, tensor->name);
            continue;
        }
        snprintf(line, sizeof line, "%.160s: shape %s, a tensor that this model has no use for (expected none)",
                 tensor->name, vit_shape_text(found, sizeof found, tensor->n_dims, tensor->shape));
        add_line(&list, line);
    }
    for (int i = 0; i < vit_source_n_skipped(cp->source); i++)
        vit_report_ignore(&weights->report, vit_source_skipped(cp->source, i));
    free(used);
    return list.n ? refuse(&list, "are surplus", VIT_ERR_DECODE, err) : VIT_OK;
}

static vit_status match_parts(struct vit_weights *weights, const struct vit_family *family,
                              const struct vit_checkpoint *cp, const struct vit_checkpoint *head, struct vit_error *err)
{
    VIT_TRY(vit_layout_build(&weights->layout, &weights->config, err));
    weights->recipes = calloc((size_t)weights->layout.n_tensors, sizeof *weights->recipes);
    if (!weights->recipes)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    VIT_TRY(find_recipes(weights, family, cp, head, err));
    VIT_TRY(check_surplus(weights, family, cp, err));
    return weights->head ? check_surplus(weights, NULL, head, err) : VIT_OK;
}

vit_status vit_match(struct vit_weights *weights, const struct vit_family *family, const struct vit_checkpoint *cp,
                     struct vit_error *err)
{
    struct vit_checkpoint head = {0};
    vit_status status = VIT_OK;
    if (weights->head)
        status = vit_checkpoint_open(&head, weights->head, NULL, cp->options, err);
    if (status == VIT_OK)
        status = match_parts(weights, family, cp, &head, err);
    vit_checkpoint_close(&head);
    return status;
}

/* ---- A separate classifier ---- */

/* K and the inputs of the matrix in it. */
static vit_status read_head(struct vit_weights *weights, int *classes, int *inputs, struct vit_error *err)
{
    static const struct vit_model_options nothing;
    struct vit_checkpoint head = {0};
    vit_status status = vit_checkpoint_open(&head, weights->head, NULL, &nothing, err);
    *classes = *inputs = 0;
    for (int i = 0; status == VIT_OK && head_rules[i].to && *classes == 0; i++) {
        const char *pattern = head_rules[i].from[0];
        char name[32];
        snprintf(name, sizeof name, "%.*sweight", (int)strcspn(pattern, "*"), pattern);
        *classes = vit_checkpoint_dim(&head, name, 0);
        *inputs = vit_checkpoint_dim(&head, name, 1);
    }
    vit_checkpoint_close(&head);
    if (status == VIT_OK && (*classes == 0 || *inputs == 0))
        return vit_fail(err, VIT_ERR_DECODE, "no classifier: expected the tensors weight [K, D] and bias [K]");
    return status;
}

static vit_status fit_head(struct vit_weights *weights, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    int inputs, D = c->width;
    VIT_TRY(read_head(weights, &c->classes, &inputs, err));
    if (inputs == 2 * D && c->cls)
        c->pool = VIT_POOL_CONCAT;
    else if (inputs == 5 * D)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a classifier of the last 4 layers (%d inputs, the model is %d wide): "
                        "take the one of 1 layer", inputs, D);
    else if (inputs != D)
        return vit_fail(err, VIT_ERR_DECODE, "a classifier of %d inputs for a model %d wide: expected %d, or %d for the "
                        "class token beside the mean", inputs, D, D, 2 * D);
    else if (c->pool == VIT_POOL_CONCAT || c->pool == VIT_POOL_CLS_DIST_MEAN)
        c->pool = VIT_POOL_TOKEN;
    c->embedding = 0;
    c->normalize = c->sigmoid = false;
    vit_report_set(&weights->report, "head", "--head", "%d classes, pool %s", c->classes, vit_pool_name(c->pool));
    return VIT_OK;
}

vit_status vit_head_open(struct vit_weights *weights, const char *path, struct vit_error *err)
{
    vit_status status = vit_source_open(&weights->head, path, err);
    if (status != VIT_OK)
        return vit_context(err, status, "head");
    status = fit_head(weights, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "head %s", path);
}
