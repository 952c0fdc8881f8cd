// SPDX-License-Identifier: Apache-2.0
//
// deliver of storage-rds where the short statements and the whole ones meet: what the first one committed stays done, what
// expires while it waits for a mark is not delivered, and what is known here is told as what is looked up.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/recent.h"
#include "tests/unit/rds_scene.h"

#define HOUR_MS INT64_C(3600000)

static struct test_call *deliver(size_t count)
{
    struct ph_deliver entries[4] = {{.alert_lease_ms = 0}};
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++)
        entries[i].id = id_from((unsigned)i + 1);
    return test_call_start(&scene.plugin, PH_STORAGE_DELIVER, scene_slots()->deliver, count, entries,
                           sizeof(entries[0]), sizeof(struct ph_delivery));
}

// From now on the instance knows no more of its messages than another one.
static void forget(void)
{
    struct rds *rds = scene.plugin.instance;
    recent_free(rds->recent);
    rds->recent = recent_new(rds->seed);
    assert_non_null(rds->recent);
}

// The whole statements wait in vain for the mark of one that is early: the other one was delivered, and is said to be.
static void test_what_was_committed_stays_done(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    scene_append(1, 0, scene_time() + HOUR_MS, 0);
    scene_append(2, 0, 0, 0);
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "BEGIN; SELECT 1 FROM posthouse_outbox WHERE delayed FOR UPDATE");
    struct test_call *call = deliver(2);
    test_call_wait(call);
    PQfinish(other);
    const struct ph_delivery *delivery = call->call.outputs[1];
    assert_int_equal(test_outcome(call, 0), PH_TRANSIENT);
    assert_non_null(strstr(test_text(call, 0), "55P03"));
    assert_int_equal(test_outcome(call, 1), PH_OK);
    assert_true(delivery->delivered);
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_deliveries"), "1");
    test_call_free(call);
}

static void expire_while_waiting(bool known)
{
    char sql[128];
    if (!cluster_needed())
        return;
    const int64_t expires_at = scene_time() + 400;
    cluster_tell("DELETE FROM posthouse_troubles");
    scene_append(1, 0, 0, expires_at);
    scene_append(2, 0, 0, 0);
    if (!known)
        forget();
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "BEGIN; SELECT 1 FROM posthouse_outbox WHERE expires_at > 0 FOR UPDATE");
    struct test_call *call = deliver(2);
    snprintf(sql, sizeof(sql), "SELECT " SCENE_NOW " > %lld", (long long)expires_at);
    cluster_until(scene.host, sql, "t");
    PQfinish(other);
    test_call_wait(call);
    const struct ph_delivery *late = call->call.outputs[0];
    const struct ph_delivery *other_one = call->call.outputs[1];
    assert_int_equal(test_outcome(call, 0), PH_OK);
    assert_int_equal(late->record->status, PH_STATE_EXPIRED);
    assert_false(late->delivered);
    assert_int_equal(test_outcome(call, 1), PH_OK);
    assert_true(other_one->delivered);
    // Where the statement is told who gets in, the position of who does not stays free.
    assert_string_equal(cluster_tell("SELECT string_agg(position::text, ' ') FROM posthouse_deliveries"),
                        known ? "2" : "1");
    assert_string_equal(cluster_tell("SELECT state FROM posthouse_troubles"), "2");
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_outbox"), "0");
    test_call_free(call);
}

static void test_a_known_message_expires_while_its_mark_is_waited_for(void **state)
{
    (void)state;
    expire_while_waiting(true);
}

static void test_a_message_expires_while_its_mark_is_waited_for(void **state)
{
    (void)state;
    expire_while_waiting(false);
}

// Messages that are known are not looked up; one that is not has all of them looked up.
static void test_what_is_known_is_not_looked_up(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    for (unsigned round = 0; round < 2; round++) {
        scene_append(1, 0, 0, 0);
        if (round == 1)
            forget();
        scene_append(2, 0, 0, 0);
        cluster_tell("UPDATE posthouse_messages SET content_type = 'changed'");
        struct test_call *call = deliver(2);
        test_call_wait(call);
        for (size_t i = 0; i < 2; i++) {
            const struct ph_delivery *delivery = call->call.outputs[i];
            assert_int_equal(test_outcome(call, i), PH_OK);
            assert_true(delivery->delivered);
            assert_string_equal(delivery->record->content_type.bytes, round == 0 ? "" : "changed");
        }
        test_call_free(call);
        assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_deliveries"), "2");
        cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_deliveries");
    }
}

