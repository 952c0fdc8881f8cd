// SPDX-License-Identifier: Apache-2.0
//
// lease of outbox marks of storage-rds: fresh ones of the last minute are found in order of ids, older ones by a walk, the others
// by the index of due times; none is missed and none is given twice.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/statements.h"
#include "tests/unit/rds_scene.h"

#define LEASE_MS 3600000
#define MINUTE_MS 60000

static struct rds *rds(void)
{
    return scene.plugin.instance;
}

static struct test_call *lease_run(uint32_t limit)
{
    const struct ph_lease entry = {.mark = PH_MARK_OUTBOX, .limit = limit, .lease_ms = LEASE_MS};
    struct test_call *call = test_call_run(&scene.plugin, PH_STORAGE_LEASE, scene_slots()->lease, 1, &entry,
                                           sizeof(entry), sizeof(struct ph_leased));
    assert_int_equal(test_outcome(call, 0), PH_OK);
    return call;
}

// Leases at most so many; the numbers of the messages, each followed by a space, and "more" where there is more.
static const char *lease(uint32_t limit)
{
    static char told[512];
    struct test_call *call = lease_run(limit);
    const struct ph_leased *leased = call->call.outputs[0];
    size_t length = 0;
    told[0] = '\0';
    for (size_t i = 0; i < leased->count; i++) {
        unsigned number = 1;
        for (struct ph_id id = id_from(number); memcmp(&id, &leased->marks[i]->id, sizeof(id)) != 0;)
            id = id_from(++number);
        length += (size_t)snprintf(told + length, sizeof(told) - length, "%u ", number);
    }
    if (leased->more)
        snprintf(told + length, sizeof(told) - length, "more");
    test_call_free(call);
    return told;
}

// How many a lease gives.
static size_t leased(uint32_t limit)
{
    struct test_call *call = lease_run(limit);
    const struct ph_leased *output = call->call.outputs[0];
    const size_t count = output->count;
    test_call_free(call);
    return count;
}

static void test_each_is_given_once(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    for (unsigned number = 1; number <= 5; number++)
        scene_append(number, 0, 0, 0);
    scene_append(6, MINUTE_MS, 0, 0);
    cluster_tell("UPDATE posthouse_outbox SET due = row_number FROM (SELECT id, row_number() OVER (ORDER BY id)"
                 " FROM posthouse_outbox WHERE due <= " SCENE_NOW ") r WHERE posthouse_outbox.id = r.id");
    assert_string_equal(lease(2), "1 2 more");
    assert_string_equal(lease(2), "3 4 more");
    assert_string_equal(lease(2), "5 ");
    assert_string_equal(lease(2), "");
}

// One that was sent before, one that waited and one that was leased before are due beside fresh ones.
static void test_all_kinds_are_found(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    scene_append(1, 0, 0, 0);
    scene_append(2, 0, 0, 0);
    assert_string_equal(lease(2), "1 2 ");
    scene_append(3, MINUTE_MS, 0, 0);
    scene_append(4, MINUTE_MS, scene_time() + LEASE_MS, 0);
    scene_append(5, MINUTE_MS, 0, 0);
    scene_append(6, MINUTE_MS, 0, 0);
    assert_string_equal(lease(9), "");
    cluster_tell("UPDATE posthouse_outbox SET due = 10 WHERE id = (SELECT min(id::text)::uuid FROM posthouse_outbox);"
                 "UPDATE posthouse_outbox SET due = 20 WHERE delayed;"
                 "UPDATE posthouse_outbox SET due = 30, sends = 1 WHERE id = (SELECT id FROM posthouse_outbox"
                 " WHERE NOT swept AND NOT delayed ORDER BY id LIMIT 1);"
                 "UPDATE posthouse_outbox SET due = 40, failed = true WHERE id = (SELECT id FROM posthouse_outbox"
                 " WHERE NOT swept AND NOT delayed AND sends = 0 ORDER BY id LIMIT 1)");
    scene_append(7, 0, 0, 0);
    assert_string_equal(lease(9), "1 4 3 5 7 ");
}

