// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/failure.h: each way in which PostgreSQL fails has its class, and a text that says what to do.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/failure.h"
#include <string.h>

/// What is expected of a SQLSTATE or of a message.
struct wanted {
    const char *from;
    enum ph_outcome outcome;
    bool reconnect;
    bool authentication;
    const char *words;
};

static void expect(const struct rds_failure *failure, const struct wanted *wanted)
{
    if (failure->outcome != wanted->outcome || failure->reconnect != wanted->reconnect ||
        failure->authentication != wanted->authentication || strstr(failure->text, wanted->words) == NULL)
        fail_msg("%s gave %d %d %d: %s", wanted->from, (int)failure->outcome, failure->reconnect,
                 failure->authentication, failure->text);
    assert_ptr_equal(strstr(failure->text, "db:5432: "), failure->text);
    assert_true(strlen(failure->text) < RDS_FAILURE_TEXT);
}

static void test_states(void **state)
{
    static const struct wanted states[] = {
        // connection loss
        {"08006", PH_UNAVAILABLE, true, false, "connection was lost"},
        {"08P01", PH_UNAVAILABLE, true, false, "connection was lost"},
        // a standby, also after a failover
        {"25006", PH_UNAVAILABLE, true, false, "read-only"},
        // serialization_failure, deadlock
        {"40001", PH_TRANSIENT, false, false, "another"},
        {"40P01", PH_TRANSIENT, false, false, "deadlock"},
        {"40002", PH_TRANSIENT, false, false, "another"},
        // too many connections, out of disk, of memory, of anything
        {"53300", PH_UNAVAILABLE, true, false, "max_connections"},
        {"53100", PH_UNAVAILABLE, false, false, "disk is full"},
        {"53200", PH_UNAVAILABLE, false, false, "out of memory"},
        {"53400", PH_UNAVAILABLE, false, false, "out of resources"},
        // statement and lock time-outs
        {"57014", PH_TRANSIENT, false, false, "statement_timeout"},
        {"55P03", PH_TRANSIENT, false, false, "lock_timeout"},
        {"55006", PH_TRANSIENT, false, false, "does not allow"},
        // admin shutdown, crash shutdown, starting, dropped database, idle session
        {"57P01", PH_UNAVAILABLE, true, false, "shutting down"},
        {"57P02", PH_UNAVAILABLE, true, false, "shutting down"},
        {"57P03", PH_UNAVAILABLE, true, false, "starting"},
        {"57P05", PH_UNAVAILABLE, true, false, "ended the session"},
        {"57000", PH_UNAVAILABLE, true, false, "told to stop"},
        // a daemon that was stopped half-way through a transaction
        {"25P03", PH_UNAVAILABLE, true, false, "stood still"},
        // rights and passwords
        {"28000", PH_DENIED, true, true, "password"},
        {"28P01", PH_DENIED, true, true, "password"},
        {"42501", PH_DENIED, false, false, "no right"},
        {"3D000", PH_DENIED, true, false, "database does not exist"},
        // what an operator must mend
        {"3F000", PH_INVALID, false, false, "search_path"},
        {"42P01", PH_INVALID, true, false, "missing"},
        {"42P07", PH_INVALID, false, false, "somebody else"},
        {"0A000", PH_INVALID, true, false, "PostgreSQL 13"},
        {"22021", PH_INVALID, false, false, "value"},
        {"54000", PH_INVALID, false, false, "limit"},
        // a pooling proxy between
        {"26000", PH_TRANSIENT, true, false, "proxy"},
        {"42P05", PH_TRANSIENT, true, false, "proxy"},
        // others
        {"23505", PH_TRANSIENT, false, false, "same time"},
        {"42601", PH_INTERNAL, false, false, "did not understand"},
        {"58030", PH_UNAVAILABLE, false, false, "system"},
        {"XX000", PH_UNAVAILABLE, true, false, "fault"},
        {"XX001", PH_UNAVAILABLE, false, false, "damaged data"},
        {"XX002", PH_UNAVAILABLE, false, false, "damaged index"},
        {"P0001", PH_INTERNAL, false, false, "SQLSTATE P0001"},
        {"25P02", PH_INTERNAL, false, false, "SQLSTATE 25P02"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct rds_failure failure;
        rds_failure_state(&failure, states[i].from, "db:5432");
        expect(&failure, &states[i]);
        assert_non_null(strstr(failure.text, states[i].from));
    }
}

// What is no state stands for a connection that broke, and is not repeated in a text.
static void test_states_that_are_none(void **state)
{
    static const char *const states[] = {"", "4000", "400011", "4000a", "40 01", "\xc3\xa4\xc3\xa4\xc3", "%s%s%"};
    static const struct wanted lost = {"none", PH_UNAVAILABLE, true, false, "connection was lost"};
    struct rds_failure failure;
    (void)state;
    rds_failure_state(&failure, NULL, "db:5432");
    expect(&failure, &lost);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        rds_failure_state(&failure, states[i], "db:5432");
        expect(&failure, &lost);
        assert_null(strstr(failure.text, "SQLSTATE"));
    }
}

