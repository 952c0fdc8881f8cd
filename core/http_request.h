// SPDX-License-Identifier: Apache-2.0
//
// A request as its handler sees it, and the ways to answer it. A request is handed over when its head and
// body are complete and well formed; it is answered exactly once, at once or in any later turn of the loop.
//
// Threads: a request belongs to its loop. Every function here is called on that loop's thread only. Another
// thread may carry the pointer about (without looking inside) and bring it home with http_loop_run() or a
// mailbox of its own. Lifetime: the pointer, and every text got from it, stay valid until the request is
// answered, even when the client has left in the meantime; the answer to a client that has left is dropped.
// Who may hold on for longer (a timer, a subscription) keeps http_request_handle() instead: it finds the
// request only while it is unanswered.
#ifndef POSTHOUSE_CORE_HTTP_REQUEST_H
#define POSTHOUSE_CORE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/problem.h"

struct http_loop;
struct http_request;

// The methods that are known; any other one is refused with 501 before a handler sees it.
enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

#define HTTP_REQUEST_ID_MAX 64
// The segments of a path that are kept: see http_segment_count().
#define HTTP_SEGMENTS_MAX 16
// Query parameters above this number are refused with 400.
#define HTTP_PARAMETERS_MAX 64

// One header of an answer. Names are tokens; values are visible ASCII, space and tab.
struct http_header {
    const char *name;
    const char *value;
};

// One query parameter, percent-decoded, '+' read as a space. `value` is "" in `?flag` and `?flag=`.
// Never NULL, valid UTF-8, no NUL inside.
struct http_parameter {
    const char *name;
    const char *value;
};

// ---- what was asked ----

enum http_method http_method(const struct http_request *request);
const char *http_method_text(enum http_method method);

// The path as sent, still percent-encoded: begins with '/', or is "*" (OPTIONS only). Without scheme, host
// and query, also if the target was absolute.
const char *http_path(const struct http_request *request);

// The path's segments, split at '/' first and percent-decoded after: valid UTF-8 without NUL, perhaps with an
// encoded
// '/' inside. "/" has none, "/v1/inbox" has two, "/v1/inbox/" three, the last one "". Dots have no meaning. A
// path with more than HTTP_SEGMENTS_MAX counts HTTP_SEGMENTS_MAX + 1; only the first HTTP_SEGMENTS_MAX can be
// read.
size_t http_segment_count(const struct http_request *request);
const char *http_segment(const struct http_request *request, size_t index);

// The query's parameters in the order sent, repeated ones too: the handler refuses what it does not know. A
// target with broken percent-encoding, an encoded NUL or bytes that are not UTF-8 was refused with 400
// before.
size_t http_parameter_count(const struct http_request *request);
struct http_parameter http_parameter(const struct http_request *request, size_t index);

// The header's first value, without the white space around it, or NULL; and how many lines of that name there
// are. Names are compared without regard to case. Values hold no control characters but tab; bytes above 127
// may occur.
const char *http_header(const struct http_request *request, const char *name);
size_t http_header_count(const struct http_request *request, const char *name);

// The body, contiguous and followed by a NUL; "" of length 0 if there is none.
const char *http_body(const struct http_request *request);
size_t http_body_length(const struct http_request *request);

// ---- who asked ----

// The client's address as text: the socket's peer or, if that one is a trusted proxy, the right-most address
// in X-Forwarded-For that is not. Without a port.
const char *http_client_address(const struct http_request *request);

#define HTTP_CLIENT_KEY_SIZE 16
// The client's address as a key for rate limits: IPv4 mapped into IPv6, IPv6 cut to its /64.
void http_client_key(const struct http_request *request, unsigned char key_r[HTTP_CLIENT_KEY_SIZE]);

// Whether the client's own connection is encrypted: TLS here, or a trusted proxy that says X-Forwarded-Proto:
// https.
bool http_is_secure(const struct http_request *request);

// The host (and port) that the client named: of an absolute target, else of the Host header; "" if neither.
const char *http_authority(const struct http_request *request);

// The request's id: the client's X-Request-Id if it is 1–64 of [A-Za-z0-9._-] and the only one, else 32
// random hex digits. Sent back in every answer.
const char *http_request_id(const struct http_request *request);

// The W3C traceparent header if it is well formed (version 00, ids not all zero) and the only one, else NULL.
const char *http_traceparent(const struct http_request *request);

// When the first byte of the head was read: CLOCK_MONOTONIC in nanoseconds.
int64_t http_started_ns(const struct http_request *request);

// ---- the handler's own ----

// One pointer for the handler; NULL at first. The layer never touches it.
void http_set_data(struct http_request *request, void *data);
void *http_data(const struct http_request *request);

// Names the route for metrics and logs, such as "GET /v1/inbox". Borrowed: give a constant string.
void http_set_route(struct http_request *request, const char *route);

struct http_loop *http_request_loop(const struct http_request *request);

// Names the request by value: `http_loop_find(loop, handle)` gives the request back, or NULL once it is
// answered. Never 0. Any thread may keep it; only the loop's thread may look it up.
uint64_t http_request_handle(const struct http_request *request);

enum http_gone {
    HTTP_GONE_HALF_CLOSED, // a FIN: the client will send no more; it may read on or have left. An answer is
                           // still sent.
    HTTP_GONE_LOST         // the connection failed; an answer reaches nobody, but must still be given
};

// Asks to be told when the client leaves while the request is unanswered: a long poll answers with what it
// has. Each event comes at most once, never from inside this call, and never after the answer. `callback` may
// answer. NULL ends it.
typedef void (*http_gone_callback)(void *context, struct http_request *request, enum http_gone gone);
void http_on_gone(struct http_request *request, http_gone_callback callback, void *context);

// ---- answering: exactly once a request, which ends with the call ----

// Answers with a copy of `body`. Content-Length, Date, X-Request-Id and, where due, Connection are added; the
// handler must not give those, nor Transfer-Encoding. HEAD sends the same head and no body; 204 and 304 send
// neither body nor Content-Length. A header with a bad name or value (CR, LF, other controls) turns the
// answer into a 500 problem. `status` is 200–599.
void http_respond(struct http_request *request, int status, const struct http_header *headers, size_t header_count,
                  const void *body, size_t length);

// Called once when the bytes are no longer needed, on the loop's thread, perhaps before http_respond_taking()
// returns.
typedef void (*http_release)(void *context, const void *body, size_t length);

// The same without a copy: `body` must stay as it is until `release` is called (in every case exactly once).
void http_respond_taking(struct http_request *request, int status, const struct http_header *headers,
                         size_t header_count, const void *body, size_t length, http_release release, void *context);

// Answers with a problem document. The request's id is put in; `headers` may add such as Retry-After or
// Allow.
void http_respond_problem(struct http_request *request, const struct problem *problem,
                          const struct http_header *headers, size_t header_count);

#endif
