/* loader.c: a ring of batches between one thread that fills them and one that reads them. */
#include "tools/loader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/stop.h"

enum {
    AHEAD = 8,      /* pictures to have ready, so that a slow one does not stall the computation */
    MAX_SLOTS = AHEAD + 2
};

struct vit_loader {
    const struct vit_model *model;
    const struct vit_inputs *inputs;
    const struct vit_decode_options *decode;
    size_t next_input; /* the thread's own */
    int batch;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* over n_filled, n_freed and ended */
    pthread_cond_t changed;
    unsigned n_filled, n_freed; /* batches, ever */
    bool ended;

    bool handed; /* the reader holds batch n_freed */
    unsigned n_slots;
    struct vit_batch slots[MAX_SLOTS];
};

/* ---- One input ---- */

/* Reads stdin to its end, or to one byte past the limit, which the decoder then refuses by that limit. A stop ends the
 * wait for a pipe that says nothing. */
static vit_status read_stdin(uint8_t **bytes, size_t *n, int64_t max, struct vit_error *err)
{
    size_t capacity = 0;
    struct pollfd waits[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = vit_stop_fd(), .events = POLLIN } };
    while ((int64_t)*n <= max) {
        if (*n == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 20;
            uint8_t *larger = realloc(*bytes, capacity);
            if (!larger)
                return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %zu bytes for stdin", capacity);
            *bytes = larger;
        }
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return vit_fail(err, VIT_ERR_READ, "stdin: %s", strerror(errno));
        if (vit_stop_requested())
            return vit_fail(err, VIT_ERR_READ, "stdin: interrupted");
        ssize_t got = read(STDIN_FILENO, *bytes + *n, capacity - *n);
        if (got == 0)
            return VIT_OK;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return vit_fail(err, VIT_ERR_READ, "stdin: %s", strerror(errno));
        *n += got > 0 ? (size_t)got : 0;
    }
    return VIT_OK;
}

static vit_status load_stdin(const struct vit_loader *loader, uint8_t *pixels, struct vit_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    vit_status status = read_stdin(&bytes, &n, loader->decode->max_bytes, err);
    if (status == VIT_OK)
        status = vit_load_image(loader->model, &(struct vit_input){ .bytes = bytes, .n_bytes = n }, loader->decode,
                                pixels, err);
    free(bytes);
    return status;
}

static vit_status load(const struct vit_loader *loader, const struct vit_item *item, uint8_t *pixels,
                       struct vit_error *err)
{
    if (item->err) {
        *err = *item->err;
        return err->status;
    }
    if (item->from_stdin)
        return load_stdin(loader, pixels, err);
    return vit_load_image(loader->model, &(struct vit_input){ .path = item->file }, loader->decode, pixels, err);
}

/* ---- The thread ---- */

static void fill(struct vit_loader *loader, struct vit_batch *batch)
{
    batch->n = batch->n_pixels = 0;
    while (batch->n < loader->batch && loader->next_input < loader->inputs->n && !vit_stop_requested()) {
        const struct vit_item *item = &loader->inputs->items[loader->next_input++];
        uint8_t *pixels = batch->pixels + (size_t)batch->n_pixels * vit_model_pixels_size(loader->model);
        struct vit_error *err = &batch->errors[batch->n];
        err->status = load(loader, item, pixels, err);
        batch->n_pixels += err->status == VIT_OK;
        batch->items[batch->n++] = item;
    }
}

static void *load_all(void *argument)
{
    struct vit_loader *loader = argument;
    pthread_mutex_lock(&loader->lock);
    while (loader->next_input < loader->inputs->n && !vit_stop_requested()) {
        if (loader->n_filled - loader->n_freed == loader->n_slots) {
            pthread_cond_wait(&loader->changed, &loader->lock);
            continue;
        }
        struct vit_batch *batch = &loader->slots[loader->n_filled % loader->n_slots];
        pthread_mutex_unlock(&loader->lock);
        fill(loader, batch);
        pthread_mutex_lock(&loader->lock);
        loader->n_filled++;
        pthread_cond_signal(&loader->changed);
    }
    loader->ended = true;
    pthread_cond_signal(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* ---- The reader ---- */

const struct vit_batch *vit_loader_next(struct vit_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->n_freed += loader->handed;
    pthread_cond_signal(&loader->changed);
    while (loader->n_filled == loader->n_freed && !loader->ended)
        pthread_cond_wait(&loader->changed, &loader->lock);
    loader->handed = loader->n_filled != loader->n_freed && !vit_stop_requested();
    const struct vit_batch *batch = loader->handed ? &loader->slots[loader->n_freed % loader->n_slots] : NULL;
    pthread_mutex_unlock(&loader->lock);
    return batch;
}

static vit_status allocate(struct vit_loader *loader, struct vit_error *err)
{
    size_t n = (size_t)loader->batch, size = vit_model_pixels_size(loader->model);
    for (unsigned i = 0; i < loader->n_slots; i++) {
        struct vit_batch *slot = &loader->slots[i];
        slot->items = calloc(n, sizeof(struct vit_item *));
        slot->errors = calloc(n, sizeof *slot->errors);
        slot->pixels = calloc(n, size);
        if (!slot->items || !slot->errors || !slot->pixels)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory: pixels for %u batches of %d pictures", loader->n_slots,
                            loader->batch);
    }
    return VIT_OK;
}

vit_status vit_loader_start(struct vit_loader **loader, const struct vit_model *model, const struct vit_inputs *inputs,
                            const struct vit_decode_options *decode, int batch, struct vit_error *err)
{
    *loader = NULL;
    struct vit_loader *l = calloc(1, sizeof *l);
    if (!l)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    l->model = model;
    l->inputs = inputs;
    l->decode = decode;
    l->batch = (size_t)batch < inputs->n ? batch : (int)inputs->n;
    l->n_slots = 2u + (unsigned)(AHEAD / batch);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    vit_status status = allocate(l, err);
    if (status == VIT_OK && pthread_create(&l->thread, NULL, load_all, l) != 0)
        status = vit_fail(err, VIT_ERR_INTERNAL, "cannot start the thread that loads pictures");
    l->started = status == VIT_OK;
    if (status != VIT_OK)
        vit_loader_free(l);
    else
        *loader = l;
    return status;
}

void vit_loader_free(struct vit_loader *loader)
{
    if (!loader)
        return;
    if (loader->started) {
        pthread_mutex_lock(&loader->lock);
        if (!loader->ended)
            vit_stop_request();
        pthread_cond_signal(&loader->changed);
        pthread_mutex_unlock(&loader->lock);
        pthread_join(loader->thread, NULL);
    }
    for (unsigned i = 0; i < loader->n_slots; i++) {
        free(loader->slots[i].items);
        free(loader->slots[i].errors);
        free(loader->slots[i].pixels);
    }
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}
