// SPDX-License-Identifier: Apache-2.0
//
// Reading: from the socket's bytes to a complete request. Bytes are read into the loop's scratch memory and parsed
// there; a request that comes whole, as nearly all do, is never copied into a connection. Only what is left over is.
#include "core/http_connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/xalloc.h"

// A body's memory grows by doubling from here; a client cannot make the server allocate what it only announces.
#define BODY_FIRST 16384
#define INPUT_FIRST 512

static void on_readable(evutil_socket_t fd, short what, void *context);

// ---- phases ----

static bool is_timed(const struct http_connection *connection)
{
    return connection->phase < HTTP_PHASE_TIMED;
}

static void leave(struct http_connection *connection)
{
    if (is_timed(connection)) {
        TAILQ_REMOVE(&connection->loop->phases[connection->phase], connection, link);
    }
}

void http_connection_enter(struct http_connection *connection, enum http_phase phase)
{
    struct http_loop *loop = connection->loop;
    leave(connection);
    connection->phase = (uint8_t)phase;
    if (is_timed(connection)) {
        connection->deadline_ns = http_loop_now() + loop->shared->timeouts_ns[phase];
        TAILQ_INSERT_TAIL(&loop->phases[phase], connection, link);
        http_loop_arm(loop, connection->deadline_ns);
    }
}

void http_connection_set_reading(struct http_connection *connection, bool on)
{
    if (connection->reading != on) {
        connection->reading = on;
        on ? event_add(&connection->readable, NULL) : event_del(&connection->readable);
    }
}

// ---- birth and death ----

void http_connection_open(struct http_loop *loop, int fd, const struct sockaddr *peer)
{
    struct http_connection *connection = xcalloc(1, sizeof(*connection));
    connection->magic = HTTP_CONNECTION_MAGIC;
    connection->fd = fd;
    connection->loop = loop;
    connection->phase = HTTP_PHASE_CLOSED;
    ip_address_from_socket(peer, &connection->peer.address);
    ip_address_text(&connection->peer.address, connection->peer_text);
    connection->peer.text = connection->peer_text;
    event_assign(&connection->readable, loop->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    http_loop_enlist(loop, connection);
    http_connection_enter(connection, HTTP_PHASE_HEAD);
    http_connection_set_reading(connection, true);
}

// The socket and all that serves it.
static void shut(struct http_connection *connection)
{
    http_connection_set_reading(connection, false);
    if (connection->writable != NULL) {
        event_free(connection->writable);
        connection->writable = NULL;
    }
    if (connection->output != NULL) {
        evbuffer_free(connection->output);
        connection->output = NULL;
    }
    close(connection->fd);
    connection->fd = -1;
    free(connection->head);
    connection->head = NULL;
    free(connection->input);
    connection->input = NULL;
    connection->input_length = connection->input_capacity = 0;
}

static void release(struct http_connection *connection)
{
    if (!connection->consuming) {
        connection->magic = 0;
        free(connection);
    }
}

void http_connection_discard(struct http_connection *connection)
{
    leave(connection);
    connection->phase = HTTP_PHASE_CLOSED;
    if (connection->fd >= 0) {
        shut(connection);
    }
    if (connection->request != NULL) {
        http_connection_end_request(connection);
    }
    http_loop_delist(connection->loop, connection);
    release(connection);
}

void http_connection_lost(struct http_connection *connection)
{
    http_count(&connection->loop->counters.lost, 1);
    if (connection->phase != HTTP_PHASE_BUSY) {
        http_connection_discard(connection);
        return;
    }
    struct http_request *request = connection->request;
    http_connection_enter(connection, HTTP_PHASE_LOST);
    shut(connection);
    if (request->gone != NULL) {
        request->gone(request->gone_context, request, HTTP_GONE_LOST); // may answer: touch nothing after
    }
}

void http_connection_cut(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_BUSY) {
        http_connection_enter(connection, HTTP_PHASE_LOST);
        shut(connection);
    } else if (connection->phase != HTTP_PHASE_LOST) {
        http_connection_discard(connection);
    }
}

void http_connection_end_request(struct http_connection *connection)
{
    struct http_request *request = connection->request;
    connection->request = NULL;
    if (request->body_capacity > 0) {
        atomic_fetch_sub_explicit(&connection->loop->shared->intake, request->body_capacity, memory_order_relaxed);
    }
    http_message_free(request);
}

// ---- the body's memory ----

