// SPDX-License-Identifier: Apache-2.0
//
// Running a batch of calls in one transaction, on a helper thread.
//
// When a call fails by its own fault, the transaction is rolled back and the rest runs again without it; each round
// takes at least one call out, so this ends. When the file fails, all of the batch gets that outcome.
#include "plugins/sqlite/lane.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

bool lane_open(struct lane *lane, bool create, struct failure *failure_r)
{
    pthread_mutex_lock(&lane->shared->lock);
    struct connection_settings settings = lane->shared->settings;
    unsigned generation = lane->shared->generation;
    pthread_mutex_unlock(&lane->shared->lock);
    lane->connection = connection_open(&settings, &lane->kind->schema, &lane->kind->statements, create, failure_r);
    if (lane->connection == NULL)
        return false;
    lane->connection->generation = generation;
    return true;
}

static void lane_close(struct lane *lane)
{
    connection_close(lane->connection);
    lane->connection = NULL;
}

// Takes from the waiting calls under the lock, and the settings with them.
static void take(struct lane *lane)
{
    struct lane_shared *shared = lane->shared;
    struct task_list *waiting = lane->writes ? &shared->writes : &shared->reads;
    size_t *waiting_count = lane->writes ? &shared->write_count : &shared->read_count;
    size_t calls = 0;
    size_t entries = 0;
    pthread_mutex_lock(&shared->lock);
    while (calls < (lane->writes ? LANE_CALLS : LANE_READS) && entries < LANE_ENTRIES) {
        struct task *task = STAILQ_FIRST(waiting);
        if (task == NULL)
            break;
        STAILQ_REMOVE_HEAD(waiting, link);
        (*waiting_count)--;
        STAILQ_INSERT_TAIL(&lane->batch, task, link);
        calls++;
        entries += task->call->count;
    }
    struct connection_settings settings = shared->settings;
    unsigned generation = shared->generation;
    pthread_mutex_unlock(&shared->lock);
    if (lane->connection != NULL && lane->connection->generation != generation) {
        connection_tune(lane->connection, &settings);
        lane->connection->generation = generation;
    }
}

// Makes sure that the lane has a connection to the file that the path leads to now.
static bool reach_file(struct lane *lane, struct failure *failure_r)
{
    if (lane->connection != NULL) {
        switch (connection_look(lane->connection)) {
        case CONNECTION_FILE_SAME:
            return true;
        case CONNECTION_FILE_GONE:
            // The connection stays: the file may be moved back.
            failure_say(failure_r, PH_UNAVAILABLE,
                        "%s is gone; put it back, or restart posthouse to begin with an empty one",
                        lane->connection->path);
            return false;
        case CONNECTION_FILE_REPLACED:
            lane->host->log(lane->host, PH_LOG_WARN, NULL, "%s was replaced by another file, which is used from now on",
                            lane->connection->path);
            lane_close(lane);
            break;
        }
    }
    if (lane_open(lane, false, failure_r))
        return true;
    // What the file that is there now cannot be says nothing about the calls that met it, and it may be mended.
    if (failure_r->outcome == PH_INVALID || failure_r->outcome == PH_DENIED || failure_r->outcome == PH_INTERNAL)
        failure_r->outcome = PH_UNAVAILABLE;
    return false;
}

void lane_refuse(struct ph_call *call, const struct failure *failure)
{
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, failure->outcome, 0, "%s", failure->text);
}

static void refuse_batch(struct lane *lane, const struct failure *failure)
{
    struct task *task;
    for (task = STAILQ_FIRST(&lane->batch); task != NULL; task = STAILQ_NEXT(task, link)) {
        if (!task->failed)
            lane_refuse(task->call, failure);
        task->failed = true;
    }
}

static int execute(struct lane *lane, const char *sql)
{
    return sqlite3_exec(lane->connection->database, sql, NULL, NULL, NULL);
}

static void roll_back(struct lane *lane)
{
    if (sqlite3_get_autocommit(lane->connection->database) == 0)
        execute(lane, "ROLLBACK");
}

