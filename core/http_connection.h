// SPDX-License-Identifier: Apache-2.0
//
// A connection and its states (enum http_phase in http_loop.h). One request is in flight at a time; what the client
// sends ahead waits in `input`, up to a mark at which reading stops. An idle connection holds this struct and nothing
// more. Reading is in http_connection.c, answering in http_answer.c. Only the layer's own files include this.
#ifndef CORE_HTTP_CONNECTION_H
#define CORE_HTTP_CONNECTION_H

#include <event2/buffer.h>
#include <event2/event_struct.h>

#include "core/http_loop.h"
#include "core/http_message.h"

#define HTTP_CONNECTION_MAGIC 0x636f6e6eU
/// Bytes kept of what a client sends while its request is answered.
#define HTTP_READ_AHEAD_MAX 16384

struct http_connection {
    unsigned magic;
    int fd;
    struct http_loop *loop;
    TAILQ_ENTRY(http_connection) link; ///< in the list of a phase with a deadline
    int64_t deadline_ns;
    int64_t started_ns; ///< of the current request
    uint32_t slot;
    uint8_t phase;    ///< enum http_phase
    bool reading;     ///< the read event is on
    bool read_closed; ///< the client sent its FIN
    bool consuming;   ///< http_connection_consume() is on the stack: free nothing under it
    bool close_after; ///< close when the answer is out
    bool linger;      ///< ... and there may be bytes that were not read
    struct http_request *request;
    struct http_head *head; ///< the parser's state, in the midst of a head
    char *input;            ///< bytes not looked at, or of a head not yet complete
    uint32_t input_length;
    uint32_t input_capacity;
    struct evbuffer *output; ///< only while the client is slow to take an answer
    struct event *writable;  ///< likewise
    size_t unacknowledged;   ///< bytes taken since the write deadline was set
    struct event readable;
    struct http_peer peer;
    char peer_text[IP_TEXT_MAX];
};

/// Takes over an accepted socket.
void http_connection_open(struct http_loop *loop, int fd, const struct sockaddr *peer);

/// Closes and frees at once, with its unanswered request.
void http_connection_discard(struct http_connection *connection);

/// The loop has ended: closes. A request in the handler's hands may still be answered, and nobody is told.
void http_connection_cut(struct http_connection *connection);

/// Its deadline has passed.
void http_connection_expire(struct http_connection *connection);

/// The loop drains: reads once what may have come, and closes if there is nothing.
void http_connection_drain(struct http_connection *connection);

// ---- between http_connection.c and http_answer.c ----

/// Moves to a phase, with its deadline from now on.
void http_connection_enter(struct http_connection *connection, enum http_phase phase);

/// Switches the read event.
void http_connection_set_reading(struct http_connection *connection, bool on);

/// The connection has failed: tells the handler, whose request stays until it is answered, or closes.
void http_connection_lost(struct http_connection *connection);

/// The answer is out: closes, lingers, or goes on with what the client has sent ahead.
void http_connection_answered(struct http_connection *connection);

/// Answers with a problem for a fault, gives up the current request and closes. `head` is what is known of a request
/// that has not been made, or NULL.
void http_connection_refuse(struct http_connection *connection, enum http_fault fault, const struct http_head *head);

/// Sends "100 Continue". False if the connection has failed.
bool http_connection_continue(struct http_connection *connection);

/// Writes on what is left of an answer.
void http_connection_flush(struct http_connection *connection);

/// Frees the request and gives its body's bytes back to the server's budget.
void http_connection_end_request(struct http_connection *connection);

#endif
