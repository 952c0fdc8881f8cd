// SPDX-License-Identifier: Apache-2.0
//
// What meta-dynamodb writes to DynamoDB and reads from it, text against text.
#include "tests/unit/unit.h"

#include "plugins/meta-dynamodb/answer.h"
#include "plugins/meta-dynamodb/request.h"

#include <stdlib.h>
#include <string.h>

#define ID "0190b5d2-0000-7000-8000-0000000000ff"

static const struct ph_id id = {{0x01, 0x90, 0xb5, 0xd2, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}};

static json_t *json_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static void want_text(struct buffer *buffer, const char *expected)
{
    assert_string_equal(buffer_string(buffer), expected);
    buffer_free(buffer);
}

// --- Requests ----------------------------------------------------------------------------------------------

static void test_puts_are_written(void **state)
{
    struct buffer body;
    const struct ph_document plain = {.id = id, .json = {"{\"a\":1}", 7}, .sender = {"ada", 3}, .status = 1};
    struct ph_document expiring = plain;
    (void)state;
    expiring.expires_at = 1700000000001;
    expiring.status = 99;
    buffer_init(&body, 65536);
    request_puts_begin(&body, "t\"");
    request_put(&body, &plain);
    request_put(&body, &expiring);
    assert_true(body.length <= 2 * request_put_size(&plain));
    request_puts_end(&body);
    json_t *json = json_of(buffer_string(&body)); // it is JSON
    json_decref(json);
    want_text(&body,
              "{\"RequestItems\":{\"t\\\"\":["
              "{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"" ID "\"},\"document\":{\"S\":\"{\\\"a\\\":1}\"},"
              "\"sender\":{\"S\":\"ada\"},\"status\":{\"S\":\"delivered\"}}}},"
              "{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"" ID "\"},\"document\":{\"S\":\"{\\\"a\\\":1}\"},"
              "\"sender\":{\"S\":\"ada\"},\"status\":{\"S\":\"unknown\"},\"expires_at\":{\"N\":\"1700000000001\"},"
              "\"ttl\":{\"N\":\"1700000001\"}}}}]}}");
}

static void test_gets_are_written(void **state)
{
    struct buffer body;
    (void)state;
    buffer_init(&body, 65536);
    request_gets_begin(&body, "t");
    request_get(&body, &id);
    request_get(&body, &id);
    request_gets_end(&body, true);
    want_text(&body, "{\"RequestItems\":{\"t\":{\"Keys\":[{\"id\":{\"S\":\"" ID "\"}},{\"id\":{\"S\":\"" ID "\"}}],"
                     "\"ConsistentRead\":true}}}");
}

static void test_what_dynamodb_cannot_hold(void **state)
{
    char *large = malloc(DYNAMODB_ITEM_MAX);
    struct ph_document document = {.id = id, .json = {large, 400 * 1000}, .sender = {"ada", 3}};
    (void)state;
    memset(large, 'x', DYNAMODB_ITEM_MAX);
    assert_null(request_obstacle(&document));
    document.json.length = DYNAMODB_ITEM_MAX;
    assert_non_null(strstr(request_obstacle(&document), "400 KB"));
    document.json = (struct ph_text){"a\0b", 3};
    assert_non_null(strstr(request_obstacle(&document), "UTF-8"));
    document.json = (struct ph_text){"\xff", 1};
    assert_non_null(strstr(request_obstacle(&document), "UTF-8"));
    document.json = (struct ph_text){"{}", 2};
    document.sender = (struct ph_text){"\xff", 1};
    assert_non_null(request_obstacle(&document));
    // Every byte may have to be escaped.
    memset(large, '\1', 1000);
    document = (struct ph_document){.id = id, .json = {large, 1000}};
    assert_true(request_put_size(&document) >= 6000);
    free(large);
}

// --- Answers -----------------------------------------------------------------------------------------------

static size_t left;
static size_t items;
static struct answer_item last;

static void on_left(void *context, const struct ph_id *given)
{
    (void)context;
    assert_memory_equal(given, &id, sizeof id);
    left++;
}

static void on_item(void *context, const struct answer_item *item)
{
    (void)context;
    last = *item;
    items++;
}

static bool puts_of(const char *text)
{
    json_t *json = json_of(text);
    left = 0;
    const bool read = answer_puts(json, "t", on_left, NULL);
    json_decref(json);
    return read;
}

