// SPDX-License-Identifier: Apache-2.0
//
// One host after the other, each with a deadline of its own, which libpq keeps only in its blocking call.
#include "plugins/storage-rds/connect.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECT_PARAMETERS 64
#define CONNECT_SLICE 200 // ms after which `stop` is looked at
#define CONNECT_HOSTS 16

/// The parameters of one attempt, as libpq takes them; all are copies.
struct parameters {
    const char *names[CONNECT_PARAMETERS + 1];
    char *values[CONNECT_PARAMETERS + 1];
    size_t count;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wipe(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

const char *connect_check_url(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (options == NULL)
        return "it is no connection string or URI of libpq";
    PQconninfoFree(options);
    return NULL;
}

struct connect_request *connect_request_new(const struct rds_config *config, const char *password,
                                            connect_work_f *prepare)
{
    struct connect_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        return NULL;
    request->config = *config;
    request->prepare = prepare;
    request->config.url = strdup(config->url);
    request->config.password = password != NULL ? strdup(password) : NULL;
    if (request->config.url != NULL && (password == NULL || request->config.password != NULL))
        return request;
    connect_request_free(request);
    return NULL;
}

void connect_request_free(struct connect_request *request)
{
    if (request == NULL)
        return;
    PQfinish(request->connection);
    wipe((char *)(uintptr_t)request->config.url);
    wipe((char *)(uintptr_t)request->config.password);
    free(request);
}

void connect_allow(struct connect_request *request, int64_t ms)
{
    request->deadline = now_ms() + ms;
}

// -------------------------------------------------------------------------------------- parameters

static char **find(struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcmp(parameters->names[i], name) == 0)
            return &parameters->values[i];
    }
    return NULL;
}

// Sets a parameter, over the url's or only where it has none. The names are constants of libpq or ours.
static bool set(struct parameters *parameters, const char *name, const char *value, bool over)
{
    char **there = find(parameters, name);
    if (there != NULL && !over)
        return true;
    char *copy = strdup(value);
    if (copy == NULL)
        return false;
    if (there != NULL) {
        wipe(*there);
        *there = copy;
        return true;
    }
    if (parameters->count == CONNECT_PARAMETERS) {
        wipe(copy);
        return false;
    }
    parameters->names[parameters->count] = name;
    parameters->values[parameters->count++] = copy;
    return true;
}

static void clear(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++)
        wipe(parameters->values[i]);
    parameters->count = 0;
}

static bool set_number(struct parameters *parameters, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return set(parameters, name, text, false);
}

static bool fill(struct parameters *parameters, const struct connect_request *request, const PQconninfoOption *options)
{
    bool ok = true;
    for (; ok && options->keyword != NULL; options++) {
        if (options->val != NULL && options->val[0] != '\0')
            ok = set(parameters, options->keyword, options->val, true);
    }
    if (ok && request->config.password != NULL)
        ok = set(parameters, "password", request->config.password, true);
    char **attributes = find(parameters, "target_session_attrs");
    if (attributes != NULL && strcmp(*attributes, "any") == 0)
        ok = ok && set(parameters, "target_session_attrs", "read-write", true);
    int64_t patience = request->config.network_timeout;
    return ok && set(parameters, "target_session_attrs", "read-write", false) &&
           set(parameters, "application_name", "posthouse", false) &&
           set(parameters, "client_encoding", "UTF8", true) && set_number(parameters, "tcp_user_timeout", patience) &&
           set_number(parameters, "keepalives_idle", 5) && set_number(parameters, "keepalives_interval", 2) &&
           set_number(parameters, "keepalives_count", 3);
}

// Item `index` of a list with commas; the only item of a list of one stands for all. NULL without memory.
static char *item(const char *list, size_t index)
{
    const char *at = list;
    if (strchr(list, ',') != NULL) {
        for (; index > 0 && at != NULL; index--) {
            at = strchr(at, ',');
            at = at != NULL ? at + 1 : NULL;
        }
    }
    return at == NULL ? strdup("") : strndup(at, strcspn(at, ","));
}

