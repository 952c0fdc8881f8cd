// SPDX-License-Identifier: Apache-2.0
//
// Reads the members of a JSON object by a table: name, type, limits and where the value goes.
//
//     struct send { const json_t *to, *subject; };
//     static const struct json_field fields[] = {
//         JSON_FIELD(struct send, to, JSON_FIELD_ARRAY, JSON_FIELD_REQUIRED, 1, 100),
//         JSON_FIELD(struct send, subject, JSON_FIELD_STRING, 0, 0, 200),
//     };
//     json_fields_read(object, "", fields, 2, &send, &errors);
//
// Every unknown, missing, mistyped or too long member is reported with its JSON pointer (RFC 6901), all in
// one run, into a list of at most JSON_ERRORS_MAX. Pure functions.
#ifndef CORE_JSON_FIELDS_H
#define CORE_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

#define JSON_ERRORS_MAX 32
#define JSON_POINTER_SIZE 160
#define JSON_DETAIL_SIZE 160

struct json_errors_entry {
    char pointer[JSON_POINTER_SIZE]; ///< escaped, valid UTF-8, cut when longer
    char detail[JSON_DETAIL_SIZE];   ///< a sentence for the client
};

/// What is wrong with a document. About 10 KB; json_errors_init() touches only the head.
struct json_errors {
    size_t count;  ///< entries used
    size_t missed; ///< errors beyond JSON_ERRORS_MAX that were only counted
    struct json_errors_entry entries[JSON_ERRORS_MAX];
};

/// An empty list.
void json_errors_init(struct json_errors *errors);

/// Adds an error. `pointer` is complete and escaped ("" is the document itself).
void json_errors_add(struct json_errors *errors, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Appends the list as a JSON array: [{"pointer":…,"detail":…},…].
bool json_errors_write(const struct json_errors *errors, struct buffer *out);

/// Writes `parent` + "/" + `name` with ~ and / escaped; cut at a character when `size` is too small.
void json_pointer_member(char *out, size_t size, const char *parent, const char *name);

/// Writes `parent` + "/" + `index`.
void json_pointer_index(char *out, size_t size, const char *parent, size_t index);

enum json_field_type {
    JSON_FIELD_STRING,  ///< limits: code points
    JSON_FIELD_INTEGER, ///< limits: the value
    JSON_FIELD_BOOLEAN, ///< no limits
    JSON_FIELD_ARRAY,   ///< limits: entries
    JSON_FIELD_OBJECT,  ///< limits: members
    JSON_FIELD_ANY,     ///< no limits
};

enum json_field_flags {
    JSON_FIELD_REQUIRED = 1,
    JSON_FIELD_NULLABLE = 2, ///< null is taken and counts as absent
    JSON_FIELD_STRINGS = 4,  ///< of an array or object: every entry must be a string
};

struct json_field {
    const char *name;
    enum json_field_type type;
    unsigned flags;
    int64_t minimum;
    int64_t maximum;
    size_t offset; ///< of a `const json_t *` in the target
};

/// An entry of the table; the JSON name is the member's, and the compiler checks that the member is a `const
/// json_t *`.
#define JSON_FIELD(structure, member, type, flags, minimum, maximum) \
    JSON_FIELD_NAMED(structure, member, #member, type, flags, minimum, maximum)

/// The same with another JSON name.
#define JSON_FIELD_NAMED(structure, member, name, type, flags, minimum, maximum)                               \
    {                                                                                                          \
        name, type, flags, minimum, maximum,                                                                 \
            _Generic(((structure *)0)->member, const json_t * : offsetof(structure, member)) \
    }

/// Reads `object` (reported when it is no object) into `target`: each member of the table becomes the
/// borrowed value, valid as long as `object`, or NULL when absent or wrong. `pointer` is the object's own.
/// True when nothing was added to `errors`.
bool json_fields_read(const json_t *object, const char *pointer, const struct json_field *fields, size_t count,
                      void *target, struct json_errors *errors);

#endif
