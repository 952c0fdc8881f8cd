// SPDX-License-Identifier: Apache-2.0
//
// Answering: the head is built in the loop's buffer and sent at once together with the body, in one system call. Only
// what the socket does not take is kept, in an evbuffer that exists for as long as the client is slow.
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/http_connection.h"
#include "core/problem.h"
#include "core/xalloc.h"

// A client that takes this much has not stalled: its deadline begins anew.
#define PROGRESS 65536
#define FLUSH_PIECES 8

#define HEADERS_MAX 64
#define HEADERS_LENGTH_MAX 32768

static const char retry_after[] = "1";

// A body on its way out: copied or, with `release`, only borrowed.
struct body {
    const char *bytes;
    size_t length;
    http_release release;
    void *context;
};

static void release_body(const struct body *body)
{
    if (body->release != NULL) {
        body->release(body->context, body->bytes, body->length);
    }
}

static void release_kept(const void *bytes, size_t length, void *context)
{
    struct body *body = context;
    (void)bytes;
    (void)length;
    release_body(body);
    free(body);
}

// ---- output ----

static ssize_t send_pieces(int fd, struct iovec *pieces, size_t count)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    struct http_connection *connection = context;
    assert(connection->magic == HTTP_CONNECTION_MAGIC && connection->fd == fd);
    (void)what;
    http_connection_flush(connection);
}

static void *or_abort(void *memory)
{
    if (memory == NULL) {
        abort(); // libevent is out of memory for a few bytes
    }
    return memory;
}

// Keeps what the socket did not take of the head and the body.
static void keep_output(struct http_connection *connection, const struct buffer *head, const struct body *body,
                        size_t sent)
{
    connection->output = or_abort(evbuffer_new());
    size_t head_sent = sent < head->length ? sent : head->length;
    size_t body_sent = sent - head_sent;
    evbuffer_add(connection->output, head->data + head_sent, head->length - head_sent);
    if (body->release != NULL && body_sent < body->length) {
        struct body *kept = xmemdup(body, sizeof(*body));
        evbuffer_add_reference(connection->output, body->bytes + body_sent, body->length - body_sent, release_kept,
                               kept);
    } else {
        evbuffer_add(connection->output, body->bytes + body_sent, body->length - body_sent);
        release_body(body);
    }
    connection->writable =
        or_abort(event_new(connection->loop->base, connection->fd, EV_WRITE | EV_PERSIST, on_writable, connection));
    event_add(connection->writable, NULL);
    connection->unacknowledged = 0;
    http_connection_enter(connection, HTTP_PHASE_WRITE);
}

// Sends the loop's buffer and the body. False if the connection has failed; the body is released in any case.
static bool send_answer(struct http_connection *connection, const struct body *body)
{
    struct buffer *head = &connection->loop->out;
    struct iovec pieces[2] = {{head->data, head->length}, {(void *)(uintptr_t)body->bytes, body->length}};
    ssize_t sent = send_pieces(connection->fd, pieces, body->length > 0 ? 2 : 1);
    if (sent >= 0 && (size_t)sent < head->length + body->length) {
        keep_output(connection, head, body, (size_t)sent);
        return true;
    }
    release_body(body);
    return sent >= 0;
}

static void end_output(struct http_connection *connection)
{
    event_free(connection->writable);
    connection->writable = NULL;
    evbuffer_free(connection->output);
    connection->output = NULL;
}

void http_connection_flush(struct http_connection *connection)
{
    struct evbuffer_iovec pieces[FLUSH_PIECES];
    int count = evbuffer_peek(connection->output, -1, NULL, pieces, FLUSH_PIECES);
    ssize_t sent = send_pieces(connection->fd, pieces, (size_t)(count < FLUSH_PIECES ? count : FLUSH_PIECES));
    if (sent < 0) {
        http_connection_lost(connection);
        return;
    }
    evbuffer_drain(connection->output, (size_t)sent);
    connection->unacknowledged += (size_t)sent;
    if (evbuffer_get_length(connection->output) == 0) {
        end_output(connection);
        http_connection_answered(connection);
    } else if (connection->unacknowledged >= PROGRESS) {
        connection->unacknowledged = 0;
        http_connection_enter(connection, HTTP_PHASE_WRITE);
    }
}

