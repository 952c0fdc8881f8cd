// SPDX-License-Identifier: Apache-2.0
//
// The loop's side of an instance: opening, queueing, posting lanes, completing, closing.
#include "plugins/sqlite/engine.h"

#include "plugins/sqlite/lane.h"
#include "plugins/sqlite/options.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_MAGIC 0x73716c65u

struct engine {
    uint32_t magic;
    const struct engine_kind *kind;
    const struct ph_host *host;
    struct lane_shared shared;
    char key[64]; // of the file, for offload
    char *path;
    struct lane writer;
    struct lane *readers;
    size_t reader_count;
    void *owner;
    struct ph_call *common; // the open or close under way
    bool closing;           // a close waits for the lanes
    struct failure failure; // of the open
};

static const struct operation health_operation = {PH_HEALTH, true, false, sizeof(struct ph_health), NULL};

static struct engine *engine_check(void *instance)
{
    struct engine *engine = instance;
    assert(engine != NULL && engine->magic == ENGINE_MAGIC);
    return engine;
}

static struct ph_text text_of(const char *string)
{
    return (struct ph_text){.bytes = string, .length = strlen(string)};
}

// ------------------------------------------------------------------------------------------ making and freeing

static void engine_free(struct engine *engine)
{
    pthread_mutex_destroy(&engine->shared.lock);
    free(engine->writer.memo);
    free(engine->writer.state);
    for (size_t i = 0; engine->readers != NULL && i < engine->reader_count; i++)
        free(engine->readers[i].memo);
    free(engine->readers);
    free(engine->path);
    engine->magic = 0;
    free(engine);
}

static bool lane_set_up(struct engine *engine, struct lane *lane, bool writes)
{
    *lane = (struct lane){.kind = engine->kind, .host = engine->host, .shared = &engine->shared, .writes = writes};
    STAILQ_INIT(&lane->batch);
    lane->memo = calloc(1, engine->kind->memo_size + 1);
    if (writes)
        lane->state = calloc(1, engine->kind->state_size + 1);
    return lane->memo != NULL && (!writes || lane->state != NULL);
}

static bool engine_set_up(struct engine *engine, const struct sqlite_config *config)
{
    engine->path = strdup(config->path);
    engine->reader_count = (size_t)config->readers;
    engine->readers = calloc(engine->reader_count, sizeof(*engine->readers));
    bool done = engine->path != NULL && engine->readers != NULL && lane_set_up(engine, &engine->writer, true);
    for (size_t i = 0; done && i < engine->reader_count; i++)
        done = lane_set_up(engine, &engine->readers[i], false);
    engine->shared.settings = (struct connection_settings){
        .path = engine->path,
        .busy_timeout = config->busy_timeout,
        .cache = config->cache,
        .checkpoint_pages = config->checkpoint_pages,
        .lazy = config->synchronous == SQLITE_SYNCHRONOUS_NORMAL,
    };
    return done;
}

static struct engine *engine_new(const struct engine_kind *kind, const struct ph_host *host,
                                 const struct sqlite_config *config)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL)
        return NULL;
    engine->magic = ENGINE_MAGIC;
    engine->kind = kind;
    engine->host = host;
    pthread_mutex_init(&engine->shared.lock, NULL);
    STAILQ_INIT(&engine->shared.writes);
    STAILQ_INIT(&engine->shared.reads);
    if (engine_set_up(engine, config))
        return engine;
    engine_free(engine);
    return NULL;
}

// The offload key: all who use this file in this process, whatever they call it, share it.
static void engine_name_key(struct engine *engine)
{
    const struct connection *connection = engine->writer.connection;
    if (connection != NULL)
        snprintf(engine->key, sizeof(engine->key), "sqlite:%llx:%llx", (unsigned long long)connection->device,
                 (unsigned long long)connection->inode);
}

// ------------------------------------------------------------------------------------------ open and close

static void open_work(void *context)
{
    struct engine *engine = context;
    lane_open(&engine->writer, true, &engine->failure);
}

static void open_done(void *context)
{
    struct engine *engine = engine_check(context);
    struct ph_call *call = engine->common;
    bool opened = engine->writer.connection != NULL;
    engine->common = NULL;
    engine_name_key(engine);
    if (opened && engine->kind->opened != NULL && !engine->kind->opened(engine)) {
        failure_say(&engine->failure, PH_UNAVAILABLE, "%s: not enough memory to open", engine->path);
        connection_close(engine->writer.connection);
        opened = false;
    }
    if (opened) {
        ((struct ph_opened *)call->outputs[0])->instance = engine;
        call->host->set(call, 0, PH_OK, 0, NULL);
    } else {
        lane_refuse(call, &engine->failure);
        engine_free(engine);
    }
    call->host->complete(call);
}

// Of all instances in this process: SQLite's own accounting of its memory, which nobody asks for, takes a lock at each
// allocation. Only before SQLite begins can it be turned off, so both happen here, on the loop; later calls change nothing.
static void engine_prepare_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

