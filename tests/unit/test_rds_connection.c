// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/connection.h and rds.h on a real loop: loss, return, cancel, close, passwords.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/connection.h"
#include "plugins/storage-rds/rds.h"
#include "tests/unit/rds_cluster.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS "pg_stat_activity WHERE usename = 'posthouse' AND backend_type = 'client backend'"
#define ALL "5" // one of each lane
#define WAITING "SELECT count(*) FROM " SESSIONS " AND wait_event_type = 'Lock'"

static struct test_host *host;
static struct test_plugin plugin;
static struct rds_config config;
static char url[512];

static int set_up(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    host = test_host_new();
    snprintf(url, sizeof(url), "%s", cluster_url("posthouse"));
    cluster_plugin(&plugin, host, &config, url);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    if (plugin.instance != NULL)
        test_plugin_close(&plugin);
    test_host_free(host);
    return 0;
}

static struct rds *rds(void)
{
    return plugin.instance;
}

static size_t count_state(enum connection_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < rds()->connection_count; i++)
        count += connection_state(rds()->connections[i]) == state;
    return count;
}

static bool all_ready(void *context)
{
    (void)context;
    return count_state(CONNECTION_READY) == rds()->connection_count;
}

static void open_plugin(void)
{
    if (!test_plugin_open(&plugin))
        fail_msg("%s", plugin.text);
    cluster_wait(host, all_ready, NULL);
}

// ------------------------------------------------------------------------------------------ calls

static const struct ph_storage_operations *slots(void)
{
    return plugin.descriptor->operations;
}

static struct test_call *start_add(unsigned number)
{
    struct ph_user_add entry = {.id = id_from(number), .name = text_from("ann"), .password = text_from("hash")};
    return test_call_start(&plugin, PH_STORAGE_USER_ADD, slots()->user_add, 1, &entry, sizeof(entry), 0);
}

static struct test_call *start_get(void)
{
    struct ph_user_name entry = {.name = text_from("ann")};
    return test_call_start(&plugin, PH_STORAGE_USER_GET, slots()->user_get, 1, &entry, sizeof(entry),
                           sizeof(struct ph_user));
}

static bool is_over(void *context)
{
    const struct test_call *call = context;
    return call->completed > 0;
}

// Waits for it, frees it.
static enum ph_outcome end_of(struct test_call *call, const char *words)
{
    cluster_wait(host, is_over, call);
    assert_int_equal(call->completed, 1);
    enum ph_outcome outcome = test_outcome(call, 0);
    if (words != NULL && strstr(test_text(call, 0), words) == NULL)
        fail_msg("\"%s\" is not in: %s (outcome %d)", words, test_text(call, 0), (int)outcome);
    test_call_free(call);
    return outcome;
}

static enum ph_outcome add(void)
{
    return end_of(start_add(1), NULL);
}

static enum ph_outcome cancel(struct test_call *call)
{
    struct ph_cancel entry = {.call = &call->call};
    return end_of(test_call_start(&plugin, PH_CANCEL, plugin.descriptor->common->cancel, 1, &entry, sizeof(entry), 0),
                  NULL);
}

static enum ph_outcome health(void)
{
    struct test_call *call =
        test_call_run(&plugin, PH_HEALTH, plugin.descriptor->common->health, 1, NULL, 0, sizeof(struct ph_health));
    if (test_outcome(call, 0) == PH_OK) {
        const struct ph_health *output = call->call.outputs[0];
        assert_non_null(strstr(output->detail, "connections"));
        assert_non_null(strstr(output->version, "PostgreSQL "));
    }
    return end_of(call, NULL);
}

// Another session that holds what every call on users needs.
static PGconn *hold_users(void)
{
    PGconn *other = cluster_connect("posthouse");
    cluster_ask(other, "BEGIN; LOCK TABLE posthouse_users IN ACCESS EXCLUSIVE MODE");
    return other;
}

// ------------------------------------------------------------------------------------------ tests

static void test_all_lanes_work(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    assert_int_equal(rds()->connection_count, RDS_LANES);
    assert_int_equal(add(), PH_OK);
    assert_int_equal(end_of(start_get(), NULL), PH_OK);
    assert_int_equal(health(), PH_OK);
}

