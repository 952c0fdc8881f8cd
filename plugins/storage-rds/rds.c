// SPDX-License-Identifier: Apache-2.0
//
// Opening, closing, health and cancelling; and the lines in which jobs wait for a connection.
#include "plugins/storage-rds/rds.h"

#include <assert.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/connection.h"
#include "plugins/storage-rds/listener.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/recent.h"
#include "plugins/storage-rds/schema.h"
#include "plugins/storage-rds/statements.h"

#define LINE_MOST 4096     // jobs; the host asks for far fewer at once
#define RESOLVE_PAUSE 5000 // ms between two looks for a new password
#define MOST_ROWS 1000

// ------------------------------------------------------------------------------------------ jobs

struct rds_job *rds_job(struct rds *rds, struct ph_call *call, enum rds_lane lane, bool changes, size_t room,
                        rds_rows_f *rows)
{
    struct rds_job *job = rds->host->alloc(call, sizeof(*job));
    struct rds_step *steps = rds->host->alloc(call, (room + 1) * sizeof(*steps));
    if (job == NULL || steps == NULL) {
        // What an earlier job of the call has committed stays done.
        for (size_t i = 0; i < call->count; i++) {
            if (call->results[i]->outcome == PH_PENDING)
                rds->host->set(call, i, PH_INTERNAL, 0, NULL);
        }
        rds->host->complete(call);
        return NULL;
    }
    *job = (struct rds_job){
        .rds = rds, .call = call, .lane = lane, .changes = changes, .rows = rows, .step_room = room, .steps = steps};
    job->failure.outcome = PH_OK;
    return job;
}

struct rds_step *rds_job_step(struct rds_job *job, uint32_t statement, size_t entry)
{
    assert(job->step_count < job->step_room);
    struct rds_step *step = &job->steps[job->step_count++];
    step->statement = statement;
    step->entry = entry;
    return step;
}

void rds_each(struct rds_job *job, bool (*steps)(struct rds_job *job, size_t index))
{
    if (job == NULL)
        return;
    struct rds_failure none = {.outcome = PH_OK};
    bool good = true;
    for (size_t i = 0; good && i < job->call->count; i++)
        good = steps(job, i);
    if (!good)
        rds_no_memory(job);
    else if (job->step_count == 0)
        rds_finish(job, &none);
    else
        rds_submit(job);
}

int64_t rds_most(uint32_t limit)
{
    return limit < MOST_ROWS ? limit : MOST_ROWS;
}

void rds_finish(struct rds_job *job, const struct rds_failure *failure)
{
    struct ph_call *call = job->call;
    const struct ph_host *host = job->rds->host;
    for (size_t i = 0; i < call->count; i++) {
        if (failure->outcome != PH_OK)
            host->set(call, i, failure->outcome, 0, i == 0 ? "%s" : NULL, failure->text);
        else if (call->results[i]->outcome == PH_PENDING)
            host->set(call, i, PH_OK, 0, NULL);
    }
    host->complete(call);
}

// Takes a job out of the line; `before` is the one ahead of it, NULL for the first.
static struct rds_job *take_behind(struct rds_line *line, struct rds_job *before)
{
    struct rds_job *job = before != NULL ? before->next : line->first;
    if (before != NULL)
        before->next = job->next;
    else
        line->first = job->next;
    if (line->last == job)
        line->last = before;
    line->count--;
    job->next = NULL;
    return job;
}

// Whether appends are to go to another connection than this one: the first writer, unless something holds it up.
static bool appends_elsewhere(const struct rds *rds, const struct connection *connection)
{
    if (!pace_alone(&rds->pace))
        return false;
    for (size_t i = 0; i < rds->connection_count; i++) {
        const struct connection *first = rds->connections[i];
        if (connection_lane(first) == RDS_WRITE && connection_state(first) == CONNECTION_READY)
            return first != connection && !connection_hangs(first);
    }
    return false;
}

