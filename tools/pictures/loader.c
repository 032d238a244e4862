/* loader.c: a ring of batches between threads that fill them and threads that read them. */
#include "tools/pictures/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/stop.h"

enum { AHEAD = 8 }; /* pictures to have ready for each thread, so that a slow one does not stall the computation */

struct slot {
    struct vit_batch batch;
    size_t first; /* input */
    enum { FREE, TAKEN, FILLED, HANDED } state;
};

struct vit_loader {
    const struct vit_model *model;
    const struct vit_inputs *inputs;
    const struct vit_decode_options *decode;
    int batch;

    int n_threads; /* that were started */
    pthread_t *threads;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t changed;
    int n_running;
    size_t next_input;
    size_t n_taken, n_handed; /* batches, ever; batch i has slot i modulo n_slots */
    size_t n_slots;
    struct slot *slots;
};

/* ---- One input ---- */

/* Reads a pipe to its end, or to one byte past the limit, which the decoder then refuses by that limit. A stop ends the
 * wait for a pipe that says nothing. */
static vit_status read_pipe(int fd, uint8_t **bytes, size_t *n, int64_t max, struct vit_error *err)
{
    size_t capacity = 0;
    struct pollfd waits[] = { { .fd = fd, .events = POLLIN }, { .fd = vit_stop_fd(), .events = POLLIN } };
    while ((int64_t)*n <= max) {
        if (*n == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 20;
            uint8_t *larger = realloc(*bytes, capacity);
            if (!larger)
                return vit_fail(err, VIT_ERR_MEMORY, "out of memory: %zu bytes from a pipe", capacity);
            *bytes = larger;
        }
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return vit_fail(err, VIT_ERR_READ, "cannot read: %s", strerror(errno));
        if (vit_stop_requested())
            return vit_fail(err, VIT_ERR_READ, "interrupted");
        ssize_t got = read(fd, *bytes + *n, capacity - *n);
        if (got == 0)
            return VIT_OK;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return vit_fail(err, VIT_ERR_READ, "cannot read: %s", strerror(errno));
        *n += got > 0 ? (size_t)got : 0;
    }
    return VIT_OK;
}

/* Whether the first line is the name of a file, as in the output of ls or find. */
static bool are_names(const uint8_t *bytes, size_t n)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name - 1, (const char *)bytes);
    name[strcspn(name, "\r\n")] = '\0';
    return access(name, F_OK) == 0;
}

static vit_status load_pipe(const struct vit_loader *loader, int fd, uint8_t *pixels, struct vit_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    vit_status status = read_pipe(fd, &bytes, &n, loader->decode->max_bytes, err);
    if (status == VIT_OK)
        status = vit_load_image(loader->model, &(struct vit_input){ .bytes = bytes, .n_bytes = n }, loader->decode,
                                pixels, err);
    if (status == VIT_ERR_UNSUPPORTED && are_names(bytes, n))
        vit_fail(err, status, "names of files, not a picture: pipe them to xargs -d '\\n' vit %s",
                 loader->inputs->command);
    free(bytes);
    return status;
}

/* Without a wait for a writer, which read_pipe does, and can end. */
static vit_status load_named_pipe(const struct vit_loader *loader, const char *path, uint8_t *pixels,
                                  struct vit_error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return vit_fail(err, VIT_ERR_OPEN, "cannot open: %s", strerror(errno));
    vit_status status = load_pipe(loader, fd, pixels, err);
    close(fd);
    return status;
}

static vit_status load(const struct vit_loader *loader, const struct vit_item *item, uint8_t *pixels,
                       struct vit_error *err)
{
    if (item->err) {
        *err = *item->err;
        return err->status;
    }
    if (item->is_stdin)
        return load_pipe(loader, STDIN_FILENO, pixels, err);
    if (item->is_pipe)
        return load_named_pipe(loader, item->file, pixels, err);
    return vit_load_image(loader->model, &(struct vit_input){ .path = item->file }, loader->decode, pixels, err);
}

/* ---- The threads ---- */

/* As many inputs as batch->n says, unless it is time to stop. */
static void fill(const struct vit_loader *loader, struct vit_batch *batch, size_t first)
{
    int n = batch->n;
    batch->n = batch->n_pixels = 0;
    while (batch->n < n && !vit_stop_requested()) {
        const struct vit_item *item = &loader->inputs->items[first + (size_t)batch->n];
        uint8_t *pixels = batch->pixels + (size_t)batch->n_pixels * vit_model_pixels_size(loader->model);
        struct vit_error *err = &batch->errors[batch->n];
        err->status = load(loader, item, pixels, err);
        batch->n_pixels += err->status == VIT_OK;
        batch->items[batch->n++] = item;
    }
}

