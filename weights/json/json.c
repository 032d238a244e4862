/* json.c: JSON text that nobody vouches for, parsed by jansson within limits. */
#include "weights/json/json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vit/base/file.h"
#include "vit/base/limits.h"

/* Before jansson recurses, and takes 240 bytes for each object: what there is outside of strings. */
static vit_status check_extent(const char *text, size_t n, struct vit_error *err)
{
    int depth = 0;
    size_t nests = 0, commas = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if (c == '{' || c == '[')
            nests++, depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == ',')
            commas++;
        if (depth > VIT_LIMIT_JSON_DEPTH)
            return vit_fail(err, VIT_ERR_TOO_LARGE, "JSON nested deeper than %d at byte %zu", VIT_LIMIT_JSON_DEPTH, i);
        if (nests + commas > VIT_LIMIT_JSON_VALUES)
            return vit_fail(err, VIT_ERR_TOO_LARGE, "JSON of more than %d values", VIT_LIMIT_JSON_VALUES);
    }
    if (nests > VIT_LIMIT_JSON_NESTS + n / 8)
        return vit_fail(err, VIT_ERR_TOO_LARGE,
                        "JSON of %zu objects and arrays in %zu bytes; %d and one for every 8 bytes are read", nests, n,
                        VIT_LIMIT_JSON_NESTS);
    return VIT_OK;
}

vit_status vit_json_parse(json_t **root, const char *text, size_t n, struct vit_error *err)
{
    *root = NULL;
    VIT_TRY(check_extent(text, n, err));
    json_error_t why;
    *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!*root)
        return vit_fail(err, json_error_code(&why) == json_error_out_of_memory ? VIT_ERR_MEMORY : VIT_ERR_DECODE,
                        "JSON of %zu bytes, line %d, column %d: %s", n, why.line, why.column, why.text);
    return VIT_OK;
}

static vit_status load(json_t **root, const char *path, struct vit_error *err)
{
    void *text;
    size_t n;
    *root = NULL;
    vit_status status = vit_file_load(path, VIT_LIMIT_JSON, &text, &n, err);
    if (status == VIT_OK)
        status = vit_json_parse(root, text, n, err);
    free(text);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", path);
}

vit_status vit_json_load_optional(json_t **root, const char *folder, const char *name, struct vit_error *err)
{
    *root = NULL;
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    bool absent = access(path, F_OK) != 0 && errno == ENOENT;
    vit_status status = absent ? VIT_OK : load(root, path, err);
    free(path);
    return status;
}
