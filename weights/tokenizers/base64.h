/* base64.h: bytes that are written in letters. */
#ifndef VIT_BASE64_H
#define VIT_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "vit/base/error.h"

/* *bytes is the caller's to free; NULL on failure. Errors: decode, memory. */
vit_status vit_base64_read(uint8_t **bytes, size_t *n, const char *text, size_t length, struct vit_error *err);

#endif
