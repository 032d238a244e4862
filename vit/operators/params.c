/* params.c: the table of loaded and packed parameters. */
#include "vit/operators/params.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct entry {
    int tensor;
    char key[VIT_PACKING_KEY_MAX];
    const void *data; /* in a chunk */
};

/* Parameters lie in large chunks, which the kernel is asked to back with huge pages: hundreds of megabytes that come in
 * pages of 4 KB cost more time than reading them. What is not written to yet takes no memory. */
struct chunk {
    struct chunk *next;
    char *data;
    size_t used, size;
};

static const size_t chunk_size = (size_t)64 << 20, huge_page = (size_t)2 << 20;

struct vit_params {
    struct vit_param_reader reader;
    pthread_mutex_t lock; /* guards all below */
    struct chunk *chunks; /* the one that is being filled first */
    int n_entries, capacity;
    struct entry *entries;
    float *plain; /* one matrix on its way from the reader into its packed form */
    size_t plain_size;
};

vit_status vit_params_create(struct vit_params **params, struct vit_param_reader reader, struct vit_error *err)
{
    *params = calloc(1, sizeof **params);
    if (!*params)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    (*params)->reader = reader;
    pthread_mutex_init(&(*params)->lock, NULL);
    return VIT_OK;
}

void vit_params_free(struct vit_params *params)
{
    if (!params)
        return;
    while (params->chunks) {
        struct chunk *next = params->chunks->next;
        free(params->chunks->data);
        free(params->chunks);
        params->chunks = next;
    }
    free(params->entries);
    free(params->plain);
    pthread_mutex_destroy(&params->lock);
    free(params);
}

static const void *find(const struct vit_params *params, int tensor, const char *key)
{
    for (int i = 0; i < params->n_entries; i++)
        if (params->entries[i].tensor == tensor && strcmp(params->entries[i].key, key) == 0)
            return params->entries[i].data;
    return NULL;
}

static vit_status keep(struct vit_params *params, int tensor, const char *key, const void *data, struct vit_error *err)
{
    if (params->n_entries == params->capacity) {
        int capacity = params->capacity ? 2 * params->capacity : 256;
        struct entry *grown = realloc(params->entries, (size_t)capacity * sizeof *grown);
        if (!grown)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for the table of parameters");
        params->entries = grown;
        params->capacity = capacity;
    }
    struct entry *entry = &params->entries[params->n_entries++];
    entry->tensor = tensor;
    entry->data = data;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    return VIT_OK;
}

static bool add_chunk(struct vit_params *params, size_t size)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return false;
    chunk->size = size + huge_page - 1;
    chunk->size -= chunk->size % huge_page;
    chunk->data = aligned_alloc(huge_page, chunk->size);
    if (!chunk->data) {
        free(chunk);
        return false;
    }
    madvise(chunk->data, chunk->size, MADV_HUGEPAGE);
    chunk->next = params->chunks;
    params->chunks = chunk;
    return true;
}

/* 64-byte aligned. What a failure later on leaves unused is freed with the rest. */
static void *allocate(struct vit_params *params, size_t size, struct vit_error *err)
{
    size = (size + 63) / 64 * 64;
    if ((!params->chunks || params->chunks->size - params->chunks->used < size) &&
        !add_chunk(params, size > chunk_size ? size : chunk_size) && !add_chunk(params, size)) {
        vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes of weights", size);
        return NULL;
    }
    void *data = params->chunks->data + params->chunks->used;
    params->chunks->used += size;
    return data;
}

/* A layout of the part of the tensors that linear is. */
static void spell_part(char key[VIT_PACKING_KEY_MAX], const char *layout, const struct vit_linear *linear)
{
    snprintf(key, VIT_PACKING_KEY_MAX, "%.200s rows %d+%d", layout, linear->first, linear->out);
}

/* The functions below hold the lock. */

static vit_status load_vector(struct vit_params *params, int tensor, const float **data, struct vit_error *err)
{
    *data = find(params, tensor, "f32");
    if (*data)
        return VIT_OK;
    float *fresh = allocate(params, (size_t)params->reader.count(params->reader.context, tensor) * sizeof *fresh, err);
    if (!fresh)
        return VIT_ERR_MEMORY;
    VIT_TRY(params->reader.read(params->reader.context, tensor, fresh, err));
    *data = fresh;
    return keep(params, tensor, "f32", fresh, err);
}

