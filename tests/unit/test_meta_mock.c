// SPDX-License-Identifier: Apache-2.0
//
// The mock metadata: documents are replaced whole, expire, and are bounded.
#include "tests/unit/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

// As the plugin's own, which is in its only file; options and members are checked against each other below.
struct meta_config {
    int64_t limit;
    uint64_t memory;
};

static struct fake_host *meta_with(int64_t limit, uint64_t memory)
{
    struct meta_config config = {.limit = limit, .memory = memory};
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, "plugins/meta-mock/.libs/meta-mock.so", &config), PH_OK);
    assert_int_equal(fake->plugin->config_size, sizeof(config));
    return fake;
}

static int setup(void **state)
{
    *state = meta_with(1000, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    fake_host_free(*state);
    return 0;
}

static enum ph_outcome put(struct fake_host *fake, uint64_t number, const char *json, int64_t expires_at)
{
    const struct ph_meta_operations *slots = fake->plugin->operations;
    struct ph_document entry = {.id = id_of(number), .json = text_of(json), .expires_at = expires_at};
    return fake_one(fake, slots->put, &entry, NULL, 0);
}

static enum ph_outcome get(struct fake_host *fake, uint64_t number, const char **json_r)
{
    const struct ph_meta_operations *slots = fake->plugin->operations;
    struct ph_document_id entry = {.id = id_of(number)};
    struct ph_document_found found;
    enum ph_outcome outcome = fake_one(fake, slots->get, &entry, &found, sizeof(found));
    *json_r = found.json.bytes;
    return outcome;
}

static void test_put_replaces(void **state)
{
    struct fake_host *fake = *state;
    const char *json;
    assert_int_equal(get(fake, 1, &json), PH_NOT_FOUND);
    assert_int_equal(put(fake, 1, "{\"a\":1}", 0), PH_OK);
    assert_int_equal(put(fake, 1, "{\"a\":1}", 0), PH_OK);
    assert_int_equal(get(fake, 1, &json), PH_OK);
    assert_string_equal(json, "{\"a\":1}");
    assert_int_equal(put(fake, 1, "{\"b\":22}", 0), PH_OK);
    assert_int_equal(get(fake, 1, &json), PH_OK);
    assert_string_equal(json, "{\"b\":22}");
    assert_int_equal(get(fake, 2, &json), PH_NOT_FOUND);
}

static void test_documents_expire(void **state)
{
    struct fake_host *fake = *state;
    const char *json;
    assert_int_equal(put(fake, 1, "{}", fake->now + 1000), PH_OK);
    fake->now += 999;
    assert_int_equal(get(fake, 1, &json), PH_OK);
    fake->now += 1;
    assert_int_equal(get(fake, 1, &json), PH_NOT_FOUND);
    assert_int_equal(put(fake, 1, "{}", 0), PH_OK); // the same id again, for ever
    fake->now += 1000000;
    assert_int_equal(get(fake, 1, &json), PH_OK);
}

static void test_what_expired_makes_room(void **state)
{
    (void)state;
    struct fake_host *fake = meta_with(2, 1 << 20);
    const char *json;
    assert_int_equal(put(fake, 1, "{}", fake->now + 1000), PH_OK);
    assert_int_equal(put(fake, 2, "{}", 0), PH_OK);
    assert_int_equal(put(fake, 3, "{}", 0), PH_UNAVAILABLE);
    assert_int_equal(put(fake, 2, "{\"b\":2}", 0), PH_OK);
    fake->now += 1000;
    assert_int_equal(put(fake, 3, "{}", 0), PH_OK);
    assert_int_equal(get(fake, 2, &json), PH_OK);
    fake_host_free(fake);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct fake_host *fake = meta_with(1000, 400);
    static char large[500];
    const char *json;
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(put(fake, 1, "{}", 0), PH_OK);
    assert_int_equal(put(fake, 1, large, 0), PH_UNAVAILABLE);
    assert_int_equal(get(fake, 1, &json), PH_OK);
    assert_string_equal(json, "{}");
    fake_host_free(fake);
}

static void test_many(void **state)
{
    struct fake_host *fake = *state;
    const char *json;
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(put(fake, i, "{}", i % 2 ? fake->now + 10 : 0), PH_OK);
    fake->now += 10;
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(get(fake, i, &json), i % 2 ? PH_NOT_FOUND : PH_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents_expire, setup, teardown),
        cmocka_unit_test(test_what_expired_makes_room),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
