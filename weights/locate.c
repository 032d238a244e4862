/* locate.c: the checkpoint in a downloaded folder. */
#include "weights/locate.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weights/json/json.h"

/* The names that libraries give it, best first. */
static const char *const usual[] = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "pytorch_model.pth", "model.pth",                    NULL,
};
static const char *const open_clip[] = {
    "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin", NULL,
};

/* Else, the one file that is a checkpoint by its extension. */
static const char *const extensions[] = {".safetensors", ".pth", ".pt", ".bin", ".npz", ".ckpt"};

static vit_status join(char **file, const char *folder, const char *name, struct vit_error *err)
{
    free(*file);
    if (asprintf(file, "%s/%s", folder, name) < 0) {
        *file = NULL;
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    return VIT_OK;
}

static bool is_checkpoint(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (strcmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

static vit_status find_single(const char *folder, char **file, struct vit_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return vit_fail(err, VIT_ERR_OPEN, "the folder cannot be read: %s", strerror(errno));
    char first[256] = "";
    int n = 0;
    vit_status status = VIT_OK;
    for (struct dirent *entry; (entry = readdir(dir)) && status == VIT_OK;) {
        if (!is_checkpoint(entry->d_name))
            continue;
        if (++n > 1)
            status = vit_fail(err, VIT_ERR_OPEN, "the folder has several checkpoints (%s, %s): name one of them", first,
                              entry->d_name);
        snprintf(first, sizeof first, "%s", entry->d_name);
    }
    closedir(dir);
    if (status == VIT_OK && n == 0)
        return vit_fail(err, VIT_ERR_OPEN, "the folder has no %s and no other checkpoint", usual[0]);
    return status == VIT_OK ? join(file, folder, first, err) : status;
}

/* Where config.json is timm's and OpenCLIP's own file is there, too, OpenCLIP's checkpoint has both towers, timm's the image
 * tower alone. */
static vit_status is_for_open_clip(const char *folder, bool *is, struct vit_error *err)
{
    json_t *timm = NULL, *whole = NULL;
    vit_status status = vit_json_load_optional(&timm, folder, "config.json", err);
    if (status == VIT_OK)
        status = vit_json_load_optional(&whole, folder, "open_clip_config.json", err);
    *is = whole && json_object_get(timm, "architecture");
    json_decref(timm);
    json_decref(whole);
    return status;
}

/* Joins the first of names that is there; else *file becomes NULL. */
static vit_status find_named(const char *folder, const char *const *names, char **file, struct vit_error *err)
{
    for (; *names; names++) {
        VIT_TRY(join(file, folder, *names, err));
        if (access(*file, F_OK) == 0)
            return VIT_OK;
    }
    free(*file);
    *file = NULL;
    return VIT_OK;
}

static vit_status find_in_folder(const char *folder, char **file, struct vit_error *err)
{
    bool first;
    VIT_TRY(is_for_open_clip(folder, &first, err));
    VIT_TRY(find_named(folder, first ? open_clip : usual, file, err));
    if (!*file)
        VIT_TRY(find_named(folder, first ? usual : open_clip, file, err));
    return *file ? VIT_OK : find_single(folder, file, err);
}

vit_status vit_weights_locate(const char *path, char **file, char **folder, struct vit_error *err)
{
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    const char *slash = strrchr(path, '/');
    *file = is_folder ? NULL : strdup(path);
    *folder = is_folder ? strdup(path) : slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!*folder || (!is_folder && !*file))
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    return is_folder ? find_in_folder(path, file, err) : VIT_OK;
}