// Ids that are lower than those which the last lease looked at: of this instance, whose clock may be slow, they are found at
// once, of another one after a while.
static void test_low_ids_are_found(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    scene_append(9, 0, 0, 0);
    assert_string_equal(lease(9), "9 ");
    scene_append(1, 0, 0, 0);
    assert_string_equal(lease(9), "1 ");
    scene_append(2, MINUTE_MS, 0, 0);
    assert_string_equal(lease(9), "");
    cluster_tell("UPDATE posthouse_outbox SET due = 1 WHERE NOT swept"); // as another daemon's would be
    assert_string_equal(lease(9), "");
    rds()->walked_at -= MINUTE_MS;
    assert_string_equal(lease(9), "2 ");
}

// Marks that another transaction holds are left alone, and found when it was rolled back.
static void test_held_marks_are_found_later(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    scene_append(1, 0, 0, 0);
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "BEGIN; DELETE FROM posthouse_outbox");
    assert_string_equal(lease(9), "");
    cluster_ask(other, "ROLLBACK"); // an ended connection would hold them for a while yet
    PQfinish(other);
    rds()->walked_at -= MINUTE_MS;
    assert_string_equal(lease(9), "1 ");
}

// Those that were sent and wait in the queue may be any number: a lease looks at so many of what is old, and the next one goes on.
static void test_a_long_outbox_is_walked_in_parts(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed, sends)"
                 " SELECT lpad(to_hex(i), 32, '0')::uuid, " SCENE_NOW " + 3600000, 0, 1, false, 1"
                 " FROM generate_series(1, 50000) i");
    cluster_tell("UPDATE posthouse_outbox SET sends = 0, due = 1 WHERE id = (SELECT id FROM posthouse_outbox"
                 " ORDER BY id OFFSET 45000 LIMIT 1)");
    cluster_tell("INSERT INTO posthouse_messages SELECT id, 1, 0, 0, 1, 0, 'ann', 'ann', '', '', '', '', ''"
                 " FROM posthouse_outbox WHERE sends = 0");
    assert_int_equal(leased(9), 0);
    assert_int_equal(leased(9), 0);
    assert_int_equal(leased(9), 1);
    assert_int_equal(leased(9), 0);
}

// Those of the last minute are found whatever the walk is at.
static void test_recent_marks_need_no_walk(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_string_equal(lease(9), ""); // a walk
    cluster_tell("INSERT INTO posthouse_messages SELECT (lpad(to_hex(" SCENE_NOW " - 40000), 12, '0') ||"
                 " lpad('1', 20, '0'))::uuid, 1, 0, 0, 1, 0, 'ann', 'ann', '', '', '', '', ''");
    cluster_tell("INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed)"
                 " SELECT id, 1, 0, 1, false FROM posthouse_messages");
    assert_int_equal(leased(1), 1);
    assert_int_equal(leased(1), 0);
}

// A plan that was made while the outbox was empty serves also when it has grown.
static void test_a_plan_of_an_empty_outbox(void **state)
{
    static char sql[8192];
    (void)state;
    if (!cluster_needed())
        return;
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "VACUUM ANALYZE posthouse_outbox");
    cluster_ask(other, "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_mergejoin = off;"
                       " SET enable_hashjoin = off; SET enable_bitmapscan = off");
    snprintf(sql, sizeof(sql), "PREPARE lease AS %s", rds_statements[SQL_LEASE_OUTBOX]);
    cluster_ask(other, sql);
    PGresult *plan = PQexec(other, "EXPLAIN EXECUTE lease(1, 1, '00000000-0000-0000-0000-000000000000')");
    assert_true(PQntuples(plan) > 20);
    for (int row = 0; row < PQntuples(plan); row++) {
        const char *line = PQgetvalue(plan, row, 0);
        if (strstr(line, " on posthouse_outbox") != NULL && strstr(line, "Scan") != NULL)
            assert_non_null(strstr(PQgetvalue(plan, row + 1, 0), "Index Cond"));
    }
    PQclear(plan);
    PQfinish(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_is_given_once, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_all_kinds_are_found, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_low_ids_are_found, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_held_marks_are_found_later, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_a_long_outbox_is_walked_in_parts, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_recent_marks_need_no_walk, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(test_a_plan_of_an_empty_outbox, scene_open, scene_close),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