static vit_status load_bias(struct vit_params *params, const struct vit_linear *linear, const float **data,
                            struct vit_error *err)
{
    const float *bias, *gamma;
    VIT_TRY(load_vector(params, linear->bias, &bias, err));
    *data = bias + linear->first;
    if (linear->gamma < 0)
        return VIT_OK;
    VIT_TRY(load_vector(params, linear->gamma, &gamma, err));
    char key[VIT_PACKING_KEY_MAX];
    spell_part(key, "f32 scaled", linear);
    *data = find(params, linear->bias, key);
    if (*data)
        return VIT_OK;
    float *scaled = allocate(params, (size_t)linear->out * sizeof *scaled, err);
    if (!scaled)
        return VIT_ERR_MEMORY;
    for (int o = 0; o < linear->out; o++)
        scaled[o] = bias[linear->first + o] * gamma[linear->first + o];
    *data = scaled;
    return keep(params, linear->bias, key, scaled, err);
}

/* Brings the whole matrix that linear is part of into params->plain. */
static vit_status read_plain(struct vit_params *params, const struct vit_linear *linear, struct vit_error *err)
{
    size_t size = (size_t)params->reader.count(params->reader.context, linear->weight) * sizeof *params->plain;
    if (params->plain_size < size) {
        free(params->plain);
        params->plain = aligned_alloc(64, (size + 63) / 64 * 64);
        params->plain_size = params->plain ? size : 0;
        if (!params->plain)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a matrix of %zu bytes", size);
    }
    return params->reader.read(params->reader.context, linear->weight, params->plain, err);
}

/* The plain matrix (out, in) of linear, gamma applied; it lies in params->plain. */
static vit_status load_plain(struct vit_params *params, const struct vit_linear *linear, const float **data,
                             struct vit_error *err)
{
    VIT_TRY(read_plain(params, linear, err));
    float *matrix = params->plain + (size_t)linear->first * (size_t)linear->in;
    *data = matrix;
    if (linear->gamma < 0)
        return VIT_OK;
    const float *gamma;
    VIT_TRY(load_vector(params, linear->gamma, &gamma, err));
    for (int o = 0; o < linear->out; o++)
        for (int i = 0; i < linear->in; i++)
            matrix[(size_t)o * (size_t)linear->in + (size_t)i] *= gamma[linear->first + o];
    return VIT_OK;
}

static vit_status load_packed(struct vit_params *params, const struct vit_linear *linear, struct vit_kernel *kernel,
                              const void **data, struct vit_error *err)
{
    char key[VIT_PACKING_KEY_MAX];
    spell_part(key, kernel->packing.key, linear);
    *data = find(params, linear->weight, key);
    if (*data)
        return VIT_OK;
    const float *plain;
    VIT_TRY(load_plain(params, linear, &plain, err));
    void *packed = allocate(params, kernel->packing.size, err);
    if (!packed)
        return VIT_ERR_MEMORY;
    VIT_TRY(kernel->pack(kernel, packed, plain, err));
    *data = packed;
    return keep(params, linear->weight, key, packed, err);
}

vit_status vit_params_vector(struct vit_params *params, int i, const float **data, struct vit_error *err)
{
    pthread_mutex_lock(&params->lock);
    vit_status status = load_vector(params, i, data, err);
    pthread_mutex_unlock(&params->lock);
    return status;
}

vit_status vit_params_bias(struct vit_params *params, const struct vit_linear *linear, const float **data,
                           struct vit_error *err)
{
    *data = NULL;
    if (linear->bias < 0)
        return VIT_OK;
    pthread_mutex_lock(&params->lock);
    vit_status status = load_bias(params, linear, data, err);
    pthread_mutex_unlock(&params->lock);
    return status;
}

vit_status vit_params_packed(struct vit_params *params, const struct vit_linear *linear, struct vit_kernel *kernel,
                             const void **data, struct vit_error *err)
{
    pthread_mutex_lock(&params->lock);
    vit_status status = load_packed(params, linear, kernel, data, err);
    pthread_mutex_unlock(&params->lock);
    return status;
}
