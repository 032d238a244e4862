/* head.c: a classifier that lies in memory, for a model that has none: the classes of a CLIP model, given in words. */
#include <stdlib.h>
#include <string.h>

#include "weights/containers/container.h"
#include "weights/families/recipe.h"
#include "weights/json/json.h"
#include "weights/weights.h"

/* ---- A source of two tensors ---- */

struct memory {
    float *data[2]; /* by tensor: weight, bias */
};

static vit_status read_memory(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    (void)err;
    const struct memory *memory = source->priv;
    memcpy(dst, memory->data[i], (size_t)vit_tensor_count(&source->tensors[i]) * sizeof(float));
    return VIT_OK;
}

static void close_memory(struct vit_source *source)
{
    struct memory *memory = source->priv;
    free(memory->data[0]);
    free(memory->data[1]);
}

static const struct vit_container container = {.name = "memory", .read = read_memory, .close = close_memory};

/* Takes weight (K, width) and bias (K) over, also when it fails. */
static vit_status open_memory(struct vit_source **out, float *weight, float *bias, int K, int width,
                              struct vit_error *err)
{
    struct vit_source *source = *out = calloc(1, sizeof *source);
    struct memory *memory = calloc(1, sizeof *memory);
    if (!source || !memory) {
        free(weight), free(bias), free(memory);
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a head of %d classes", K);
    }
    *memory = (struct memory){{weight, bias}};
    source->container = &container;
    source->file.fd = -1;
    source->priv = memory;
    VIT_TRY(vit_source_add(source, "head.weight", VIT_F32, 2, (int64_t[]){K, width}, err));
    return vit_source_add(source, "head.bias", VIT_F32, 1, (int64_t[]){K}, err);
}

/* ---- The model with it ---- */

/* The layout of the configuration with its classes, whose last tensors are the head's. */
static vit_status grow_layout(struct vit_weights *weights, struct vit_error *err)
{
    struct vit_layout grown;
    int n = weights->layout.n_tensors;
    VIT_TRY(vit_layout_build(&grown, &weights->config, err));
    struct vit_recipe *recipes = realloc(weights->recipes, (size_t)grown.n_tensors * sizeof *recipes);
    if (!recipes) {
        vit_layout_free(&grown);
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    weights->recipes = recipes;
    for (int i = 0; i < n; i++)
        grown.tensors[i].dtype = weights->layout.tensors[i].dtype;
    for (int i = n; i < grown.n_tensors; i++)
        recipes[i] = (struct vit_recipe){.source = weights->head, .n_parts = 1, .parts = {i - n}, .slice = -1};
    vit_layout_free(&weights->layout);
    weights->layout = grown;
    return VIT_OK;
}

static vit_status add_origin(struct vit_weights *weights, const json_t *words, struct vit_error *err)
{
    json_t *origin = NULL;
    VIT_TRY(vit_json_parse(&origin, weights->origin, strlen(weights->origin), err));
    json_t *copy = json_deep_copy(words);
    char *text = copy && json_object_set_new(origin, "words", copy) == 0 ? json_dumps(origin, JSON_COMPACT) : NULL;
    json_decref(origin);
    if (!text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for what the model was made from");
    free(weights->origin);
    weights->origin = text;
    return VIT_OK;
}

static vit_status check(const struct vit_config *c, int K, struct vit_error *err)
{
    if (c->classes > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "the model has a classifier of %d classes", c->classes);
    if (c->pool == VIT_POOL_CLS_DIST_MEAN)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "a model of two heads takes no classes in words");
    if (K < 1)
        return vit_fail(err, VIT_ERR_DECODE, "no classes");
    return VIT_OK;
}

vit_status vit_weights_set_head(struct vit_weights *weights, struct vit_labels *labels, float *weight, float *bias,
                                const json_t *words, struct vit_error *err)
{
    struct vit_config *c = &weights->config;
    vit_status status = check(c, labels->n, err);
    if (status != VIT_OK) {
        free(weight), free(bias);
        vit_labels_free(labels);
        return status;
    }
    vit_labels_free(&weights->labels);
    weights->labels = *labels;
    *labels = (struct vit_labels){0};
    c->classes = weights->labels.n;
    vit_report_set(&weights->report, "head", "the names of classes", "%d classes", c->classes);
    VIT_TRY(open_memory(&weights->head, weight, bias, c->classes, vit_config_head_width(c), err));
    VIT_TRY(grow_layout(weights, err));
    return add_origin(weights, words, err);
}
