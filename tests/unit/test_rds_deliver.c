// SPDX-License-Identifier: Apache-2.0
//
// deliver of storage-rds where the short statement and the whole ones meet: what the first one committed stays done, and what
// expires while it waits for a mark is not delivered.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/connection.h"
#include "plugins/storage-rds/rds.h"
#include "tests/unit/rds_cluster.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
#define HOUR_MS INT64_C(3600000)

static struct test_host *host;
static struct test_plugin plugin;
static struct rds_config config;
static char where[512];

static bool all_work(void *context)
{
    const struct rds *rds = context;
    size_t working = 0;
    while (working < rds->connection_count && connection_state(rds->connections[working]) == CONNECTION_READY)
        working++;
    return working == rds->connection_count;
}

static int open_all(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    host = test_host_new();
    snprintf(where, sizeof(where), "%s", cluster_url("posthouse"));
    cluster_plugin(&plugin, host, &config, where);
    config.lock_timeout = 1000;
    if (!test_plugin_open(&plugin))
        fail_msg("%s", plugin.text);
    cluster_wait(host, all_work, plugin.instance);
    cluster_tell("DELETE FROM posthouse_messages; DELETE FROM posthouse_outbox; DELETE FROM posthouse_deliveries;"
                 " UPDATE posthouse_inboxes SET position = 0;"
                 " INSERT INTO posthouse_inboxes(name) VALUES('ann') ON CONFLICT DO NOTHING;"
                 " INSERT INTO posthouse_senders(name) VALUES('ann') ON CONFLICT DO NOTHING");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    test_plugin_close(&plugin);
    test_host_free(host);
    return 0;
}

static const struct ph_storage_operations *slots(void)
{
    return plugin.descriptor->operations;
}

// A message of ann to ann.
static void append(unsigned number, int64_t deliver_at, int64_t expires_at)
{
    const struct ph_text ann = text_from("ann");
    const struct ph_text none = text_from("");
    struct ph_message entry = {.id = id_from(number),
                               .sender = ann,
                               .recipients = &ann,
                               .recipient_count = 1,
                               .subject = none,
                               .body = none,
                               .content_type = none,
                               .attributes = none,
                               .trace = none,
                               .deliver_at = deliver_at,
                               .expires_at = expires_at,
                               .idempotency_key = none};
    struct test_call *call = test_call_run(&plugin, PH_STORAGE_APPEND, slots()->append, 1, &entry, sizeof(entry),
                                           sizeof(struct ph_accepted));
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
}

static struct test_call *deliver(size_t count)
{
    struct ph_deliver entries[4] = {{.alert_lease_ms = 0}};
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++)
        entries[i].id = id_from((unsigned)i + 1);
    return test_call_start(&plugin, PH_STORAGE_DELIVER, slots()->deliver, count, entries, sizeof(entries[0]),
                           sizeof(struct ph_delivery));
}

static int64_t server_time(void)
{
    return strtoll(cluster_tell("SELECT " NOW), NULL, 10);
}

// The whole statements wait in vain for the mark of one that is early: the other one was delivered, and is said to be.
static void test_what_was_committed_stays_done(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    append(1, server_time() + HOUR_MS, 0);
    append(2, 0, 0);
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
    const int64_t expires_at = server_time() + 400;
    append(1, 0, expires_at);
    append(2, 0, 0);
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "BEGIN; SELECT 1 FROM posthouse_outbox WHERE expires_at > 0 FOR UPDATE");
    struct test_call *call = deliver(2);
    snprintf(sql, sizeof(sql), "SELECT " NOW " > %lld", (long long)expires_at);
    cluster_until(host, sql, "t");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_committed_stays_done, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_a_message_expires_while_its_mark_is_waited_for, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
