// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/connect.h: urls, hosts one after the other, what a session is set to, and servers that do not answer.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/connect.h"
#include "tests/unit/rds_cluster.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rds_config config_of(const char *url)
{
    return (struct rds_config){.url = url,
                               .connect_timeout = 20000,
                               .statement_timeout = 31000,
                               .lock_timeout = 6000,
                               .network_timeout = 11000};
}

static struct connect_request *request_of(const char *url, const char *password, connect_work_f *prepare)
{
    const struct rds_config config = config_of(url);
    struct connect_request *request = connect_request_new(&config, password, prepare);
    assert_non_null(request);
    return request;
}

// A socket of 127.0.0.1 at a port of the kernel's choice.
static int listening(int *port_r)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(descriptor, 8), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    *port_r = ntohs(address.sin_port);
    return descriptor;
}

// Connects to nothing but failures; the outcome, whose text must hold these words.
static enum ph_outcome refused_after(int64_t ms, const char *url, const char *password, const char *words)
{
    struct connect_request *request = request_of(url, password, NULL);
    request->config.connect_timeout = ms;
    connect_work(request);
    assert_null(request->connection);
    if (strstr(request->failure.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, request->failure.text);
    enum ph_outcome outcome = request->failure.outcome;
    connect_request_free(request);
    return outcome;
}

// By somebody who answers.
static enum ph_outcome refused(const char *url, const char *password, const char *words)
{
    return refused_after(20000, url, password, words);
}

// ------------------------------------------------------------------------------------------ without a server

static void test_urls(void **state)
{
    static const char *const good[] = {"",
                                       "host=a",
                                       "postgresql://",
                                       "postgres://u:p@h:1/d?sslmode=verify-full",
                                       "host=a,b port=1,2",
                                       "postgresql://a:1,b:2/d?target_session_attrs=read-write"};
    static const char *const bad[] = {
        "host",       "nonsense=1",        "postgresql://h/d?nonsense=1", "postgresql://[::1",
        "http://h/d", "password='hunter2", "postgresql://u:hunter2%zz@h/"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (connect_check_url(good[i]) != NULL)
            fail_msg("refused: %s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *wrong = connect_check_url(bad[i]);
        if (wrong == NULL)
            fail_msg("taken: %s", bad[i]);
        else
            assert_null(strstr(wrong, "hunter2"));
    }
}

static void test_a_request_has_its_own_copies(void **state)
{
    char url[] = "host=a", password[] = "hunter2";
    (void)state;
    struct connect_request *request = request_of(url, password, NULL);
    memset(url, 'x', sizeof(url) - 1);
    memset(password, 'x', sizeof(password) - 1);
    assert_string_equal(request->config.url, "host=a");
    assert_string_equal(request->config.password, "hunter2");
    connect_request_free(request);
    connect_request_free(NULL);
}

static void test_nobody_there(void **state)
{
    char url[128];
    int port;
    (void)state;
    close(listening(&port));
    snprintf(url, sizeof(url), "host=127.0.0.1 port=%d", port);
    assert_int_equal(refused(url, NULL, "is it running"), PH_UNAVAILABLE);
    assert_int_equal(refused("host=/nonexistent port=5432", NULL, "socket is not there"), PH_UNAVAILABLE);
}

static void test_a_server_that_says_nothing(void **state)
{
    char url[128];
    int port;
    int silent = listening(&port);
    (void)state;
    snprintf(url, sizeof(url), "host=127.0.0.1,127.0.0.1 port=%d", port);
    assert_int_equal(refused_after(400, url, "hunter2", "in time"), PH_UNAVAILABLE);
    struct connect_request *request = request_of(url, NULL, NULL);
    atomic_store(&request->stop, true);
    connect_work(request);
    assert_null(request->connection);
    assert_int_equal(request->failure.outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(request->failure.text, "closed"));
    connect_request_free(request);
    close(silent);
}

struct liar {
    int descriptor;
    const char *bytes;
    size_t length;
};

static void *lie(void *context)
{
    const struct liar *liar = context;
    char request[512];
    int connection = accept(liar->descriptor, NULL, NULL);
    ssize_t got = recv(connection, request, sizeof(request), 0);
    if (got > 0)
        got = send(connection, liar->bytes, liar->length, MSG_NOSIGNAL);
    close(connection);
    return NULL;
}

// Whatever a server answers, it is a failure, and none of its words come along.
static void test_a_server_that_is_none(void **state)
{
#define ANSWER(text)                              \
    {                                             \
        .bytes = text, .length = sizeof(text) - 1 \
    }
    static struct liar liars[] = {
        ANSWER("HTTP/1.1 400 Bad Request\r\n\r\nhunter2"),
        ANSWER("E\0\0\0\x10hunter2hunte"),
        ANSWER("R\0\0\0\x08\0\0\0\x63"),
        ANSWER("R\xff\xff\xff\xff\0\0\0\0"),
        ANSWER("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"), // let in without a question, then gone
        ANSWER(""),
    };
    char url[128];
    int port;
    int descriptor = listening(&port);
    (void)state;
    snprintf(url, sizeof(url), "host=127.0.0.1 port=%d sslmode=disable gssencmode=disable", port);
    for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++) {
        pthread_t thread;
        liars[i].descriptor = descriptor;
        assert_int_equal(pthread_create(&thread, NULL, lie, &liars[i]), 0);
        struct connect_request *request = request_of(url, NULL, NULL);
        connect_work(request);
        pthread_join(thread, NULL);
        assert_null(request->connection);
        assert_int_equal(request->failure.outcome, PH_UNAVAILABLE);
        assert_null(strstr(request->failure.text, "hunter2"));
        connect_request_free(request);
    }
    close(descriptor);
}

static void test_very_many_hosts(void **state)
{
    char url[4096] = "port=1 host=127.0.0.1";
    (void)state;
    for (int i = 0; i < 200; i++)
        snprintf(url + strlen(url), sizeof(url) - strlen(url), ",127.0.0.1");
    assert_int_equal(refused(url, NULL, "is it running"), PH_UNAVAILABLE);
}

// ------------------------------------------------------------------------------------------ with one

static void test_the_second_host_is_there(void **state)
{
    char url[512];
    (void)state;
    if (!cluster_needed())
        return;
    snprintf(url, sizeof(url), "host=127.0.0.1,/nonexistent,%s port=1,%s,%s user=posthouse dbname=posthouse",
             cluster_folder(), cluster_port(), cluster_port());
    struct connect_request *request = request_of(url, NULL, NULL);
    connect_work(request);
    if (request->connection == NULL)
        fail_msg("%s", request->failure.text);
    assert_int_equal(request->failure.outcome, PH_OK);
    assert_ptr_equal(strstr(request->server, cluster_folder()), request->server);
    connect_request_free(request);
}

// Of two failures the one is told that an operator can do something about, wherever its host stands.
static void test_a_refusal_says_more_than_an_absence(void **state)
{
    char url[512];
    (void)state;
    if (!cluster_needed())
        return;
    for (size_t i = 0; i < 2; i++) {
        snprintf(url, sizeof(url), "user=posthouse dbname=posthouse host=127.0.0.1,127.0.0.1 port=%s,%s",
                 i == 0 ? "1" : cluster_port(), i == 0 ? cluster_port() : "1");
        assert_int_equal(refused(url, "hunter2", "refused the user or its password"), PH_DENIED);
        assert_int_equal(refused(url, NULL, "none is configured"), PH_DENIED);
    }
}

static void test_the_password_of_the_option_counts(void **state)
{
    char url[600];
    (void)state;
    if (!cluster_needed())
        return;
    snprintf(url, sizeof(url), "%s password=wrong", cluster_tcp_url("posthouse"));
    struct connect_request *request = request_of(url, "first", NULL);
    connect_work(request);
    assert_non_null(request->connection);
    connect_request_free(request);
    assert_int_equal(refused(url, NULL, "refused the user"), PH_DENIED);
    snprintf(url, sizeof(url), "%s", cluster_url("nowhere"));
    assert_int_equal(refused(url, NULL, "database does not exist"), PH_DENIED);
}

static bool expect_setting(struct connect_request *request, const char *name, const char *wanted)
{
    PGresult *result = connect_query_with(request, "SELECT current_setting($1)", name);
    assert_non_null(result);
    if (strcmp(PQgetvalue(result, 0, 0), wanted) != 0)
        fail_msg("%s is %s", name, PQgetvalue(result, 0, 0));
    PQclear(result);
    return true;
}

static bool expect_settings(struct connect_request *request)
{
    return expect_setting(request, "statement_timeout", "31s") && expect_setting(request, "lock_timeout", "6s") &&
           expect_setting(request, "idle_in_transaction_session_timeout", "31s") &&
           expect_setting(request, "synchronous_commit", request->relaxed ? "off" : "on") &&
           expect_setting(request, "default_transaction_isolation", "read committed") &&
           expect_setting(request, "application_name", "posthouse") &&
           expect_setting(request, "client_encoding", "UTF8");
}

// Whatever the server's defaults are, the session is what the promises need.
static void test_the_session_is_settled(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    cluster_tell("CREATE DATABASE lax OWNER posthouse");
    cluster_tell("ALTER DATABASE lax SET synchronous_commit = off");
    cluster_tell("ALTER DATABASE lax SET default_transaction_isolation = 'serializable'");
    for (int relaxed = 0; relaxed < 2; relaxed++) {
        struct connect_request *request = request_of(cluster_url("lax"), NULL, expect_settings);
        request->relaxed = relaxed != 0;
        connect_work(request);
        assert_non_null(request->connection);
        assert_int_equal(PQisnonblocking(request->connection), 1);
        connect_request_free(request);
    }
}

static bool expect_probes(struct connect_request *request)
{
    return expect_setting(request, "tcp_keepalives_idle", "5") &&
           expect_setting(request, "tcp_keepalives_interval", "2") &&
           expect_setting(request, "tcp_keepalives_count", "3") && expect_setting(request, "tcp_user_timeout", "11000");
}

// What the kernel of the server's machine was told, not what was asked for: over a socket of files it says 0. That it works
// is in tests/e2e/test_rds_network.py, where a network may be cut.
static void test_the_server_looks_for_who_is_gone(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    struct connect_request *request = request_of(cluster_tcp_url("posthouse"), "first", expect_probes);
    connect_work(request);
    assert_non_null(request->connection);
    connect_request_free(request);
}

static bool fine_work(struct connect_request *request)
{
    PGresult *last = connect_query(request, "SELECT 1; SELECT 2 AS two");
    assert_non_null(last);
    assert_string_equal(PQgetvalue(last, 0, 0), "2");
    PQclear(last);
    return true;
}

static bool refused_work(struct connect_request *request)
{
    return connect_query_with(request, "SELECT $1::int", "hunter2") != NULL;
}

static bool broken_work(struct connect_request *request)
{
    return connect_query(request, "SELECT 1; SELECT * FROM nowhere; SELECT 2") != NULL;
}

static bool ended_work(struct connect_request *request)
{
    return connect_query(request, "SELECT pg_terminate_backend(pg_backend_pid())") != NULL;
}

static void test_work_that_fails(void **state)
{
    static const struct {
        connect_work_f *work;
        enum ph_outcome outcome;
        const char *words;
    } works[] = {{fine_work, PH_OK, ""},
                 {refused_work, PH_INVALID, "22P02"},
                 {broken_work, PH_INVALID, "42P01"},
                 {ended_work, PH_UNAVAILABLE, ""}};
    (void)state;
    if (!cluster_needed())
        return;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct connect_request *request = request_of(cluster_url("posthouse"), NULL, works[i].work);
        connect_work(request);
        assert_int_equal(request->failure.outcome, works[i].outcome);
        assert_int_equal(request->connection != NULL, works[i].outcome == PH_OK);
        assert_non_null(strstr(request->failure.text, works[i].words));
        assert_null(strstr(request->failure.text, "hunter2"));
        connect_request_free(request);
    }
}

static bool late_work(struct connect_request *request)
{
    connect_allow(request, 50);
    return connect_query(request, "SELECT pg_sleep(30)") != NULL;
}

static void test_work_that_lasts_too_long(void **state)
{
    (void)state;
    if (!cluster_needed())
        return;
    struct connect_request *request = request_of(cluster_url("posthouse"), NULL, late_work);
    connect_work(request);
    assert_null(request->connection);
    assert_int_equal(request->failure.outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(request->failure.text, "in time"));
    connect_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_a_request_has_its_own_copies),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_a_server_that_says_nothing),
        cmocka_unit_test(test_a_server_that_is_none),
        cmocka_unit_test(test_very_many_hosts),
        cmocka_unit_test(test_the_second_host_is_there),
        cmocka_unit_test(test_a_refusal_says_more_than_an_absence),
        cmocka_unit_test(test_the_password_of_the_option_counts),
        cmocka_unit_test(test_the_session_is_settled),
        cmocka_unit_test(test_the_server_looks_for_who_is_gone),
        cmocka_unit_test(test_work_that_fails),
        cmocka_unit_test(test_work_that_lasts_too_long),
    };
    return cmocka_run_group_tests(tests, cluster_set_up, cluster_tear_down);
}
