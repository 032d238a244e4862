/* random.c: a model without a file: the tensors of an architecture with random numbers of a sensible size, made when
 * they are read. The same name of a tensor gives the same numbers on every machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/canonical/canonical.h"
#include "weights/containers/container.h"
#include "weights/families/recipe.h"
#include "weights/weights.h"

/* ---- Numbers ---- */

/* FNV-1a. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

/* The next of a stream of well mixed 64-bit numbers (splitmix64). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* What a tensor's numbers spread around, and how far: matrices so that their output varies as much as their input, the
 * rest as in a trained model. */
static void choose_range(const struct vit_tensor *tensor, float *middle, float *reach)
{
    bool matrix = ends_with(tensor->name, ".weight") && tensor->n_dims > 1;
    bool gain = ends_with(tensor->name, ".weight") && tensor->n_dims == 1;
    int64_t inputs = matrix ? vit_tensor_count(tensor) / tensor->shape[0] : 1;
    *middle = gain ? 1.0f : ends_with(tensor->name, ".gamma") ? 0.1f : 0.0f;
    *reach = matrix ? (float)sqrt(3.0 / (double)inputs) : 0.03f;
}

static vit_status read_random(const struct vit_source *source, int i, void *dst, struct vit_error *err)
{
    (void)err;
    const struct vit_tensor *tensor = &source->tensors[i];
    float *data = dst, middle, reach;
    choose_range(tensor, &middle, &reach);
    uint64_t state = hash_name(tensor->name);
    int64_t n = vit_tensor_count(tensor);
    for (int64_t at = 0; at < n; at++) {
        float unit = (float)(int64_t)(next(&state) >> 40) / (float)(1 << 23) - 1; /* -1 .. 1 */
        data[at] = middle + reach * unit;
    }
    return VIT_OK;
}

/* ---- The model ---- */

static const struct vit_container container = {.name = "random", .read = read_random};

/* As timm evaluates the models of these architectures. */
static struct vit_preprocess usual_preprocess(int size)
{
    return (struct vit_preprocess){
        .size = size, .resize = VIT_RESIZE_SHORTEST, .resize_to = (int)floor(size / 0.9), .crop_to = size,
        .filter = VIT_FILTER_BICUBIC, .mean = {0.5, 0.5, 0.5}, .std = {0.5, 0.5, 0.5}};
}

static vit_status fill(struct vit_weights *weights, const struct vit_config *config, struct vit_error *err)
{
    weights->config = *config;
    weights->preprocess = usual_preprocess(weights->config.image_size);
    VIT_TRY(vit_canonical_check(&weights->config, &weights->preprocess, err));
    VIT_TRY(vit_layout_build(&weights->layout, &weights->config, err));
    weights->origin = strdup("{\"family\":\"random\"}");
    weights->recipes = calloc((size_t)weights->layout.n_tensors, sizeof *weights->recipes);
    weights->source = calloc(1, sizeof *weights->source);
    if (!weights->origin || !weights->recipes || !weights->source)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    weights->source->container = &container;
    weights->source->file.fd = -1;
    for (int i = 0; i < weights->layout.n_tensors; i++) {
        const struct vit_tensor *tensor = &weights->layout.tensors[i];
        VIT_TRY(vit_source_add(weights->source, tensor->name, VIT_F32, tensor->n_dims, tensor->shape, err));
        weights->recipes[i] = (struct vit_recipe){.source = weights->source, .n_parts = 1, .parts = {i}, .slice = -1};
    }
    return VIT_OK;
}

vit_status vit_weights_random(struct vit_weights **weights, const struct vit_config *config, struct vit_error *err)
{
    *weights = calloc(1, sizeof **weights);
    if (!*weights)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    vit_status status = fill(*weights, config, err);
    if (status != VIT_OK) {
        vit_weights_close(*weights);
        *weights = NULL;
    }
    return status;
}