static void append_alert(unsigned number, const char *one, const char *other)
{
    const struct ph_text recipients[] = {text_from(one), text_from(other)};
    const struct ph_message entry = {.id = id_from(number),
                                     .sender = text_from("ann"),
                                     .recipients = recipients,
                                     .recipient_count = *other != '\0' ? 2 : 1,
                                     .subject = text_from("a subject"),
                                     .body = text_from("a body"),
                                     .content_type = text_from("text/plain"),
                                     .attributes = text_from("{\"a\":\"b\"}"),
                                     .trace = text_from("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                                     .priority = PH_PRIORITY_ALERT,
                                     .expires_at = scene_time() + HOUR_MS,
                                     .idempotency_key = text_from("")};
    scene_store(&entry);
}

static void assert_same(const struct ph_record *left, const struct ph_record *right)
{
    assert_memory_equal(&left->id, &right->id, sizeof(left->id));
    assert_string_equal(left->sender.bytes, right->sender.bytes);
    assert_string_equal(left->content_type.bytes, right->content_type.bytes);
    assert_string_equal(left->attributes.bytes, right->attributes.bytes);
    assert_string_equal(left->trace.bytes, right->trace.bytes);
    assert_int_equal(left->priority, right->priority);
    assert_int_equal(left->accepted_at, right->accepted_at);
    assert_int_equal(left->deliver_at, right->deliver_at);
    assert_int_equal(left->expires_at, right->expires_at);
    assert_int_equal(left->body_length, right->body_length);
    assert_int_equal(left->status, right->status);
    assert_int_equal(left->failures, right->failures);
    assert_int_equal(left->recipient_count, right->recipient_count);
    for (size_t i = 0; i < left->recipient_count; i++) {
        assert_string_equal(left->recipients[i]->name.bytes, right->recipients[i]->name.bytes);
        assert_int_equal(left->recipients[i]->state, right->recipients[i]->state);
    }
}

// The same message delivered twice, its mark put back in between: known the first time, looked up the second.
static void test_what_is_known_is_told_as_what_is_looked_up(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("INSERT INTO posthouse_inboxes(name) VALUES('bob') ON CONFLICT (name) DO UPDATE SET removed = false");
    append_alert(1, "ann", "bob");
    cluster_tell("UPDATE posthouse_inboxes SET removed = true WHERE name = 'bob'");
    cluster_tell("CREATE TABLE mark AS SELECT * FROM posthouse_outbox");
    struct test_call *calls[2];
    for (unsigned round = 0; round < 2; round++) {
        calls[round] = deliver(1);
        test_call_wait(calls[round]);
        assert_int_equal(test_outcome(calls[round], 0), PH_OK);
        assert_string_equal(cluster_tell("SELECT string_agg(recipient, ' ') FROM posthouse_deliveries"), "ann");
        assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_marks WHERE kind = 2"), "1");
        assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_outbox"), "0");
        cluster_tell("INSERT INTO posthouse_outbox SELECT * FROM mark; DELETE FROM posthouse_deliveries;"
                     " DELETE FROM posthouse_marks");
    }
    cluster_tell("DROP TABLE mark");
    const struct ph_record *known = ((const struct ph_delivery *)calls[0]->call.outputs[0])->record;
    assert_int_equal(known->status, PH_STATE_DELIVERED);
    assert_int_equal(known->recipients[0]->state, PH_STATE_DELIVERED);
    assert_int_equal(known->recipients[1]->state, PH_STATE_FAILED);
    assert_int_equal(known->body_length, 6);
    assert_same(known, ((const struct ph_delivery *)calls[1]->call.outputs[0])->record);
    test_call_free(calls[0]);
    test_call_free(calls[1]);
}

// Of messages that are known, one was delivered elsewhere: it is told so, the others get in, each inbox in its own order; or one
// inbox is gone meanwhile.
static void deliver_beside_another(bool bob_is_gone, const char *wanted)
{
    if (!cluster_needed())
        return;
    cluster_tell("INSERT INTO posthouse_inboxes(name) VALUES('bob') ON CONFLICT (name) DO UPDATE SET removed = false,"
                 " position = 0");
    append_alert(1, "ann", "bob");
    append_alert(2, "bob", "");
    append_alert(3, "ann", "");
    cluster_tell("DELETE FROM posthouse_marks; WITH gone AS (DELETE FROM posthouse_outbox o USING posthouse_messages m"
                 " WHERE m.id = o.id AND m.recipients = 'bob' RETURNING o.id)"
                 " INSERT INTO posthouse_deliveries(message, at, position, recipient) SELECT id, 5, 1, 'bob' FROM gone;"
                 " UPDATE posthouse_inboxes SET position = 1 WHERE name = 'bob'");
    if (bob_is_gone)
        cluster_tell("UPDATE posthouse_inboxes SET removed = true WHERE name = 'bob'");
    struct test_call *call = deliver(3);
    test_call_wait(call);
    for (size_t i = 0; i < 3; i++) {
        const struct ph_delivery *delivery = call->call.outputs[i];
        assert_int_equal(test_outcome(call, i), i == 1 ? PH_DUPLICATE : PH_OK);
        assert_int_equal(delivery->record->status, PH_STATE_DELIVERED);
    }
    const struct ph_delivery *both = call->call.outputs[0];
    assert_int_equal(both->record->recipients[1]->state, bob_is_gone ? PH_STATE_FAILED : PH_STATE_DELIVERED);
    test_call_free(call);
    assert_string_equal(cluster_tell("SELECT string_agg(d.recipient || ' ' || d.position || ' ' || m.recipients, ', '"
                                     " ORDER BY d.recipient, d.position)"
                                     " FROM posthouse_deliveries d JOIN posthouse_messages m ON m.id = d.message"),
                        wanted);
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_outbox"), "0");
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_marks WHERE kind = 2"), "2");
}

static void test_a_known_message_has_no_mark(void **state)
{
    (void)state;
    deliver_beside_another(false, "ann 1 ann bob, ann 2 ann, bob 1 bob, bob 2 ann bob");
}

static void test_a_known_message_has_no_mark_and_an_inbox_is_gone(void **state)
{
    (void)state;
    deliver_beside_another(true, "ann 1 ann bob, ann 2 ann, bob 1 bob");
}

// Inboxes are locked in the order of their names' bytes, whatever the database's order is: who waits for the first has none yet.
static void test_inboxes_are_locked_by_their_bytes(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_string_equal(cluster_tell("SELECT 'ann1@x' < 'ann@x'"), "f");
    cluster_tell("INSERT INTO posthouse_inboxes(name) VALUES('ann1@x'), ('ann@x') ON CONFLICT DO NOTHING");
    for (unsigned round = 0; round < 2; round++) {
        append_alert(1, "ann@x", "");
        append_alert(2, "ann1@x", "");
        if (round == 1)
            forget();
        PGconn *other = cluster_connect("posthouse");
        cluster_ask(other, "BEGIN; SELECT 1 FROM posthouse_inboxes WHERE name = 'ann1@x' FOR UPDATE");
        struct test_call *call = deliver(2);
        cluster_until(scene.host, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", "t");
        const bool free =
            strcmp(cluster_tell("SELECT count(*) FROM (SELECT 1 FROM posthouse_inboxes WHERE name = 'ann@x'"
                                " FOR UPDATE SKIP LOCKED) f"),
                   "1") == 0;
        PQfinish(other);
        test_call_wait(call);
        assert_true(free);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(test_outcome(call, i), PH_OK);
        test_call_free(call);
        cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_deliveries; DELETE FROM posthouse_marks");
    }
}

// What the server has counted of an index.
static long long counted(const char *what, const char *index)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "SELECT %s FROM pg_stat_user_indexes WHERE indexrelname = '%s'", what, index);
    return strtoll(cluster_tell(sql), NULL, 10);
}

