/* labels_read.c: names of classes as people keep them: in config.json, in a JSON file, a name a line, or none but those
 * of the data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/file.h"
#include "vit/base/index.h"
#include "vit/base/limits.h"
#include "weights/canonical/labels.h"
#include "weights/json/json.h"
#include "weights/json/settings.h"

static const char imagenet_1k[] = "imagenet-1k";

enum { ANY = -1 }; /* n where there is no number of classes yet */

/* Makes room for as many as were found, which must be n. */
static vit_status alloc(struct vit_labels *labels, size_t found, int n, struct vit_error *err)
{
    if (n == ANY && found == 0)
        return vit_fail(err, VIT_ERR_DECODE, "it has no names");
    if (n == ANY && found > VIT_LIMIT_CLASSES)
        return vit_fail(err, VIT_ERR_TOO_LARGE, "%zu names; at most %d are read", found, VIT_LIMIT_CLASSES);
    if (n != ANY && found != (size_t)n)
        return vit_fail(err, VIT_ERR_DECODE, "%zu labels for %d classes", found, n);
    return vit_labels_alloc(labels, (int)found, err);
}

static vit_status from_imagenet(struct vit_labels *labels, int n, struct vit_error *err)
{
    VIT_TRY(alloc(labels, VIT_IMAGENET_1K, n, err));
    for (int i = 0; i < labels->n; i++)
        VIT_TRY(vit_labels_set(labels, i, vit_imagenet_1k[i].id, vit_imagenet_1k[i].name, err));
    return VIT_OK;
}

/* ---- JSON ---- */

static vit_status from_array(struct vit_labels *labels, int n, const json_t *array, struct vit_error *err)
{
    VIT_TRY(alloc(labels, json_array_size(array), n, err));
    for (int i = 0; i < labels->n; i++) {
        json_t *entry = json_array_get(array, (size_t)i);
        const char *name = json_string_value(entry), *id = NULL;
        if (!name && json_unpack(entry, "{s:s, s?s !}", "name", &name, "id", &id) != 0)
            return vit_fail(err, VIT_ERR_DECODE, "label %d is neither a string nor {\"id\", \"name\"}", i);
        VIT_TRY(vit_labels_set(labels, i, id ? id : name, name, err));
    }
    return VIT_OK;
}

/* The keys are the numbers of the classes, in decimal. */
static vit_status from_object(struct vit_labels *labels, int n, const json_t *object, struct vit_error *err)
{
    VIT_TRY(alloc(labels, json_object_size(object), n, err));
    for (int i = 0; i < labels->n; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        const char *name = json_string_value(json_object_get(object, key));
        if (!name)
            return vit_fail(err, VIT_ERR_DECODE, "class %d has no label", i);
        VIT_TRY(vit_labels_set(labels, i, name, name, err));
    }
    return VIT_OK;
}

vit_status vit_labels_from_json(struct vit_labels *labels, int n, const json_t *json, struct vit_error *err)
{
    if (json_is_array(json))
        return from_array(labels, n, json, err);
    if (json_is_object(json))
        return from_object(labels, n, json, err);
    return vit_fail(err, VIT_ERR_DECODE, "labels that are neither an array nor an object");
}

/* ---- config.json ---- */

/* Whether the names are those that transformers invents for want of any. */
static bool only_number(const json_t *id2label)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)id2label, key, value)
        if (!json_is_string(value) || strncmp(json_string_value(value), "LABEL_", 6) != 0)
            return false;
    return true;
}

static vit_status from_timm(struct vit_labels *labels, int n, const json_t *names, const json_t *descriptions,
                            struct vit_error *err)
{
    VIT_TRY(alloc(labels, json_array_size(names), n, err));
    for (int i = 0; i < labels->n; i++) {
        const char *id = json_string_value(json_array_get(names, (size_t)i));
        if (!id)
            return vit_fail(err, VIT_ERR_DECODE, "entry %d is not a string", i);
        const json_t *name = json_object_get(descriptions, id);
        if (name && !json_is_string(name))
            return vit_fail(err, VIT_ERR_DECODE, "the description of %.40s is not a string", id);
        VIT_TRY(vit_labels_set(labels, i, id, name ? json_string_value(name) : id, err));
    }
    return VIT_OK;
}

vit_status vit_labels_from_config(struct vit_labels *labels, int n, const json_t *config, const char **key,
                                  struct vit_error *err)
{
    static const char *const arrays[] = {"label_names", "labels"};
    struct vit_settings s = {.file = "config.json", .object = config}, id2label, descriptions;
    *key = NULL;
    VIT_TRY(vit_settings_within(&id2label, &s, "id2label", err));
    VIT_TRY(vit_settings_within(&descriptions, &s, "label_descriptions", err));
    vit_status status = VIT_OK;
    for (int i = 0; i < 2 && !*key; i++) {
        const json_t *names = vit_take(&s, arrays[i]);
        if (names && !json_is_array(names))
            return vit_settings_refuse(&s, arrays[i], "not an array", err);
        if (json_array_size(names) > 0) {
            *key = arrays[i];
            status = from_timm(labels, n, names, descriptions.object, err);
        }
    }
    if (!*key && json_object_size(id2label.object) > 0 && !only_number(id2label.object)) {
        *key = "id2label";
        status = from_object(labels, n, id2label.object, err);
    }
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "config.json: %s", *key);
}