// Room for `more` bytes behind the body and a NUL, charged to the server's budget.
static enum http_fault reserve(struct http_connection *connection, size_t more)
{
    struct http_request *request = connection->request;
    struct http_shared *shared = connection->loop->shared;
    size_t need = request->body_length + more;
    if (need <= request->body_capacity) {
        return HTTP_FAULT_NONE;
    }
    size_t capacity = request->body_capacity * 2 > need ? request->body_capacity * 2 : need;
    if (!request->chunked && (capacity > request->body_expected || request->body_expected <= BODY_FIRST)) {
        capacity = (size_t)request->body_expected;
    }
    size_t added = capacity - request->body_capacity;
    size_t before = atomic_fetch_add_explicit(&shared->intake, added, memory_order_relaxed);
    char *body = NULL;
    if (before + added <= shared->limits.intake_max) {
        body = realloc(request->body, capacity + 1);
    }
    if (body == NULL) {
        atomic_fetch_sub_explicit(&shared->intake, added, memory_order_relaxed);
        return HTTP_FAULT_INTAKE;
    }
    request->body = body;
    request->body_capacity = capacity;
    return HTTP_FAULT_NONE;
}

static enum http_fault append(struct http_connection *connection, const char *bytes, size_t length)
{
    enum http_fault fault = reserve(connection, length);
    if (fault == HTTP_FAULT_NONE) {
        struct http_request *request = connection->request;
        memcpy(request->body + request->body_length, bytes, length);
        request->body_length += length;
    }
    return fault;
}

// ---- from bytes to requests ----

static void dispatch(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    struct http_request *request = connection->request;
    if (request->body != NULL) {
        request->body[request->body_length] = '\0';
    }
    request->handle = http_loop_handle(loop, connection);
    http_connection_enter(connection, HTTP_PHASE_BUSY);
    http_count(&loop->counters.requests, 1);
    http_count(&loop->counters.unanswered, 1);
    loop->shared->on_request(loop->shared->context, request);
}

// A complete head: makes the request, and hands it over or waits for its body.
static void begin_request(struct http_connection *connection, const struct http_head *head, const char *bytes,
                          bool body_has_begun)
{
    struct http_shared *shared = connection->loop->shared;
    enum http_fault fault = http_message_create(head, bytes, &connection->peer, &shared->trusted, &connection->request);
    if (fault == HTTP_FAULT_NONE && head->length > shared->limits.body_max) {
        fault = HTTP_FAULT_BODY_LARGE;
    }
    if (fault == HTTP_FAULT_NONE &&
        atomic_load_explicit(&shared->intake, memory_order_relaxed) + head->length > shared->limits.intake_max) {
        fault = HTTP_FAULT_INTAKE;
    }
    if (fault != HTTP_FAULT_NONE) {
        http_connection_refuse(connection, fault, head);
        return;
    }
    connection->request->connection = connection;
    connection->request->started_ns = connection->started_ns;
    if (!head->chunked && head->length == 0) {
        dispatch(connection);
        return;
    }
    http_chunks_start(&connection->request->chunks, shared->limits.body_max);
    http_connection_enter(connection, HTTP_PHASE_BODY);
    if (head->expects_continue && !body_has_begun && !http_connection_continue(connection)) {
        http_connection_lost(connection);
    }
}

static void forget_head(struct http_connection *connection)
{
    free(connection->head);
    connection->head = NULL;
}

// The head is not complete: its state moves from the loop to the connection, and its time runs.
static void keep_head(struct http_connection *connection)
{
    if (connection->head == NULL) {
        connection->head = xmemdup(&connection->loop->head, sizeof(*connection->head));
    }
    if (connection->phase == HTTP_PHASE_IDLE) {
        http_connection_enter(connection, HTTP_PHASE_HEAD);
    }
}

static size_t take_head(struct http_connection *connection, const char *bytes, size_t length)
{
    struct http_head *head = connection->head;
    if (head == NULL) {
        head = &connection->loop->head;
        http_head_start(head);
        connection->started_ns = http_loop_now();
    }
    switch (http_head_feed(head, &connection->loop->shared->parse_limits, bytes, length)) {
    case HTTP_PARSE_DONE: {
        size_t used = head->offset;
        begin_request(connection, head, bytes, used < length);
        forget_head(connection);
        return used;
    }
    case HTTP_PARSE_FAULT:
        http_connection_refuse(connection, head->fault, head);
        return length;
    default:
        keep_head(connection);
        return 0;
    }
}