struct rds_job *rds_take(struct rds *rds, const struct connection *connection)
{
    struct rds_line *line = &rds->lines[connection_lane(connection)];
    struct rds_job *before = NULL;
    if (line->first == NULL)
        return NULL;
    if (line->first->appends && appends_elsewhere(rds, connection)) {
        const struct timeval soon = {.tv_usec = CONNECTION_HANGS_MS * 1000};
        if (!event_pending(rds->patience, EV_TIMEOUT, NULL))
            event_add(rds->patience, &soon);
        for (before = line->first; before->next != NULL && before->next->appends;)
            before = before->next;
        if (before->next == NULL)
            return NULL;
    }
    return take_behind(line, before);
}

static void refuse(struct rds_job *job, const struct rds_failure *why)
{
    job->failure = *why;
    if (job->failure.outcome == PH_OK)
        rds_failure_say(&job->failure, PH_UNAVAILABLE, "no connection to the database");
    (job->done != NULL ? job->done : rds_finish)(job, &job->failure);
}

// Whether a lane has a connection that is at least so far.
static bool lane_has(const struct rds *rds, enum rds_lane lane, enum connection_state state)
{
    for (size_t i = 0; i < rds->connection_count; i++) {
        if (connection_lane(rds->connections[i]) == lane && connection_state(rds->connections[i]) >= state)
            return true;
    }
    return false;
}

// Whether a lane has a connection, or may soon.
static bool lane_hopes(const struct rds *rds, enum rds_lane lane)
{
    return (rds->scout != NULL && connection_state(rds->scout) == CONNECTION_TRIED) ||
           lane_has(rds, lane, CONNECTION_TRIED);
}

static void fill_up_to(struct rds *rds, enum rds_lane lane, size_t most)
{
    for (size_t i = 0; i < rds->connection_count && rds->lines[lane].count > 0; i++) {
        if (connection_lane(rds->connections[i]) == lane)
            connection_fill(rds->connections[i], most);
    }
}

static void fill_idle(struct rds *rds, enum rds_lane lane)
{
    fill_up_to(rds, lane, 1);
}

// Nothing waits behind another job while a connection of the lane is idle.
static void fill_lane(struct rds *rds, enum rds_lane lane)
{
    fill_idle(rds, lane);
    fill_up_to(rds, lane, SIZE_MAX);
}

// Only those that wait now: `done` may put another in line.
static void refuse_line(struct rds *rds, enum rds_lane lane, const struct rds_failure *why)
{
    for (size_t count = rds->lines[lane].count; count > 0; count--)
        refuse(take_behind(&rds->lines[lane], NULL), why);
}

static void serve(struct rds *rds)
{
    for (int lane = 0; lane < RDS_LANES; lane++) {
        fill_lane(rds, (enum rds_lane)lane);
        if (rds->lines[lane].count == 0 || lane_hopes(rds, (enum rds_lane)lane))
            continue;
        refuse_line(rds, (enum rds_lane)lane, &rds->trouble);
    }
}

static void try_close(struct rds *rds);

static void on_turn(evutil_socket_t descriptor, short events, void *context)
{
    struct rds *rds = context;
    (void)descriptor;
    (void)events;
    if (rds->closing != NULL)
        try_close(rds);
    else
        serve(rds);
}

void rds_turn(struct rds *rds)
{
    event_active(rds->turn, EV_TIMEOUT, 0);
}

void rds_submit(struct rds_job *job)
{
    struct rds *rds = job->rds;
    struct rds_line *line = &rds->lines[job->lane];
    if (line->count >= LINE_MOST) {
        struct rds_failure full;
        rds_failure_say(&full, PH_UNAVAILABLE, "too many calls wait for a connection");
        refuse(job, &full);
        return;
    }
    job->next = NULL;
    if (line->last != NULL)
        line->last->next = job;
    else
        line->first = job;
    line->last = job;
    line->count++;
    // To an idle connection it goes at once: much may come before the turn ends, such as the answers of a whole batch.
    fill_idle(rds, job->lane);
    if (line->count > 0)
        rds_turn(rds);
}