/* ---- A file ---- */

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; n++) {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return n;
}

/* text is cut into its lines. */
static vit_status from_lines(struct vit_labels *labels, int n, char *text, struct vit_error *err)
{
    VIT_TRY(alloc(labels, count_lines(text), n, err));
    for (int i = 0; i < labels->n; i++) {
        char *next = text + strcspn(text, "\n");
        next += *next == '\n';
        text[strcspn(text, "\r\n")] = '\0';
        if (!*text)
            return vit_fail(err, VIT_ERR_DECODE, "line %d is empty", i + 1);
        VIT_TRY(vit_labels_set(labels, i, text, text, err));
        text = next;
    }
    return VIT_OK;
}

static vit_status from_text(struct vit_labels *labels, int n, char *text, size_t length, struct vit_error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* with which some editors begin a text in UTF-8 */
    if (strncmp(text, mark, 3) == 0)
        text += 3, length -= 3;
    size_t blank = strspn(text, " \t\r\n");
    if (text[blank] != '[' && text[blank] != '{') {
        if (memchr(text, '\0', length))
            return vit_fail(err, VIT_ERR_DECODE, "not a text file");
        return from_lines(labels, n, text, err);
    }
    json_t *json = NULL;
    VIT_TRY(vit_json_parse(&json, text, length, err));
    vit_status status = vit_labels_from_json(labels, n, json, err);
    json_decref(json);
    return status;
}

static vit_status from_file(struct vit_labels *labels, int n, const char *path, struct vit_error *err)
{
    void *text;
    size_t length;
    vit_status status = vit_file_load(path, VIT_LIMIT_JSON, &text, &length, err);
    if (status == VIT_OK)
        status = from_text(labels, n, text, length, err);
    free(text);
    return status;
}

static vit_status from_name(struct vit_labels *labels, int n, const char *name, struct vit_error *err)
{
    return strcmp(name, imagenet_1k) == 0 ? from_imagenet(labels, n, err) : from_file(labels, n, name, err);
}

vit_status vit_labels_named(struct vit_labels *labels, int n, const char *name, struct vit_error *err)
{
    vit_status status = from_name(labels, n, name, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "labels %s", name);
}

/* ---- Names that become classes ---- */

/* None is empty, and none is there twice: two of one name have ids, which then differ. */
static vit_status check_names(const struct vit_labels *labels, struct vit_error *err)
{
    struct vit_index by_id = {0};
    int a, b;
    for (int i = 0; i < labels->n; i++)
        if (labels->names[i][strspn(labels->names[i], " \t")] == '\0')
            return vit_fail(err, VIT_ERR_DECODE, "name %d is empty", i + 1);
    vit_status status = vit_index_sort(&by_id, labels->ids, sizeof *labels->ids, labels->n, err);
    if (status == VIT_OK && vit_index_twice(&by_id, &a, &b))
        status = vit_fail(err, VIT_ERR_DECODE, "names %d and %d are the same: %.100s", a + 1, b + 1, labels->ids[a]);
    vit_index_free(&by_id);
    return status;
}

vit_status vit_labels_load(struct vit_labels *labels, const char *name, struct vit_error *err)
{
    vit_status status = from_name(labels, ANY, name, err);
    if (status == VIT_OK)
        status = check_names(labels, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "labels %s", name);
}

/* The name that a list begins with, its length in *n; and what follows behind the comma, or NULL. */
static const char *next_name(const char **names, int *n)
{
    static const char blanks[] = " \t\r\n";
    const char *name = *names + strspn(*names, blanks);
    size_t length = strcspn(name, ",");
    *names = name[length] ? name + length + 1 : NULL;
    while (length > 0 && strchr(blanks, name[length - 1]))
        length--;
    *n = (int)length;
    return name;
}

static vit_status split(struct vit_labels *labels, const char *names, struct vit_error *err)
{
    size_t count = names[strspn(names, " \t\r\n")] ? 1 : 0;
    for (const char *c = names; *c; c++)
        count += *c == ',';
    VIT_TRY(alloc(labels, count, ANY, err));
    for (int i = 0; i < labels->n; i++) {
        int n;
        const char *at = next_name(&names, &n);
        char *name = strndup(at, (size_t)n);
        vit_status status = name ? vit_labels_set(labels, i, name, name, err)
                                 : vit_fail(err, VIT_ERR_MEMORY, "out of memory for name %d", i + 1);
        free(name);
        VIT_TRY(status);
    }
    return check_names(labels, err);
}

vit_status vit_labels_split(struct vit_labels *labels, const char *names, struct vit_error *err)
{
    vit_status status = split(labels, names, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "classes \"%.100s\"", names);
}