// Messages as libpq 15 gives them with PQERRORS_VERBOSE.
static void test_refused_connections(void **state)
{
    static const struct wanted messages[] = {
        {"connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for "
         "user "
         "\"posthouse\"\nLOCATION:  auth_failed, auth.c:338\n",
         PH_DENIED, true, true, "password"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  53300: sorry, too many clients "
         "already\n",
         PH_UNAVAILABLE, true, false, "max_connections"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  57P03: the database system is starting "
         "up\n",
         PH_UNAVAILABLE, true, false, "starting"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  3D000: database \"x\" does not exist\n",
         PH_DENIED, true, false, "database does not exist"},
        // Two addresses of one name: the last answer counts.
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  57P03: the database system is starting "
         "up\n"
         "connection to server at \"db\" (10.0.0.2), port 5432 failed: FATAL:  28P01: password authentication failed\n",
         PH_DENIED, true, true, "password"},
        // In another language, too.
        {"Verbindung zum Server auf »db« fehlgeschlagen: FATAL:  28000: kein pg_hba.conf-Eintrag\n", PH_DENIED, true,
         true, "password"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: fe_sendauth: no password supplied\n", PH_DENIED,
         true, true, "none is configured"},
        {"connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running on that "
         "host?\n",
         PH_UNAVAILABLE, true, false, "is it running"},
        {"connection to server on socket \"/tmp/.s.PGSQL.1\" failed: No such file or directory\n", PH_UNAVAILABLE, true,
         false, "socket"},
        {"could not translate host name \"nowhere\" to address: Name or service not known\n", PH_UNAVAILABLE, true,
         false, "cannot be resolved"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: timeout expired\n", PH_UNAVAILABLE, true, false,
         "connect_timeout"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: session is read-only\n", PH_UNAVAILABLE, true,
         false, "read-only"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: server is in hot standby mode\n", PH_UNAVAILABLE,
         true, false, "standby"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: server does not support SSL, but SSL was "
         "required\n",
         PH_DENIED, true, false, "no TLS"},
        {"connection to server at \"db\" (10.0.0.1), port 5432 failed: SSL error: certificate verify failed\n",
         PH_DENIED, true, false, "not signed"},
        {"server certificate for \"other\" does not match host name \"db\"\n", PH_DENIED, true, false,
         "another host name"},
        {"root certificate file \"/etc/posthouse/root.crt\" does not exist\n", PH_DENIED, true, false, "sslrootcert"},
        {"", PH_UNAVAILABLE, true, false, "no connection"},
        {"something new", PH_UNAVAILABLE, true, false, "no connection"},
        // What only looks like a state.
        {"FATAL:  28p01: x\n", PH_UNAVAILABLE, true, false, "no connection"},
        {"FATAL:  28P01", PH_UNAVAILABLE, true, false, "no connection"},
        {"FATAL:  28P0", PH_UNAVAILABLE, true, false, "no connection"},
        {":  ", PH_UNAVAILABLE, true, false, "no connection"},
        {":  :  :  ", PH_UNAVAILABLE, true, false, "no connection"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct rds_failure failure;
        rds_failure_connect(&failure, messages[i].from, "db:5432");
        expect(&failure, &messages[i]);
    }
}

// The server's own words may quote data or a password; they never come along.
static void test_no_words_of_the_server(void **state)
{
    struct rds_failure failure;
    (void)state;
    rds_failure_connect(&failure, "FATAL:  22P02: invalid input \"hunter2\"\n", "db:5432");
    assert_null(strstr(failure.text, "hunter2"));
    rds_failure_connect(&failure, "hunter2: Connection refused", "db:5432");
    assert_null(strstr(failure.text, "hunter2"));
}

static void test_a_long_text_is_cut(void **state)
{
    static char long_name[1000];
    struct rds_failure failure;
    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    rds_failure_state(&failure, "53300", long_name);
    assert_int_equal(strlen(failure.text), RDS_FAILURE_TEXT - 1);
    assert_true(failure.reconnect);
    rds_failure_say(&failure, PH_INVALID, "%s", long_name);
    assert_int_equal(strlen(failure.text), RDS_FAILURE_TEXT - 1);
    assert_int_equal(failure.outcome, PH_INVALID);
    assert_false(failure.reconnect || failure.authentication);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_states_that_are_none),
        cmocka_unit_test(test_refused_connections),
        cmocka_unit_test(test_no_words_of_the_server),
        cmocka_unit_test(test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
