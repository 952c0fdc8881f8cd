// SPDX-License-Identifier: Apache-2.0
//
// The life of a connection: attempt, pipeline, loss, pause.
//
// While the database cannot be reached, one connection of the instance, the scout, tries alone; the others wait for its
// success. So an outage takes one helper thread, and its end is met by one attempt, not by a crowd.
#include "plugins/storage-rds/connection.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/statements.h"

#define CONNECTION_MAGIC 0x7068636fu
#define PAUSE_FIRST 100   // ms
#define PAUSE_MOST 250    // ms, so that service is back soon after the server
#define CANCEL_GRACE 2000 // ms in which a cancelled statement should end
#define DEPTH_WRITE 2     // one commits, the next is there already
#define DEPTH_READ 8
#define NULLS_IN_A_ROW 2

struct connection {
    uint32_t magic;
    struct rds *rds;
    enum rds_lane lane;
    enum connection_state state;
    PGconn *pg;
    struct event *readable;
    struct event *writable;
    struct event *timer; // the pause, or the grace of a cancel
    struct connect_request *request;
    struct rds_job *first; // sent, in order
    struct rds_job *last;
    size_t in_flight;
    size_t step;    // of the first job
    int64_t began;  // when the server could begin with it, ns
    int64_t worked; // when its last statement was done, if it is measured
    int64_t pause;
    struct rds_job *cancelled; // its grace runs
    bool waits_to_write;
    bool reading; // in read_results(), after which it is filled
    bool ending;
};

static void attempt(struct connection *connection);

enum rds_lane connection_lane(const struct connection *connection)
{
    return connection->lane;
}

enum connection_state connection_state(const struct connection *connection)
{
    return connection->state;
}

static int64_t now_ns(const struct connection *connection)
{
    return connection->rds->host->monotonic(connection->rds->host);
}

bool connection_hangs(const struct connection *connection)
{
    return connection->in_flight > 0 && now_ns(connection) - connection->began > CONNECTION_HANGS_MS * INT64_C(1000000);
}

static void pause_for(struct event *timer, int64_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    event_add(timer, &time);
}

// ------------------------------------------------------------------------------------------ the end of jobs

static struct rds_job *pop(struct connection *connection)
{
    struct rds_job *job = connection->first;
    connection->first = job->next;
    if (connection->first == NULL)
        connection->last = NULL;
    connection->in_flight--;
    connection->step = 0;
    job->next = NULL;
    job->connection = NULL;
    if (job == connection->cancelled) {
        connection->cancelled = NULL;
        event_del(connection->timer);
    }
    return job;
}

static void end_job(struct rds_job *job)
{
    (job->done != NULL ? job->done : rds_finish)(job, &job->failure);
}

static void drop(struct connection *connection)
{
    if (connection->readable != NULL)
        event_free(connection->readable);
    if (connection->writable != NULL)
        event_free(connection->writable);
    connection->readable = connection->writable = NULL;
    connection->waits_to_write = false;
    PQfinish(connection->pg);
    connection->pg = NULL;
    connection->state = CONNECTION_AWAY;
}

// Ends all that was sent: nobody knows what became of it.
static void lose(struct connection *connection, const char *why)
{
    struct rds *rds = connection->rds;
    drop(connection);
    event_del(connection->timer);
    if (!connection->ending)
        rds->host->log(rds->host, PH_LOG_WARN, NULL, "the connection to %s was lost: %s", rds->server, why);
    while (connection->first != NULL) {
        struct rds_job *job = pop(connection);
        if (job->failure.outcome == PH_OK)
            rds_failure_say(&job->failure, job->changes ? PH_UNCERTAIN : PH_UNAVAILABLE,
                            "%s: %s before the answer came", rds->server, why);
        end_job(job);
    }
    if (!connection->ending) {
        connection->pause = PAUSE_FIRST;
        attempt(connection);
    }
    rds_turn(rds);
}

// ------------------------------------------------------------------------------------------ results

// Notes the first failure of the head job.
static void fail_first(struct connection *connection, const PGresult *result)
{
    struct rds_job *job = connection->first;
    if (job->failure.outcome != PH_OK)
        return;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    rds_failure_state(&job->failure, state, connection->rds->server);
    // The host gave it up while the server worked on it: to the host `transient` is what never left the line.
    if (job->given_up && job->failure.outcome == PH_TRANSIENT)
        job->failure.outcome = PH_UNAVAILABLE;
    if (state == NULL && job->changes)
        job->failure.outcome = PH_UNCERTAIN;
    connection->rds->stuck = connection->rds->stuck || job->failure.locked;
}

