/* fingerprint.c: a hash of all that a tower is made of. */
#include "weights/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/families/recipe.h"

/* Whole words, and what is left over, filled up with zeros. */
static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, (const char *)bytes + i, n - i < sizeof word ? n - i : sizeof word);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29; /* so that the high bits of a word tell in the low ones, too */
    }
    return h;
}

static vit_status hash_values(uint64_t *h, const struct vit_weights *weights, int i, struct vit_error *err)
{
    const struct vit_tensor *tensor = &weights->layout.tensors[i];
    size_t size = (size_t)vit_tensor_count(tensor) * vit_dtype_size(tensor->dtype);
    void *values = malloc(size + 1);
    if (!values)
        return vit_fail(err, VIT_ERR_MEMORY, "%s: out of memory for %zu bytes", tensor->name, size);
    vit_status status = vit_recipe_read(&weights->recipes[i], tensor, values, err);
    if (status == VIT_OK)
        *h = hash(*h, values, size);
    free(values);
    return status;
}

vit_status vit_fingerprint(char text[VIT_FINGERPRINT], const struct vit_weights *weights, struct vit_error *err)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < weights->layout.n_tensors; i++) {
        const struct vit_tensor *tensor = &weights->layout.tensors[i];
        h = hash(h, tensor->name, strlen(tensor->name));
        h = hash(h, tensor->shape, (size_t)tensor->n_dims * sizeof *tensor->shape);
        if (strcmp(tensor->name, "token_embed.weight") != 0)
            VIT_TRY(hash_values(&h, weights, i, err));
    }
    snprintf(text, VIT_FINGERPRINT, "%016" PRIx64, h);
    return VIT_OK;
}
