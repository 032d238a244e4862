/* json.h: JSON texts and the JSON files beside weights, read with limits: duplicate keys are refused, a depth beyond
 * jansson's 2048 and files beyond VIT_LIMIT_JSON too. */
#ifndef VIT_JSON_H
#define VIT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "vit/error.h"

/* Parses text; the caller releases *value with json_decref. Errors: decode (with line and column), memory. */
vit_status vit_json_parse(json_t **value, const char *text, size_t n, struct vit_error *err);

/* The same for folder/name. A file that is not there gives VIT_OK and *value NULL. */
vit_status vit_json_read(json_t **value, const char *folder, const char *name, struct vit_error *err);

/* Members of an object by key. Each returns whether the member is there and rightly typed; else *out is unchanged. */
bool vit_json_int(const json_t *object, const char *key, int *out);
bool vit_json_real(const json_t *object, const char *key, double *out);
bool vit_json_string(const json_t *object, const char *key, const char **out); /* owned by object */

#endif
