// SPDX-License-Identifier: Apache-2.0
//
// See core/json_fields.h.
#include "core/json_fields.h"

#include "core/buffer.h"
#include "core/json_read.h"
#include "core/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void json_errors_init(struct json_errors *errors)
{
    errors->count = 0;
    errors->missed = 0;
}

void json_errors_add(struct json_errors *errors, const char *pointer, const char *format, ...)
{
    if (errors->count == JSON_ERRORS_MAX) {
        errors->missed++;
        return;
    }
    struct json_errors_entry *entry = &errors->entries[errors->count++];
    size_t length = strlen(pointer);
    size_t kept = utf8_cut(pointer, length, sizeof entry->pointer - 1);
    memcpy(entry->pointer, pointer, kept);
    entry->pointer[kept] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry->detail, sizeof entry->detail, format, arguments);
    va_end(arguments);
    entry->detail[utf8_cut(entry->detail, strlen(entry->detail), sizeof entry->detail - 5)] = '\0';
}

bool json_errors_write(const struct json_errors *errors, struct buffer *out)
{
    bool good = buffer_byte(out, '[');
    for (size_t i = 0; good && i < errors->count; i++) {
        const struct json_errors_entry *entry = &errors->entries[i];
        good = buffer_text(out, i == 0 ? "{\"pointer\":" : ",{\"pointer\":") &&
               buffer_json_string(out, entry->pointer, strlen(entry->pointer)) && buffer_text(out, ",\"detail\":") &&
               buffer_json_string(out, entry->detail, strlen(entry->detail)) && buffer_byte(out, '}');
    }
    return good && buffer_byte(out, ']');
}

void json_pointer_member(char *out, size_t size, const char *parent, const char *name)
{
    size_t used = utf8_cut(parent, strlen(parent), size - 1);
    memcpy(out, parent, used);
    if (used + 1 < size) {
        out[used++] = '/';
    }
    size_t length = strlen(name);
    for (size_t at = 0; at < length;) {
        size_t step = utf8_step(name + at, length - at, NULL);
        const char *piece = name[at] == '~' ? "~0" : name[at] == '/' ? "~1" : step > 0 ? name + at : "?";
        size_t need = name[at] == '~' || name[at] == '/' ? 2 : step > 0 ? step : 1;
        if (need >= size - used) {
            break;
        }
        memcpy(out + used, piece, need);
        used += need;
        at += step > 0 ? step : 1;
    }
    out[used] = '\0';
}

void json_pointer_index(char *out, size_t size, const char *parent, size_t index)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", index);
    json_pointer_member(out, size, parent, digits);
}

static bool type_matches(const json_t *value, enum json_field_type type)
{
    switch (type) {
    case JSON_FIELD_STRING:
        return json_is_string(value);
    case JSON_FIELD_INTEGER:
        return json_is_integer(value);
    case JSON_FIELD_BOOLEAN:
        return json_is_boolean(value);
    case JSON_FIELD_ARRAY:
        return json_is_array(value);
    case JSON_FIELD_OBJECT:
        return json_is_object(value);
    case JSON_FIELD_ANY:
        break;
    }
    return true;
}

static const char *const type_names[] = {
    [JSON_FIELD_STRING] = "a string", [JSON_FIELD_INTEGER] = "an integer", [JSON_FIELD_BOOLEAN] = "true or false",
    [JSON_FIELD_ARRAY] = "an array",  [JSON_FIELD_OBJECT] = "an object",   [JSON_FIELD_ANY] = "a value",
};

static const char *const unit_names[][2] = {
    [JSON_FIELD_STRING] = {"character", "characters"},
    [JSON_FIELD_ARRAY] = {"entry", "entries"},
    [JSON_FIELD_OBJECT] = {"member", "members"},
};

static int64_t measure(const json_t *value, enum json_field_type type)
{
    switch (type) {
    case JSON_FIELD_STRING:
        return (int64_t)json_read_string_count(value);
    case JSON_FIELD_ARRAY:
        return (int64_t)json_array_size(value);
    case JSON_FIELD_OBJECT:
        return (int64_t)json_object_size(value);
    default:
        return json_integer_value(value);
    }
}

