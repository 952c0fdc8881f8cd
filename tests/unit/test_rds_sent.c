// SPDX-License-Identifier: Apache-2.0
//
// The sent lists of storage-rds: appends do not wait for each other, and a reader misses none of those that were under way, nor
// shows what began later.
#include "tests/unit/unit.h"

#include <string.h>

#include "plugins/storage-rds/connection.h"
#include "plugins/storage-rds/rds.h"
#include "tests/unit/rds_scene.h"

#define HELD                                                                                                          \
    "BEGIN; INSERT INTO posthouse_keys(sender, key, id, hash, accepted_at) VALUES('ann', 'held', '" SOME_ID "', '', " \
    "0)"
#define SOME_ID "00000000-0000-0000-0000-000000000000"
#define WAITING "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

static struct test_call *start(unsigned number, const char *key)
{
    const struct ph_message entry = scene_message(number, key);
    return test_call_start(&scene.plugin, PH_STORAGE_APPEND, scene_slots()->append, 1, &entry, sizeof(entry),
                           sizeof(struct ph_accepted));
}

static void end(struct test_call *call)
{
    test_call_wait(call);
    if (test_outcome(call, 0) != PH_OK)
        fail_msg("%s", test_text(call, 0));
    test_call_free(call);
}

static struct test_call *read_sent(uint64_t after)
{
    const struct ph_read entry = {.user = text_from("ann"), .after = after, .limit = 10, .byte_limit = 100000};
    return test_call_start(&scene.plugin, PH_STORAGE_SENT_READ, scene_slots()->sent_read, 1, &entry, sizeof(entry),
                           sizeof(struct ph_page));
}

// Waits for a page, which must have these messages in this order, and no head but the last one's position; gives that.
static uint64_t end_read(struct test_call *call, size_t count, const unsigned *numbers)
{
    test_call_wait(call);
    if (test_outcome(call, 0) != PH_OK)
        fail_msg("%s", test_text(call, 0));
    const struct ph_page *page = call->call.outputs[0];
    const uint64_t head = page->head;
    uint64_t last = 0;
    assert_int_equal(page->count, count);
    for (size_t i = 0; i < count; i++) {
        const struct ph_id id = id_from(numbers[i]);
        assert_memory_equal(&page->records[i]->id, &id, sizeof(id));
        assert_true(page->records[i]->position > last);
        last = page->records[i]->position;
    }
    if (count > 0)
        assert_int_equal(head, last);
    test_call_free(call);
    return head;
}

static bool first_hangs(void *context)
{
    const struct rds *rds = context;
    return connection_hangs(rds->connections[0]);
}

// Append 1 waits for a key that another session holds; meanwhile 2 is accepted, a reader comes, and 3 is accepted.
static void read_while_under_way(const char *how_it_ends, size_t count, const unsigned *numbers)
{
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, HELD);
    struct test_call *first = start(1, "held");
    cluster_until(scene.host, WAITING, "1");
    cluster_wait(scene.host, first_hangs, scene.plugin.instance); // whatever the pace, the others go around it
    end(start(2, ""));
    struct test_call *reader = read_sent(0);
    cluster_until(scene.host, WAITING, "2");
    end(start(3, "")); // the reader is not in its way either
    assert_int_equal(reader->completed, 0);
    cluster_ask(other, how_it_ends);
    const uint64_t head = end_read(reader, count, numbers);
    test_call_wait(first);
    test_call_free(first);
    end_read(read_sent(head), 1, (const unsigned[]){3});
    PQfinish(other);
}

static void test_a_reader_waits_for_appends_under_way(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    read_while_under_way("ROLLBACK", 2, (const unsigned[]){1, 2});
}

// It is a repeat in the end, and leaves a gap.
static void test_an_append_under_way_fails(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    read_while_under_way("COMMIT", 1, (const unsigned[]){2});
}

// The lock's number is as many bits of the position's as it can hold.
static void test_positions_beyond_the_lock_s_number(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("SELECT setval('posthouse_positions', 1024 * (1::bigint << 40) - 2048)");
    for (unsigned round = 0; round < 3; round++) {
        read_while_under_way("ROLLBACK", 2, (const unsigned[]){1, 2});
        cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_outbox; DELETE FROM posthouse_keys");
    }
}