static void test_terminated_sessions_come_back(void **state)
{
    char sql[512];
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    for (int round = 0; round < 3; round++) {
        char before[128];
        snprintf(before, sizeof(before), "%s", cluster_tell("SELECT string_agg(pid::text, ',') FROM " SESSIONS));
        cluster_tell("SELECT pg_terminate_backend(pid) FROM " SESSIONS);
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM " SESSIONS " AND pid NOT IN (%s)", before);
        cluster_until(host, sql, ALL);
        cluster_wait(host, all_ready, NULL);
        // The statements are prepared there again.
        assert_int_equal(add(), PH_OK);
        assert_int_equal(end_of(start_get(), NULL), PH_OK);
    }
    assert_non_null(strstr(host->log, "was lost"));
}

// The server says that it ends the session: the transaction is certain to be gone.
static void test_a_call_whose_session_is_terminated(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    struct test_call *running = start_add(1);
    struct test_call *behind = start_add(1);
    cluster_until(host, WAITING, "1");
    cluster_ask(other, "SELECT pg_terminate_backend(pid) FROM " SESSIONS " AND wait_event_type = 'Lock'");
    assert_int_equal(end_of(running, "57P01"), PH_UNAVAILABLE);
    // What was sent behind it has no answer.
    assert_int_equal(end_of(behind, "before the answer came"), PH_UNCERTAIN);
    PQfinish(other);
    cluster_wait(host, all_ready, NULL); // its successor may have met the lock
    assert_int_equal(add(), PH_OK);
}

static void test_a_crash_leaves_writes_uncertain(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    struct test_call *writing = start_add(1);
    struct test_call *reading = start_get();
    cluster_until(host, WAITING, "2");
    cluster_run("kill");
    PQfinish(other);
    assert_int_equal(end_of(writing, NULL), PH_UNCERTAIN);
    assert_int_equal(end_of(reading, NULL), PH_UNAVAILABLE);
    cluster_run("start");
    cluster_wait(host, all_ready, NULL);
    assert_int_equal(add(), PH_OK);
}

static bool one_looks(void *context)
{
    int *left = context;
    // Never a crowd: the scout tries, the others wait.
    assert_true(count_state(CONNECTION_TRIED) <= 1);
    enum ph_outcome outcome = health();
    if (outcome == PH_OK)
        return false;
    assert_int_equal(outcome, PH_UNAVAILABLE);
    assert_non_null(rds()->scout);
    return --*left == 0;
}

static bool has_scout(void *context)
{
    (void)context;
    return rds()->scout != NULL && count_state(CONNECTION_READY) == 0 && count_state(CONNECTION_TRIED) <= 1;
}

static void test_while_the_database_is_away(void **state)
{
    int looks = 5;
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    cluster_run("stop");
    cluster_wait(host, has_scout, NULL);
    cluster_wait(host, one_looks, &looks);
    assert_int_equal(end_of(start_add(1), "is it running"), PH_UNAVAILABLE);
    assert_int_equal(end_of(start_get(), NULL), PH_UNAVAILABLE);
    for (int lane = 0; lane < RDS_LANES; lane++)
        assert_int_equal(rds()->lines[lane].count, 0);
    cluster_run("start");
    cluster_wait(host, all_ready, NULL);
    assert_null(rds()->scout);
    assert_int_equal(add(), PH_OK);
}

static void test_cancel_ends_a_running_call(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    struct test_call *call = start_add(1);
    cluster_until(host, WAITING, "1");
    assert_int_equal(cancel(call), PH_OK);
    assert_int_equal(end_of(call, "57014"), PH_UNAVAILABLE);
    PQfinish(other);
    // The session is still the same, and of use. The lock may go a moment later, or the cancel come: the host repeats then.
    enum ph_outcome outcome = PH_TRANSIENT;
    for (int attempts = 0; outcome == PH_TRANSIENT && attempts < 20; attempts++)
        outcome = add();
    assert_int_equal(outcome, PH_OK);
    assert_null(strstr(host->log, "lost"));
}

