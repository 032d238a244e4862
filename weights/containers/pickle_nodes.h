/* pickle_nodes.h: what a pickle is read into: a graph of inert nodes. */
#ifndef VIT_PICKLE_NODES_H
#define VIT_PICKLE_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/base/error.h"

enum vit_pickle_kind {
    VIT_PICKLE_MARK, /* never part of the graph */
    VIT_PICKLE_NONE,
    VIT_PICKLE_BOOL,    /* integer */
    VIT_PICKLE_INT,     /* integer */
    VIT_PICKLE_NUMBER,  /* a float, or an integer beyond 64 bits: its value is not kept */
    VIT_PICKLE_STRING,  /* text; bytes objects too */
    VIT_PICKLE_TUPLE,   /* items */
    VIT_PICKLE_LIST,    /* items */
    VIT_PICKLE_SET,     /* items */
    VIT_PICKLE_DICT,    /* items: key, value, key, value, ... */
    VIT_PICKLE_GLOBAL,  /* global */
    VIT_PICKLE_CALL,    /* call: what REDUCE, NEWOBJ would make; what is put into it afterwards is dropped */
    VIT_PICKLE_PERSISTENT /* id: something stored outside of the pickle */
};

struct vit_pickle_nodes {
    struct vit_pickle_node **at;
    size_t n, capacity;
};

struct vit_pickle_node {
    enum vit_pickle_kind kind;
    union {
        int64_t integer;
        struct {
            const char *bytes; /* NUL-terminated; may hold NUL */
            size_t n;
        } text;
        struct vit_pickle_nodes items;
        struct {
            const char *module, *name;
        } global;
        struct {
            /* callee: GLOBAL, CALL or PERSISTENT; args: TUPLE */
            const struct vit_pickle_node *callee, *args;
        } call;
        const struct vit_pickle_node *id;
    };
};

/* Where a pickle's bytes come from, one after the other; size bounds them. */
struct vit_pickle_input {
    vit_status (*next)(void *context, void *dst, size_t n, struct vit_error *err); /* exactly n bytes */
    void *context;
    int64_t position, size; /* bytes taken so far, and all there are */
    uint8_t buffer[4096];
    size_t used, filled;
};

struct vit_pickle_chunk;

/* All zero before loading. */
struct vit_pickle {
    const struct vit_pickle_node *root;
    struct vit_pickle_nodes persistent; /* every PERSISTENT node, in file order */
    struct vit_pickle_chunk *memory;
};

bool vit_pickle_is_global(const struct vit_pickle_node *node, const char *module, const char *name);
bool vit_pickle_is_text(const struct vit_pickle_node *node, const char *text);
const struct vit_pickle_node *vit_pickle_get(const struct vit_pickle_node *dict, const char *key); /* NULL: none */

#endif
