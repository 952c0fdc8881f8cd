// SPDX-License-Identifier: Apache-2.0
//
// The least that could be called durable: bare_evhttp, with a helper thread that commits what arrived during the previous
// commit to SQLite (WAL, synchronous FULL) as rows for message, mark and idempotency key, and answers after the commit.
// usage: bare_sqlite FILE [PORT]; prints the address once it listens, and ends on SIGTERM or SIGINT.
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/bare.h"

struct post {
    struct post *next;
    struct evhttp_request *request;
    char id[BARE_ID_SIZE];
    char *message;
    char *key;
};

enum { INSERT_MESSAGE, INSERT_MARK, INSERT_KEY, STATEMENTS };

static struct {
    struct bare bare;
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENTS];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct post *waiting, **waiting_end; // under the lock, as the next two
    struct post *committed;
    bool ending;
    int done_fd;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static const char schema[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                             "CREATE TABLE message(id TEXT PRIMARY KEY, accepted INTEGER, content TEXT) WITHOUT ROWID;"
                             "CREATE TABLE mark(due INTEGER, id TEXT, PRIMARY KEY(due, id)) WITHOUT ROWID;"
                             "CREATE TABLE key(name TEXT PRIMARY KEY, id TEXT) WITHOUT ROWID;";

static const char *const inserts[STATEMENTS] = {
    "INSERT INTO message(id, accepted, content) VALUES(?1, ?2, ?3)",
    "INSERT INTO mark(id, due) VALUES(?1, ?2)",
    "INSERT INTO key(id, name) VALUES(?1, ?3)",
};

static void check(int result)
{
    if (result != SQLITE_OK && result != SQLITE_DONE) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(bench.database));
        exit(EXIT_FAILURE);
    }
}

static void insert(int which, const struct post *post, int64_t now, const char *text)
{
    sqlite3_stmt *statement = bench.statements[which];
    check(sqlite3_bind_text(statement, 1, post->id, -1, SQLITE_STATIC));
    check(sqlite3_bind_int64(statement, 2, now));
    if (text != NULL) {
        check(sqlite3_bind_text(statement, 3, text, -1, SQLITE_STATIC));
    }
    check(sqlite3_step(statement));
    check(sqlite3_reset(statement));
}

static void commit(const struct post *posts)
{
    int64_t now = (int64_t)time(NULL) * 1000;
    check(sqlite3_exec(bench.database, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    for (const struct post *post = posts; post != NULL; post = post->next) {
        insert(INSERT_MESSAGE, post, now, post->message);
        insert(INSERT_MARK, post, now + 10000, NULL);
        insert(INSERT_KEY, post, now, post->key);
    }
    check(sqlite3_exec(bench.database, "COMMIT", NULL, NULL, NULL));
}

static void *run_commits(void *context)
{
    (void)context;
    pthread_mutex_lock(&bench.lock);
    while (!bench.ending) {
        if (bench.waiting == NULL || bench.committed != NULL) {
            pthread_cond_wait(&bench.wake, &bench.lock);
            continue;
        }
        struct post *posts = bench.waiting;
        bench.waiting = NULL;
        bench.waiting_end = &bench.waiting;
        pthread_mutex_unlock(&bench.lock);
        commit(posts);
        uint64_t one = 1;
        pthread_mutex_lock(&bench.lock);
        bench.committed = posts;
        if (write(bench.done_fd, &one, sizeof(one)) < 0) {
            abort();
        }
    }
    pthread_mutex_unlock(&bench.lock);
    return NULL;
}

static void on_committed(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    (void)context;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        return;
    }
    pthread_mutex_lock(&bench.lock);
    struct post *post = bench.committed;
    bench.committed = NULL;
    pthread_cond_signal(&bench.wake);
    pthread_mutex_unlock(&bench.lock);
    while (post != NULL) {
        struct post *next = post->next;
        bare_accept(post->request, post->id);
        free(post->message);
        free(post->key);
        free(post);
        post = next;
    }
}

static void on_message(struct evhttp_request *request, void *context)
{
    json_t *message = bare_parse(request);
    struct post *post = calloc(1, sizeof(*post));
    if (message == NULL || post == NULL) {
        free(post);
        evhttp_send_error(request, 400, "Bad Request");
        return;
    }
    post->request = request;
    post->message = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(message);
    bare_new_id(context, post->id);
    const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "Idempotency-Key");
    post->key = strdup(key == NULL ? post->id : key);
    pthread_mutex_lock(&bench.lock);
    *bench.waiting_end = post;
    bench.waiting_end = &post->next;
    pthread_cond_signal(&bench.wake);
    pthread_mutex_unlock(&bench.lock);
}

static void open_database(const char *file)
{
    check(sqlite3_open(file, &bench.database));
    check(sqlite3_exec(bench.database, schema, NULL, NULL, NULL));
    for (int i = 0; i < STATEMENTS; i++) {
        check(sqlite3_prepare_v2(bench.database, inserts[i], -1, &bench.statements[i], NULL));
    }
}

static void close_database(void)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(bench.statements[i]);
    }
    sqlite3_close(bench.database);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bare_sqlite FILE [PORT]\n");
        return EXIT_FAILURE;
    }
    open_database(argv[1]);
    bench.waiting_end = &bench.waiting;
    bench.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_t thread;
    if (!bare_open(&bench.bare, argc > 2 ? argv[2] : "0", on_message) ||
        pthread_create(&thread, NULL, run_commits, NULL) != 0) {
        return EXIT_FAILURE;
    }
    struct event *done = event_new(bench.bare.base, bench.done_fd, EV_READ | EV_PERSIST, on_committed, NULL);
    event_add(done, NULL);
    event_base_dispatch(bench.bare.base);
    pthread_mutex_lock(&bench.lock);
    bench.ending = true;
    pthread_cond_signal(&bench.wake);
    pthread_mutex_unlock(&bench.lock);
    pthread_join(thread, NULL);
    event_free(done);
    bare_close(&bench.bare);
    close_database();
    return EXIT_SUCCESS;
}
