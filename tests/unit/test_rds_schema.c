// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/schema.h: made once whoever comes, and never against a newer program's will.
#include "tests/unit/unit.h"

#include "config.h"
#include "plugins/storage-rds/schema.h"
#include "plugins/storage-rds/tables.h"
#include "tests/unit/rds_cluster.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CROWD 4

static char database[24];

// A database a test.
static int set_up(void **state)
{
    static int number;
    char sql[128];
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    snprintf(database, sizeof(database), "schema%d", ++number);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER posthouse", database);
    cluster_tell(sql);
    return 0;
}

static struct connect_request *request_new(void)
{
    const struct rds_config config = {.url = cluster_url(database),
                                      .connect_timeout = 20000,
                                      .statement_timeout = 30000,
                                      .lock_timeout = 5000,
                                      .network_timeout = 10000};
    return connect_request_new(&config, NULL, schema_prepare);
}

// The outcome of a run of it, whose text must hold these words.
static enum ph_outcome prepare(const char *words)
{
    struct connect_request *request = request_new();
    connect_work(request);
    enum ph_outcome outcome = request->connection != NULL ? PH_OK : request->failure.outcome;
    if (words != NULL && strstr(request->failure.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, request->failure.text);
    connect_request_free(request);
    return outcome;
}

static const char *ask(const char *sql)
{
    PGconn *connection = cluster_connect(database);
    const char *answer = cluster_ask(connection, sql);
    PQfinish(connection);
    return answer;
}

static void set_version(int version, const char *oldest)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "UPDATE posthouse_schema SET version = %d, oldest_program = '%s'", version, oldest);
    ask(sql);
}

static void *crowd_work(void *context)
{
    connect_work(context);
    return NULL;
}

static void test_made_by_many_at_once(void **state)
{
    struct connect_request *requests[CROWD];
    pthread_t threads[CROWD];
    char wanted[64];
    (void)state;
    if (!cluster_needed())
        return;
    for (size_t i = 0; i < CROWD; i++) {
        requests[i] = request_new();
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_work, requests[i]), 0);
    }
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < CROWD; i++) {
        if (requests[i]->connection == NULL)
            fail_msg("%s", requests[i]->failure.text);
        connect_request_free(requests[i]);
    }
    snprintf(wanted, sizeof(wanted), "storage %d %s", RDS_SCHEMA_VERSION, RDS_SCHEMA_OLDEST_PROGRAM);
    const char *row = "SELECT string_agg(kind || ' ' || version || ' ' || oldest_program, ',') FROM posthouse_schema";
    assert_string_equal(ask(row), wanted);
    assert_string_equal(ask("SELECT value FROM posthouse_counters"), "0");
}

