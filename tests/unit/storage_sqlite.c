// SPDX-License-Identifier: Apache-2.0
//
// The shared words of the tests of storage-sqlite.
#include "tests/unit/storage_sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct test_host *host;
struct test_plugin storage;
static char *folder;
static char *path;

const struct ph_storage_operations *storage_slots(void)
{
    return storage.descriptor->operations;
}

enum ph_outcome storage_add_user(const char *name, unsigned request)
{
    struct ph_user_add entry = {
        .id = id_from(request), .name = text_from(name), .password = text_from("hash"), .roles = 0};
    struct test_call *call =
        test_call_run(&storage, PH_STORAGE_USER_ADD, storage_slots()->user_add, 1, &entry, sizeof(entry), 0);
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

enum ph_outcome storage_remove_user(const char *name)
{
    struct ph_user_name entry = {.name = text_from(name)};
    struct test_call *call =
        test_call_run(&storage, PH_STORAGE_USER_REMOVE, storage_slots()->user_remove, 1, &entry, sizeof(entry), 0);
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

const struct ph_text ann_ben[2] = {{"ann", 3}, {"ben", 3}};

struct ph_message storage_message(unsigned number)
{
    return (struct ph_message){
        .id = id_from(number),
        .sender = text_from("ann"),
        .recipients = &ann_ben[1],
        .recipient_count = 1,
        .subject = text_from("subject"),
        .body = text_from("the body"),
        .content_type = text_from("text/plain"),
        .attributes = text_from("{\"a\":\"b\"}"),
        .trace = text_from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .due_in_ms = 10000,
    };
}

enum ph_outcome storage_append(struct ph_message entry, struct ph_accepted *accepted_r)
{
    struct test_call *call = RUN(PH_STORAGE_APPEND, append, entry, struct ph_accepted);
    enum ph_outcome outcome = test_outcome(call, 0);
    if (accepted_r != NULL)
        *accepted_r = *OUTPUT(call, struct ph_accepted);
    test_call_free(call);
    return outcome;
}

// The call stays the caller's, for its record.
struct test_call *storage_deliver_call(unsigned number)
{
    struct ph_deliver entry = {.id = id_from(number), .alert_lease_ms = 60000};
    return RUN(PH_STORAGE_DELIVER, deliver, entry, struct ph_delivery);
}

enum ph_outcome storage_deliver(unsigned number)
{
    struct test_call *call = storage_deliver_call(number);
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

struct test_call *storage_read_list(enum ph_operation operation, ph_start_f *slot, const char *user, uint64_t after,
                                    uint32_t limit)
{
    struct ph_read entry = {.user = text_from(user), .after = after, .limit = limit, .byte_limit = 1000000};
    return test_call_run(&storage, operation, slot, 1, &entry, sizeof(entry), sizeof(struct ph_page));
}

struct test_call *storage_inbox(const char *user, uint64_t after, uint32_t limit)
{
    return storage_read_list(PH_STORAGE_INBOX_READ, storage_slots()->inbox_read, user, after, limit);
}

size_t storage_inbox_count(const char *user)
{
    struct test_call *call = storage_inbox(user, 0, 100);
    size_t count = OUTPUT(call, struct ph_page)->count;
    test_call_free(call);
    return count;
}

struct test_call *storage_lease_call(enum ph_mark_kind mark, uint32_t limit)
{
    struct ph_lease entry = {.mark = mark, .limit = limit, .lease_ms = 5000};
    return RUN(PH_STORAGE_LEASE, lease, entry, struct ph_leased);
}

size_t storage_lease(enum ph_mark_kind mark, uint32_t limit)
{
    struct test_call *call = storage_lease_call(mark, limit);
    size_t count = OUTPUT(call, struct ph_leased)->count;
    test_call_free(call);
    return count;
}

struct ph_storage_stats storage_stats(void)
{
    struct test_call *call =
        test_call_run(&storage, PH_STORAGE_STATS, storage_slots()->stats, 1, NULL, 0, sizeof(struct ph_storage_stats));
    struct ph_storage_stats result = *OUTPUT(call, struct ph_storage_stats);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    return result;
}

enum ph_outcome storage_pick(enum ph_operation operation, ph_start_f *slot, const char *user, unsigned number)
{
    struct ph_pick entry = {.user = text_from(user), .id = id_from(number)};
    struct test_call *call =
        test_call_run(&storage, operation, slot, 1, &entry, sizeof(entry), sizeof(struct ph_found));
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

void storage_reopen(void)
{
    test_plugin_close(&storage);
    assert_true(test_plugin_open(&storage));
}

int storage_set_up(void **state)
{
    (void)state;
    host = test_host_new();
    folder = test_folder_make();
    path = test_path(folder, "test.db");
    test_plugin_load(&storage, host, "storage", path);
    if (!test_plugin_open(&storage))
        fail_msg("%s", storage.text);
    assert_int_equal(storage_add_user("ann", 101), PH_OK);
    assert_int_equal(storage_add_user("ben", 102), PH_OK);
    return 0;
}

int storage_tear_down(void **state)
{
    (void)state;
    test_plugin_close(&storage);
    test_host_free(host);
    test_folder_remove(folder);
    free(path);
    return 0;
}

const char *storage_folder(void)
{
    return folder;
}