bool http_connection_continue(struct http_connection *connection)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    // Nothing else is on its way out, so this fits; a client that left no room for 25 bytes is not waiting for them.
    return send(connection->fd, text, sizeof(text) - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof(text) - 1);
}

// ---- answers ----

static void tell(struct http_connection *connection, struct http_answer *answer)
{
    struct http_shared *shared = connection->loop->shared;
    if (shared->on_answer != NULL) {
        shared->on_answer(shared->context, connection->loop, answer);
    }
}

static void tell_request(struct http_connection *connection, int status, size_t bytes_out, bool lost)
{
    const struct http_request *request = connection->request;
    struct http_answer answer = {
        .route = request->route,
        .method = http_method_text(request->method),
        .path = request->path,
        .client_address = request->client_text,
        .request_id = request->id,
        .traceparent = request->traceparent,
        .data = request->data,
        .status = status,
        .duration_ns = http_loop_now() - request->started_ns,
        .bytes_in = request->body_length,
        .bytes_out = bytes_out,
        .lost = lost,
    };
    tell(connection, &answer);
}

// Builds the head in the loop's buffer. False if the handler's headers are too large for it.
static bool build(struct http_connection *connection, struct http_response *response)
{
    struct http_loop *loop = connection->loop;
    response->date = http_loop_date(loop);
    buffer_clear(&loop->out);
    return http_response_write(&loop->out, response);
}

// Whether the connection ends with this answer. A client that has sent its FIN gets an answer to all that it sent
// before.
static bool closes(const struct http_connection *connection)
{
    return !connection->request->keep_alive || connection->loop->draining ||
           (connection->read_closed && connection->input_length == 0);
}

// The answer to a client that has left: only told.
static void drop(struct http_connection *connection, int status, const struct body *body)
{
    tell_request(connection, status, 0, true);
    release_body(body);
    http_connection_discard(connection);
}

static void answer(struct http_request *request, int status, const struct http_header *headers, size_t header_count,
                   const struct body *body)
{
    struct http_connection *connection = request->connection;
    http_count(&connection->loop->counters.unanswered, -1);
    if (connection->phase == HTTP_PHASE_LOST) {
        drop(connection, status, body);
        return;
    }
    connection->close_after = closes(connection);
    struct http_response response = {.status = status,
                                     .headers = headers,
                                     .header_count = header_count,
                                     .body_length = body->length,
                                     .request_id = request->id,
                                     .close = connection->close_after,
                                     .keep_alive = !request->version_1_1};
    bool built = build(connection, &response);
    assert(built); // the caller has seen to it
    (void)built;
    struct body sent = *body;
    if (request->method == HTTP_HEAD || !http_status_has_body(status)) {
        release_body(body);
        sent = (struct body){"", 0, NULL, NULL};
    }
    size_t bytes_out = sent.length;
    bool alive = send_answer(connection, &sent);
    tell_request(connection, status, bytes_out, !alive);
    http_connection_end_request(connection);
    if (!alive) {
        http_count(&connection->loop->counters.lost, 1);
        http_connection_discard(connection);
    } else if (connection->phase != HTTP_PHASE_WRITE) {
        http_connection_answered(connection);
    }
}

// Answers with a problem's document; its headers are valid.
static void answer_problem(struct http_request *request, const struct problem *problem,
                           const struct http_header *headers, size_t header_count)
{
    size_t length;
    char *text = problem_text(problem, &length);
    struct http_header all[HEADERS_MAX + 1];
    all[0] = (struct http_header){"Content-Type", PROBLEM_CONTENT_TYPE};
    for (size_t i = 0; i < header_count; i++) {
        all[i + 1] = headers[i];
    }
    struct body body = {text, length, NULL, NULL};
    answer(request, problem->status, all, header_count + 1, &body);
    free(text);
}

// Whether the handler's headers can be sent. If not, it has a fault, and the client gets to know no more than that.
static bool check(struct http_request *request, int status, const struct http_header *headers, size_t count)
{
    assert(request->magic == HTTP_REQUEST_MAGIC && status >= 200 && status <= 599);
    assert(http_loop_is_mine(request->connection->loop));
    size_t length = 0;
    for (size_t i = 0; i < count && i < HEADERS_MAX; i++) {
        length += strlen(headers[i].name) + strlen(headers[i].value);
    }
    if (count <= HEADERS_MAX && length <= HEADERS_LENGTH_MAX && http_headers_valid(headers, count)) {
        return true;
    }
    http_loop_notice(request->connection->loop, "an answer had a header that cannot be sent; 500 was sent instead");
    struct problem problem = {.status = 500, .request_id = request->id};
    answer_problem(request, &problem, NULL, 0);
    return false;
}