void rds_submit_again(struct rds_job *job)
{
    job->failure = (struct rds_failure){.outcome = PH_OK};
    job->given_up = false;
    rds_submit(job);
}

// ------------------------------------------------------------------------------------------ the password

static void set_password(struct rds *rds, const char *value)
{
    char *copy = value != NULL ? strdup(value) : NULL;
    if (value != NULL && copy == NULL)
        return;
    if (rds->password != NULL)
        OPENSSL_cleanse(rds->password, strlen(rds->password));
    free(rds->password);
    rds->password = copy;
}

void rds_hurry(struct rds *rds)
{
    for (size_t i = 0; i < rds->connection_count; i++)
        connection_hurry(rds->connections[i]);
}

static void resolved(void *context, const char *value)
{
    struct rds *rds = context;
    rds->resolving = false;
    if (rds->closing != NULL) {
        rds_turn(rds);
        return;
    }
    if (value == NULL || (rds->password != NULL && strcmp(value, rds->password) == 0))
        return;
    set_password(rds, value);
    rds->host->log(rds->host, PH_LOG_INFO, NULL, "the password was fetched again and has changed");
    rds->scout = NULL;
    rds_hurry(rds);
}

void rds_password_refused(struct rds *rds)
{
    int64_t now = rds->host->monotonic(rds->host) / 1000000;
    if (rds->password == NULL || rds->resolving || rds->closing != NULL ||
        (rds->resolved_at != 0 && now - rds->resolved_at < RESOLVE_PAUSE))
        return;
    rds->resolved_at = now;
    rds->resolving = true;
    rds->host->resolve(rds->host, "password", resolved, rds);
}

// ------------------------------------------------------------------------------------------ close

static void free_rds(struct rds *rds)
{
    set_password(rds, NULL);
    if (rds->turn != NULL)
        event_free(rds->turn);
    if (rds->patience != NULL)
        event_free(rds->patience);
    for (size_t i = 0; i < rds->connection_count; i++)
        connection_free(rds->connections[i]);
    listener_free(rds->listener);
    recent_free(rds->recent);
    rds->magic = 0;
    free(rds);
}

static void try_close(struct rds *rds)
{
    struct rds_failure closed;
    bool ready = !rds->resolving;
    rds_failure_say(&closed, PH_UNAVAILABLE, "the instance is being closed");
    for (int lane = 0; lane < RDS_LANES; lane++)
        refuse_line(rds, (enum rds_lane)lane, &closed);
    for (size_t i = 0; i < rds->connection_count; i++)
        ready = connection_end(rds->connections[i]) && ready;
    if (rds->listener != NULL)
        ready = listener_end(rds->listener) && ready;
    if (!ready)
        return;
    struct ph_call *call = rds->closing;
    const struct ph_host *host = rds->host;
    free_rds(rds);
    // A failed open closes what it had begun, and has its outcome already.
    if (call->results[0]->outcome == PH_PENDING)
        host->set(call, 0, PH_OK, 0, NULL);
    host->complete(call);
}

void rds_close(void *instance, struct ph_call *call)
{
    struct rds *rds = instance;
    assert(rds->magic == RDS_MAGIC);
    rds->closing = call;
    rds_turn(rds);
}

// ------------------------------------------------------------------------------------------ open

/// An open under way.
struct opening {
    struct rds *rds;
    struct ph_call *call;
    struct connect_request *request;
    bool again; ///< the password was fetched again
};

static void open_failed(struct opening *opening, const struct rds_failure *failure)
{
    struct ph_call *call = opening->call;
    const struct ph_host *host = call->host;
    host->set(call, 0, failure->outcome, 0, "%s", failure->text);
    if (opening->rds != NULL)
        free_rds(opening->rds);
    free(opening);
    host->complete(call);
}