static void test_unprocessed_puts(void **state)
{
    (void)state;
    assert_true(puts_of("{}") && left == 0);
    assert_true(puts_of("{\"UnprocessedItems\":{}}") && left == 0);
    assert_true(puts_of("{\"UnprocessedItems\":{\"t\":[{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"" ID "\"}}}}],"
                        "\"other\":[{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"" ID "\"}}}}]}}"));
    assert_int_equal(left, 1);
    assert_true(puts_of("{\"UnprocessedItems\":{\"t\":[7,{},{\"PutRequest\":[]},{\"PutRequest\":{\"Item\":{\"id\":{"
                        "\"S\":\"x\"}}}}]}}"));
    assert_int_equal(left, 0);
    assert_false(puts_of("{\"UnprocessedItems\":[]}"));
    assert_false(puts_of("[]"));
}

static bool gets_of(const char *text)
{
    json_t *json = json_of(text);
    left = items = 0;
    const bool read = answer_gets(json, "t", on_item, on_left, NULL);
    json_decref(json);
    return read;
}

static void test_items_are_read(void **state)
{
    (void)state;
    assert_true(gets_of("{\"Responses\":{\"t\":[{\"id\":{\"S\":\"" ID "\"},\"document\":{\"S\":\"{}\"},"
                        "\"expires_at\":{\"N\":\"17\"}}]},\"UnprocessedKeys\":{\"t\":{\"Keys\":[{\"id\":{\"S\":\"" ID
                        "\"}}]}}}"));
    assert_int_equal(items, 1);
    assert_int_equal(left, 1);
    assert_true(last.sound);
    assert_int_equal(last.expires_at, 17);
    assert_memory_equal(&last.id, &id, sizeof id);
    assert_true(gets_of("{\"Responses\":{\"t\":[{\"document\":{\"S\":\"{}\"}},7,{\"id\":{\"N\":\"1\"}}]}}"));
    assert_int_equal(items, 0);
    static const char *const unsound[] = {
        "{\"Responses\":{\"t\":[{\"id\":{\"S\":\"" ID "\"}}]}}",
        "{\"Responses\":{\"t\":[{\"id\":{\"S\":\"" ID "\"},\"document\":{\"B\":\"e30=\"}}]}}",
        "{\"Responses\":{\"t\":[{\"id\":{\"S\":\"" ID
        "\"},\"document\":{\"S\":\"{}\"},\"expires_at\":{\"N\":\"1e9\"}}]}}",
        "{\"Responses\":{\"t\":[{\"id\":{\"S\":\"" ID
        "\"},\"document\":{\"S\":\"{}\"},\"expires_at\":{\"S\":\"1\"}}]}}",
    };
    for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++) {
        assert_true(gets_of(unsound[i]));
        assert_int_equal(items, 1);
        assert_false(last.sound);
    }
    assert_false(gets_of("{}"));
    assert_false(gets_of("{\"Responses\":[]}"));
    assert_false(gets_of("{\"Responses\":{},\"UnprocessedKeys\":7}"));
}

static void test_tables(void **state)
{
    struct answer_table table;
    static const struct {
        const char *text;
        bool fits;
    } cases[] = {
        {"{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"
         "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}]}}",
         true},
        {"{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"
         "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"B\"}]}}",
         false},
        {"{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"},"
         "{\"AttributeName\":\"at\",\"KeyType\":\"RANGE\"}],"
         "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}]}}",
         false},
        {"{\"Table\":{\"TableStatus\":\"ACTIVE\"}}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_of(cases[i].text);
        assert_true(answer_table(json, &table));
        assert_string_equal(table.status, "ACTIVE");
        assert_int_equal(table.fits, cases[i].fits);
        json_decref(json);
    }
    json_t *json = json_of("{\"Table\":[]}");
    assert_false(answer_table(json, &table));
    json_decref(json);
}

static void test_checksums(void **state)
{
    const struct ph_text check = {"123456789", 9};
    (void)state;
    assert_true(answer_checksum(check, (struct ph_text){"3421780262", 10})); // the check value of CRC-32, 0xcbf43926
    assert_true(answer_checksum(check, (struct ph_text){"", 0}));
    assert_false(answer_checksum(check, (struct ph_text){"3421780263", 10}));
    assert_false(answer_checksum(check, (struct ph_text){"-1", 2}));
    assert_false(answer_checksum(check, (struct ph_text){"99999999999999999999999", 23}));
    assert_true(answer_checksum((struct ph_text){"", 0}, (struct ph_text){"0", 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_are_written),
        cmocka_unit_test(test_gets_are_written),
        cmocka_unit_test(test_what_dynamodb_cannot_hold),
        cmocka_unit_test(test_unprocessed_puts),
        cmocka_unit_test(test_items_are_read),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