void http_respond(struct http_request *request, int status, const struct http_header *headers, size_t header_count,
                  const void *body, size_t length)
{
    http_respond_taking(request, status, headers, header_count, body, length, NULL, NULL);
}

void http_respond_taking(struct http_request *request, int status, const struct http_header *headers,
                         size_t header_count, const void *body, size_t length, http_release release, void *context)
{
    struct body whole = {body == NULL ? "" : body, length, release, context};
    if (check(request, status, headers, header_count)) {
        answer(request, status, headers, header_count, &whole);
    } else {
        release_body(&whole);
    }
}

void http_respond_problem(struct http_request *request, const struct problem *problem,
                          const struct http_header *headers, size_t header_count)
{
    if (check(request, problem->status, headers, header_count)) {
        struct problem named = *problem;
        named.request_id = request->id;
        answer_problem(request, &named, headers, header_count);
    }
}

// ---- refusals ----

static void count_fault(struct http_connection *connection, enum http_fault fault)
{
    bool slow = fault == HTTP_FAULT_HEAD_SLOW || fault == HTTP_FAULT_BODY_SLOW;
    http_count(slow ? &connection->loop->counters.timed_out : &connection->loop->counters.malformed, 1);
}

// What can be told of a request that was never made.
static void tell_fault(struct http_connection *connection, const struct http_head *head, int status, size_t bytes_out,
                       const char *id)
{
    struct http_answer answer = {
        .method = head != NULL && head->line_read ? http_method_text(head->method) : NULL,
        .client_address = connection->peer.text,
        .request_id = id,
        .status = status,
        .duration_ns = http_loop_now() - connection->started_ns,
        .bytes_out = bytes_out,
    };
    tell(connection, &answer);
}

// Builds and sends a fault's document. False if the connection has failed.
static bool send_fault(struct http_connection *connection, enum http_fault fault, const char *id, bool head_only,
                       size_t *bytes_out_r)
{
    struct problem problem = {.status = http_fault_status(fault),
                              .type = http_fault_type(fault),
                              .detail = http_fault_detail(fault),
                              .request_id = id};
    struct body body = {.bytes = NULL};
    char *text = problem_text(&problem, &body.length);
    struct http_header headers[] = {{"Content-Type", PROBLEM_CONTENT_TYPE}, {"Retry-After", retry_after}};
    struct http_response response = {.status = problem.status,
                                     .headers = headers,
                                     .header_count = problem.status == 503 ? 2 : 1,
                                     .body_length = body.length,
                                     .request_id = id,
                                     .close = true};
    bool built = build(connection, &response);
    assert(built);
    (void)built;
    body.bytes = text;
    body.length = head_only ? 0 : body.length;
    *bytes_out_r = body.length;
    bool alive = send_answer(connection, &body);
    free(text);
    return alive;
}

void http_connection_refuse(struct http_connection *connection, enum http_fault fault, const struct http_head *head)
{
    struct http_request *request = connection->request;
    char id[HTTP_REQUEST_ID_MAX + 1];
    if (request == NULL) {
        http_message_random_id(id);
    }
    enum http_method method = request != NULL                   ? request->method
                              : head != NULL && head->line_read ? head->method
                                                                : HTTP_GET;
    connection->close_after = true;
    connection->linger = true;
    count_fault(connection, fault);
    size_t bytes_out;
    bool alive = send_fault(connection, fault, request != NULL ? request->id : id, method == HTTP_HEAD, &bytes_out);
    if (request != NULL) {
        tell_request(connection, http_fault_status(fault), bytes_out, !alive);
        http_connection_end_request(connection);
    } else {
        tell_fault(connection, head, http_fault_status(fault), bytes_out, id);
    }
    if (!alive) {
        http_connection_discard(connection);
    } else if (connection->phase != HTTP_PHASE_WRITE) {
        http_connection_answered(connection);
    }
}
