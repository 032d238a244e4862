/* error.c: names of statuses, and messages that gather context on their way up. */
#include "vit/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *vit_status_name(vit_status status)
{
    switch (status) {
    case VIT_OK: return "ok";
    case VIT_ERR_OPEN: return "open";
    case VIT_ERR_READ: return "read";
    case VIT_ERR_EMPTY: return "empty";
    case VIT_ERR_UNSUPPORTED: return "unsupported";
    case VIT_ERR_DECODE: return "decode";
    case VIT_ERR_TOO_LARGE: return "too_large";
    case VIT_ERR_MEMORY: return "memory";
    case VIT_ERR_INTERNAL: return "internal";
    }
    return "internal";
}

/* Messages quote names out of files: what would break the line or act on a terminal becomes a question mark. */
static void keep_one_line(char *message)
{
    for (; *message; message++) {
        if ((unsigned char)*message < ' ' || *message == 0x7f)
            *message = '?';
    }
}

vit_status vit_fail(struct vit_error *err, vit_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    keep_one_line(err->message);
    return status;
}

vit_status vit_context(struct vit_error *err, vit_status status, const char *format, ...)
{
    if (!err)
        return status;
    char prefix[VIT_ERROR_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    keep_one_line(prefix);

    size_t used = strlen(prefix);
    if (used + 2 < sizeof prefix) {
        memcpy(prefix + used, ": ", 2);
        used += 2;
        size_t rest = strnlen(err->message, sizeof prefix - 1 - used);
        memcpy(prefix + used, err->message, rest);
        prefix[used + rest] = '\0';
    }
    memcpy(err->message, prefix, sizeof err->message);
    err->message[sizeof err->message - 1] = '\0';
    return status;
}