static void test_cancel_ends_a_call_in_line(void **state)
{
    struct test_call *calls[4];
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    for (unsigned i = 0; i < 4; i++)
        calls[i] = start_add(1);
    cluster_until(host, WAITING, "1");
    assert_int_equal(rds()->lines[RDS_WRITE].count, 2);
    assert_int_equal(cancel(calls[3]), PH_OK);
    assert_int_equal(end_of(calls[3], "no connection was free"), PH_TRANSIENT);
    assert_int_equal(cancel(calls[2]), PH_OK);
    assert_int_equal(end_of(calls[2], NULL), PH_TRANSIENT);
    PQfinish(other);
    assert_int_equal(end_of(calls[0], NULL), PH_OK);
    assert_int_equal(end_of(calls[1], NULL), PH_OK);
}

// It has been sent, and the one before it is not to be cancelled: after a grace the connection goes.
static void test_cancel_ends_a_call_behind_another(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    struct test_call *first = start_add(1);
    struct test_call *second = start_add(1);
    cluster_until(host, WAITING, "1");
    assert_int_equal(cancel(second), PH_OK);
    assert_int_equal(end_of(second, "did not end"), PH_UNCERTAIN);
    assert_int_equal(end_of(first, "did not end"), PH_UNCERTAIN);
    PQfinish(other);
    assert_int_equal(add(), PH_OK);
}

static void test_cancel_of_what_is_over(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    struct test_call *call = start_add(1);
    test_call_wait(call);
    assert_int_equal(cancel(call), PH_NOT_FOUND);
    assert_int_equal(end_of(call, NULL), PH_OK);
}