// Runs one call's operation from a clean start.
static int run_task(struct lane *lane, struct scope *scope, struct task *task)
{
    struct ph_call *call = task->call;
    for (size_t i = 0; i < call->count; i++) {
        *call->results[i] = (struct ph_result){.outcome = PH_PENDING};
        if (task->operation->output_size > 0)
            memset(call->outputs[i], 0, task->operation->output_size);
    }
    if (task->operation->operation == PH_HEALTH)
        return lane_health(lane, call);
    return task->operation->run(scope, call);
}

// Runs all that take part, up to the first that fails.
static int run_tasks(struct lane *lane, struct scope *scope, struct task **culprit_r)
{
    struct task *task;
    int code = SQLITE_OK;
    *culprit_r = NULL;
    for (task = STAILQ_FIRST(&lane->batch); task != NULL; task = STAILQ_NEXT(task, link)) {
        if (task->failed)
            continue;
        code = run_task(lane, scope, task);
        if (code != SQLITE_OK) {
            *culprit_r = task;
            return code;
        }
    }
    return lane->kind->flush != NULL && lane->writes ? lane->kind->flush(scope, NULL) : SQLITE_OK;
}

static bool all_lazy(const struct lane *lane)
{
    const struct task *task;
    for (task = STAILQ_FIRST(&lane->batch); task != NULL; task = STAILQ_NEXT(task, link)) {
        if (!task->failed && !task->operation->lazy)
            return false;
    }
    return true;
}

static int begin(struct lane *lane)
{
    if (!lane->writes)
        return execute(lane, "BEGIN");
    int code = connection_hurry(lane->connection, all_lazy(lane));
    return code == SQLITE_OK ? execute(lane, "BEGIN IMMEDIATE") : code;
}

// One attempt at the whole batch. False: `culprit_r` may be at fault alone (NULL: everything failed).
static bool run_transaction(struct lane *lane, struct task **culprit_r, struct failure *failure_r)
{
    struct connection *connection = lane->connection;
    *culprit_r = NULL;
    enum failure_stage stage = FAILURE_AT_WORK;
    int code = begin(lane);
    if (code == SQLITE_OK) {
        struct scope scope = {
            .connection = connection,
            .host = lane->host,
            .now = lane->host->now(lane->host),
            .memo = lane->memo,
            .state = lane->state,
        };
        memset(lane->memo, 0, lane->kind->memo_size);
        code = run_tasks(lane, &scope, culprit_r);
    }
    if (code == SQLITE_OK) {
        stage = lane->writes ? FAILURE_AT_COMMIT : FAILURE_AT_WORK;
        code = execute(lane, "COMMIT");
    }
    if (code == SQLITE_OK)
        return true;
    failure_classify(failure_r, stage, connection->path, code,
                     code == FAILURE_ARENA ? NULL : connection_message(connection));
    roll_back(lane);
    return false;
}

static bool any_left(const struct lane *lane)
{
    struct task *task;
    for (task = STAILQ_FIRST(&lane->batch); task != NULL; task = STAILQ_NEXT(task, link)) {
        if (!task->failed)
            return true;
    }
    return false;
}

static void run_batch(struct lane *lane)
{
    struct failure failure;
    struct task *culprit;
    while (any_left(lane)) {
        if (!reach_file(lane, &failure)) {
            refuse_batch(lane, &failure);
            lane->troubled = true;
            return;
        }
        if (run_transaction(lane, &culprit, &failure)) {
            lane->troubled = false;
            return;
        }
        if (failure.reopen)
            lane_close(lane);
        if (failure.of_call && culprit != NULL) {
            lane_refuse(culprit->call, &failure);
            culprit->failed = true;
            continue;
        }
        refuse_batch(lane, &failure);
        lane->troubled = true;
    }
}

void lane_work(struct lane *lane)
{
    take(lane);
    run_batch(lane);
}

// Tells by a real write, after a failure, whether writing works again: a full disk does not show otherwise.
int lane_health(struct lane *lane, struct ph_call *call)
{
    struct connection *connection = lane->connection;
    if (lane->troubled) {
        int code = execute(lane, "INSERT OR REPLACE INTO posthouse_probe VALUES(1, zeroblob(65536))");
        if (code != SQLITE_OK)
            return code;
    }
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        struct ph_text path;
        if (!query_copy(call, connection->path, strlen(connection->path), &path))
            return FAILURE_ARENA;
        health->detail = path.bytes;
        health->version = "SQLite " SQLITE_VERSION;
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    return SQLITE_OK;
}