void engine_open(const struct engine_kind *kind, struct ph_call *call)
{
    const struct ph_host *host = call->host;
    if (call->count == 0) {
        host->complete(call);
        return;
    }
    engine_prepare_library();
    const struct ph_open *entry = call->entries[0];
    struct engine *engine = engine_new(kind, host, entry->config);
    if (engine == NULL) {
        host->set(call, 0, PH_UNAVAILABLE, 0, "not enough memory to open");
        host->complete(call);
        return;
    }
    engine->common = call;
    // Instances of one path open one after the other: they make the file and its tables together.
    if (!host->offload(host, text_of(engine->path), open_work, open_done, engine)) {
        engine_free(engine);
        host->set(call, 0, PH_UNAVAILABLE, 0, "no helper thread is free");
        host->complete(call);
    }
}

static void close_work(void *context)
{
    struct engine *engine = context;
    for (size_t i = 0; i < engine->reader_count; i++)
        connection_close(engine->readers[i].connection);
    connection_close(engine->writer.connection);
}

static void close_done(void *context)
{
    struct engine *engine = engine_check(context);
    struct ph_call *call = engine->common;
    engine_free(engine);
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, PH_OK, 0, NULL);
    call->host->complete(call);
}

static bool engine_is_posted(const struct engine *engine)
{
    bool posted = engine->writer.posted;
    for (size_t i = 0; !posted && i < engine->reader_count; i++)
        posted = engine->readers[i].posted;
    return posted;
}

// A lane may be under way though all calls have ended: those that it was posted for were cancelled.
static void engine_close_lanes(struct engine *engine)
{
    const struct ph_host *host = engine->host;
    if (!engine->closing || engine_is_posted(engine))
        return;
    engine->closing = false;
    if (host->offload(host, text_of(engine->key), close_work, close_done, engine))
        return;
    // The pool is stopping, so nothing else runs: blocking here hurts nobody.
    close_work(engine);
    close_done(engine);
}

void engine_close(void *instance, struct ph_call *call)
{
    struct engine *engine = engine_check(instance);
    engine->common = call;
    engine->closing = true;
    if (engine->kind->closing != NULL)
        engine->kind->closing(engine);
    engine_close_lanes(engine);
}

// ------------------------------------------------------------------------------------------ lanes

static void lane_post(struct engine *engine, struct lane *lane);

static void engine_finish(struct engine *engine, struct ph_call *call)
{
    if (engine->kind->finished == NULL || !engine->kind->finished(engine, call))
        call->host->complete(call);
}

static struct engine *engine_of_lane(struct lane *lane)
{
    return engine_check((char *)lane->shared - offsetof(struct engine, shared));
}

static void post_work(void *context)
{
    lane_work(context);
}

static size_t engine_waiting(struct engine *engine, bool writes)
{
    pthread_mutex_lock(&engine->shared.lock);
    size_t count = writes ? engine->shared.write_count : engine->shared.read_count;
    pthread_mutex_unlock(&engine->shared.lock);
    return count;
}

static void post_done(void *context)
{
    struct lane *lane = context;
    struct engine *engine = engine_of_lane(lane);
    struct task_list batch = STAILQ_HEAD_INITIALIZER(batch);
    STAILQ_CONCAT(&batch, &lane->batch);
    lane->posted = false;
    if (lane->writes)
        engine_name_key(engine);
    if (engine_waiting(engine, lane->writes) > 0)
        lane_post(engine, lane);
    while (!STAILQ_EMPTY(&batch)) {
        struct task *task = STAILQ_FIRST(&batch);
        STAILQ_REMOVE_HEAD(&batch, link);
        engine_finish(engine, task->call);
    }
    engine_close_lanes(engine);
}

// No helper thread took the lane: what waits for it ends, unless another lane will come by.
static void lane_refused(struct engine *engine, struct lane *lane)
{
    static const struct failure busy = {.outcome = PH_TRANSIENT, .text = "no helper thread is free"};
    for (size_t i = 0; !lane->writes && i < engine->reader_count; i++) {
        if (engine->readers[i].posted)
            return;
    }
    struct task_list waiting = STAILQ_HEAD_INITIALIZER(waiting);
    pthread_mutex_lock(&engine->shared.lock);
    if (lane->writes) {
        STAILQ_CONCAT(&waiting, &engine->shared.writes);
        engine->shared.write_count = 0;
    } else {
        STAILQ_CONCAT(&waiting, &engine->shared.reads);
        engine->shared.read_count = 0;
    }
    pthread_mutex_unlock(&engine->shared.lock);
    while (!STAILQ_EMPTY(&waiting)) {
        struct task *task = STAILQ_FIRST(&waiting);
        STAILQ_REMOVE_HEAD(&waiting, link);
        lane_refuse(task->call, &busy);
        engine_finish(engine, task->call);
    }
}

