// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/listener.h: one daemon's notify is another's hint.
#include "tests/unit/unit.h"

#include "tests/unit/rds_cluster.h"
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define LISTENERS "SELECT count(*) FROM pg_stat_activity WHERE usename = 'posthouse' AND query LIKE 'LISTEN%'"
#define LISTENING LISTENERS " AND state = 'idle'" // before that LISTEN is under way, and what is told is missed

/// A daemon: a host with an instance.
struct daemon {
    struct test_host *host;
    struct test_plugin plugin;
    struct rds_config config;
    char url[512];
};

static struct daemon left, right;

static void daemon_open(struct daemon *daemon, bool notify)
{
    daemon->host = test_host_new();
    snprintf(daemon->url, sizeof(daemon->url), "%s", cluster_url("posthouse"));
    cluster_plugin(&daemon->plugin, daemon->host, &daemon->config, daemon->url);
    daemon->config.notify = notify;
    if (!test_plugin_open(&daemon->plugin))
        fail_msg("%s", daemon->plugin.text);
}

static void daemon_close(struct daemon *daemon)
{
    test_plugin_close(&daemon->plugin);
    test_host_free(daemon->host);
}

// A session of the test before may outlive its connection for a moment, and would be counted.
static void wait_for_silence(void)
{
    for (int looks = 0; strcmp(cluster_tell(LISTENERS), "0") != 0; looks++) {
        assert_true(looks < 6000);
        poll(NULL, 0, 10);
    }
}

static int set_up(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    wait_for_silence();
    daemon_open(&left, true);
    cluster_until(left.host, LISTENING, "1");
    daemon_open(&right, true);
    cluster_until(right.host, LISTENING, "2");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (cluster_folder() == NULL)
        return 0;
    daemon_close(&left);
    daemon_close(&right);
    return 0;
}

static void notify(struct daemon *daemon, const struct ph_text *users, size_t count)
{
    const struct ph_storage_operations *slots = daemon->plugin.descriptor->operations;
    struct ph_notify entry = {.users = users, .user_count = count};
    struct test_call *call =
        test_call_run(&daemon->plugin, PH_STORAGE_NOTIFY, slots->notify, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
}

static void notify_one(struct daemon *daemon, const char *user)
{
    const struct ph_text users[] = {text_from(user)};
    notify(daemon, users, 1);
}

static bool has_ended(void *context)
{
    const struct daemon *daemon = context;
    event_base_loop(left.host->base, EVLOOP_NONBLOCK);
    event_base_loop(right.host->base, EVLOOP_NONBLOCK);
    return strstr(daemon->host->hints, "end ") != NULL;
}

// What one daemon hears until somebody says "end".
static const char *heard(struct daemon *daemon)
{
    cluster_wait(daemon->host, has_ended, daemon);
    return daemon->host->hints;
}

static void test_one_tells_the_other(void **state)
{
    const struct ph_text users[] = {text_from("ann"), text_from("ben.c_d@e-f"), text_from("end")};
    (void)state;
    if (!cluster_needed())
        return;
    notify(&left, users, 3);
    assert_string_equal(heard(&right), "ann ben.c_d@e-f end ");
    // And is not told by itself.
    notify_one(&right, "cat");
    notify_one(&right, "end");
    assert_string_equal(heard(&left), "cat end ");
    assert_string_equal(right.host->hints, "ann ben.c_d@e-f end ");
}

// Whoever may connect may notify.
static void test_what_is_no_name_is_ignored(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("SELECT pg_notify('posthouse_inbox', '')");
    cluster_tell("SELECT pg_notify('posthouse_inbox', '   ')");
    cluster_tell("SELECT pg_notify('posthouse_inbox', repeat('x', 65) || ' ann  ' || repeat('y', 64))");
    cluster_tell("SELECT pg_notify('posthouse_inbox', E'tab\\there \\u00e4 new\\nline \\u007f ben')");
    cluster_tell("SELECT pg_notify('other_channel', 'eve')");
    cluster_tell("SELECT pg_notify('posthouse_inbox', repeat('z', 7999))");
    cluster_tell("SELECT pg_notify('posthouse_inbox', ' end ')");
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "ann %.*s ben end ", 64,
             "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    assert_string_equal(heard(&left), wanted);
    assert_string_equal(heard(&right), wanted);
}

static void test_what_is_no_name_is_not_told(void **state)
{
    static char longest[65];
    memset(longest, 'x', sizeof(longest));
    const struct ph_text users[] = {text_from(""),     text_from("an n"),     {longest, sizeof(longest)},
                                    {"a\0b", 3},       text_from("\xc3\x28"), text_from("ann"),
                                    text_from("a\nb"), text_from("end")};
    (void)state;
    if (!cluster_needed())
        return;
    notify(&left, users, sizeof(users) / sizeof(users[0]));
    assert_string_equal(heard(&right), "ann end ");
}

static bool is_told_at_last(void *context)
{
    if (has_ended(context))
        return true;
    right.host->hints[0] = '\0';
    notify_one(&left, "end");
    return false;
}

// More than fits is left out, and what comes later is told again.
static void test_very_many_names(void **state)
{
    static char texts[1000][64];
    static struct ph_text users[1000];
    (void)state;
    if (!cluster_needed())
        return;
    for (size_t i = 0; i < 1000; i++) {
        snprintf(texts[i], sizeof(texts[i]), "user-with-a-long-name-%zu", i);
        users[i] = text_from(texts[i]);
    }
    notify(&left, users, 1000);
    notify(&left, users, 1000);
    cluster_wait(right.host, is_told_at_last, &right);
}

static void test_a_terminated_listener_comes_back(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                 " AND usename = 'posthouse'");
    cluster_until(left.host, LISTENING, "1");
    cluster_until(right.host, LISTENING, "2");
    notify_one(&left, "end");
    assert_string_equal(heard(&right), "end ");
}

static void test_without_notify(void **state)
{
    struct daemon quiet;
    (void)state;
    if (!cluster_needed())
        return;
    daemon_open(&quiet, false);
    notify_one(&quiet, "ann");
    assert_string_equal(cluster_tell(LISTENING), "2");
    notify_one(&left, "end");
    assert_string_equal(heard(&right), "end ");
    assert_string_equal(quiet.host->hints, "");
    daemon_close(&quiet);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_tells_the_other),
        TEST(test_what_is_no_name_is_ignored),
        TEST(test_what_is_no_name_is_not_told),
        TEST(test_very_many_names),
        TEST(test_a_terminated_listener_comes_back),
        TEST(test_without_notify),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
