/* json.c: JSON in, with limits. */
#include "weights/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights/container.h"
#include "weights/limits.h"

vit_status vit_json_parse(json_t **value, const char *text, size_t n, struct vit_error *err)
{
    *value = NULL;
    json_error_t problem;
    *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &problem);
    if (*value)
        return VIT_OK;
    if (json_error_code(&problem) == json_error_out_of_memory)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for JSON of %zu bytes", n);
    return vit_fail(err, VIT_ERR_DECODE, "JSON line %d column %d: %s", problem.line, problem.column, problem.text);
}

static vit_status read_file(json_t **value, const char *path, struct vit_error *err)
{
    struct vit_file file;
    VIT_TRY(vit_file_open(&file, path, err));
    vit_status status;
    char *text = NULL;
    if (file.size > VIT_LIMIT_JSON)
        status = vit_fail(err, VIT_ERR_TOO_LARGE, "%lld bytes of JSON, at most %d", (long long)file.size,
                          VIT_LIMIT_JSON);
    else if (!(text = malloc((size_t)file.size + 1)))
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for %lld bytes", (long long)file.size);
    else
        status = vit_file_read(&file, 0, text, (size_t)file.size, err);
    if (status == VIT_OK)
        status = vit_json_parse(value, text, (size_t)file.size, err);
    free(text);
    vit_file_close(&file);
    return status;
}

vit_status vit_json_read(json_t **value, const char *folder, const char *name, struct vit_error *err)
{
    *value = NULL;
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return vit_fail(err, VIT_ERR_OPEN, "%s/%s: the path is too long", folder, name);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return VIT_OK;
    vit_status status = read_file(value, path, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "%s", name);
}

bool vit_json_int(const json_t *object, const char *key, int *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < INT_MIN || json_integer_value(value) > INT_MAX)
        return false;
    *out = (int)json_integer_value(value);
    return true;
}

bool vit_json_real(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return true;
}

bool vit_json_string(const json_t *object, const char *key, const char **out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return false;
    *out = json_string_value(value);
    return true;
}