// What a purge has removed is no more in the list, whose head stays.
static void test_the_head_outlives_a_purge(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    for (unsigned number = 1; number <= 3; number++)
        end(start(number, ""));
    const uint64_t head = end_read(read_sent(0), 3, (const unsigned[]){1, 2, 3});
    cluster_tell("DELETE FROM posthouse_outbox; UPDATE posthouse_messages SET accepted_at = 1;"
                 " INSERT INTO posthouse_deliveries(message, at, position, recipient)"
                 " SELECT id, 1, position, 'ann' FROM posthouse_messages");
    const struct ph_purge entry = {.retention_ms = 1, .key_retention_ms = 1, .limit = 100};
    struct test_call *call = test_call_run(&scene.plugin, PH_STORAGE_PURGE, scene_slots()->purge, 1, &entry,
                                           sizeof(entry), sizeof(struct ph_swept));
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_messages"), "0");
    assert_int_equal(end_read(read_sent(0), 0, NULL), head);
    end(start(4, ""));
    assert_true(end_read(read_sent(head), 1, (const unsigned[]){4}) > head);
}

static struct test_call *start_session(void)
{
    const struct ph_session_add entry = {.token_hash = {1}, .user = text_from("ann"), .lifetime_ms = 60000};
    return test_call_start(&scene.plugin, PH_STORAGE_SESSION_ADD, scene_slots()->session_add, 1, &entry, sizeof(entry),
                           sizeof(struct ph_session));
}

// Append 2 comes while 1 waits, and does not hang yet as far as is known: it waits behind it, on the same connection. 3 comes
// later and goes around both. False: this machine was so slow that 2 came too late.
static bool go_around(struct rds *rds)
{
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, HELD);
    rds->pace = (struct pace){.appends = 15 - 1, .measured = 1, .working = 1000, .committing = 1, .alone = true};
    struct test_call *first = start(1, "held");
    struct test_call *second = start(2, "");
    const bool in_time = !connection_hangs(rds->connections[0]);
    cluster_until(scene.host, WAITING, "1");
    cluster_wait(scene.host, first_hangs, rds);
    end(start(3, ""));
    const bool behind = second->completed == 0;
    cluster_ask(other, "ROLLBACK");
    end(first);
    end(second);
    PQfinish(other);
    assert_true(behind || !in_time);
    return in_time;
}

// Where commits are quick, the second writer takes no append but one that would wait behind a first that hangs.
static void test_appends_go_alone(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    while (!go_around(scene.plugin.instance))
        cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_outbox; DELETE FROM posthouse_keys");
    end_read(read_sent(0), 3, (const unsigned[]){1, 3, 2});
}

// Of what stands in line behind an append that hangs, logins go at once, and an append as soon as it is known to hang.
static void test_others_go_around_an_append_that_hangs(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    struct rds *rds = scene.plugin.instance;
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, HELD);
    rds->pace = (struct pace){.appends = 15 - 1, .measured = 1, .working = 1000, .committing = 1, .alone = true};
    struct test_call *first = start(1, "held");
    struct test_call *second = start(2, "");
    struct test_call *third = start(3, "");
    struct test_call *session = start_session();
    test_call_wait(session);
    test_call_free(session);
    end(third);
    assert_int_equal(first->completed, 0);
    cluster_ask(other, "ROLLBACK");
    end(first);
    end(second);
    PQfinish(other);
}

// Then a list ends where the first of those begins that are under way.
static void test_an_append_that_hangs(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    for (unsigned round = 0; round < 2; round++) {
        PGconn *other = cluster_connect("posthouse");
        end(start(1, ""));
        cluster_ask(other, "BEGIN; SELECT pg_advisory_xact_lock_shared(1886352244,"
                           " (last_value / 1024 & 2147483647)::int) FROM posthouse_positions");
        end(start(2, ""));
        // One whose number is ahead of what the reader has noted began after it.
        PGconn *later = cluster_connect("posthouse");
        cluster_ask(later, "BEGIN; SELECT pg_advisory_xact_lock_shared(1886352244,"
                           " (last_value / 1024 + 1 & 2147483647)::int) FROM posthouse_positions");
        const uint64_t head = end_read(read_sent(0), 1, (const unsigned[]){1});
        PQfinish(later);
        PQfinish(other);
        end_read(read_sent(head), 1, (const unsigned[]){2});
        // Once more where the lock's number is not all of the position's.
        cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_outbox;"
                     " SELECT setval('posthouse_positions', 1024 * (1::bigint << 40))");
    }
}

static int set_up(void **state)
{
    (void)state;
    return scene_open_patient(60000);
}

int main(int count, char **arguments)
{
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scene_close)
    const struct CMUnitTest tests[] = {
        TEST(test_a_reader_waits_for_appends_under_way),
        TEST(test_an_append_under_way_fails),
        TEST(test_positions_beyond_the_lock_s_number),
        TEST(test_the_head_outlives_a_purge),
        TEST(test_appends_go_alone),
        TEST(test_others_go_around_an_append_that_hangs),
        cmocka_unit_test_setup_teardown(test_an_append_that_hangs, scene_open, scene_close),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