static void end_body(struct http_connection *connection, enum http_fault fault, bool complete)
{
    if (fault != HTTP_FAULT_NONE) {
        http_connection_refuse(connection, fault, NULL);
    } else if (complete) {
        dispatch(connection);
    }
}

static size_t take_chunks(struct http_connection *connection, const char *bytes, size_t length)
{
    struct http_request *request = connection->request;
    size_t at = 0;
    for (;;) {
        size_t used, data_length;
        const char *data;
        enum http_parse_result result =
            http_chunks_feed(&request->chunks, bytes + at, length - at, &used, &data, &data_length);
        at += used;
        enum http_fault fault = result == HTTP_PARSE_FAULT ? request->chunks.fault : HTTP_FAULT_NONE;
        if (result == HTTP_PARSE_DATA) {
            fault = append(connection, data, data_length);
        }
        if (fault != HTTP_FAULT_NONE || result != HTTP_PARSE_DATA) {
            end_body(connection, fault, result == HTTP_PARSE_DONE);
            return at;
        }
    }
}

static size_t take_body(struct http_connection *connection, const char *bytes, size_t length)
{
    struct http_request *request = connection->request;
    if (request->chunked) {
        return take_chunks(connection, bytes, length);
    }
    uint64_t left = request->body_expected - request->body_length;
    size_t taken = left < length ? (size_t)left : length;
    enum http_fault fault = append(connection, bytes, taken);
    end_body(connection, fault, request->body_length == request->body_expected);
    return taken;
}

// ---- input ----

static void add_input(struct http_connection *connection, const char *bytes, size_t length)
{
    size_t need = connection->input_length + length;
    if (need > connection->input_capacity) {
        size_t capacity = connection->input_capacity == 0 ? INPUT_FIRST : (size_t)connection->input_capacity * 2;
        capacity = capacity > need ? capacity : need;
        connection->input = xrealloc(connection->input, capacity);
        connection->input_capacity = (uint32_t)capacity;
    }
    memcpy(connection->input + connection->input_length, bytes, length);
    connection->input_length = (uint32_t)need;
}

// What was not read as a request stays. It is the end of the input, or of what was read when the input was empty.
static void keep(struct http_connection *connection, const char *bytes, size_t length)
{
    if (connection->input_length > 0) {
        memmove(connection->input, bytes, length);
        connection->input_length = (uint32_t)length;
    } else if (length > 0) {
        add_input(connection, bytes, length);
    }
    if (connection->input_length == 0) {
        free(connection->input);
        connection->input = NULL;
        connection->input_capacity = 0;
    }
}

static bool wants_bytes(const struct http_connection *connection)
{
    return connection->phase == HTTP_PHASE_HEAD || connection->phase == HTTP_PHASE_IDLE ||
           connection->phase == HTTP_PHASE_BODY;
}

// The client sends no more. A request that is complete is answered still: this may be only half of a close.
static void end_input(struct http_connection *connection)
{
    struct http_request *request = connection->request;
    connection->read_closed = true;
    http_connection_set_reading(connection, false);
    switch ((enum http_phase)connection->phase) {
    case HTTP_PHASE_HEAD:
        if (connection->head == NULL) {
            http_connection_discard(connection);
        } else {
            http_connection_refuse(connection, HTTP_FAULT_HEAD_CUT, connection->head);
        }
        break;
    case HTTP_PHASE_BODY:
        http_connection_refuse(connection, HTTP_FAULT_BODY_CUT, NULL);
        break;
    case HTTP_PHASE_BUSY:
        if (request->gone != NULL) {
            request->gone(request->gone_context, request, HTTP_GONE_HALF_CLOSED); // may answer: touch nothing after
        }
        break;
    case HTTP_PHASE_WRITE:
        break;
    default:
        http_connection_discard(connection);
    }
}

// Reads requests from the bytes (all of the input, or what has just come while the input was empty) until there is one
// to wait for or nothing more to read. A handler that answers at once comes back here for the next request, not deeper.
static void consume(struct http_connection *connection, const char *bytes, size_t length)
{
    size_t used = 0;
    connection->consuming = true;
    while (used < length && wants_bytes(connection)) {
        bool body = connection->phase == HTTP_PHASE_BODY;
        size_t taken = body ? take_body(connection, bytes + used, length - used)
                            : take_head(connection, bytes + used, length - used);
        if (taken == 0) {
            break;
        }
        used += taken;
    }
    connection->consuming = false;
    if (connection->phase == HTTP_PHASE_CLOSED) {
        release(connection);
        return;
    }
    keep(connection, bytes + used, connection->close_after ? 0 : length - used);
    if (connection->read_closed && wants_bytes(connection)) {
        end_input(connection);
    }
}

