/* json.h: JSON text that nobody vouches for, parsed by jansson within limits. */
#ifndef VIT_JSON_H
#define VIT_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "vit/base/error.h"

struct vit_file;

/* Parses n bytes of text. Keys that occur twice, anything after the value and nesting deeper than
 * VIT_LIMIT_JSON_DEPTH are refused. *root is the caller's to json_decref; NULL on failure. */
vit_status vit_json_parse(json_t **root, const char *text, size_t n, struct vit_error *err);

/* Reads and parses an open file of at most VIT_LIMIT_JSON bytes; one at a path, whose messages begin with the path. */
vit_status vit_json_read(json_t **root, const struct vit_file *file, struct vit_error *err);
vit_status vit_json_load(json_t **root, const char *path, struct vit_error *err);

/* The same for folder/name, which need not exist: then VIT_OK and *root NULL. Messages begin with the path. */
vit_status vit_json_load_optional(json_t **root, const char *folder, const char *name, struct vit_error *err);

#endif