static size_t host_count(struct parameters *parameters)
{
    static const char *const names[] = {"host", "hostaddr"};
    size_t most = 1;
    for (size_t i = 0; i < 2; i++) {
        char **list = find(parameters, names[i]);
        size_t count = 1;
        for (const char *at = list != NULL ? *list : ""; *at != '\0'; at++)
            count += *at == ',';
        most = count > most ? count : most;
    }
    return most < CONNECT_HOSTS ? most : CONNECT_HOSTS;
}

// Narrows the lists of hosts to one.
static bool choose_host(struct parameters *parameters, size_t index)
{
    static const char *const names[] = {"host", "hostaddr", "port"};
    for (size_t i = 0; i < 3; i++) {
        char **list = find(parameters, names[i]);
        if (list == NULL)
            continue;
        char *one = item(*list, index);
        if (one == NULL)
            return false;
        wipe(*list);
        *list = one;
    }
    return true;
}

// -------------------------------------------------------------------------------------- waiting

static bool failed(struct connect_request *request, enum ph_outcome outcome, const char *text)
{
    rds_failure_say(&request->failure, outcome, "%s: %s", request->server, text);
    request->failure.reconnect = true;
    return false;
}

// Waits until the socket is ready, the deadline has passed or somebody wants it to end.
static bool wait_socket(struct connect_request *request, short events)
{
    for (;;) {
        int64_t left = request->deadline - now_ms();
        if (atomic_load(&request->stop))
            return failed(request, PH_UNAVAILABLE, "the instance is being closed");
        if (left <= 0)
            return failed(request, PH_UNAVAILABLE, "the server did not answer in time");
        struct pollfd descriptor = {.fd = PQsocket(request->connection), .events = events};
        int ready = poll(&descriptor, 1, (int)(left < CONNECT_SLICE ? left : CONNECT_SLICE));
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return failed(request, PH_UNAVAILABLE, "the socket cannot be waited for");
    }
}

PGresult *connect_result(struct connect_request *request, bool *ended_r)
{
    *ended_r = false;
    for (;;) {
        int unsent = PQflush(request->connection);
        if (unsent < 0 || (unsent == 0 && !PQisBusy(request->connection)))
            break;
        if (!wait_socket(request, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))))
            return NULL;
        if (!PQconsumeInput(request->connection))
            break;
    }
    if (PQstatus(request->connection) == CONNECTION_BAD) {
        failed(request, PH_UNAVAILABLE, "the connection was lost");
        return NULL;
    }
    PGresult *result = PQgetResult(request->connection);
    *ended_r = result == NULL;
    return result;
}

