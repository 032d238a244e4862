/* inputs.c: files, folders and stdin. */
#include "tools/pictures/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/output/messages.h"

bool vit_inputs_is_picture(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".bmp" };
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    const char *dot = strrchr(base, '.');
    for (size_t i = 0; dot && dot > base && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    }
    return false;
}

static vit_status out_of_memory(struct vit_error *err)
{
    return vit_fail(err, VIT_ERR_MEMORY, "out of memory: the list of inputs");
}

/* Appends an item named folder/name, or name alone when folder is NULL. */
static vit_status append(struct vit_inputs *inputs, const char *folder, const char *name, struct vit_error *err)
{
    if (inputs->n == inputs->capacity) {
        size_t capacity = inputs->capacity ? 2 * inputs->capacity : 64;
        struct vit_item *items = reallocarray(inputs->items, capacity, sizeof *items);
        if (!items)
            return out_of_memory(err);
        inputs->items = items;
        inputs->capacity = capacity;
    }
    size_t length = folder ? strlen(folder) : 0;
    const char *slash = length > 0 && folder[length - 1] != '/' ? "/" : "";
    char *file;
    if (asprintf(&file, "%s%s%s", folder ? folder : "", slash, name) < 0)
        return out_of_memory(err);
    inputs->items[inputs->n++] = (struct vit_item){ .file = file };
    return VIT_OK;
}

/* A folder that cannot be listed is one failed input. */
static vit_status append_failed(struct vit_inputs *inputs, const char *folder, int error, struct vit_error *err)
{
    VIT_TRY(append(inputs, NULL, folder, err));
    struct vit_item *item = &inputs->items[inputs->n - 1];
    item->err = malloc(sizeof *item->err);
    if (!item->err)
        return out_of_memory(err);
    vit_fail(item->err, VIT_ERR_OPEN, "cannot list the folder: %s", strerror(error));
    return VIT_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct vit_item *)a)->file, ((const struct vit_item *)b)->file);
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Appends the folder's pictures, in the order in which the system lists them. */
static vit_status list_folder(struct vit_inputs *inputs, const char *folder, DIR *dir, struct vit_error *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? append_failed(inputs, folder, errno, err) : VIT_OK;
        if (entry->d_type == DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!vit_inputs_is_picture(entry->d_name)) {
            inputs->n_skipped++;
            continue;
        }
        VIT_TRY(append(inputs, folder, entry->d_name, err));
        /* A link, or a file system that does not say: a look is needed. */
        bool unsure = entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK;
        if (unsure && is_folder(inputs->items[inputs->n - 1].file))
            free(inputs->items[--inputs->n].file);
    }
}

static vit_status append_folder(struct vit_inputs *inputs, const char *folder, bool quiet, struct vit_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return append_failed(inputs, folder, errno, err);
    size_t first = inputs->n;
    vit_status status = list_folder(inputs, folder, dir, err);
    closedir(dir);
    if (inputs->n > first)
        qsort(inputs->items + first, inputs->n - first, sizeof inputs->items[0], by_bytes);
    else if (status == VIT_OK && !quiet)
        vit_say("%s: no .jpg, .jpeg, .png or .bmp in this folder", folder);
    return status;
}

vit_status vit_inputs_expand(struct vit_inputs *inputs, const struct vit_options *options, struct vit_error *err)
{
    *inputs = (struct vit_inputs){ 0 };
    bool has_stdin = false;
    for (int i = 0; i < options->n_args; i++) {
        const char *path = options->args[i];
        if (strcmp(path, "-") == 0) {
            if (has_stdin)
                return vit_fail(err, VIT_ERR_UNSUPPORTED, "-: stdin can be given only once");
            has_stdin = true;
            VIT_TRY(append(inputs, NULL, path, err));
            inputs->items[inputs->n - 1].from_stdin = true;
        } else if (is_folder(path)) {
            VIT_TRY(append_folder(inputs, path, options->quiet, err));
        } else {
            VIT_TRY(append(inputs, NULL, path, err));
        }
    }
    return VIT_OK;
}

void vit_inputs_free(struct vit_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        free(inputs->items[i].file);
        free(inputs->items[i].err);
    }
    free(inputs->items);
    *inputs = (struct vit_inputs){ 0 };
}