static void finish_close(struct http_connection *connection)
{
    // Bytes that are still unread when a socket is closed make the kernel throw away what was not yet delivered.
    bool unread = connection->linger || !connection->reading;
    if (connection->read_closed || !unread || shutdown(connection->fd, SHUT_WR) != 0) {
        http_connection_discard(connection);
        return;
    }
    http_connection_enter(connection, HTTP_PHASE_LINGER);
    http_connection_set_reading(connection, true);
}

void http_connection_answered(struct http_connection *connection)
{
    if (connection->close_after || connection->loop->draining) {
        finish_close(connection);
        return;
    }
    http_connection_enter(connection, HTTP_PHASE_IDLE);
    if (!connection->read_closed) {
        http_connection_set_reading(connection, true);
    }
    if (connection->consuming) {
        return;
    }
    if (connection->input_length > 0) {
        consume(connection, connection->input, connection->input_length);
    } else if (connection->read_closed) {
        http_connection_discard(connection);
    }
}

// ---- reading ----

// As much as may be kept, should it turn out not to belong to what is being read.
static size_t read_size(const struct http_connection *connection)
{
    const struct http_request *request = connection->request;
    switch ((enum http_phase)connection->phase) {
    case HTTP_PHASE_BODY: {
        uint64_t left = request->chunked ? 0 : request->body_expected - request->body_length;
        return left < HTTP_READ_MAX - HTTP_READ_AHEAD_MAX ? (size_t)left + HTTP_READ_AHEAD_MAX : HTTP_READ_MAX;
    }
    case HTTP_PHASE_BUSY:
    case HTTP_PHASE_WRITE:
        return HTTP_READ_AHEAD_MAX - connection->input_length;
    case HTTP_PHASE_LINGER:
        return HTTP_READ_MAX;
    default:
        return HTTP_READ_AHEAD_MAX;
    }
}

static void take_input(struct http_connection *connection, const char *bytes, size_t length)
{
    if (connection->phase == HTTP_PHASE_LINGER) {
        return;
    }
    if (!wants_bytes(connection)) {
        add_input(connection, bytes, length);
        http_connection_set_reading(connection, connection->input_length < HTTP_READ_AHEAD_MAX);
    } else if (connection->input_length > 0) {
        add_input(connection, bytes, length);
        consume(connection, connection->input, connection->input_length);
    } else {
        consume(connection, bytes, length);
    }
}

static void read_once(struct http_connection *connection)
{
    char *scratch = connection->loop->scratch;
    ssize_t got = recv(connection->fd, scratch, read_size(connection), 0);
    if (got > 0) {
        take_input(connection, scratch, (size_t)got);
    } else if (got == 0) {
        end_input(connection);
    } else if (errno != EAGAIN && errno != EINTR) {
        http_connection_lost(connection);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct http_connection *connection = context;
    assert(connection->magic == HTTP_CONNECTION_MAGIC && connection->fd == fd);
    (void)what;
    read_once(connection);
}

// ---- deadlines and drain ----

void http_connection_expire(struct http_connection *connection)
{
    switch ((enum http_phase)connection->phase) {
    case HTTP_PHASE_HEAD:
        if (connection->head != NULL) {
            http_connection_refuse(connection, HTTP_FAULT_HEAD_SLOW, connection->head);
            return;
        }
        break; // not a byte came: there is nothing to answer
    case HTTP_PHASE_BODY:
        http_connection_refuse(connection, HTTP_FAULT_BODY_SLOW, NULL);
        return;
    case HTTP_PHASE_WRITE:
        break;
    default:
        http_connection_discard(connection);
        return;
    }
    http_count(&connection->loop->counters.timed_out, 1);
    http_connection_discard(connection);
}

static bool is_quiet(const struct http_connection *connection)
{
    return connection->phase == HTTP_PHASE_IDLE || (connection->phase == HTTP_PHASE_HEAD && connection->head == NULL);
}

void http_connection_drain(struct http_connection *connection)
{
    if (!is_quiet(connection)) {
        return;
    }
    // A request may have come that was sent before anybody knew.
    char byte;
    if (recv(connection->fd, &byte, 1, MSG_PEEK) > 0) {
        read_once(connection);
    } else {
        http_connection_discard(connection);
    }
}