// Reads all results of a query and keeps the last.
static PGresult *finish_query(struct connect_request *request, bool sent)
{
    PGresult *last = NULL;
    bool good = sent || failed(request, PH_UNAVAILABLE, "the connection was lost");
    while (good) {
        bool ended;
        PGresult *result = connect_result(request, &ended);
        if (ended)
            break;
        ExecStatusType status = result != NULL ? PQresultStatus(result) : PGRES_FATAL_ERROR;
        if (result != NULL && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            rds_failure_state(&request->failure, PQresultErrorField(result, PG_DIAG_SQLSTATE), request->server);
        PQclear(last);
        last = result;
        good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    }
    if (good && last != NULL)
        return last;
    PQclear(last);
    return NULL;
}

PGresult *connect_query(struct connect_request *request, const char *sql)
{
    return finish_query(request, PQsendQuery(request->connection, sql) == 1);
}

PGresult *connect_query_with(struct connect_request *request, const char *sql, const char *value)
{
    return finish_query(request, PQsendQueryParams(request->connection, sql, 1, NULL, &value, NULL, NULL, 0) == 1);
}

// -------------------------------------------------------------------------------------- one host

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static bool establish(struct connect_request *request)
{
    // Without this a message has no state, and a refused password looks like a server that is away.
    PQsetErrorVerbosity(request->connection, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(request->connection, ignore_notice, NULL);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(request->connection) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        if (!wait_socket(request, status == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return false;
        status = PQconnectPoll(request->connection);
    }
    if (PQstatus(request->connection) == CONNECTION_OK && status == PGRES_POLLING_OK)
        return true;
    rds_failure_connect(&request->failure, PQerrorMessage(request->connection), request->server);
    return false;
}

static bool settle_session(struct connect_request *request)
{
    const struct rds_config *config = &request->config;
    char sql[1400];
    // A commit must be on the disk (and at the standby) when it is answered, whatever the server's default is. A
    // client that is gone ends its statement. Every statement touches few rows by an index, also while a table's statistics are those of an empty one.
    snprintf(sql, sizeof(sql),
             "SET statement_timeout = %lld; SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = %lld;"
             " SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
             " SET tcp_user_timeout = %lld; SET client_min_messages = warning; SET jit = off;"
             " SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_mergejoin = off;"
             " SET enable_hashjoin = off; SET enable_bitmapscan = off;"
             " SET default_transaction_isolation = 'read committed';"
             " SELECT set_config('client_connection_check_interval', '2s', false)"
             " WHERE current_setting('server_version_num')::int >= 140000;"
             " SELECT set_config('synchronous_commit', '%s', false) WHERE %s",
             (long long)config->statement_timeout, (long long)config->lock_timeout,
             (long long)config->statement_timeout, (long long)config->network_timeout, request->relaxed ? "off" : "on",
             request->relaxed ? "true" : "current_setting('synchronous_commit') = 'off'");
    PGresult *result = connect_query(request, sql);
    PQclear(result);
    return result != NULL;
}

static bool try_host(struct connect_request *request, struct parameters *parameters)
{
    char **host = find(parameters, "host");
    char **address = find(parameters, "hostaddr");
    char **port = find(parameters, "port");
    snprintf(request->server, sizeof(request->server), "%.100s:%.10s",
             host != NULL      ? *host
             : address != NULL ? *address
                               : "the local server",
             port != NULL ? *port : "5432");
    parameters->names[parameters->count] = NULL;
    parameters->values[parameters->count] = NULL;
    connect_allow(request, request->config.connect_timeout);
    request->connection = PQconnectStartParams(parameters->names, (const char *const *)parameters->values, 0);
    if (request->connection == NULL)
        return failed(request, PH_UNAVAILABLE, "out of memory");
    if (establish(request) && PQsetnonblocking(request->connection, 1) == 0 && settle_session(request) &&
        (request->prepare == NULL || request->prepare(request)))
        return true;
    PQfinish(request->connection);
    request->connection = NULL;
    return false;
}

// Which of two failures an operator should read: a refusal says more than an absence.
static bool says_more(const struct rds_failure *left, const struct rds_failure *right)
{
    return right->outcome == PH_OK || left->authentication ||
           (right->outcome == PH_UNAVAILABLE && left->outcome != PH_UNAVAILABLE);
}

void connect_work(void *context)
{
    struct connect_request *request = context;
    struct rds_failure told = {.outcome = PH_OK};
    PQconninfoOption *options = PQconninfoParse(request->config.url, NULL);
    size_t hosts = 1;
    for (size_t i = 0; i < hosts && request->connection == NULL && !atomic_load(&request->stop); i++) {
        struct parameters parameters = {.count = 0};
        bool ready = options != NULL && fill(&parameters, request, options);
        if (ready) {
            hosts = host_count(&parameters);
            ready = choose_host(&parameters, i);
        }
        if (!ready)
            rds_failure_say(&request->failure, PH_UNAVAILABLE, "the url cannot be used, or memory is short");
        if (ready && try_host(request, &parameters))
            request->failure.outcome = PH_OK;
        else if (says_more(&request->failure, &told))
            told = request->failure;
        clear(&parameters);
    }
    PQconninfoFree(options);
    if (request->connection == NULL)
        request->failure = told;
    if (request->connection == NULL && told.outcome == PH_OK)
        rds_failure_say(&request->failure, PH_UNAVAILABLE, "the instance is being closed");
}
