// SPDX-License-Identifier: Apache-2.0
//
// core/json_fields: what is filled, and every complaint with its pointer.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/json_fields.h"
#include "core/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct send {
    const json_t *to, *subject, *priority, *urgent, *attributes, *extra, *note;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct send, to, JSON_FIELD_ARRAY, JSON_FIELD_REQUIRED | JSON_FIELD_STRINGS, 1, 3),
    JSON_FIELD(struct send, subject, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 1, 5),
    JSON_FIELD(struct send, priority, JSON_FIELD_INTEGER, 0, -1, 9),
    JSON_FIELD(struct send, urgent, JSON_FIELD_BOOLEAN, 0, 0, 0),
    JSON_FIELD(struct send, attributes, JSON_FIELD_OBJECT, JSON_FIELD_STRINGS, 0, 2),
    JSON_FIELD_NAMED(struct send, extra, "a/b~c", JSON_FIELD_ANY, 0, 0, 0),
    JSON_FIELD(struct send, note, JSON_FIELD_STRING, JSON_FIELD_NULLABLE, 0, 9),
};

/// Reads `text` and returns the complaints as JSON text, to be freed.
static char *complaints(const char *text, const char *pointer, struct send *send, json_t **document_r)
{
    struct json_errors *errors = malloc(sizeof *errors);
    json_t *document = json_read(text, strlen(text), 0, NULL);
    assert_non_null(document);
    memset(send, 0xff, sizeof *send);
    json_errors_init(errors);
    bool good = json_fields_read(document, pointer, fields, sizeof fields / sizeof fields[0], send, errors);
    assert_int_equal(good, errors->count == 0);
    struct buffer out;
    size_t length;
    buffer_init(&out, 100000);
    assert_true(json_errors_write(errors, &out));
    free(errors);
    *document_r = document;
    return buffer_detach(&out, &length);
}

static void assert_complaints(const char *text, const char *expected)
{
    struct send send;
    json_t *document;
    char *got = complaints(text, "", &send, &document);
    assert_string_equal(got, expected);
    free(got);
    json_decref(document);
}

static void test_filled(void **state)
{
    (void)state;
    struct send send;
    json_t *document;
    char *got =
        complaints("{\"to\":[\"a\",\"b\"],\"subject\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\",\"priority\":-1,"
                   "\"a/b~c\":null,\"note\":null}",
                   "", &send, &document);
    assert_string_equal(got, "[]");
    assert_int_equal(json_array_size(send.to), 2);
    assert_int_equal(json_string_length(send.subject), 10);
    assert_int_equal(json_integer_value(send.priority), -1);
    assert_null(send.urgent);
    assert_null(send.attributes);
    assert_true(json_is_null(send.extra));
    assert_null(send.note);
    free(got);
    json_decref(document);
}

static void test_complaints(void **state)
{
    (void)state;
    assert_complaints("[]", "[{\"pointer\":\"\",\"detail\":\"must be an object\"}]");
    assert_complaints("{}", "[{\"pointer\":\"/to\",\"detail\":\"is required\"},"
                            "{\"pointer\":\"/subject\",\"detail\":\"is required\"}]");
    assert_complaints("{\"to\":[],\"subject\":\"\"}",
                      "[{\"pointer\":\"/to\",\"detail\":\"must have at least 1 entry\"},"
                      "{\"pointer\":\"/subject\",\"detail\":\"must have at least 1 character\"}]");
    assert_complaints("{\"to\":[\"a\",5,null],\"subject\":\"abcdef\",\"priority\":10}",
                      "[{\"pointer\":\"/to/1\",\"detail\":\"must be a string\"},"
                      "{\"pointer\":\"/to/2\",\"detail\":\"must be a string\"},"
                      "{\"pointer\":\"/subject\",\"detail\":\"must have at most 5 characters\"},"
                      "{\"pointer\":\"/priority\",\"detail\":\"must be at most 9\"}]");
    assert_complaints("{\"to\":\"a\",\"subject\":null,\"priority\":1.0,\"urgent\":1,\"attributes\":[],\"note\":3}",
                      "[{\"pointer\":\"/to\",\"detail\":\"must be an array\"},"
                      "{\"pointer\":\"/subject\",\"detail\":\"must be a string\"},"
                      "{\"pointer\":\"/priority\",\"detail\":\"must be an integer\"},"
                      "{\"pointer\":\"/urgent\",\"detail\":\"must be true or false\"},"
                      "{\"pointer\":\"/attributes\",\"detail\":\"must be an object\"},"
                      "{\"pointer\":\"/note\",\"detail\":\"must be a string or null\"}]");
    assert_complaints("{\"to\":[\"a\"],\"subject\":\"s\",\"attributes\":{\"k/x\":1},\"priority\":-2,\"x~y\":0}",
                      "[{\"pointer\":\"/priority\",\"detail\":\"must be at least -1\"},"
                      "{\"pointer\":\"/attributes/k~1x\",\"detail\":\"must be a string\"},"
                      "{\"pointer\":\"/x~0y\",\"detail\":\"is not a known field\"}]");
    assert_complaints("{\"to\":[\"a\"],\"subject\":\"s\",\"attributes\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}",
                      "[{\"pointer\":\"/attributes\",\"detail\":\"must have at most 2 members\"}]");
}

static void test_wrong_values_are_not_filled(void **state)
{
    (void)state;
    struct send send;
    json_t *document;
    char *got = complaints("{\"to\":[1],\"subject\":5,\"priority\":99}", "/messages/3", &send, &document);
    assert_null(send.to);
    assert_null(send.subject);
    assert_null(send.priority);
    assert_non_null(strstr(got, "\"/messages/3/to/0\""));
    free(got);
    json_decref(document);
}

static void test_bounded(void **state)
{
    (void)state;
    struct json_errors *errors = malloc(sizeof *errors);
    char name[400];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    json_errors_init(errors);
    for (int i = 0; i < 50; i++) {
        json_errors_add(errors, name, "%s", name);
    }
    assert_int_equal(errors->count, JSON_ERRORS_MAX);
    assert_int_equal(errors->missed, 50 - JSON_ERRORS_MAX);
    assert_int_equal(strlen(errors->entries[0].pointer), JSON_POINTER_SIZE - 1);
    struct send send;
    json_t *empty = json_object();
    assert_false(json_fields_read(empty, "", fields, 2, &send, errors));
    json_decref(empty);
    free(errors);
}

static void test_pointer_cut_at_characters(void **state)
{
    (void)state;
    char pointer[8];
    json_pointer_member(pointer, sizeof pointer, "/a", "bc\xc3\xa9\xc3\xa9");
    assert_string_equal(pointer, "/a/bc\xc3\xa9");
    json_pointer_member(pointer, sizeof pointer, "/abc", "d~~");
    assert_string_equal(pointer, "/abc/d");
    json_pointer_member(pointer, sizeof pointer, "/abcdefgh", "x");
    assert_string_equal(pointer, "/abcdef");
    json_pointer_index(pointer, sizeof pointer, "/a", 12);
    assert_string_equal(pointer, "/a/12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filled),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_wrong_values_are_not_filled),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_pointer_cut_at_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
