#include "tests/vit_b16.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "weights/containers/source.h"

#define GOLDEN "tests/goldens/vit_b16/"

enum { MAX_TENSORS = 200, NAME = 64, LINE = 200 };

struct noise {
    double shift, scale;
};

/* As noise() of make_vit_b16.py. */
static float noise_at(const struct noise *noise, uint32_t seed, uint32_t i)
{
    uint32_t x = i + seed * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    x ^= x >> 16;
    return (float)(noise->shift + noise->scale * ((double)(x >> 8) / 8388608 - 1));
}

struct content {
    const struct vit_tensor *tensors;
    const struct noise *noises;
};

static vit_status fill(void *context, int i, void *dst, struct vit_error *err)
{
    (void)err;
    const struct content *content = context;
    float *values = dst;
    int64_t n = vit_tensor_count(&content->tensors[i]);
    for (int64_t k = 0; k < n; k++)
        values[k] = noise_at(&content->noises[i], (uint32_t)i, (uint32_t)k);
    return VIT_OK;
}

/* A line of tensors.tsv: name, [sizes], shift, scale. */
static void parse(char *line, struct vit_tensor *tensor, struct noise *noise)
{
    char *save, *name = strtok_r(line, "\t", &save), *shape = strtok_r(NULL, "\t", &save);
    char *shift = strtok_r(NULL, "\t", &save), *scale = strtok_r(NULL, "\n", &save);
    cr_assert(name && shape && shift && scale);
    *tensor = (struct vit_tensor){.name = strdup(name), .dtype = VIT_F32};
    for (char *at = shape; *at != ']';)
        tensor->shape[tensor->n_dims++] = strtoll(at + 1, &at, 10);
    *noise = (struct noise){strtod(shift, NULL), strtod(scale, NULL)};
}

void vit_b16_write(const char *folder)
{
    struct vit_tensor tensors[MAX_TENSORS];
    struct noise noises[MAX_TENSORS];
    char line[LINE], path[PATH_MAX];
    int n = 0;
    FILE *list = fopen(GOLDEN "tensors.tsv", "r");
    cr_assert_not_null(list);
    while (fgets(line, sizeof line, list)) {
        cr_assert_lt(n, MAX_TENSORS);
        parse(line, &tensors[n], &noises[n]);
        n++;
    }
    fclose(list);

    struct vit_error err;
    struct content content = {tensors, noises};
    free(folder_copy(folder, "config.json", GOLDEN "config.json", -1));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    const struct vit_metadata format = {.key = "format", .value = "pt"};
    const struct vit_safetensors_content file = {
        .n_tensors = n, .tensors = tensors, .n_metadata = 1, .metadata = &format, .read = fill, .context = &content};
    cr_assert_eq(vit_safetensors_write(path, false, &file, &err), VIT_OK, "%s", err.message);
    for (int i = 0; i < n; i++)
        free(tensors[i].name);
}