// A commit that waits for a standby which is not there is on this disk alone. The server answers a cancel of that wait as
// if all were well; nobody may be told that the message is safe.
static void test_cancel_of_a_wait_for_the_standby(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    assert_int_equal(add(), PH_OK);
    cluster_tell("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster_tell("SELECT pg_reload_conf()");
    cluster_until(host, "SHOW synchronous_standby_names", "nobody");
    struct ph_user_password entry = {.name = text_from("ann"), .password = text_from("other")};
    struct test_call *call =
        test_call_start(&plugin, PH_STORAGE_USER_PASSWORD, slots()->user_password, 1, &entry, sizeof(entry), 0);
    cluster_until(host, "SELECT count(*) FROM " SESSIONS " AND wait_event = 'SyncRep'", "1");
    assert_int_equal(cancel(call), PH_OK);
    enum ph_outcome outcome = end_of(call, NULL);
    cluster_tell("ALTER SYSTEM RESET synchronous_standby_names");
    cluster_tell("SELECT pg_reload_conf()");
    assert_int_equal(outcome, PH_UNCERTAIN);
    assert_int_equal(add(), PH_OK);
}

static void test_close_with_calls_under_way(void **state)
{
    struct test_call *calls[5];
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = hold_users();
    for (unsigned i = 0; i < 4; i++)
        calls[i] = start_add(1);
    calls[4] = start_get();
    cluster_until(host, WAITING, "2");
    test_plugin_close(&plugin);
    assert_int_equal(end_of(calls[0], "closed"), PH_UNCERTAIN);
    assert_int_equal(end_of(calls[1], "closed"), PH_UNCERTAIN);
    assert_int_equal(end_of(calls[2], "closed"), PH_UNAVAILABLE);
    assert_int_equal(end_of(calls[3], "closed"), PH_UNAVAILABLE);
    assert_int_equal(end_of(calls[4], "closed"), PH_UNAVAILABLE);
    PQfinish(other);
}

static bool one_is_tried(void *context)
{
    (void)context;
    return count_state(CONNECTION_READY) == 0 && count_state(CONNECTION_TRIED) > 0;
}

// The server's main process stands still: a new connection is taken by the kernel, and answered by nobody.
static void test_close_while_connecting(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    open_plugin();
    PGconn *other = cluster_connect("posthouse");
    int server = cluster_server();
    assert_int_equal(kill(server, SIGSTOP), 0);
    cluster_ask(other, "SELECT pg_terminate_backend(pid) FROM " SESSIONS);
    cluster_wait(host, one_is_tried, NULL);
    test_plugin_close(&plugin);
    assert_int_equal(kill(server, SIGCONT), 0);
    PQfinish(other);
}

static void test_close_at_once(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    if (!test_plugin_open(&plugin))
        fail_msg("%s", plugin.text);
    test_plugin_close(&plugin);
}

// ------------------------------------------------------------------------------------------ passwords

static void use_password(const char *password)
{
    snprintf(url, sizeof(url), "%s", cluster_tcp_url("posthouse"));
    config.password = password;
}

static void test_a_rotated_password_is_fetched(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    use_password("first");
    open_plugin();
    assert_int_equal(host->resolved, 0);
    cluster_tell("ALTER ROLE posthouse PASSWORD 'hunter2'");
    host->secret = "hunter2";
    cluster_tell("SELECT pg_terminate_backend(pid) FROM " SESSIONS);
    cluster_until(host, "SELECT count(*) FROM " SESSIONS, ALL);
    cluster_wait(host, all_ready, NULL);
    assert_int_equal(add(), PH_OK);
    assert_int_equal(host->resolved, 1);
    assert_non_null(strstr(host->log, "password was fetched again"));
    assert_null(strstr(host->log, "hunter2"));
    cluster_tell("ALTER ROLE posthouse PASSWORD 'first'");
}

static void test_an_old_password_at_open(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    use_password("stale");
    host->secret = "first";
    open_plugin();
    assert_int_equal(host->resolved, 1);
    assert_int_equal(add(), PH_OK);
}

static void test_a_wrong_password_at_open(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    use_password("hunter2");
    host->secret = "hunter3";
    assert_false(test_plugin_open(&plugin));
    assert_int_equal(plugin.opened, PH_DENIED);
    assert_non_null(strstr(plugin.text, "check url and password"));
    assert_null(strstr(plugin.text, "hunter"));
    assert_int_equal(host->resolved, 1);
    // The secret cannot be had.
    host->secret = NULL;
    assert_false(test_plugin_open(&plugin));
    assert_int_equal(plugin.opened, PH_DENIED);
    config.password = NULL;
    assert_false(test_plugin_open(&plugin));
    assert_int_equal(plugin.opened, PH_DENIED);
    assert_non_null(strstr(plugin.text, "none is configured"));
    assert_int_equal(host->resolved, 2);
}

static void test_a_reload_brings_a_password(void **state)
{
    struct rds_config changed;
    (void)state;
    if (!cluster_needed())
        return;
    use_password("first");
    open_plugin();
    changed = config;
    changed.password = "hunter2";
    struct ph_reload entry = {.config = &changed};
    struct test_call *call =
        test_call_start(&plugin, PH_RELOAD, plugin.descriptor->common->reload, 1, &entry, sizeof(entry), 0);
    assert_int_equal(end_of(call, NULL), PH_OK);
    cluster_tell("ALTER ROLE posthouse PASSWORD 'hunter2'");
    cluster_tell("SELECT pg_terminate_backend(pid) FROM " SESSIONS);
    cluster_until(host, "SELECT count(*) FROM " SESSIONS, ALL);
    cluster_wait(host, all_ready, NULL);
    assert_int_equal(host->resolved, 0);
    cluster_tell("ALTER ROLE posthouse PASSWORD 'first'");
}

static void test_opens_that_fail(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    snprintf(url, sizeof(url), "nonsense=hunter2");
    assert_false(test_plugin_open(&plugin));
    assert_int_equal(plugin.opened, PH_INVALID);
    assert_null(strstr(plugin.text, "hunter2"));
    snprintf(url, sizeof(url), "host=/nonexistent");
    assert_false(test_plugin_open(&plugin));
    assert_int_equal(plugin.opened, PH_UNAVAILABLE);
    assert_null(plugin.instance);
}

int main(int count, char **arguments)
{
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_all_lanes_work),
        TEST(test_terminated_sessions_come_back),
        TEST(test_a_call_whose_session_is_terminated),
        TEST(test_a_crash_leaves_writes_uncertain),
        TEST(test_while_the_database_is_away),
        TEST(test_cancel_ends_a_running_call),
        TEST(test_cancel_ends_a_call_in_line),
        TEST(test_cancel_ends_a_call_behind_another),
        TEST(test_cancel_of_what_is_over),
        TEST(test_cancel_of_a_wait_for_the_standby),
        TEST(test_close_with_calls_under_way),
        TEST(test_close_while_connecting),
        TEST(test_close_at_once),
        TEST(test_a_rotated_password_is_fetched),
        TEST(test_an_old_password_at_open),
        TEST(test_a_wrong_password_at_open),
        TEST(test_a_reload_brings_a_password),
        TEST(test_opens_that_fail),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
