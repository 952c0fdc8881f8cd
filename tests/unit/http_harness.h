// SPDX-License-Identifier: Apache-2.0
//
// An HTTP server and its clients in one thread: the server runs on a base that the test pumps, clients are plain
// non-blocking sockets on the loopback. Every wait is for a condition; one that never comes true fails the test.
#ifndef TESTS_HTTP_HARNESS_H
#define TESTS_HTTP_HARNESS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/http_server.h"

#define HARNESS_PENDING_MAX 64
#define CLIENT_INPUT_MAX 65536

/// How the handler answers. It echoes "METHOD PATH BODY" with 200.
enum harness_answer {
    ANSWER_AT_ONCE,
    ANSWER_LATER, ///< in a later turn
    ANSWER_NEVER  ///< the test takes it from `pending`
};

struct harness {
    struct event_base *base;
    struct http_server_config config; ///< may be changed before harness_start()
    const char *listen[1];
    struct http_server *server;
    enum harness_answer answer;
    struct event *later;
    struct http_request *pending[HARNESS_PENDING_MAX];
    size_t pending_count;
    size_t requests;         ///< handed over
    size_t answers;          ///< told to on_answer
    struct http_answer last; ///< texts are gone, but for `route`
    bool drained;
};

/// One answer as a client got it. Every one was checked for what all must have.
struct response {
    int status;
    char head[2048];
    char body[4096];
    size_t body_length;
};

struct client {
    struct harness *harness;
    int fd;
    bool closed;  ///< the server sent its FIN
    bool reset;   ///< ... or a RST
    bool no_body; ///< the answers have a Content-Length but no body: to HEAD
    char input[CLIENT_INPUT_MAX];
    size_t length;
};

void harness_init(struct harness *harness);
void harness_start(struct harness *harness);
void harness_stop(struct harness *harness);

/// Runs what is ready.
void harness_pump(struct harness *harness);

/// Answers a request by echo.
void harness_echo(struct http_request *request);

/// Pumps until the condition is true; fails the test after 20 seconds.
#define harness_wait(harness, condition)            \
    for (int tries_ = 0; !(condition); tries_++) {  \
        harness_pause(harness, tries_, #condition); \
    }
void harness_pause(struct harness *harness, int tries, const char *condition);

void client_open(struct client *client, struct harness *harness);
/// Closes with a RST, so that thousands of tests leave no sockets behind.
void client_close(struct client *client);
/// Sends, pumping the server while its socket is full. A server that has closed is no failure.
void client_send(struct client *client, const char *bytes, size_t length);
void client_text(struct client *client, const char *text);
/// Reads what is there. Returns whether there is anything new.
bool client_read(struct client *client);
/// Waits for one whole answer and takes it from the input.
void client_take(struct client *client, struct response *response_r);
/// Waits for an answer and checks its status.
void client_expect(struct client *client, int status);
/// Waits until the server has closed, and checks that no answer came before.
void client_expect_closed(struct client *client);

/// The value of a header of the answer, or NULL.
const char *response_header(const struct response *response, const char *name, char *value_r, size_t size);

#endif
