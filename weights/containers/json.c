/* json.c: JSON text that nobody vouches for, parsed by jansson within limits. */
#include "weights/containers/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "weights/containers/container.h"
#include "weights/containers/limits.h"

/* Before jansson recurses: how deep brackets nest outside of strings. */
static vit_status check_depth(const char *text, size_t n, struct vit_error *err)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > VIT_LIMIT_JSON_DEPTH)
                return vit_fail(err, VIT_ERR_TOO_LARGE, "JSON nested deeper than %d at byte %zu", VIT_LIMIT_JSON_DEPTH,
                                i);
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return VIT_OK;
}

vit_status vit_json_parse(json_t **root, const char *text, size_t n, struct vit_error *err)
{
    *root = NULL;
    VIT_TRY(check_depth(text, n, err));
    json_error_t why;
    *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!*root)
        return vit_fail(err, json_error_code(&why) == json_error_out_of_memory ? VIT_ERR_MEMORY : VIT_ERR_DECODE,
                        "JSON of %zu bytes, line %d, column %d: %s", n, why.line, why.column, why.text);
    return VIT_OK;
}

vit_status vit_json_read(json_t **root, const struct vit_file *file, struct vit_error *err)
{
    *root = NULL;
    if (file->size > VIT_LIMIT_JSON)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%" PRId64 " bytes of JSON, at most %d are read", file->size,
                        VIT_LIMIT_JSON);
    size_t n = (size_t)file->size;
    char *text = malloc(n);
    if (!text)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes", n);
    vit_status status = vit_file_read(file, 0, text, n, err);
    if (status == VIT_OK)
        status = vit_json_parse(root, text, n, err);
    free(text);
    return status;
}

vit_status vit_json_load(json_t **root, const char *path, struct vit_error *err)
{
    *root = NULL;
    struct vit_file file;
    vit_status status = vit_file_open(&file, path, err);
    if (status == VIT_OK)
        status = vit_json_read(root, &file, err);
    vit_file_close(&file);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", path);
}

vit_status vit_json_load_optional(json_t **root, const char *folder, const char *name, struct vit_error *err)
{
    *root = NULL;
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    bool absent = access(path, F_OK) != 0 && errno == ENOENT;
    vit_status status = absent ? VIT_OK : vit_json_load(root, path, err);
    free(path);
    return status;
}
