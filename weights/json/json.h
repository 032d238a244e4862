/* json.h: JSON text that nobody vouches for, parsed by jansson within limits. */
#ifndef VIT_JSON_H
#define VIT_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "vit/base/error.h"

/* Parses n bytes of text. Keys that occur twice, anything after the value, and what is beyond the limits
 * VIT_LIMIT_JSON_* are refused. *root is the caller's to json_decref; NULL on failure. */
vit_status vit_json_parse(json_t **root, const char *text, size_t n, struct vit_error *err);

/* Reads and parses folder/name, of at most VIT_LIMIT_JSON bytes, which need not exist: then VIT_OK and *root NULL. Messages
 * begin with the path. */
vit_status vit_json_load_optional(json_t **root, const char *folder, const char *name, struct vit_error *err);

#endif