static void test_made_once(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_int_equal(prepare(NULL), PH_OK);
    ask("UPDATE posthouse_counters SET value = 7");
    assert_int_equal(prepare(NULL), PH_OK);
    assert_string_equal(ask("SELECT value FROM posthouse_counters"), "7");
    // The lock went with the transaction.
    assert_string_equal(ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0");
}

static void test_from_the_first_version(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_int_equal(prepare(NULL), PH_OK);
    ask("ALTER TABLE posthouse_outbox DROP COLUMN failed, DROP COLUMN swept"); // an index goes with them
    ask("CREATE INDEX posthouse_outbox_due ON posthouse_outbox(due)");
    ask("DROP SEQUENCE posthouse_positions; ALTER TABLE posthouse_senders RENAME removed_to TO position");
    ask("INSERT INTO posthouse_senders VALUES('ann', 7), ('bob', 3)");
    set_version(1, "0.1.0");
    ask("INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed)"
        " SELECT lpad(i::text, 32, '0')::uuid, 1, 0, 1, false FROM generate_series(1, 3) i");
    ask("INSERT INTO posthouse_troubles(id, failures) VALUES(lpad('2', 32, '0')::uuid, 1)");
    assert_int_equal(prepare(NULL), PH_OK);
    assert_string_equal(ask("SELECT string_agg(failed::int::text, ' ' ORDER BY id) FROM posthouse_outbox"), "0 1 0");
    // No lease of the version before has marked what is there, so all of it is in the index.
    assert_string_equal(ask("SELECT bool_and(swept)::int FROM posthouse_outbox"), "1");
    assert_string_equal(
        ask("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes"
            " WHERE tablename = 'posthouse_outbox' AND schemaname = current_schema()"),
        "posthouse_outbox_delayed posthouse_outbox_expires posthouse_outbox_later posthouse_outbox_pkey");
    // No position that is given from now on is below one that was given before.
    assert_string_equal(ask("SELECT (nextval('posthouse_positions') - " RDS_POSITIONS_TEXT ") > 7"), "t");
    assert_string_equal(ask("SELECT version FROM posthouse_schema"), "4");
}

// As a copy that leaves out sequences has it: positions go on above those that readers may have seen.
static void test_a_sequence_that_lies_behind(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_int_equal(prepare(NULL), PH_OK);
    ask("INSERT INTO posthouse_messages SELECT lpad(i::text, 32, '0')::uuid, 1, 0, 0, i * 5000, 0, 'ann', 'ann', '', "
        "'', '', '',"
        " '' FROM generate_series(1, 3) i");
    assert_int_equal(prepare(NULL), PH_OK);
    assert_string_equal(ask("SELECT last_value FROM posthouse_positions"), "15360");
    assert_int_equal(prepare(NULL), PH_OK);
    assert_string_equal(ask("SELECT last_value FROM posthouse_positions"), "15360");
}

static void test_a_newer_schema(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_int_equal(prepare(NULL), PH_OK);
    set_version(99, "99.0.0");
    assert_int_equal(prepare("needs posthouse 99.0.0 or newer; this is " PACKAGE_VERSION), PH_INVALID);
    // Number by number, not letter by letter.
    set_version(99, "10000.0.0");
    assert_int_equal(prepare("10000.0.0"), PH_INVALID);
    set_version(99, PACKAGE_VERSION ".1");
    assert_int_equal(prepare(NULL), PH_OK);
    set_version(99, PACKAGE_VERSION);
    assert_int_equal(prepare(NULL), PH_OK);
    set_version(99, "0.0.1");
    assert_int_equal(prepare(NULL), PH_OK);
    assert_string_equal(ask("SELECT version || ' ' || oldest_program FROM posthouse_schema"), "99 0.0.1");
}

static void test_a_version_that_is_none(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    assert_int_equal(prepare(NULL), PH_OK);
    set_version(-3, "0.1.0");
    assert_int_equal(prepare("-3"), PH_INVALID);
}

static void test_a_strangers_table(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    ask("CREATE TABLE posthouse_keys(mine int)");
    assert_int_equal(prepare("is there already"), PH_INVALID);
    // All or nothing.
    assert_string_equal(ask("SELECT string_agg(relname, ',') FROM pg_class WHERE relname LIKE 'posthouse%'"),
                        "posthouse_keys");
}

static void test_a_user_without_rights(void **state)
{
    char sql[128];
    (void)state;
    if (!cluster_needed())
        return;
    snprintf(sql, sizeof(sql), "ALTER DATABASE %s OWNER TO postgres", database);
    ask(sql);
    assert_int_equal(prepare("no right"), PH_DENIED);
    assert_string_equal(ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'posthouse%'"), "0");
}

static void test_a_read_only_server(void **state)
{
    char sql[128];
    (void)state;
    if (!cluster_needed())
        return;
    snprintf(sql, sizeof(sql), "ALTER DATABASE %s SET default_transaction_read_only = on", database);
    ask(sql);
    assert_int_equal(prepare("read-only"), PH_UNAVAILABLE);
}

// Each look is a connection of its own, so that this is seconds at least.
static bool is_waiting(const char *what)
{
    for (int i = 0; i < 4000; i++) {
        if (strcmp(ask(what), "1") == 0)
            return true;
    }
    return false;
}

// Somebody else migrates: it waits, ends when it is told to, and goes on when the other is done.
static void test_another_is_migrating(void **state)
{
    static const char waiting[] = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    pthread_t thread;
    (void)state;
    if (!cluster_needed())
        return;
    PGconn *other = cluster_connect(database);
    cluster_ask(other, "SELECT pg_advisory_lock(8101821198468347251)");
    struct connect_request *request = request_new();
    assert_int_equal(pthread_create(&thread, NULL, crowd_work, request), 0);
    assert_true(is_waiting(waiting));
    atomic_store(&request->stop, true);
    pthread_join(thread, NULL);
    assert_null(request->connection);
    assert_int_equal(request->failure.outcome, PH_UNAVAILABLE);
    connect_request_free(request);

    request = request_new();
    assert_int_equal(pthread_create(&thread, NULL, crowd_work, request), 0);
    assert_true(is_waiting(waiting));
    cluster_ask(other, "SELECT pg_advisory_unlock_all()");
    pthread_join(thread, NULL);
    assert_non_null(request->connection);
    connect_request_free(request);
    PQfinish(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_made_by_many_at_once),        TEST(test_made_once),
        TEST(test_from_the_first_version),      TEST(test_a_newer_schema),
        TEST(test_a_sequence_that_lies_behind), TEST(test_a_version_that_is_none),
        TEST(test_a_strangers_table),           TEST(test_a_user_without_rights),
        TEST(test_a_read_only_server),          TEST(test_another_is_migrating),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