static bool check_limits(const struct json_field *field, const char *pointer, const json_t *value,
                         struct json_errors *errors)
{
    if (field->type == JSON_FIELD_BOOLEAN || field->type == JSON_FIELD_ANY) {
        return true;
    }
    int64_t size = measure(value, field->type);
    if (size >= field->minimum && size <= field->maximum) {
        return true;
    }
    int64_t limit = size < field->minimum ? field->minimum : field->maximum;
    const char *side = size < field->minimum ? "least" : "most";
    if (field->type == JSON_FIELD_INTEGER) {
        json_errors_add(errors, pointer, "must be at %s %" PRId64, side, limit);
    } else {
        json_errors_add(errors, pointer, "must have at %s %" PRId64 " %s", side, limit,
                        unit_names[field->type][limit != 1]);
    }
    return false;
}

static bool check_strings(const char *pointer, const json_t *value, struct json_errors *errors)
{
    char name[JSON_POINTER_SIZE];
    bool good = true;
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i))) {
            json_pointer_index(name, sizeof name, pointer, i);
            json_errors_add(errors, name, "must be a string");
            good = false;
        }
    }
    json_t *object = json_is_object(value) ? (json_t *)(uintptr_t)value : NULL;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        if (!json_is_string(json_object_iter_value(at))) {
            json_pointer_member(name, sizeof name, pointer, json_object_iter_key(at));
            json_errors_add(errors, name, "must be a string");
            good = false;
        }
    }
    return good;
}

static bool check_value(const struct json_field *field, const char *pointer, const json_t *value,
                        struct json_errors *errors)
{
    if (!type_matches(value, field->type)) {
        bool nullable = (field->flags & JSON_FIELD_NULLABLE) != 0;
        json_errors_add(errors, pointer, "must be %s%s", type_names[field->type], nullable ? " or null" : "");
        return false;
    }
    return check_limits(field, pointer, value, errors) &&
           ((field->flags & JSON_FIELD_STRINGS) == 0 || check_strings(pointer, value, errors));
}

static void store(void *target, const struct json_field *field, const json_t *value)
{
    memcpy((char *)target + field->offset, &value, sizeof value);
}

static void read_field(const json_t *object, const char *parent, const struct json_field *field, void *target,
                       struct json_errors *errors)
{
    const json_t *value = json_object_get(object, field->name);
    bool absent = value == NULL || (json_is_null(value) && (field->flags & JSON_FIELD_NULLABLE) != 0);
    char pointer[JSON_POINTER_SIZE];
    store(target, field, NULL);
    if (absent && (field->flags & JSON_FIELD_REQUIRED) == 0) {
        return;
    }
    json_pointer_member(pointer, sizeof pointer, parent, field->name);
    if (absent) {
        json_errors_add(errors, pointer, "is required");
    } else if (check_value(field, pointer, value, errors)) {
        store(target, field, value);
    }
}

static bool is_known(const char *name, const struct json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void report_unknown(const json_t *object, const char *parent, const struct json_field *fields, size_t count,
                           struct json_errors *errors)
{
    char pointer[JSON_POINTER_SIZE];
    json_t *plain = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(plain); at != NULL; at = json_object_iter_next(plain, at)) {
        if (!is_known(json_object_iter_key(at), fields, count)) {
            json_pointer_member(pointer, sizeof pointer, parent, json_object_iter_key(at));
            json_errors_add(errors, pointer, "is not a known field");
        }
    }
}

bool json_fields_read(const json_t *object, const char *pointer, const struct json_field *fields, size_t count,
                      void *target, struct json_errors *errors)
{
    size_t before = errors->count + errors->missed;
    if (!json_is_object(object)) {
        for (size_t i = 0; i < count; i++) {
            store(target, &fields[i], NULL);
        }
        json_errors_add(errors, pointer, "must be an object");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        read_field(object, pointer, &fields[i], target, errors);
    }
    report_unknown(object, pointer, fields, count, errors);
    return errors->count + errors->missed == before;
}