static void lane_post(struct engine *engine, struct lane *lane)
{
    const struct ph_host *host = engine->host;
    struct ph_text key = text_of(lane->writes ? engine->key : "");
    if (lane->posted)
        return;
    lane->posted = host->offload(host, key, post_work, post_done, lane);
    if (!lane->posted)
        lane_refused(engine, lane);
}

void engine_start_as(struct engine *engine, struct ph_call *call, const struct operation *operation)
{
    struct task *task = call->data != NULL ? call->data : call->host->alloc(call, sizeof(*task));
    if (task == NULL) {
        static const struct failure full = {.outcome = PH_INTERNAL, .text = "the call has no memory left"};
        lane_refuse(call, &full);
        engine_finish(engine, call);
        return;
    }
    *task = (struct task){.call = call, .operation = operation};
    call->data = task;
    pthread_mutex_lock(&engine->shared.lock);
    if (operation->writes) {
        STAILQ_INSERT_TAIL(&engine->shared.writes, task, link);
        engine->shared.write_count++;
    } else {
        STAILQ_INSERT_TAIL(&engine->shared.reads, task, link);
        engine->shared.read_count++;
    }
    pthread_mutex_unlock(&engine->shared.lock);
    if (operation->writes) {
        lane_post(engine, &engine->writer);
        return;
    }
    for (size_t i = 0; i < engine->reader_count; i++) {
        if (!engine->readers[i].posted) {
            lane_post(engine, &engine->readers[i]);
            return;
        }
    }
}

void engine_start(void *instance, struct ph_call *call)
{
    struct engine *engine = engine_check(instance);
    if (call->count == 0) {
        call->host->complete(call);
        return;
    }
    for (size_t i = 0; i < engine->kind->operation_count; i++) {
        if (engine->kind->operations[i].operation == call->operation) {
            engine_start_as(engine, call, &engine->kind->operations[i]);
            return;
        }
    }
    static const struct failure unknown = {.outcome = PH_INTERNAL, .text = "the plugin has no such operation"};
    lane_refuse(call, &unknown);
    call->host->complete(call);
}

// ------------------------------------------------------------------------------------------ health, reload, cancel

void engine_health(void *instance, struct ph_call *call)
{
    engine_start_as(engine_check(instance), call, &health_operation);
}

void engine_reload(void *instance, struct ph_call *call)
{
    struct engine *engine = engine_check(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_reload *entry = call->entries[i];
        const struct sqlite_config *config = entry->config;
        pthread_mutex_lock(&engine->shared.lock);
        engine->shared.settings.busy_timeout = config->busy_timeout;
        engine->shared.settings.cache = config->cache;
        engine->shared.settings.checkpoint_pages = config->checkpoint_pages;
        engine->shared.settings.lazy = config->synchronous == SQLITE_SYNCHRONOUS_NORMAL;
        engine->shared.generation++;
        pthread_mutex_unlock(&engine->shared.lock);
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

// Takes a call back that no lane has taken.
static struct task *take_back(struct engine *engine, const struct ph_call *victim)
{
    struct task *task;
    pthread_mutex_lock(&engine->shared.lock);
    for (task = STAILQ_FIRST(&engine->shared.writes); task != NULL; task = STAILQ_NEXT(task, link)) {
        if (task->call == victim)
            break;
    }
    if (task != NULL) {
        STAILQ_REMOVE(&engine->shared.writes, task, task, link);
        engine->shared.write_count--;
    } else {
        for (task = STAILQ_FIRST(&engine->shared.reads); task != NULL; task = STAILQ_NEXT(task, link)) {
            if (task->call == victim)
                break;
        }
        if (task != NULL) {
            STAILQ_REMOVE(&engine->shared.reads, task, task, link);
            engine->shared.read_count--;
        }
    }
    pthread_mutex_unlock(&engine->shared.lock);
    return task;
}

void engine_cancel(void *instance, struct ph_call *call)
{
    static const struct failure cancelled = {.outcome = PH_TRANSIENT, .text = "cancelled before it began"};
    struct engine *engine = engine_check(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        struct ph_call *victim = entry->call;
        // What is waiting in line is taken out first: the kind may end, and so free, what it has kept.
        struct task *task = take_back(engine, victim);
        bool found = task == NULL && engine->kind->cancelled != NULL && engine->kind->cancelled(engine, victim);
        if (task != NULL) {
            lane_refuse(victim, &cancelled);
            engine_finish(engine, victim);
            found = true;
        }
        call->host->set(call, i, found ? PH_OK : PH_NOT_FOUND, 0, NULL);
    }
    call->host->complete(call);
}

// ------------------------------------------------------------------------------------------ for the kinds

const struct ph_host *engine_host(const struct engine *engine)
{
    return engine->host;
}

void *engine_owner(const struct engine *engine)
{
    return engine->owner;
}

void engine_set_owner(struct engine *engine, void *owner)
{
    engine->owner = owner;
}
