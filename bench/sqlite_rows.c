// SPDX-License-Identifier: Apache-2.0
//
// What the SQLite plugins commit a second, beside bare rows in the same run: 1 and 64 entries a transaction.
// usage: sqlite_rows FOLDER [MESSAGES]; loads the modules below the current folder (POSTHOUSE_TEST_PLUGINS: elsewhere).
#include "core/xalloc.h"
#include "tests/unit/loop_host.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCH = 64, USERS = 100, BODY = 298 };

static char body[BODY];

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/// A measurement under way.
struct watch {
    double wall;
    double processor;
};

static struct watch watch_start(void)
{
    return (struct watch){.wall = seconds(CLOCK_MONOTONIC), .processor = seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static void watch_tell(struct watch watch, const char *what, size_t batch, size_t count)
{
    double wall = seconds(CLOCK_MONOTONIC) - watch.wall;
    double processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - watch.processor;
    printf("%-24s %3zu a commit %9.0f /s %7.1f us CPU\n", what, batch, (double)count / wall,
           processor * 1e6 / (double)count);
    fflush(stdout);
}

// ------------------------------------------------------------------------------------------ bare rows

static void run(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
        exit(EXIT_FAILURE);
    }
}

static void bare_rows(const char *folder, size_t count, size_t batch)
{
    char *path = test_path(folder, batch == 1 ? "bare1.db" : "bare64.db");
    sqlite3 *database;
    sqlite3_stmt *insert;
    sqlite3_open(path, &database);
    run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE rows(row INTEGER PRIMARY KEY, body)");
    sqlite3_prepare_v2(database, "INSERT INTO rows(body) VALUES(?1)", -1, &insert, NULL);
    struct watch watch = watch_start();
    for (size_t i = 0; i < count; i++) {
        if (i % batch == 0)
            run(database, "BEGIN IMMEDIATE");
        sqlite3_bind_blob(insert, 1, body, BODY, SQLITE_STATIC);
        sqlite3_step(insert);
        sqlite3_reset(insert);
        if ((i + 1) % batch == 0)
            run(database, "COMMIT");
    }
    watch_tell(watch, "bare row", batch, count);
    sqlite3_finalize(insert);
    sqlite3_close(database);
    free(path);
}

// ------------------------------------------------------------------------------------------ storage

static struct ph_text names[USERS];

static void expect(const struct test_call *call)
{
    for (size_t i = 0; i < call->call.count; i++) {
        if (test_outcome(call, i) != PH_OK) {
            fprintf(stderr, "entry %zu: outcome %d, %s\n", i, (int)test_outcome(call, i), test_text(call, i));
            exit(EXIT_FAILURE);
        }
    }
}

static void finish(struct test_call *call)
{
    expect(call);
    test_call_free(call);
}

static void add_users(struct test_plugin *storage)
{
    const struct ph_storage_operations *slots = storage->descriptor->operations;
    struct ph_user_add entries[USERS];
    for (unsigned i = 0; i < USERS; i++) {
        char *name = xasprintf("user-%03u", i);
        names[i] = text_from(name);
        entries[i] =
            (struct ph_user_add){.id = id_from(i), .name = names[i], .password = {.bytes = body, .length = 120}};
    }
    finish(test_call_run(storage, PH_STORAGE_USER_ADD, slots->user_add, USERS, entries, sizeof(entries[0]), 0));
}

static void append(struct test_plugin *storage, size_t count, size_t batch)
{
    const struct ph_storage_operations *slots = storage->descriptor->operations;
    struct ph_message entries[BATCH];
    unsigned number = batch == 1 ? 1 : 1u << 24;
    struct watch watch = watch_start();
    for (size_t done = 0; done < count; done += batch) {
        for (size_t i = 0; i < batch; i++, number++)
            entries[i] = (struct ph_message){.id = id_from(number),
                                             .sender = names[number % 7],
                                             .recipients = &names[number * 31 % USERS],
                                             .recipient_count = 1,
                                             .subject = text_from("a subject"),
                                             .body = {.bytes = body, .length = BODY},
                                             .content_type = text_from("text/plain"),
                                             .attributes = text_from(""),
                                             .trace = text_from(""),
                                             .due_in_ms = 10000};
        finish(test_call_run(storage, PH_STORAGE_APPEND, slots->append, batch, entries, sizeof(entries[0]),
                             sizeof(struct ph_accepted)));
    }
    watch_tell(watch, "storage append", batch, count);
}

static void deliver(struct test_plugin *storage, size_t count, size_t batch)
{
    const struct ph_storage_operations *slots = storage->descriptor->operations;
    struct ph_deliver entries[BATCH];
    unsigned number = batch == 1 ? 1 : 1u << 24;
    struct watch watch = watch_start();
    for (size_t done = 0; done < count; done += batch) {
        for (size_t i = 0; i < batch; i++, number++)
            entries[i] = (struct ph_deliver){.id = id_from(number), .alert_lease_ms = 60000};
        finish(test_call_run(storage, PH_STORAGE_DELIVER, slots->deliver, batch, entries, sizeof(entries[0]),
                             sizeof(struct ph_delivery)));
    }
    watch_tell(watch, "storage deliver", batch, count);
}

static void read_inboxes(struct test_plugin *storage, size_t count)
{
    const struct ph_storage_operations *slots = storage->descriptor->operations;
    struct watch watch = watch_start();
    size_t records = 0;
    for (size_t i = 0; i < USERS && records < count; i++) {
        struct ph_read entry = {.user = names[i], .limit = 100, .byte_limit = 1 << 24};
        struct test_call *call = test_call_run(storage, PH_STORAGE_INBOX_READ, slots->inbox_read, 1, &entry,
                                               sizeof(entry), sizeof(struct ph_page));
        records += ((struct ph_page *)call->call.outputs[0])->count;
        finish(call);
    }
    watch_tell(watch, "storage inbox_read", 0, records);
}

// ------------------------------------------------------------------------------------------ queue and meta

static void jobs(struct test_plugin *queue, size_t count, size_t batch)
{
    const struct ph_queue_operations *slots = queue->descriptor->operations;
    struct ph_job entries[BATCH];
    struct watch watch = watch_start();
    for (size_t done = 0; done < count; done += batch) {
        for (size_t i = 0; i < batch; i++)
            entries[i] = (struct ph_job){.id = id_from((unsigned)(done + i)), .trace = text_from("")};
        finish(test_call_run(queue, PH_QUEUE_SEND, slots->send, batch, entries, sizeof(entries[0]), 0));
    }
    watch_tell(watch, "queue send", batch, count);
    watch = watch_start();
    for (size_t done = 0; done < count; done += batch) {
        struct ph_receive receive = {.limit = (uint32_t)batch, .lease_ms = 60000};
        struct test_call *call = test_call_run(queue, PH_QUEUE_RECEIVE, slots->receive, 1, &receive, sizeof(receive),
                                               sizeof(struct ph_received_jobs));
        const struct ph_received_jobs *received = call->call.outputs[0];
        struct ph_receipt receipts[BATCH];
        expect(call);
        for (size_t i = 0; i < received->count; i++)
            receipts[i] = (struct ph_receipt){.id = received->jobs[i]->id, .receipt = received->jobs[i]->receipt};
        finish(test_call_run(queue, PH_QUEUE_REMOVE, slots->remove, received->count, receipts, sizeof(receipts[0]), 0));
        test_call_free(call);
    }
    watch_tell(watch, "queue receive + remove", batch, count);
}

static void documents(struct test_plugin *meta, size_t count, size_t batch)
{
    const struct ph_meta_operations *slots = meta->descriptor->operations;
    struct ph_document entries[BATCH];
    struct watch watch = watch_start();
    for (size_t done = 0; done < count; done += batch) {
        for (size_t i = 0; i < batch; i++)
            entries[i] = (struct ph_document){.id = id_from((unsigned)(done + i)),
                                              .json = {.bytes = body, .length = BODY},
                                              .sender = names[i % USERS],
                                              .expires_at = INT64_MAX};
        finish(test_call_run(meta, PH_META_PUT, slots->put, batch, entries, sizeof(entries[0]), 0));
    }
    watch_tell(watch, "meta put", batch, count);
}

static void open_plugin(struct test_plugin *plugin, struct test_host *host, const char *kind, const char *path)
{
    test_plugin_load(plugin, host, kind, path);
    plugin->config.cache = (uint64_t)8 * 1024 * 1024;
    plugin->config.checkpoint_pages = 2000;
    if (!test_plugin_open(plugin)) {
        fprintf(stderr, "%s\n", plugin->text);
        exit(EXIT_FAILURE);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: sqlite_rows FOLDER [MESSAGES]\n");
        return 2;
    }
    size_t many = (argc > 2 ? strtoul(argv[2], NULL, 10) : 64000) / BATCH * BATCH;
    size_t few = many / 16;
    struct test_host *host = test_host_new();
    struct test_plugin storage;
    struct test_plugin queue;
    struct test_plugin meta;
    char *path = test_path(argv[1], "rows.db");
    memset(body, 'x', sizeof(body));
    open_plugin(&storage, host, "storage", path);
    open_plugin(&queue, host, "queue", path);
    open_plugin(&meta, host, "meta", path);
    add_users(&storage);
    bare_rows(argv[1], few, 1);
    append(&storage, few, 1);
    deliver(&storage, few, 1);
    bare_rows(argv[1], many, BATCH);
    append(&storage, many, BATCH);
    deliver(&storage, many, BATCH);
    read_inboxes(&storage, many);
    jobs(&queue, many, BATCH);
    documents(&meta, many, BATCH);
    test_plugin_close(&storage);
    test_plugin_close(&queue);
    test_plugin_close(&meta);
    test_host_free(host);
    for (size_t i = 0; i < USERS; i++)
        free((char *)(uintptr_t)names[i].bytes);
    free(path);
    return 0;
}