static void take_rows(struct connection *connection, const PGresult *result)
{
    struct rds_job *job = connection->first;
    if (connection->step >= job->step_count ||
        (job->failure.outcome == PH_OK && job->rows != NULL && !job->rows(job, connection->step, result)))
        rds_failure_say(&job->failure, PH_INTERNAL, "%s: the answer to statement %u is not one that it can give",
                        connection->rds->server,
                        connection->step < job->step_count ? job->steps[connection->step].statement : 0);
    connection->step++;
    if (job->measured && connection->step == job->step_count)
        connection->worked = now_ns(connection);
}

static void sync_came(struct connection *connection)
{
    const struct rds_job *job = connection->first;
    const int64_t now = now_ns(connection);
    if (job->measured && job->failure.outcome == PH_OK && connection->worked != 0)
        pace_note(&connection->rds->pace, connection->worked - connection->began, now - connection->worked);
    connection->began = now;
    connection->worked = 0;
}

// One result. False: the connection cannot go on.
static bool take(struct connection *connection, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        take_rows(connection, result);
        return true;
    case PGRES_PIPELINE_ABORTED:
        connection->step++;
        return true;
    case PGRES_FATAL_ERROR:
        fail_first(connection, result);
        connection->step++;
        return PQstatus(connection->pg) == CONNECTION_OK;
    case PGRES_PIPELINE_SYNC: {
        sync_came(connection);
        struct rds_job *job = pop(connection);
        bool reconnect = job->failure.outcome != PH_OK && job->failure.reconnect;
        end_job(job);
        return !reconnect;
    }
    default:
        return false;
    }
}

// Takes what has come. NULL, or why the connection is lost.
static const char *read_results(struct connection *connection)
{
    unsigned nulls = 0;
    if (!PQconsumeInput(connection->pg))
        return "the server is away";
    while (connection->first != NULL && nulls < NULLS_IN_A_ROW && !PQisBusy(connection->pg)) {
        PGresult *result = PQgetResult(connection->pg);
        bool good = result == NULL || take(connection, result);
        nulls = result == NULL ? nulls + 1 : 0;
        PQclear(result);
        if (!good)
            return "the session ended";
    }
    return PQstatus(connection->pg) == CONNECTION_OK ? NULL : "the server is away";
}

static void on_readable(evutil_socket_t descriptor, short events, void *context)
{
    struct connection *connection = context;
    (void)descriptor;
    (void)events;
    connection->reading = true;
    const char *why = read_results(connection);
    connection->reading = false;
    if (why != NULL)
        lose(connection, why);
    else
        connection_fill(connection, SIZE_MAX);
}

// ------------------------------------------------------------------------------------------ sending

// True: everything is out, or will go out when the socket takes it.
static bool flush(struct connection *connection)
{
    int left = PQflush(connection->pg);
    if (left < 0)
        return false;
    if ((left > 0) != connection->waits_to_write) {
        connection->waits_to_write = left > 0;
        if (left > 0)
            event_add(connection->writable, NULL);
        else
            event_del(connection->writable);
    }
    return true;
}

static void on_writable(evutil_socket_t descriptor, short events, void *context)
{
    struct connection *connection = context;
    (void)descriptor;
    (void)events;
    if (!flush(connection))
        lose(connection, "nothing more could be sent");
}

static bool send_job(struct connection *connection, struct rds_job *job)
{
    static const int binary[RDS_PARAMETERS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < job->step_count; i++) {
        const struct rds_step *step = &job->steps[i];
        char name[16];
        snprintf(name, sizeof(name), "ph_%u", step->statement);
        if (!PQsendQueryPrepared(connection->pg, name, step->count, step->values, step->lengths, binary, 1))
            return false;
    }
    // The result comes when it is there, not with the end of the transaction.
    job->measured = job->appends && connection->rds->config->writers > 1 && pace_measures(&connection->rds->pace);
    if (job->measured && PQsendFlushRequest(connection->pg) != 1)
        return false;
    return PQpipelineSync(connection->pg) == 1;
}

