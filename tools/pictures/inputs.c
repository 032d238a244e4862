/* inputs.c: files, folders, pipes and stdin. */
#include "tools/pictures/inputs.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
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

static vit_status append(struct vit_inputs *inputs, const char *file, struct vit_error *err)
{
    if (inputs->n == inputs->capacity) {
        size_t capacity = inputs->capacity ? 2 * inputs->capacity : 64;
        struct vit_item *items = reallocarray(inputs->items, capacity, sizeof *items);
        if (!items)
            return out_of_memory(err);
        inputs->items = items;
        inputs->capacity = capacity;
    }
    char *copy = strdup(file);
    if (!copy)
        return out_of_memory(err);
    inputs->items[inputs->n++] = (struct vit_item){ .file = copy };
    return VIT_OK;
}

static vit_status fail_item(struct vit_item *item, struct vit_error *err, const char *format, va_list arguments)
{
    item->err = calloc(1, sizeof *item->err);
    if (!item->err)
        return out_of_memory(err);
    vsnprintf(item->err->message, sizeof item->err->message, format, arguments);
    item->err->status = VIT_ERR_OPEN;
    return VIT_OK;
}

/* Appends an input that has failed already, for a reason that the system would not give. */
__attribute__((format(printf, 4, 5))) static vit_status append_failed(struct vit_inputs *inputs, const char *file,
                                                                      struct vit_error *err, const char *format, ...)
{
    VIT_TRY(append(inputs, file, err));
    va_list arguments;
    va_start(arguments, format);
    vit_status status = fail_item(&inputs->items[inputs->n - 1], err, format, arguments);
    va_end(arguments);
    return status;
}

vit_status vit_inputs_refuse(struct vit_item *item, struct vit_error *err, const char *format, ...)
{
    if (item->err)
        return VIT_OK;
    va_list arguments;
    va_start(arguments, format);
    vit_status status = fail_item(item, err, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- Folders ---- */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(((const struct vit_item *)a)->file, ((const struct vit_item *)b)->file);
}

/* A link in a folder stands for a file. One to a folder is left out, so that nothing comes twice and the walk ends. */
static vit_status append_link(struct vit_inputs *inputs, const char *path, struct vit_error *err)
{
    struct stat status;
    bool broken = stat(path, &status) != 0;
    if (!vit_inputs_is_picture(path) || (!broken && !S_ISREG(status.st_mode))) {
        inputs->n_skipped++;
        return VIT_OK;
    }
    return broken ? append_failed(inputs, path, err, "broken link: %s", strerror(errno)) : append(inputs, path, err);
}

/* What the walk meets: pictures are appended, and what cannot be listed as a failed input. */
static vit_status append_entry(struct vit_inputs *inputs, FTS *tree, FTSENT *entry, bool recursive,
                               struct vit_error *err)
{
    const char *path = entry->fts_path;
    if (entry->fts_info == FTS_DP)
        return VIT_OK;
    if (entry->fts_level > FTS_ROOTLEVEL && entry->fts_name[0] == '.') {
        inputs->n_skipped++;
        fts_set(tree, entry, FTS_SKIP);
        return VIT_OK;
    }
    switch (entry->fts_info) {
    case FTS_D:
        if (recursive || entry->fts_level == FTS_ROOTLEVEL)
            return VIT_OK;
        inputs->n_subfolders++;
        fts_set(tree, entry, FTS_SKIP);
        return VIT_OK;
    case FTS_NS:
        return append_failed(inputs, path, err, "cannot open: %s", strerror(entry->fts_errno));
    case FTS_DNR:
    case FTS_ERR:
        return append_failed(inputs, path, err, "cannot list the folder: %s", strerror(entry->fts_errno));
    case FTS_SL:
        return append_link(inputs, path, err);
    case FTS_F:
        if (vit_inputs_is_picture(path))
            return append(inputs, path, err);
    }
    inputs->n_skipped++;
    return VIT_OK;
}

static vit_status append_folder(struct vit_inputs *inputs, const char *folder, const struct vit_options *options,
                                struct vit_error *err)
{
    char *const roots[] = { (char *)(size_t)folder, NULL };
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    if (!tree)
        return out_of_memory(err);
    size_t first = inputs->n, subfolders = inputs->n_subfolders;
    vit_status status = VIT_OK;
    FTSENT *entry;
    while (errno = 0, status == VIT_OK && (entry = fts_read(tree)))
        status = append_entry(inputs, tree, entry, options->recursive, err);
    if (status == VIT_OK && errno)
        status = append_failed(inputs, folder, err, "cannot list the folder: %s", strerror(errno));
    fts_close(tree);
    if (inputs->n > first)
        qsort(inputs->items + first, inputs->n - first, sizeof inputs->items[0], by_bytes);
    else if (status == VIT_OK && !options->quiet)
        vit_say("%s: no .jpg, .jpeg, .png or .bmp in this folder", folder);
    subfolders = inputs->n_subfolders - subfolders;
    if (subfolders > 0 && !options->quiet)
        vit_say("%s: %zu %s left out; -r takes them, too", folder, subfolders, subfolders == 1 ? "subfolder" : "subfolders");
    return status;
}

/* ---- Any PATH ---- */

static vit_status append_path(struct vit_inputs *inputs, const char *path, const struct vit_options *options,
                              struct vit_error *err)
{
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return append_folder(inputs, path, options, err);
    if (!exists && (strncmp(path, "https://", 8) == 0 || strncmp(path, "http://", 7) == 0))
        return append_failed(inputs, path, err, "vit does not download: curl -L '%s' | vit %s -", path,
                             options->command);
    VIT_TRY(append(inputs, path, err));
    inputs->items[inputs->n - 1].is_pipe = exists && S_ISFIFO(status.st_mode);
    return VIT_OK;
}

vit_status vit_inputs_expand(struct vit_inputs *inputs, const struct vit_options *options, struct vit_error *err)
{
    *inputs = (struct vit_inputs){ .command = options->command };
    bool has_stdin = false;
    for (int i = 0; i < options->n_args; i++) {
        const char *path = options->args[i];
        if (strcmp(path, "-") != 0) {
            VIT_TRY(append_path(inputs, path, options, err));
            continue;
        }
        if (has_stdin)
            return vit_fail(err, VIT_ERR_UNSUPPORTED, "-: stdin can be given only once");
        has_stdin = true;
        VIT_TRY(append(inputs, path, err));
        inputs->items[inputs->n - 1].is_stdin = true;
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
