/* fields.h: plain structs to JSON objects and back, by a table of their fields.
 *
 * The table is the one place that knows the keys: writing, reading, and the refusal of unknown and missing keys all
 * follow from it. */
#ifndef VIT_FIELDS_H
#define VIT_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "vit/base/error.h"

enum vit_field_type {
    VIT_FIELD_INT,    /* int, low..high */
    VIT_FIELD_BOOL,   /* bool */
    VIT_FIELD_REAL,   /* double, finite */
    VIT_FIELD_STRING, /* char[high], shorter than that */
    VIT_FIELD_ENUM    /* an enum of int size, spelled by names */
};

struct vit_field {
    const char *key;
    enum vit_field_type type;
    size_t offset; /* of the first element in the struct */
    int count;     /* 0: a single value; else an array of that length, of real numbers 3 */
    int low, high;
    const char *const *names; /* a list of names.h */
    bool optional; /* of an int or bool: 0 or false when absent, and then not written */
};

/* The object for *record; NULL when memory ran out. The caller owns it. */
json_t *vit_fields_write(const struct vit_field *fields, int n, const void *record);

/* Refuses a record with a number out of its field's range. */
vit_status vit_fields_check(const struct vit_field *fields, int n, const void *record, struct vit_error *err);

/* Fills *record, zero before, from object, which must hold every key of the table, rightly typed and in range, and no
 * other. Messages begin with name. */
vit_status vit_fields_read(const struct vit_field *fields, int n, const char *name, const json_t *object, void *record,
                           struct vit_error *err);

#endif