void connection_fill(struct connection *connection, size_t most)
{
    static const size_t depths[RDS_LANES] = {[RDS_WRITE] = DEPTH_WRITE,
                                             [RDS_COURIER] = DEPTH_WRITE,
                                             [RDS_READ] = DEPTH_READ,
                                             [RDS_SENT] = DEPTH_READ,
                                             [RDS_BACKGROUND] = 1};
    const size_t depth = most < depths[connection->lane] ? most : depths[connection->lane];
    bool good = !connection->reading;
    bool sent = false;
    while (good && connection->state == CONNECTION_READY && connection->in_flight < depth) {
        struct rds_job *job = rds_take(connection->rds, connection);
        if (job == NULL)
            break;
        job->connection = connection;
        if (connection->last != NULL)
            connection->last->next = job;
        else
            connection->first = job;
        connection->last = job;
        if (connection->in_flight++ == 0)
            connection->began = now_ns(connection);
        good = send_job(connection, job);
        sent = true;
    }
    if (sent && (!good || !flush(connection)))
        lose(connection, "nothing more could be sent");
}

// ------------------------------------------------------------------------------------------ connecting

bool connection_prepare(struct connect_request *request)
{
    bool good = PQenterPipelineMode(request->connection) == 1;
    for (uint32_t i = 0; good && i < RDS_STATEMENT_COUNT; i++) {
        char name[16];
        snprintf(name, sizeof(name), "ph_%u", i);
        good = PQsendPrepare(request->connection, name, rds_statements[i], 0, NULL) == 1;
    }
    good = good && PQpipelineSync(request->connection) == 1;
    if (!good)
        rds_failure_say(&request->failure, PH_UNAVAILABLE, "%s: the connection was lost", request->server);
    for (bool synced = false; good && !synced;) {
        bool ended;
        PGresult *result = connect_result(request, &ended);
        ExecStatusType status = PQresultStatus(result);
        synced = result != NULL && status == PGRES_PIPELINE_SYNC;
        if (result != NULL && !synced && status != PGRES_COMMAND_OK) {
            rds_failure_state(&request->failure, PQresultErrorField(result, PG_DIAG_SQLSTATE), request->server);
            good = false;
        }
        good = good && (result != NULL || ended);
        PQclear(result);
    }
    return good;
}

// A commit whose wait for the standby was cut off is answered as a success, with a warning alone: it may be lost with the
// primary. libpq may hand out the warning while the job before is still the first, so all that change something have it.
static void on_notice(void *context, const PGresult *notice)
{
    struct connection *connection = context;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (severity == NULL || strcmp(severity, "WARNING") != 0)
        return;
    for (struct rds_job *job = connection->first; job != NULL; job = job->next) {
        if (job->changes && job->failure.outcome == PH_OK)
            rds_failure_say(
                &job->failure, PH_UNCERTAIN,
                "%s: the server warned (SQLSTATE %.5s): it is committed here, but perhaps not at the standby",
                connection->rds->server, state != NULL ? state : "?????");
    }
}

