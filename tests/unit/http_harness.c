// SPDX-License-Identifier: Apache-2.0
//
// The harness checks what every answer must have: a date, an id, a length that is true, a problem document for an error.
#include "tests/unit/http_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PAUSES_MAX 20000

// ---- the server ----

void harness_echo(struct http_request *request)
{
    char body[4096];
    int length = snprintf(body, sizeof(body), "%s %s %.*s", http_method_text(http_method(request)), http_path(request),
                          (int)(http_body_length(request) < 1024 ? http_body_length(request) : 1024),
                          http_body(request));
    const struct http_header type = {"Content-Type", "text/plain"};
    http_respond(request, 200, &type, 1, body, (size_t)length);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct harness *harness = context;
    size_t count = harness->pending_count;
    struct http_request *requests[HARNESS_PENDING_MAX];
    memcpy(requests, harness->pending, sizeof(requests));
    harness->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        harness_echo(requests[i]);
    }
}

static void on_request(void *context, struct http_request *request)
{
    struct harness *harness = context;
    harness->requests++;
    assert_true(http_loop_is_mine(http_request_loop(request)));
    assert_true(http_loop_find(http_request_loop(request), http_request_handle(request)) == request);
    assert_int_equal(http_body(request)[http_body_length(request)], '\0');
    http_set_route(request, "a route");
    if (harness->answer == ANSWER_AT_ONCE) {
        harness_echo(request);
        return;
    }
    assert_true(harness->pending_count < HARNESS_PENDING_MAX);
    harness->pending[harness->pending_count++] = request;
    if (harness->answer == ANSWER_LATER && harness->pending_count == 1) {
        const struct timeval soon = {0, 0};
        event_add(harness->later, &soon);
    }
}

static void on_answer(void *context, struct http_loop *loop, const struct http_answer *answer)
{
    struct harness *harness = context;
    assert_ptr_equal(loop, http_server_loop(harness->server, 0));
    assert_non_null(answer->client_address);
    assert_non_null(answer->request_id);
    assert_true(answer->duration_ns >= 0);
    harness->answers++;
    harness->last = *answer;
}

void harness_init(struct harness *harness)
{
    memset(harness, 0, sizeof(*harness));
    harness->base = event_base_new();
    assert_non_null(harness->base);
    harness->later = evtimer_new(harness->base, on_later, harness);
    harness->answer = ANSWER_LATER;
    harness->listen[0] = "127.0.0.1:0";
    harness->config = (struct http_server_config){.listen = harness->listen,
                                                  .listen_count = 1,
                                                  .base = harness->base,
                                                  .on_request = on_request,
                                                  .on_answer = on_answer,
                                                  .context = harness};
    http_limits_default(&harness->config.limits);
}

void harness_start(struct harness *harness)
{
    char error[200];
    assert_int_equal(http_server_create(&harness->config, &harness->server, error, sizeof(error)), HTTP_SERVER_OK);
    assert_int_equal(http_server_start(harness->server, error, sizeof(error)), HTTP_SERVER_OK);
}

void harness_stop(struct harness *harness)
{
    http_server_destroy(&harness->server);
    event_free(harness->later);
    event_base_free(harness->base);
}

void harness_pump(struct harness *harness)
{
    event_base_loop(harness->base, EVLOOP_NONBLOCK);
}

void harness_pause(struct harness *harness, int tries, const char *condition)
{
    if (tries > PAUSES_MAX) {
        fail_msg("never came true: %s", condition);
    }
    harness_pump(harness);
    if (tries > 10) {
        poll(NULL, 0, 1); // no condition to wait on but the clock: look again in a millisecond
    }
}

// ---- a client ----

void client_open(struct client *client, struct harness *harness)
{
    client->harness = harness;
    client->closed = client->reset = client->no_body = false;
    client->length = 0;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->fd >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http_server_port(harness->server, 0))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The kernel completes the connection by itself; the server accepts it at the next pump.
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

void client_close(struct client *client)
{
    const struct linger reset = {1, 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client->fd);
    client->fd = -1;
}

void client_send(struct client *client, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t sent = send(client->fd, bytes + at, length - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            return;
        }
        at += sent > 0 ? (size_t)sent : 0;
        harness_pump(client->harness);
        client_read(client);
    }
}

void client_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

bool client_read(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->input + client->length, sizeof(client->input) - client->length, MSG_DONTWAIT);
    if (got > 0) {
        client->length += (size_t)got;
        return true;
    }
    if (got == 0 && client->length < sizeof(client->input)) {
        client->closed = true;
    }
    if (got < 0 && errno != EAGAIN) {
        client->closed = client->reset = true;
    }
    return false;
}

const char *response_header(const struct response *response, const char *name, char *value_r, size_t size)
{
    size_t length = strlen(name);
    for (const char *line = strstr(response->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *value = line + length + 4;
            snprintf(value_r, size, "%.*s", (int)strcspn(value, "\r"), value);
            return value_r;
        }
    }
    return NULL;
}

static void check_problem(const struct response *response, const char *id)
{
    char type[64];
    assert_non_null(response_header(response, "Content-Type", type, sizeof(type)));
    assert_string_equal(type, "application/problem+json");
    json_t *problem = json_loadb(response->body, response->body_length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(problem);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), response->status);
    assert_string_equal(json_string_value(json_object_get(problem, "request_id")), id);
    assert_non_null(json_string_value(json_object_get(problem, "type")));
    assert_non_null(json_string_value(json_object_get(problem, "title")));
    json_decref(problem);
}

static void check_response(const struct client *client, const struct response *response)
{
    char value[128], id[128];
    assert_non_null(response_header(response, "Date", value, sizeof(value)));
    assert_int_equal(strlen(value), 29);
    assert_non_null(response_header(response, "X-Request-Id", id, sizeof(id)));
    assert_true(strlen(id) >= 1);
    if (response->status >= 400 && !client->no_body) {
        check_problem(response, id);
    }
}

// One answer from the input's start, or false if it is not all there yet.
static bool parse_response(struct client *client, struct response *response_r)
{
    char *end = memmem(client->input, client->length, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    size_t head = (size_t)(end - client->input) + 4;
    assert_true(head < sizeof(response_r->head) && memcmp(client->input, "HTTP/1.1 ", 9) == 0);
    memcpy(response_r->head, client->input, head);
    response_r->head[head] = '\0';
    response_r->status = (int)strtol(client->input + 9, NULL, 10);
    char value[32];
    bool has_length = response_header(response_r, "Content-Length", value, sizeof(value)) != NULL;
    size_t body = has_length && !client->no_body ? strtoul(value, NULL, 10) : 0;
    assert_int_equal(has_length, response_r->status != 100 && response_r->status != 204 && response_r->status != 304);
    if (client->length < head + body) {
        return false;
    }
    assert_true(body < sizeof(response_r->body));
    memcpy(response_r->body, client->input + head, body);
    response_r->body[body] = '\0';
    response_r->body_length = body;
    client->length -= head + body;
    memmove(client->input, client->input + head + body, client->length);
    return true;
}

void client_take(struct client *client, struct response *response_r)
{
    harness_wait(client->harness, parse_response(client, response_r) || (!client_read(client) && client->closed));
    if (response_r->status != 100) {
        check_response(client, response_r);
    }
}

void client_expect(struct client *client, int status)
{
    struct response response = {.status = 0};
    client_take(client, &response);
    assert_int_equal(response.status, status);
}

void client_expect_closed(struct client *client)
{
    harness_wait(client->harness, (client_read(client), client->closed));
    assert_int_equal(client->length, 0);
}
