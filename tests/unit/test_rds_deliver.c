// SPDX-License-Identifier: Apache-2.0
//
// deliver of storage-rds where the short statement and the whole ones meet: what the first one committed stays done, and what
// expires while it waits for a mark is not delivered.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void test_a_message_expires_while_its_mark_is_waited_for(void **state)
{
    char sql[128];
    (void)state;
    if (!cluster_needed())
        return;
    const int64_t expires_at = scene_time() + 400;
    scene_append(1, 0, 0, expires_at);
    scene_append(2, 0, 0, 0);
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
    assert_string_equal(cluster_tell("SELECT string_agg(position::text, ' ') FROM posthouse_deliveries"), "1");
    assert_string_equal(cluster_tell("SELECT state FROM posthouse_troubles"), "2");
    assert_string_equal(cluster_tell("SELECT count(*) FROM posthouse_outbox"), "0");
    test_call_free(call);
}

#define READ "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'posthouse_outbox_pkey'"
#define SCANS "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'posthouse_outbox_pkey'"

// Delivers message 1, and waits until the server has counted what was read for it; how many marks that were.
static long long marks_read(void)
{
    char sql[160];
    const long long before = strtoll(cluster_tell(READ), NULL, 10);
    snprintf(sql, sizeof(sql), "SELECT (" SCANS ") > %lld", strtoll(cluster_tell(SCANS), NULL, 10));
    scene_append(1, 0, 0, 0);
    struct test_call *call = deliver(1);
    test_call_wait(call);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_deliveries");
    cluster_until(scene.host, sql, "t");
    return strtoll(cluster_tell(READ), NULL, 10) - before;
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
    assert_true(marks_read() < 10);
    cluster_tell("INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed, sends)"
                 " SELECT gen_random_uuid(), " SCENE_NOW " + 3600000, 0, 1, false, 1 FROM generate_series(1, 20000) i");
    assert_true(marks_read() < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_committed_stays_done, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_a_message_expires_while_its_mark_is_waited_for, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_a_plan_of_an_empty_outbox, scene_open, scene_close),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
