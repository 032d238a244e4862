/* error.h: the status that every fallible function returns, and the record that says what went wrong.
 *
 * The caller owns a struct vit_error and passes its address, or NULL when the status is enough. The function that
 * fails writes the message; the functions above it prefix what they were doing, so that a message reads from the
 * outside in:  "load vit.safetensors: blocks.3.attn.qkv.bias: shape [576], expected [1152]". */
#ifndef VIT_ERROR_H
#define VIT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vit_status {
    VIT_OK = 0,
    VIT_ERR_OPEN,        /* a file cannot be opened */
    VIT_ERR_READ,        /* it was opened, but reading (or writing) it failed, or it changed meanwhile */
    VIT_ERR_EMPTY,       /* it holds no bytes */
    VIT_ERR_UNSUPPORTED, /* it is sound, or may be, but of a kind that is not handled; an option out of range */
    VIT_ERR_DECODE,      /* its content is damaged, or contradicts itself or the model */
    VIT_ERR_TOO_LARGE,   /* it is beyond a limit; the message names the limit */
    VIT_ERR_MEMORY,      /* memory ran out */
    VIT_ERR_INTERNAL     /* a library underneath failed in a way that no input explains */
} vit_status;

enum { VIT_ERROR_MAX = 1024 };

struct vit_error {
    vit_status status;
    char message[VIT_ERROR_MAX]; /* NUL-terminated, one line, without a final newline; cut when longer */
};

/* The lower-case word of a status as machine formats print it: "ok", "open", "read", ... */
const char *vit_status_name(vit_status status);

/* Records status and the formatted message in *err (when err is not NULL) and returns status. */
vit_status vit_fail(struct vit_error *err, vit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prefixes the message in *err with the formatted context and ": "; returns the status, unchanged, for
 * `return vit_context(err, status, "load %s", path)`. */
vit_status vit_context(struct vit_error *err, vit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs a call; hands its status to the caller unless it is VIT_OK. */
#define VIT_TRY(call)                                                                                                  \
    do {                                                                                                               \
        vit_status vit_try_status_ = (call);                                                                           \
        if (vit_try_status_ != VIT_OK)                                                                                 \
            return vit_try_status_;                                                                                    \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
