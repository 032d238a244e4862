/* fields.c: table-driven reading and writing of plain structs as JSON. */
#include "weights/canonical/fields.h"

#include <stdio.h>
#include <string.h>

#include "vit/base/names.h"
#include "weights/json/settings.h"

static size_t element_size(const struct vit_field *field)
{
    switch (field->type) {
    case VIT_FIELD_INT: return sizeof(int);
    case VIT_FIELD_BOOL: return sizeof(bool);
    case VIT_FIELD_REAL: return sizeof(double);
    case VIT_FIELD_STRING: return (size_t)field->high;
    case VIT_FIELD_ENUM: return sizeof(int);
    }
    return 0;
}

static json_t *write_value(const struct vit_field *field, const void *at)
{
    int number;
    bool flag;
    double real;
    switch (field->type) {
    case VIT_FIELD_INT: memcpy(&number, at, sizeof number); return json_integer(number);
    case VIT_FIELD_BOOL: memcpy(&flag, at, sizeof flag); return json_boolean(flag);
    case VIT_FIELD_REAL: memcpy(&real, at, sizeof real); return json_real(real);
    case VIT_FIELD_STRING: return json_string(at);
    case VIT_FIELD_ENUM: memcpy(&number, at, sizeof number); return json_string(field->names[number]);
    }
    return NULL;
}

static json_t *write_field(const struct vit_field *field, const char *at)
{
    if (field->count == 0)
        return write_value(field, at);
    json_t *array = json_array();
    for (int i = 0; array && i < field->count; i++) {
        if (json_array_append_new(array, write_value(field, at + (size_t)i * element_size(field))) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool is_zero(const struct vit_field *field, const char *at)
{
    static const char zeros[sizeof(int)];
    return memcmp(at, zeros, element_size(field)) == 0;
}

json_t *vit_fields_write(const struct vit_field *fields, int n, const void *record)
{
    json_t *object = json_object();
    for (int i = 0; object && i < n; i++) {
        if (fields[i].optional && is_zero(&fields[i], (const char *)record + fields[i].offset))
            continue;
        json_t *value = write_field(&fields[i], (const char *)record + fields[i].offset);
        if (json_object_set_new(object, fields[i].key, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static vit_status read_text(const struct vit_field *field, struct vit_settings *s, void *at, struct vit_error *err)
{
    const char *text = "";
    char why[64];
    VIT_TRY(vit_take_string(s, field->key, &text, err));
    int number = field->names ? vit_name_find(field->names, text) : 0;
    if (number < 0)
        return vit_settings_refuse(s, field->key, "unknown value", err);
    if (field->names) {
        memcpy(at, &number, sizeof number);
        return VIT_OK;
    }
    snprintf(why, sizeof why, "longer than %d bytes", field->high - 1);
    if (strlen(text) >= (size_t)field->high)
        return vit_settings_refuse(s, field->key, why, err);
    memcpy(at, text, strlen(text) + 1);
    return VIT_OK;
}

static vit_status read_field(const struct vit_field *field, struct vit_settings *s, void *at, struct vit_error *err)
{
    const char *key = field->key;
    const json_t *value = json_object_get(s->object, key);
    if (!value || json_is_null(value))
        return field->optional ? VIT_OK : vit_fail(err, VIT_ERR_DECODE, "%s: %s: missing", s->file, key);
    switch (field->type) {
    case VIT_FIELD_INT: return vit_take_ints(s, key, field->count, field->low, field->high, at, err);
    case VIT_FIELD_BOOL: return vit_take_bool(s, key, at, err);
    case VIT_FIELD_REAL: return field->count ? vit_take_colours(s, key, at, err) : vit_take_real(s, key, at, err);
    case VIT_FIELD_STRING:
    case VIT_FIELD_ENUM: break;
    }
    return read_text(field, s, at, err);
}

vit_status vit_fields_read(const struct vit_field *fields, int n, const char *name, const json_t *object, void *record,
                           struct vit_error *err)
{
    struct vit_settings s = {.file = name, .object = object};
    if (!json_is_object(object))
        return vit_fail(err, VIT_ERR_DECODE, "%s: not a JSON object", name);
    for (int i = 0; i < n; i++)
        VIT_TRY(read_field(&fields[i], &s, (char *)record + fields[i].offset, err));
    for (int i = 0; i < n; i++)
        vit_take(&s, fields[i].key);
    return vit_settings_end(&s, NULL, err);
}

vit_status vit_fields_check(const struct vit_field *fields, int n, const void *record, struct vit_error *err)
{
    for (int i = 0; i < n; i++) {
        int number, count = fields[i].count ? fields[i].count : 1;
        for (int k = 0; fields[i].type == VIT_FIELD_INT && k < count; k++) {
            memcpy(&number, (const char *)record + fields[i].offset + (size_t)k * sizeof number, sizeof number);
            if (number < fields[i].low || number > fields[i].high)
                return vit_fail(err, VIT_ERR_DECODE, "%s: %d is outside %d..%d", fields[i].key, number, fields[i].low,
                                fields[i].high);
        }
    }
    return VIT_OK;
}
