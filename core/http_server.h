// SPDX-License-Identifier: Apache-2.0
//
// The HTTP server: listening sockets, and loops that serve them. With loops = 0 it runs on the owner's
// event_base; with n loops each has a thread, an event_base and listening sockets of its own (SO_REUSEPORT).
// The handler is the same code in both: it is called on the loop of the request.
#ifndef POSTHOUSE_CORE_HTTP_SERVER_H
#define POSTHOUSE_CORE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http_request.h"
#include "core/mailbox.h"

struct event_base;
struct http_server;

// What one client may take. Times in milliseconds; a phase's time is counted from its beginning, and no byte
// extends it.
struct http_limits {
    size_t head_max;         // request line and headers, in bytes; 431 above it; at most 65,535
    size_t target_max;       // 414 above it
    size_t body_max;         // 413 above it
    size_t intake_max;       // bytes of bodies held by the whole server; 503 above it
    size_t connections_max;  // of the whole server
    uint32_t header_timeout; // from the connection's start, or a later request's first byte, to the head's
                             // end; 408
    uint32_t body_timeout;   // from the head's end to the body's; 408
    uint32_t idle_timeout;   // between requests
    uint32_t write_timeout;  // for each 64 KiB of an answer to be taken by the client
};

// The design's defaults: 16 KiB, 8 KiB, 1 MiB, 64 MiB, 10,000; 10 s, 30 s, 75 s, 30 s.
void http_limits_default(struct http_limits *limits_r);

// What is told about each answer; the texts are borrowed for the call.
struct http_answer {
    const char *route;  // as set by the handler, or NULL: never routed, or refused by the HTTP layer itself
    const char *method; // NULL if the request line could not be read
    const char *path;   // as sent, without the query; NULL likewise
    const char *client_address;
    const char *request_id;
    const char *traceparent; // or NULL
    void *data;              // the handler's own, as http_set_data(); NULL if it never got the request
    int status;
    int64_t duration_ns; // from the first byte of the head to the answer
    size_t bytes_in;     // of the body
    size_t bytes_out;    // of the answer's body
    bool lost;           // the client had left; nothing was sent
};

struct http_server_config {
    // "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080", "[::]:8080" (IPv6 only), "*:8080" (IPv4, all addresses)
    // or "localhost:8080" (127.0.0.1). Port 0 lets the system choose.
    const char *const *listen;
    size_t listen_count;     // 1 to HTTP_LISTEN_MAX
    unsigned loops;          // 0: on `base`; at most HTTP_LOOPS_MAX
    struct event_base *base; // the owner's, always given: `drained` is called on it
    struct http_limits limits;
    const char *const *trusted_proxies; // addresses and networks: "10.0.0.0/8", "::1"
    size_t trusted_proxy_count;         // at most HTTP_TRUSTED_MAX

    // Called on the request's loop with a complete request.
    void (*on_request)(void *context, struct http_request *request);
    // Called on the loop after each answer, also after those of the HTTP layer's own; may be NULL.
    void (*on_answer)(void *context, struct http_loop *loop, const struct http_answer *answer);
    // Something an operator should know, such as no descriptors left: a sentence for the log, at most one a
    // second a loop. Called on a loop's thread; may be NULL.
    void (*on_notice)(void *context, const char *text);
    void *context;
};

#define HTTP_LISTEN_MAX 16
#define HTTP_LOOPS_MAX 64
#define HTTP_TRUSTED_MAX 64

enum http_server_result {
    HTTP_SERVER_OK,
    HTTP_SERVER_INVALID,        // the configuration is wrong: an address, a limit
    HTTP_SERVER_ADDRESS_IN_USE, // the address is named in the error
    HTTP_SERVER_FAILED          // the system refused: another address error, no descriptors, no threads
};

// Checks one address of `listen`, and one of `trusted_proxies`, without opening anything. On false, `error_r`
// (size `size`) says what is wrong with it.
bool http_listen_check(const char *address, char *error_r, size_t size);
bool http_trusted_proxy_check(const char *network, char *error_r, size_t size);

// Makes a server: binds every address (once without SO_REUSEPORT first, so that an address in use is found)
// and listens; nothing is accepted yet. The configuration is copied. On anything but OK, nothing is left open
// and `error_r` holds one sentence.
enum http_server_result http_server_create(const struct http_server_config *config, struct http_server **server_r,
                                           char *error_r, size_t size);

// Begins to accept; with loops, starts their threads. Call it once, after what the handler needs on each loop
// (http_loop_set_data, mailboxes, senders) is in place. On failure the server can only be destroyed.
enum http_server_result http_server_start(struct http_server *server, char *error_r, size_t size);

// The address bound, with the real port: "127.0.0.1:41873". Valid as long as the server.
const char *http_server_address(const struct http_server *server, size_t index);
uint16_t http_server_port(const struct http_server *server, size_t index);

// Drains: stops to accept, closes idle connections, reads what has begun, answers everything in flight with
// "Connection: close". `drained` is called once, on the owner's base, when the last connection has gone (at
// once if there is none, but not from inside this call). On the owner's thread. There is no deadline here: an
// owner who waits no longer destroys the server.
void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context);

// Stops the loops and joins their threads, hands over what is left in the loops' mailboxes (on the caller's thread, which
// counts as the loops' own from now on), and closes every connection. Requests that are still unanswered remain, as if their
// clients had left, without a callback: they can be answered until the server is destroyed. The loops' bases and mailboxes
// remain too, so that what the handler put on them can be freed now. On the owner's thread, outside of any callback.
void http_server_stop(struct http_server *server);

// Stops, unless that was done, hands over what the mailboxes got since, frees all, with the requests that were never answered,
// and clears the pointer. NULL inside is allowed.
void http_server_destroy(struct http_server **server);

// Sums over the loops; from any thread at any time.
struct http_counters {
    uint64_t accepted;   // connections, since the start
    uint64_t refused;    // connections turned away or pushed out at the cap
    uint64_t timed_out;  // connections ended by a deadline of theirs (idle ones are not counted)
    uint64_t malformed;  // requests refused by the layer itself
    uint64_t requests;   // handed to the handler
    uint64_t lost;       // clients that left before their answer
    size_t open;         // connections now
    size_t unanswered;   // requests in the handler's hands now
    size_t intake_bytes; // bytes of bodies held now
};
void http_server_counters(const struct http_server *server, struct http_counters *counters_r);

// ---- loops ----

// 1 with loops = 0, else the number of loops.
size_t http_server_loop_count(const struct http_server *server);
struct http_loop *http_server_loop(const struct http_server *server, size_t index);
size_t http_loop_index(const struct http_loop *loop);

// The loop's base: to put mailboxes and timers on, from its own thread or before the start.
struct event_base *http_loop_base(const struct http_loop *loop);

// Whether the caller is on the loop's thread, and may touch its requests.
bool http_loop_is_mine(const struct http_loop *loop);

// One pointer a loop for the handler: set before the start.
void http_loop_set_data(struct http_loop *loop, void *data);
void *http_loop_data(const struct http_loop *loop);

// The loop's own mailbox, without a receiver: each item's `run` is called on the loop. From any thread. On
// the loop's own thread a direct call is cheaper.
struct mailbox *http_loop_mailbox(const struct http_loop *loop);

// Finds a request by its handle, or NULL if it was answered. On the loop's thread.
struct http_request *http_loop_find(const struct http_loop *loop, uint64_t handle);

#endif
