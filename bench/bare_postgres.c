// SPDX-License-Identifier: Apache-2.0
//
// The least that could be called durable on PostgreSQL: bare_evhttp, and one connection of libpq on the same loop. What
// arrived during the previous commit is the next: one prepared statement over binary arrays, one transaction, with rows for
// message, mark and – where the request has one – idempotency key. The answers follow the commit.
// usage: bare_postgres CONNINFO [PORT]; prints the address once it listens, and ends on SIGTERM or SIGINT. Its tables
// (schema bare) are made anew.
#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bare.h"

enum { TEXT = 25, UUID = 2950 }; // oids of pg_type
enum { UUID_BYTES = 16, ARRAY_HEAD = 20 };

struct post {
    struct post *next;
    struct evhttp_request *request;
    char id[BARE_ID_SIZE];
    char *message;
    char *key; // NULL: the request has none
};

// An array parameter in PostgreSQL's binary format; its memory is kept from batch to batch.
struct array {
    uint32_t type;
    uint32_t count;
    char *bytes;
    size_t length;
    size_t room;
};

enum { IDS, MESSAGES, KEYS, KEY_IDS, ARRAYS };

static struct {
    struct bare bare;
    PGconn *connection;
    struct event *flush; // at the end of a turn
    struct event *readable;
    struct event *writable;
    struct post *waiting, **waiting_end;
    struct post *committing;
    struct array arrays[ARRAYS];
} bench = {.arrays = {{.type = UUID}, {.type = TEXT}, {.type = TEXT}, {.type = UUID}}};

static const char schema[] = "SET client_min_messages = error; DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare;"
                             "CREATE TABLE bare.message(id uuid PRIMARY KEY, accepted bigint, content text);"
                             "CREATE TABLE bare.mark(due bigint, id uuid, PRIMARY KEY(due, id));"
                             "CREATE TABLE bare.key(name text PRIMARY KEY, id uuid);";

static const char insert[] =
    "WITH message AS (INSERT INTO bare.message(id, accepted, content)"
    " SELECT id, $5::bigint, content FROM unnest($1::uuid[], $2::text[]) AS new(id, content)),"
    " key AS (INSERT INTO bare.key(name, id) SELECT name, id FROM unnest($3::text[], $4::uuid[]) AS new(name, id))"
    " INSERT INTO bare.mark(due, id) SELECT $5::bigint + 10000, id FROM unnest($1::uuid[]) AS new(id)";

static void fail(void)
{
    fprintf(stderr, "postgres: %s\n", PQerrorMessage(bench.connection));
    exit(EXIT_FAILURE);
}

// ------------------------------------------------------------------------------------------ parameters

static char *array_grow(struct array *array, size_t length)
{
    if (array->length + length > array->room) {
        array->room = 2 * (array->length + length);
        array->bytes = realloc(array->bytes, array->room);
        if (array->bytes == NULL) {
            abort();
        }
    }
    char *at = array->bytes + array->length;
    array->length += length;
    return at;
}

static void array_clear(struct array *array)
{
    array->length = 0;
    array->count = 0;
    array_grow(array, ARRAY_HEAD);
}

static char *array_item(struct array *array, size_t length)
{
    const uint32_t wire = htonl((uint32_t)length);
    char *at = array_grow(array, sizeof wire + length);
    memcpy(at, &wire, sizeof wire);
    array->count++;
    return at + sizeof wire;
}

static void array_text(struct array *array, const char *text)
{
    const size_t length = strlen(text);
    memcpy(array_item(array, length), text, length);
}

static unsigned hex(char digit)
{
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a' + 10);
}

static void array_uuid(struct array *array, const char *digits)
{
    char *at = array_item(array, UUID_BYTES);
    for (size_t i = 0; i < UUID_BYTES; i++) {
        at[i] = (char)(hex(digits[2 * i]) << 4 | hex(digits[2 * i + 1]));
    }
}

// Dimensions, NULLs, type of the items, their number, lower bound.
static void array_end(struct array *array)
{
    const uint32_t head[] = {htonl(array->count > 0 ? 1 : 0), 0, htonl(array->type), htonl(array->count), htonl(1)};
    memcpy(array->bytes, head, sizeof head);
    if (array->count == 0) {
        array->length = 3 * sizeof head[0];
    }
}

// ------------------------------------------------------------------------------------------ commits

