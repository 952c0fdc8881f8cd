// SPDX-License-Identifier: Apache-2.0
//
// core/document_json and core/message_json: whole, valid and deterministic JSON from a record.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "core/document_json.h"
#include "core/message_json.h"

#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static struct ph_recipient grace = {.name = TEXT("grace"), .state = PH_STATE_DELIVERED, .at = 2000, .read_at = 3000};
static struct ph_recipient linus = {.name = TEXT("linus"), .state = PH_STATE_FAILED, .at = 2000};
static struct ph_recipient *const recipients[] = {&grace, &linus};

static const struct ph_record record = {
    .id = {{1, 2, 3}},
    .sender = TEXT("ada"),
    .subject = TEXT("quote \" and \xc3\xa4"),
    .body = TEXT("line\nline"),
    .content_type = TEXT("text/plain"),
    .attributes = TEXT("{\"a\":\"b\"}"),
    .recipients = recipients,
    .recipient_count = 2,
    .body_length = 9,
    .status = PH_STATE_DELIVERED,
    .failures = 1,
    .accepted_at = 1000,
    .finished_at = 2000,
    .first_failed_at = 1500,
    .last_failed_at = 1500,
    .delivered_at = 2000,
};

static json_t *parse(struct buffer *buffer)
{
    json_t *json = json_loadb(buffer->data, buffer->length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static const char *text_at(const json_t *json, const char *member)
{
    return json_string_value(json_object_get(json, member));
}

static void test_document(void **state)
{
    struct buffer first, second;
    (void)state;
    buffer_init(&first, 65536);
    buffer_init(&second, 65536);
    assert_true(document_json_write(&first, &record));
    assert_true(document_json_write(&second, &record));
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    json_t *json = parse(&first);
    assert_string_equal(text_at(json, "status"), "delivered");
    assert_string_equal(text_at(json, "accepted_at"), "1970-01-01T00:00:01.000Z");
    assert_true(json_is_null(json_object_get(json, "expires_at")));
    assert_int_equal(json_array_size(json_object_get(json, "timeline")), 5);
    const json_t *states = json_object_get(json, "recipients");
    assert_string_equal(text_at(json_object_get(states, "linus"), "state"), "failed");
    assert_null(json_object_get(json, "body")); // a document holds no content
    json_decref(json);
    buffer_free(&first);
    buffer_free(&second);
}

static void test_inbox_item(void **state)
{
    static const char *const members[] = {"id",          "from",         "to",         "subject",
                                          "body",        "content_type", "attributes", "priority",
                                          "accepted_at", "delivered_at", "read_at"};
    struct buffer buffer;
    (void)state;
    buffer_init(&buffer, 65536);
    message_json_item(&buffer, &record);
    json_t *json = parse(&buffer);
    assert_int_equal(json_object_size(json), sizeof members / sizeof members[0]);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_non_null(json_object_get(json, members[i]));
    }
    assert_string_equal(text_at(json, "subject"), "quote \" and \xc3\xa4");
    assert_string_equal(text_at(json, "body"), "line\nline");
    json_decref(json);
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_inbox_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