// The connection is there: onto the loop.
static bool adopt(struct connection *connection, PGconn *pg)
{
    struct event_base *base = connection->rds->host->base;
    connection->pg = pg;
    PQsetNoticeReceiver(pg, on_notice, connection);
    connection->readable = event_new(base, PQsocket(pg), EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(base, PQsocket(pg), EV_WRITE | EV_PERSIST, on_writable, connection);
    if (connection->readable == NULL || connection->writable == NULL || event_add(connection->readable, NULL) != 0) {
        drop(connection);
        return false;
    }
    connection->state = CONNECTION_READY;
    connection->pause = PAUSE_FIRST;
    return true;
}

static void note_trouble(struct rds *rds, const struct rds_failure *failure)
{
    if (rds->trouble.outcome != failure->outcome || strcmp(rds->trouble.text, failure->text) != 0)
        rds->host->log(rds->host, PH_LOG_WARN, NULL, "%s", failure->text);
    rds->trouble = *failure;
}

// Who fails first becomes the scout and tries again after a pause.
static void pause(struct connection *connection)
{
    if (connection->rds->scout == NULL)
        connection->rds->scout = connection;
    if (connection->rds->scout != connection)
        return;
    pause_for(connection->timer, connection->pause);
    connection->pause = connection->pause * 2 < PAUSE_MOST ? connection->pause * 2 : PAUSE_MOST;
}

static void work(void *context)
{
    struct connection *connection = context;
    connect_work(connection->request);
}

static void attempted(void *context)
{
    struct connection *connection = context;
    struct connect_request *request = connection->request;
    struct rds *rds = connection->rds;
    PGconn *pg = request->connection;
    request->connection = NULL;
    connection->request = NULL;
    connection->state = CONNECTION_AWAY;
    if (connection->ending) {
        PQfinish(pg);
    } else if (pg != NULL && adopt(connection, pg)) {
        snprintf(rds->server, sizeof(rds->server), "%s", request->server);
        rds->server_version = PQserverVersion(pg);
        if (rds->trouble.outcome != PH_OK)
            rds->host->log(rds->host, PH_LOG_INFO, NULL, "%s: connected again", rds->server);
        rds->trouble.outcome = PH_OK;
        rds->scout = NULL;
        rds_hurry(rds);
    } else {
        if (pg == NULL) {
            bool refused = request->failure.authentication;
            // It worked once: a refused login may pass too, when a rotated password arrives.
            request->failure.outcome = PH_UNAVAILABLE;
            note_trouble(rds, &request->failure);
            if (refused)
                rds_password_refused(rds);
        }
        pause(connection);
    }
    connect_request_free(request);
    rds_turn(rds);
}

static void attempt(struct connection *connection)
{
    struct rds *rds = connection->rds;
    struct ph_text anywhere = {.bytes = NULL, .length = 0};
    if (rds->scout != NULL && rds->scout != connection)
        return;
    connection->state = CONNECTION_TRIED;
    connection->request = connect_request_new(rds->config, rds->password, connection_prepare);
    if (connection->request != NULL)
        connection->request->relaxed = connection->lane == RDS_BACKGROUND;
    if (connection->request != NULL && rds->host->offload(rds->host, anywhere, work, attempted, connection))
        return;
    connect_request_free(connection->request);
    connection->request = NULL;
    connection->state = CONNECTION_AWAY;
    pause(connection);
}

void connection_hurry(struct connection *connection)
{
    if (connection->state != CONNECTION_AWAY || connection->ending)
        return;
    event_del(connection->timer);
    connection->pause = PAUSE_FIRST;
    attempt(connection);
}

static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    struct connection *connection = context;
    (void)descriptor;
    (void)events;
    if (connection->cancelled != NULL)
        lose(connection, "a cancelled call did not end");
    else if (connection->state == CONNECTION_AWAY && !connection->ending)
        attempt(connection);
}

struct connection *connection_new(struct rds *rds, enum rds_lane lane)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.magic = CONNECTION_MAGIC, .rds = rds, .lane = lane, .pause = PAUSE_FIRST};
    connection->timer = evtimer_new(rds->host->base, on_timer, connection);
    if (connection->timer == NULL) {
        free(connection);
        return NULL;
    }
    attempt(connection);
    return connection;
}

// ------------------------------------------------------------------------------------------ cancel and end

static void cancel_work(void *context)
{
    char text[256];
    PQcancel(context, text, sizeof(text));
}

static struct ph_text text(const char *bytes)
{
    return (struct ph_text){.bytes = bytes, .length = strlen(bytes)};
}

static void cancel_done(void *context)
{
    PQfreeCancel(context);
}

bool connection_cancel(struct connection *connection, const struct ph_call *call)
{
    struct rds *rds = connection->rds;
    struct rds_job *job = connection->first;
    while (job != NULL && job->call != call)
        job = job->next;
    if (job == NULL)
        return false;
    job->given_up = true;
    if (connection->first == job) {
        // One at a time: over a network that answers nothing each may hang for long, and must not hold all threads.
        PGcancel *cancel = PQgetCancel(connection->pg);
        if (cancel != NULL &&
            !rds->host->offload(rds->host, text("cancel of storage-rds"), cancel_work, cancel_done, cancel))
            PQfreeCancel(cancel);
    }
    if (connection->cancelled == NULL) {
        connection->cancelled = job;
        pause_for(connection->timer, CANCEL_GRACE);
    }
    return true;
}

bool connection_end(struct connection *connection)
{
    connection->ending = true;
    event_del(connection->timer);
    if (connection->state == CONNECTION_READY)
        lose(connection, "the instance is being closed");
    if (connection->request != NULL)
        atomic_store(&connection->request->stop, true);
    return connection->request == NULL;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    assert(connection->magic == CONNECTION_MAGIC && connection->request == NULL);
    event_free(connection->timer);
    connection->magic = 0;
    free(connection);
}
