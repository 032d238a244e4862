/* edited.h: a copy of a model's folder, and a setting in its JSON files changed. Included by tests. */
#ifndef TESTS_EDITED_H
#define TESTS_EDITED_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/program.h"

/* Copies the checkpoint of that name and the JSON files beside it from the folder `name` below root. */
static inline void copy_model(const char *folder, const char *root, const char *name, const char *weights)
{
    const char *const names[] = {weights, "config.json", "preprocessor_config.json", "open_clip_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[256];
        snprintf(from, sizeof from, "%s%s/%s", root, name, names[i]);
        if (access(from, F_OK) == 0)
            free(folder_copy(folder, names[i], from, -1));
    }
}

/* Sets the value at path, keys with dots between them, to JSON; NULL: the key is taken out. */
static inline void change(const char *folder, const char *file, const char *path, const char *value)
{
    char name[512], keys[128], *rest = keys;
    snprintf(name, sizeof name, "%s/%s", folder, file);
    json_t *root = json_load_file(name, 0, NULL), *object = root;
    cr_assert_not_null(root, "%s", name);
    snprintf(keys, sizeof keys, "%s", path);
    const char *key = strsep(&rest, ".");
    for (; rest; key = strsep(&rest, ".")) {
        if (!json_object_get(object, key))
            json_object_set_new(object, key, json_object());
        object = json_object_get(object, key);
    }
    if (value)
        json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(object, key);
    cr_assert_eq(json_dump_file(root, name, 0), 0);
    json_decref(root);
}

#endif
