// SPDX-License-Identifier: Apache-2.0
//
// One loop of the HTTP server: an event_base with its listening sockets, its connections in a table and in one list for
// each phase that has a deadline, one timer, and what the parsers need while they work. A list is in the order of its
// deadlines, since all entries of a phase wait equally long; so the first entry is the next to expire, and one timer is
// enough for any number of connections. Only the layer's own files include this.
#ifndef CORE_HTTP_LOOP_H
#define CORE_HTTP_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

#include "core/buffer.h"
#include "core/http_forwarded.h"
#include "core/http_listen.h"
#include "core/http_parse.h"
#include "core/http_response.h"
#include "core/http_server.h"
#include "core/list.h"

#define HTTP_LOOP_MAGIC 0x6c6f6f70U
/// Read at once into the loop's scratch memory.
#define HTTP_READ_MAX 65536

enum http_phase {
    HTTP_PHASE_HEAD,   ///< no complete head yet; a new connection begins here
    HTTP_PHASE_BODY,   ///< the head is read, the body is not
    HTTP_PHASE_IDLE,   ///< between requests
    HTTP_PHASE_WRITE,  ///< an answer waits for the client to take it
    HTTP_PHASE_LINGER, ///< answered and shut down; what still comes is thrown away, so that the answer is not
    HTTP_PHASE_TIMED,  // the phases above have deadlines
    HTTP_PHASE_BUSY = HTTP_PHASE_TIMED, ///< the request is in the handler's hands
    HTTP_PHASE_LOST,                    ///< the same, and the client has gone; the socket is closed
    HTTP_PHASE_CLOSED
};

struct http_connection;
TAILQ_HEAD(http_connection_list, http_connection);

/// What the loops of a server share. Constant but for the atomics.
struct http_shared {
    struct http_limits limits;
    struct http_parse_limits parse_limits;
    struct http_trusted trusted;
    int64_t timeouts_ns[HTTP_PHASE_TIMED];
    void (*on_request)(void *context, struct http_request *request);
    void (*on_answer)(void *context, struct http_loop *loop, const struct http_answer *answer);
    void (*on_notice)(void *context, const char *text);
    void *context;
    void (*on_drained)(struct http_loop *loop); ///< the loop's last connection has gone, on the loop's thread
    atomic_size_t open;                         ///< connections
    atomic_size_t intake;                       ///< bytes
};

/// Written by the loop's thread alone, read by any.
struct http_loop_counters {
    _Atomic uint64_t accepted, refused, timed_out, malformed, requests, lost, unanswered;
};

struct http_slot {
    struct http_connection *connection;
    uint32_t generation;
    uint32_t next_free;
};

/// A listening socket on a loop.
struct http_acceptor {
    struct http_loop *loop;
    int fd;
    struct event event;
};

struct http_loop {
    unsigned magic;
    size_t index;
    struct http_shared *shared;
    struct event_base *base;
    struct mailbox *mailbox;
    void *data;
    _Atomic(unsigned long) thread; ///< pthread_t of the loop
    bool draining;
    bool drained;

    struct http_acceptor acceptors[HTTP_LISTEN_MAX];
    size_t acceptor_count;
    struct event accept_again;

    struct http_connection_list phases[HTTP_PHASE_TIMED];
    struct event timer;
    int64_t timer_at; ///< INT64_MAX while it is off

    struct http_slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    uint32_t slot_free; ///< 1 more than the first free slot's index; 0 if there is none

    char *scratch;
    struct http_head head;
    struct buffer out;
    char date[HTTP_DATE_SIZE];
    int64_t date_second;
    int64_t notice_second;

    struct http_loop_counters counters;
};

/// Sets a loop up on `base`. -1 without a mailbox (errno).
int http_loop_init(struct http_loop *loop, struct http_shared *shared, size_t index, struct event_base *base);

/// Gives it a listening socket, which it owns from now on.
void http_loop_listen(struct http_loop *loop, int fd);

/// Names the calling thread as the loop's and begins to accept.
void http_loop_open(struct http_loop *loop);

/// Stops to accept, closes what is idle, and tells shared->on_drained when the rest has gone.
void http_loop_drain(struct http_loop *loop);

/// Closes every socket, after handing over what is left in the mailbox. Its thread has ended, or is the caller's.
void http_loop_close(struct http_loop *loop);

/// Frees what a closed loop holds, with the requests that were never answered, but not the base.
void http_loop_clear(struct http_loop *loop);

// ---- for connections ----

/// CLOCK_MONOTONIC.
int64_t http_loop_now(void);

/// The current time for the Date header; rewritten once a second.
const char *http_loop_date(struct http_loop *loop);

/// Puts a connection into the table; and takes it out, which may be the end of a drain.
void http_loop_enlist(struct http_loop *loop, struct http_connection *connection);
void http_loop_delist(struct http_loop *loop, struct http_connection *connection);

/// A new handle for the request that begins on the connection.
uint64_t http_loop_handle(struct http_loop *loop, const struct http_connection *connection);

/// Makes sure that the timer rings at `deadline_ns` or before.
void http_loop_arm(struct http_loop *loop, int64_t deadline_ns);

/// A sentence for the operator's log, unless there was one in this second.
void http_loop_notice(struct http_loop *loop, const char *text);

/// Adds to a counter that only this thread writes.
static inline void http_count(_Atomic uint64_t *counter, int64_t by)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)by, memory_order_relaxed);
}

#endif
