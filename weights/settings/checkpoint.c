/* checkpoint.c: names without wrappers, and the JSON files beside a checkpoint. */
#include "weights/settings/checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "weights/json/json.h"
#include "weights/json/settings.h"

/* Left by DistributedDataParallel, torch.compile, transformers' wrapper of timm, Lightning, and OpenCLIP around a tower
 * of timm's. */
static const char *const wrappers[] = {"module.",   "_orig_mod.",    "timm_model.", "model.",
                                       "backbone.", "visual.trunk.", NULL};

static vit_status sort_names(struct vit_checkpoint *cp, struct vit_error *err)
{
    int a, b;
    VIT_TRY(vit_index_sort(&cp->by_name, cp->names, sizeof *cp->names, vit_source_n_tensors(cp->source), err));
    if (vit_index_twice(&cp->by_name, &a, &b))
        return vit_fail(err, VIT_ERR_DECODE, "%s and %s are the same tensor, %s, once prefixes are taken off",
                        vit_source_tensor(cp->source, a)->name, vit_source_tensor(cp->source, b)->name, cp->names[a]);
    return VIT_OK;
}

static const char *strip(const char *name, const char *const *prefixes)
{
    for (int i = 0; prefixes[i];) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], n) == 0 && name[n]) {
            name += n;
            i = 0;
        } else {
            i++;
        }
    }
    return name;
}

vit_status vit_checkpoint_strip(struct vit_checkpoint *cp, const char *const *prefixes, struct vit_error *err)
{
    for (int i = 0; i < vit_source_n_tensors(cp->source); i++)
        cp->names[i] = strip(cp->names[i], prefixes);
    return sort_names(cp, err);
}

static vit_status load(json_t **object, const char *folder, const char *name, struct vit_error *err)
{
    VIT_TRY(vit_json_load_optional(object, folder, name, err));
    return !*object || json_is_object(*object) ? VIT_OK : vit_fail(err, VIT_ERR_DECODE, "%s: not a JSON object", name);
}

/* transformers 5 may keep the image processor within a larger file. */
static vit_status load_processor(json_t **processor, const char *folder, struct vit_error *err)
{
    VIT_TRY(load(processor, folder, "preprocessor_config.json", err));
    if (*processor)
        return VIT_OK;
    struct vit_settings whole = {.file = "processor_config.json"}, inner;
    json_t *object;
    vit_status status = load(&object, folder, whole.file, err);
    whole.object = object;
    if (status == VIT_OK)
        status = vit_settings_within(&inner, &whole, "image_processor", err);
    if (status == VIT_OK)
        *processor = json_incref((json_t *)inner.object);
    json_decref(object);
    return status;
}

vit_status vit_checkpoint_open(struct vit_checkpoint *cp, const struct vit_source *source, const char *folder,
                               const struct vit_model_options *options, struct vit_error *err)
{
    size_t n = (size_t)vit_source_n_tensors(source);
    *cp = (struct vit_checkpoint){.source = source, .options = options};
    cp->names = calloc(n + 1, sizeof *cp->names);
    if (!cp->names)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu names", n);
    for (size_t i = 0; i < n; i++)
        cp->names[i] = vit_source_tensor(source, (int)i)->name;
    cp->trunk = vit_checkpoint_search(cp, "visual.trunk");
    VIT_TRY(vit_checkpoint_strip(cp, wrappers, err));
    if (!folder)
        return VIT_OK;
    VIT_TRY(load(&cp->config, folder, "config.json", err));
    VIT_TRY(load(&cp->open_clip, folder, "open_clip_config.json", err));
    VIT_TRY(load_processor(&cp->processor, folder, err));
    struct vit_settings config = {.file = "config.json", .object = cp->config};
    VIT_TRY(vit_take_string(&config, "architecture", &cp->architecture, err));
    return vit_take_string(&config, "model_type", &cp->model_type, err);
}

void vit_checkpoint_close(struct vit_checkpoint *cp)
{
    free(cp->names);
    vit_index_free(&cp->by_name);
    json_decref(cp->config);
    json_decref(cp->processor);
    json_decref(cp->open_clip);
    *cp = (struct vit_checkpoint){0};
}

int vit_checkpoint_find(const struct vit_checkpoint *cp, const char *name)
{
    return vit_index_find(&cp->by_name, name);
}

bool vit_checkpoint_has(const struct vit_checkpoint *cp, const char *name)
{
    return vit_checkpoint_find(cp, name) >= 0;
}

const char *vit_checkpoint_search(const struct vit_checkpoint *cp, const char *part)
{
    size_t n = strlen(part);
    for (int i = 0; i < vit_source_n_tensors(cp->source); i++)
        for (const char *at = cp->names[i]; (at = strstr(at, part)); at++)
            if ((at == cp->names[i] || strchr("./", at[-1])) && strchr("./", at[n])) /* which finds the end, too */
                return cp->names[i];
    return NULL;
}

int vit_checkpoint_dim(const struct vit_checkpoint *cp, const char *name, int axis)
{
    int i = vit_checkpoint_find(cp, name);
    if (i < 0)
        return 0;
    const struct vit_tensor *t = vit_source_tensor(cp->source, i);
    if (axis < 0)
        axis += t->n_dims;
    int64_t size = axis >= 0 && axis < t->n_dims ? t->shape[axis] : 0;
    return size > 0 && size <= INT_MAX ? (int)size : 0;
}

int vit_checkpoint_count(const struct vit_checkpoint *cp, const char *format)
{
    const char *number = strstr(format, "%d");
    char name[256];
    int n = -1;
    do
        snprintf(name, sizeof name, "%.*s%d%s", (int)(number - format), format, ++n, number + 2);
    while (n < VIT_LIMIT_DEPTH && vit_checkpoint_has(cp, name));
    return n;
}