static void send_rest(void)
{
    const int left = PQflush(bench.connection);
    if (left < 0) {
        fail();
    }
    if (left > 0) {
        event_add(bench.writable, NULL);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    send_rest();
}

static void commit(const struct post *posts)
{
    const uint64_t now = htobe64((uint64_t)time(NULL) * 1000);
    const char *values[ARRAYS + 1] = {[ARRAYS] = (const char *)&now};
    int lengths[ARRAYS + 1] = {[ARRAYS] = sizeof now};
    static const int binary[ARRAYS + 1] = {1, 1, 1, 1, 1};
    for (size_t i = 0; i < ARRAYS; i++) {
        array_clear(&bench.arrays[i]);
    }
    for (const struct post *post = posts; post != NULL; post = post->next) {
        array_uuid(&bench.arrays[IDS], post->id);
        array_text(&bench.arrays[MESSAGES], post->message);
        if (post->key != NULL) {
            array_text(&bench.arrays[KEYS], post->key);
            array_uuid(&bench.arrays[KEY_IDS], post->id);
        }
    }
    for (size_t i = 0; i < ARRAYS; i++) {
        array_end(&bench.arrays[i]);
        values[i] = bench.arrays[i].bytes;
        lengths[i] = (int)bench.arrays[i].length;
    }
    if (!PQsendQueryPrepared(bench.connection, "insert", ARRAYS + 1, values, lengths, binary, 1)) {
        fail();
    }
    send_rest();
}

static void on_flush(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    if (bench.committing != NULL || bench.waiting == NULL) {
        return;
    }
    bench.committing = bench.waiting;
    bench.waiting = NULL;
    bench.waiting_end = &bench.waiting;
    commit(bench.committing);
}

static void on_committed(void)
{
    struct post *post = bench.committing;
    bench.committing = NULL;
    on_flush(-1, 0, NULL); // the next commit runs while these are answered
    while (post != NULL) {
        struct post *next = post->next;
        bare_accept(post->request, post->id);
        free(post->message);
        free(post->key);
        free(post);
        post = next;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    if (!PQconsumeInput(bench.connection)) {
        fail();
    }
    while (!PQisBusy(bench.connection)) {
        PGresult *result = PQgetResult(bench.connection);
        if (result == NULL) {
            break;
        }
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            fail();
        }
        PQclear(result);
    }
    if (bench.committing != NULL && PQtransactionStatus(bench.connection) == PQTRANS_IDLE) {
        on_committed();
    }
}

// ------------------------------------------------------------------------------------------ requests

static void on_message(struct evhttp_request *request, void *context)
{
    json_t *message = bare_parse(request);
    struct post *post = calloc(1, sizeof(*post));
    if (message == NULL || post == NULL) {
        json_decref(message);
        free(post);
        evhttp_send_error(request, 400, "Bad Request");
        return;
    }
    post->request = request;
    post->message = json_dumps(message, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(message);
    bare_new_id(context, post->id);
    const char *key = evhttp_find_header(evhttp_request_get_input_headers(request), "Idempotency-Key");
    post->key = key == NULL ? NULL : strdup(key);
    *bench.waiting_end = post;
    bench.waiting_end = &post->next;
    event_active(bench.flush, EV_TIMEOUT, 0); // all that came in this turn goes out together
}

static void insist(PGresult *result)
{
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail();
    }
    PQclear(result);
}

static void open_database(const char *conninfo)
{
    bench.connection = PQconnectdb(conninfo);
    if (PQstatus(bench.connection) != CONNECTION_OK) {
        fail();
    }
    insist(PQexec(bench.connection, schema));
    insist(PQexec(bench.connection, "SET plan_cache_mode = force_generic_plan"));
    insist(PQprepare(bench.connection, "insert", insert, 0, NULL));
    if (PQsetnonblocking(bench.connection, 1) != 0) {
        fail();
    }
}

static void open_events(void)
{
    const int fd = PQsocket(bench.connection);
    bench.waiting_end = &bench.waiting;
    bench.flush = event_new(bench.bare.base, -1, 0, on_flush, NULL);
    bench.readable = event_new(bench.bare.base, fd, EV_READ | EV_PERSIST, on_readable, NULL);
    bench.writable = event_new(bench.bare.base, fd, EV_WRITE, on_writable, NULL);
    event_add(bench.readable, NULL);
}

static void close_database(void)
{
    event_free(bench.flush);
    event_free(bench.readable);
    event_free(bench.writable);
    PQfinish(bench.connection);
    for (size_t i = 0; i < ARRAYS; i++) {
        free(bench.arrays[i].bytes);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bare_postgres CONNINFO [PORT]\n");
        return EXIT_FAILURE;
    }
    open_database(argv[1]);
    if (!bare_open(&bench.bare, argc > 2 ? argv[2] : "0", on_message)) {
        return EXIT_FAILURE;
    }
    open_events();
    event_base_dispatch(bench.bare.base);
    close_database();
    bare_close(&bench.bare);
    return EXIT_SUCCESS;
}