// Delivers message 1, and waits until the server has counted what was read of an index for it; how many rows that were.
static long long rows_read(const char *index, bool known)
{
    char sql[160];
    scene_append(1, 0, 0, 0);
    const long long before = counted("idx_tup_read", index);
    snprintf(sql, sizeof(sql), "SELECT idx_scan > %lld FROM pg_stat_user_indexes WHERE indexrelname = '%s'",
             counted("idx_scan", index), index);
    if (!known)
        forget();
    struct test_call *call = deliver(1);
    test_call_wait(call);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_deliveries");
    cluster_until(scene.host, sql, "t");
    return counted("idx_tup_read", index) - before;
}

// A plan that was made while the outbox was empty serves also when it has grown.
static void test_a_plan_of_an_empty_outbox(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    scene_append(2, 0, 0, 0);
    cluster_tell("DELETE FROM posthouse_outbox");
    cluster_tell("ANALYZE posthouse_outbox"); // a page, and no row in it
    assert_true(rows_read("posthouse_outbox_pkey", true) < 10);
    assert_true(rows_read("posthouse_outbox_pkey", false) < 10);
    cluster_tell("INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed, sends)"
                 " SELECT gen_random_uuid(), " SCENE_NOW " + 3600000, 0, 1, false, 1 FROM generate_series(1, 20000) i");
    assert_true(rows_read("posthouse_outbox_pkey", true) < 10);
    assert_true(rows_read("posthouse_outbox_pkey", false) < 10);
}

// The same of the first users, and the many that came after them.
static void test_a_plan_of_few_inboxes(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("DELETE FROM posthouse_inboxes WHERE name <> 'ann'");
    cluster_tell("VACUUM ANALYZE posthouse_inboxes");
    assert_true(rows_read("posthouse_inboxes_pkey", true) < 10);
    cluster_tell("INSERT INTO posthouse_inboxes(name) SELECT 'user' || i FROM generate_series(1, 5000) i");
    assert_true(rows_read("posthouse_inboxes_pkey", true) < 10);
    cluster_tell("DELETE FROM posthouse_inboxes WHERE name <> 'ann'");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_committed_stays_done),
        TEST(test_a_message_expires_while_its_mark_is_waited_for),
        TEST(test_a_known_message_expires_while_its_mark_is_waited_for),
        TEST(test_what_is_known_is_not_looked_up),
        TEST(test_what_is_known_is_told_as_what_is_looked_up),
        TEST(test_a_known_message_has_no_mark),
        TEST(test_a_known_message_has_no_mark_and_an_inbox_is_gone),
        TEST(test_inboxes_are_locked_by_their_bytes),
        TEST(test_a_plan_of_an_empty_outbox),
        TEST(test_a_plan_of_few_inboxes),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
