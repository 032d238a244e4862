/* fields.c: table-driven reading and writing of plain structs as JSON. */
#include "weights/canonical/fields.h"

#include <math.h>
#include <string.h>

#include "vit/base/names.h"

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

json_t *vit_fields_write(const struct vit_field *fields, int n, const void *record)
{
    json_t *object = json_object();
    for (int i = 0; object && i < n; i++) {
        json_t *value = write_field(&fields[i], (const char *)record + fields[i].offset);
        if (fields[i].optional && json_is_false(value))
            continue;
        if (json_object_set_new(object, fields[i].key, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static vit_status read_int(const struct vit_field *field, const json_t *value, void *at, struct vit_error *err)
{
    if (!json_is_integer(value))
        return vit_fail(err, VIT_ERR_DECODE, "%s: not a whole number", field->key);
    json_int_t number = json_integer_value(value);
    if (number < field->low || number > field->high)
        return vit_fail(err, VIT_ERR_DECODE, "%s: %lld is outside %d..%d", field->key, (long long)number, field->low,
                        field->high);
    memcpy(at, &(int){(int)number}, sizeof(int));
    return VIT_OK;
}

static vit_status read_real(const struct vit_field *field, const json_t *value, void *at, struct vit_error *err)
{
    double real = json_number_value(value);
    if (!json_is_number(value) || !isfinite(real))
        return vit_fail(err, VIT_ERR_DECODE, "%s: not a finite number", field->key);
    memcpy(at, &real, sizeof real);
    return VIT_OK;
}

static vit_status read_string(const struct vit_field *field, const json_t *value, char *at, struct vit_error *err)
{
    if (!json_is_string(value))
        return vit_fail(err, VIT_ERR_DECODE, "%s: not a string", field->key);
    size_t length = json_string_length(value);
    if (length >= (size_t)field->high)
        return vit_fail(err, VIT_ERR_DECODE, "%s: %zu bytes long, at most %d", field->key, length, field->high - 1);
    memcpy(at, json_string_value(value), length);
    at[length] = '\0';
    return VIT_OK;
}

static vit_status read_enum(const struct vit_field *field, const json_t *value, void *at, struct vit_error *err)
{
    if (!json_is_string(value))
        return vit_fail(err, VIT_ERR_DECODE, "%s: not a string", field->key);
    int number = vit_name_find(field->names, json_string_value(value));
    if (number < 0)
        return vit_fail(err, VIT_ERR_DECODE, "%s: unknown value \"%.100s\"", field->key, json_string_value(value));
    memcpy(at, &number, sizeof number);
    return VIT_OK;
}

static vit_status read_value(const struct vit_field *field, const json_t *value, void *at, struct vit_error *err)
{
    switch (field->type) {
    case VIT_FIELD_INT: return read_int(field, value, at, err);
    case VIT_FIELD_REAL: return read_real(field, value, at, err);
    case VIT_FIELD_STRING: return read_string(field, value, at, err);
    case VIT_FIELD_ENUM: return read_enum(field, value, at, err);
    case VIT_FIELD_BOOL: break;
    }
    if (!json_is_boolean(value))
        return vit_fail(err, VIT_ERR_DECODE, "%s: neither true nor false", field->key);
    memcpy(at, &(bool){json_is_true(value)}, sizeof(bool));
    return VIT_OK;
}

static vit_status read_field(const struct vit_field *field, const json_t *value, char *at, struct vit_error *err)
{
    if (!value && field->optional)
        value = json_false();
    if (!value)
        return vit_fail(err, VIT_ERR_DECODE, "%s: missing", field->key);
    if (field->count == 0)
        return read_value(field, value, at, err);
    if (!json_is_array(value) || json_array_size(value) != (size_t)field->count)
        return vit_fail(err, VIT_ERR_DECODE, "%s: not an array of %d", field->key, field->count);
    for (int i = 0; i < field->count; i++)
        VIT_TRY(read_value(field, json_array_get(value, (size_t)i), at + (size_t)i * element_size(field), err));
    return VIT_OK;
}

static bool is_known(const struct vit_field *fields, int n, const char *key)
{
    for (int i = 0; i < n; i++)
        if (strcmp(fields[i].key, key) == 0)
            return true;
    return false;
}

vit_status vit_fields_read(const struct vit_field *fields, int n, json_t *object, void *record,
                           struct vit_error *err)
{
    if (!json_is_object(object))
        return vit_fail(err, VIT_ERR_DECODE, "not a JSON object");
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
        if (!is_known(fields, n, key))
            return vit_fail(err, VIT_ERR_DECODE, "unknown key \"%.100s\"", key);
    for (int i = 0; i < n; i++)
        VIT_TRY(read_field(&fields[i], json_object_get(object, fields[i].key), (char *)record + fields[i].offset, err));
    return VIT_OK;
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