/* Takes the next inputs into slot. */
static void take(struct vit_loader *loader, struct slot *slot)
{
    size_t left = loader->inputs->n - loader->next_input;
    slot->state = TAKEN;
    slot->first = loader->next_input;
    slot->batch.number = loader->n_taken++;
    slot->batch.n = left < (size_t)loader->batch ? (int)left : loader->batch;
    loader->next_input += (size_t)slot->batch.n;
}

static void *load_all(void *argument)
{
    struct vit_loader *loader = argument;
    pthread_mutex_lock(&loader->lock);
    while (loader->next_input < loader->inputs->n && !vit_stop_requested()) {
        struct slot *slot = &loader->slots[loader->n_taken % loader->n_slots];
        if (slot->state != FREE) {
            pthread_cond_wait(&loader->changed, &loader->lock);
            continue;
        }
        take(loader, slot);
        pthread_mutex_unlock(&loader->lock);
        fill(loader, &slot->batch, slot->first);
        pthread_mutex_lock(&loader->lock);
        slot->state = FILLED;
        pthread_cond_broadcast(&loader->changed);
    }
    loader->n_running--;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* ---- The readers ---- */

const struct vit_batch *vit_loader_next(struct vit_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    struct slot *slot;
    while ((slot = &loader->slots[loader->n_handed % loader->n_slots])->state != FILLED && loader->n_running > 0)
        pthread_cond_wait(&loader->changed, &loader->lock);
    bool handed = slot->state == FILLED && !vit_stop_requested();
    if (handed) {
        slot->state = HANDED;
        loader->n_handed++;
    }
    pthread_mutex_unlock(&loader->lock);
    return handed ? &slot->batch : NULL;
}

void vit_loader_give_back(struct vit_loader *loader, const struct vit_batch *batch)
{
    pthread_mutex_lock(&loader->lock);
    loader->slots[batch->number % loader->n_slots].state = FREE;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
}

static vit_status allocate(struct vit_loader *loader, int threads, struct vit_error *err)
{
    size_t n = (size_t)loader->batch, size = vit_model_pixels_size(loader->model);
    loader->n_slots = (size_t)threads * (2 + AHEAD / n);
    loader->slots = calloc(loader->n_slots, sizeof *loader->slots);
    loader->threads = calloc((size_t)threads, sizeof *loader->threads);
    if (!loader->slots || !loader->threads)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < loader->n_slots; i++) {
        struct vit_batch *batch = &loader->slots[i].batch;
        batch->items = calloc(n, sizeof(struct vit_item *));
        batch->errors = calloc(n, sizeof *batch->errors);
        batch->pixels = calloc(n, size);
        if (!batch->items || !batch->errors || !batch->pixels)
            return vit_fail(err, VIT_ERR_MEMORY, "out of memory: pixels for %zu batches of %d pictures",
                            loader->n_slots, loader->batch);
    }
    return VIT_OK;
}

static vit_status start_threads(struct vit_loader *loader, int threads, struct vit_error *err)
{
    vit_status status = VIT_OK;
    pthread_mutex_lock(&loader->lock);
    for (int i = 0; i < threads && status == VIT_OK; i++) {
        if (pthread_create(&loader->threads[i], NULL, load_all, loader) != 0)
            status = vit_fail(err, VIT_ERR_INTERNAL, "cannot start %d threads that load pictures", threads);
        else
            loader->n_threads = loader->n_running = i + 1;
    }
    pthread_mutex_unlock(&loader->lock);
    return status;
}

vit_status vit_loader_start(struct vit_loader **loader, const struct vit_model *model, const struct vit_inputs *inputs,
                            const struct vit_decode_options *decode, int batch, int threads, struct vit_error *err)
{
    *loader = NULL;
    struct vit_loader *l = calloc(1, sizeof *l);
    if (!l)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    l->model = model;
    l->inputs = inputs;
    l->decode = decode;
    l->batch = (size_t)batch < inputs->n ? batch : (int)inputs->n;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    vit_status status = allocate(l, threads, err);
    if (status == VIT_OK)
        status = start_threads(l, threads, err);
    if (status != VIT_OK)
        vit_loader_free(l);
    else
        *loader = l;
    return status;
}

int vit_loader_batch(const struct vit_loader *loader)
{
    return loader->batch;
}

void vit_loader_free(struct vit_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    if (loader->n_running > 0)
        vit_stop_request();
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->n_threads; i++)
        pthread_join(loader->threads[i], NULL);
    for (size_t i = 0; loader->slots && i < loader->n_slots; i++) {
        free((void *)loader->slots[i].batch.items);
        free(loader->slots[i].batch.errors);
        free(loader->slots[i].batch.pixels);
    }
    free(loader->slots);
    free(loader->threads);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}