static bool add_connections(struct rds *rds, enum rds_lane lane, int64_t count)
{
    for (; count > 0 && rds->connection_count < RDS_CONNECTIONS; count--) {
        struct connection *connection = connection_new(rds, lane);
        if (connection == NULL)
            return false;
        rds->connections[rds->connection_count++] = connection;
    }
    return true;
}

static void opened(struct opening *opening)
{
    struct rds *rds = opening->rds;
    struct ph_call *call = opening->call;
    struct ph_opened *output = call->outputs[0];
    bool good = add_connections(rds, RDS_WRITE, rds->config->writers) &&
                add_connections(rds, RDS_COURIER, rds->config->couriers) &&
                add_connections(rds, RDS_READ, rds->config->readers) && add_connections(rds, RDS_SENT, 1) &&
                add_connections(rds, RDS_BACKGROUND, 1);
    if (good && rds->config->notify)
        good = (rds->listener = listener_new(rds)) != NULL;
    free(opening);
    if (!good) {
        call->host->set(call, 0, PH_UNAVAILABLE, 0, "out of memory");
        rds->closing = call;
        rds_turn(rds);
        return;
    }
    output->instance = rds;
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

static void open_attempt(struct opening *opening);

static void open_resolved(void *context, const char *value)
{
    struct opening *opening = context;
    struct rds_failure failure = opening->request->failure;
    connect_request_free(opening->request);
    opening->request = NULL;
    if (value == NULL) {
        open_failed(opening, &failure);
        return;
    }
    set_password(opening->rds, value);
    open_attempt(opening);
}

static void open_work(void *context)
{
    struct opening *opening = context;
    connect_work(opening->request);
}

static void open_attempted(void *context)
{
    struct opening *opening = context;
    struct connect_request *request = opening->request;
    if (request->connection != NULL) {
        snprintf(opening->rds->server, sizeof(opening->rds->server), "%s", request->server);
        opening->rds->server_version = PQserverVersion(request->connection);
        connect_request_free(request);
        opened(opening);
        return;
    }
    if (request->failure.authentication && !opening->again && opening->rds->password != NULL) {
        opening->again = true;
        opening->rds->host->resolve(opening->rds->host, "password", open_resolved, opening);
        return;
    }
    struct rds_failure failure = request->failure;
    connect_request_free(request);
    open_failed(opening, &failure);
}

static void open_attempt(struct opening *opening)
{
    struct rds *rds = opening->rds;
    struct ph_text anywhere = {.bytes = NULL, .length = 0};
    struct rds_failure failure;
    opening->request = connect_request_new(rds->config, rds->password, schema_prepare);
    if (opening->request != NULL && rds->host->offload(rds->host, anywhere, open_work, open_attempted, opening))
        return;
    connect_request_free(opening->request);
    rds_failure_say(&failure, PH_UNAVAILABLE, "no helper thread is free for connecting");
    open_failed(opening, &failure);
}

void rds_open(void *instance, struct ph_call *call)
{
    const struct ph_open *entry = call->entries[0];
    const struct rds_config *config = entry->config;
    struct opening *opening = calloc(1, sizeof(*opening));
    struct rds_failure failure;
    (void)instance;
    if (opening == NULL) {
        call->host->set(call, 0, PH_UNAVAILABLE, 0, "out of memory");
        call->host->complete(call);
        return;
    }
    opening->call = call;
    const char *wrong = connect_check_url(config->url);
    if (wrong != NULL) {
        rds_failure_say(&failure, PH_INVALID, "url: %s", wrong);
        open_failed(opening, &failure);
        return;
    }
    struct rds *rds = opening->rds = calloc(1, sizeof(*rds));
    if (rds != NULL) {
        rds->magic = RDS_MAGIC;
        rds->host = call->host;
        rds->config = config;
        rds->trouble.outcome = PH_OK;
        call->host->random(call->host, &rds->seed, sizeof(rds->seed));
        rds->recent = recent_new(rds->seed);
        rds->turn = event_new(call->host->base, -1, 0, on_turn, rds);
        rds->patience = evtimer_new(call->host->base, on_turn, rds);
        set_password(rds, config->password);
    }
    if (rds == NULL || rds->turn == NULL || rds->patience == NULL || rds->recent == NULL ||
        (config->password != NULL && rds->password == NULL)) {
        rds_failure_say(&failure, PH_UNAVAILABLE, "out of memory");
        open_failed(opening, &failure);
        return;
    }
    open_attempt(opening);
}

// ------------------------------------------------------------------------------------------ health, cancel, notify

static bool health_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct rds *rds = job->rds;
    size_t ready = 0;
    (void)step;
    if (PQntuples(result) != 1 || job->call->count == 0)
        return PQntuples(result) == 1;
    struct ph_health *health = job->call->outputs[0];
    for (size_t i = 0; i < rds->connection_count; i++)
        ready += connection_state(rds->connections[i]) == CONNECTION_READY;
    char *detail = rds->host->alloc(job->call, 256);
    char *version = rds->host->alloc(job->call, 64);
    if (detail == NULL || version == NULL)
        return true;
    snprintf(detail, 256, "%s, %zu of %zu connections", rds->server, ready, rds->connection_count);
    snprintf(version, 64, "PostgreSQL %d.%d", rds->server_version / 10000, rds->server_version % 10000);
    health->detail = detail;
    health->version = version;
    return true;
}

