// SPDX-License-Identifier: Apache-2.0
//
// The canonical form of core/json_read.h: the same bytes for the same value, whoever wrote it and in which order.
#include "core/buffer.h"
#include "core/json_read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CANONICAL_DEPTH 64
#define CANONICAL_FEW_KEYS 16

static bool canonical(const json_t *value, struct buffer *out, unsigned depth);

struct member {
    const char *key;
    const json_t *value;
};

static int compare_members(const void *left, const void *right)
{
    return strcmp(((const struct member *)left)->key, ((const struct member *)right)->key);
}

/// Lists the members in the order of their keys. jansson's iteration is not const, but changes nothing.
static size_t sort_members(const json_t *object, struct member *members, size_t count)
{
    json_t *plain = (json_t *)(uintptr_t)object;
    size_t used = 0;
    for (void *at = json_object_iter(plain); at != NULL && used < count; at = json_object_iter_next(plain, at)) {
        members[used++] = (struct member){.key = json_object_iter_key(at), .value = json_object_iter_value(at)};
    }
    qsort(members, used, sizeof *members, compare_members);
    return used;
}

static bool canonical_object(const json_t *object, struct buffer *out, unsigned depth)
{
    struct member few[CANONICAL_FEW_KEYS];
    size_t size = json_object_size(object);
    struct member *members = size <= CANONICAL_FEW_KEYS ? few : malloc(size * sizeof *members);
    if (members == NULL) {
        return false;
    }
    size_t count = sort_members(object, members, size);
    bool good = buffer_byte(out, '{');
    for (size_t i = 0; good && i < count; i++) {
        good = (i == 0 || buffer_byte(out, ',')) && buffer_json_string(out, members[i].key, strlen(members[i].key)) &&
               buffer_byte(out, ':') && canonical(members[i].value, out, depth + 1);
    }
    if (members != few) {
        free(members);
    }
    return good && buffer_byte(out, '}');
}

static bool canonical_array(const json_t *array, struct buffer *out, unsigned depth)
{
    bool good = buffer_byte(out, '[');
    for (size_t i = 0; good && i < json_array_size(array); i++) {
        good = (i == 0 || buffer_byte(out, ',')) && canonical(json_array_get(array, i), out, depth + 1);
    }
    return good && buffer_byte(out, ']');
}

static bool canonical_real(const json_t *real, struct buffer *out)
{
    char text[64];
    size_t length = json_dumpb(real, text, sizeof text, JSON_ENCODE_ANY);
    return length > 0 && length <= sizeof text && buffer_append(out, text, length);
}

static bool canonical(const json_t *value, struct buffer *out, unsigned depth)
{
    if (depth > CANONICAL_DEPTH) {
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return canonical_object(value, out, depth);
    case JSON_ARRAY:
        return canonical_array(value, out, depth);
    case JSON_STRING:
        return buffer_json_string(out, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return buffer_signed(out, json_integer_value(value));
    case JSON_REAL:
        return canonical_real(value, out);
    case JSON_TRUE:
        return buffer_text(out, "true");
    case JSON_FALSE:
        return buffer_text(out, "false");
    case JSON_NULL:
        return buffer_text(out, "null");
    }
    return false;
}

bool json_read_canonical(const json_t *value, struct buffer *out)
{
    return canonical(value, out, 0);
}
