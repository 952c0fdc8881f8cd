// SPDX-License-Identifier: Apache-2.0
//
// meta-sqlite: documents are put whole, read back, and forgotten when they have expired.
#include "tests/unit/loop_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct test_host *host;
static struct test_plugin meta;
static char *folder;
static char *path;

static const struct ph_meta_operations *slots(void)
{
    return meta.descriptor->operations;
}

static void put(unsigned number, const char *json, int64_t expires_at)
{
    struct ph_document entry = {
        .id = id_from(number), .json = text_from(json), .sender = text_from("ann"), .expires_at = expires_at};
    struct test_call *call = test_call_run(&meta, PH_META_PUT, slots()->put, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
}

static void expect(unsigned number, const char *json)
{
    struct ph_document_id entry = {.id = id_from(number)};
    struct test_call *call =
        test_call_run(&meta, PH_META_GET, slots()->get, 1, &entry, sizeof(entry), sizeof(struct ph_document_found));
    const struct ph_document_found *found = call->call.outputs[0];
    assert_int_equal(test_outcome(call, 0), json != NULL ? PH_OK : PH_NOT_FOUND);
    if (json != NULL)
        assert_string_equal(found->json.bytes, json);
    test_call_free(call);
}

static void test_put_and_get(void **state)
{
    (void)state;
    expect(1, NULL);
    put(1, "{\"a\":1}", 0);
    put(2, "{}", 0);
    expect(1, "{\"a\":1}");
    for (int i = 0; i < 2; i++)
        put(1, "{\"a\":2,\"longer\":true}", 0);
    test_plugin_close(&meta);
    assert_true(test_plugin_open(&meta));
    expect(1, "{\"a\":2,\"longer\":true}");
    expect(2, "{}");
}

static void test_expiry(void **state)
{
    (void)state;
    put(1, "{}", host->host.now(&host->host) + 1000);
    expect(1, "{}");
    host->clock_offset += 1001;
    expect(1, NULL);
    put(2, "{}", 0);
    // Forgotten by the put, not only hidden.
    host->clock_offset -= 1001;
    expect(1, NULL);
    expect(2, "{}");
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new();
    folder = test_folder_make();
    path = test_path(folder, "test.db");
    test_plugin_load(&meta, host, "meta", path);
    if (!test_plugin_open(&meta))
        fail_msg("%s", meta.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_plugin_close(&meta);
    test_host_free(host);
    test_folder_remove(folder);
    free(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expiry, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