void rds_health(void *instance, struct ph_call *call)
{
    struct rds_job *job = rds_job(instance, call, RDS_WRITE, false, 1, health_rows);
    if (job == NULL)
        return;
    rds_job_step(job, SQL_HEALTH, 0);
    rds_submit(job);
}

// Takes the job of a call out of a line, or NULL.
static struct rds_job *unlink_job(struct rds_line *line, const struct ph_call *call)
{
    struct rds_job *before = NULL;
    struct rds_job *job = line->first;
    for (; job != NULL && job->call != call; before = job, job = job->next) {
    }
    return job != NULL ? take_behind(line, before) : NULL;
}

// A call that is over may have no memory any more, so it is looked for, not asked.
static bool cancel(struct rds *rds, const struct ph_call *call)
{
    struct rds_failure late;
    for (size_t i = 0; i < rds->connection_count; i++) {
        if (connection_cancel(rds->connections[i], call))
            return true;
    }
    for (int lane = 0; lane < RDS_LANES; lane++) {
        struct rds_job *job = unlink_job(&rds->lines[lane], call);
        if (job == NULL)
            continue;
        if (lane_has(rds, (enum rds_lane)lane, CONNECTION_READY))
            rds_failure_say(&late, PH_TRANSIENT, "no connection was free in time");
        else
            rds_failure_say(&late, PH_UNAVAILABLE, "no connection to the database was to be had in time");
        refuse(job, &late);
        return true;
    }
    return false;
}

void rds_cancel(void *instance, struct ph_call *call)
{
    struct rds *rds = instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        rds->host->set(call, i, cancel(rds, entry->call) ? PH_OK : PH_NOT_FOUND, 0, NULL);
    }
    rds->host->complete(call);
}

void rds_notify(void *instance, struct ph_call *call)
{
    struct rds *rds = instance;
    for (size_t i = 0; i < call->count; i++) {
        if (rds->listener != NULL)
            listener_tell(rds->listener, call->entries[i]);
        rds->host->set(call, i, PH_OK, 0, NULL);
    }
    rds->host->complete(call);
}

void rds_reload(void *instance, struct ph_call *call)
{
    struct rds *rds = instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_reload *entry = call->entries[i];
        rds->config = entry->config;
        set_password(rds, rds->config->password);
        rds->host->set(call, i, PH_OK, 0, NULL);
    }
    rds->host->complete(call);
}
