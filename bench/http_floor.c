// SPDX-License-Identifier: Apache-2.0
//
// posthouse's HTTP layer alone, doing what bare_evhttp does: parse the message with jansson, answer a small 202, but in a
// later turn of the loop, as the daemon always does. What it costs is the layer's own share of a message.
// usage: http_floor [PORT [LOOPS]]; prints the address once it listens, and ends on SIGTERM or SIGINT.
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_server.h"

#define MOST 4096

// The requests of this turn, answered in the next; one a loop.
struct pending {
    struct event *event;
    struct http_request *requests[MOST];
    size_t count;
    unsigned long long next;
};

static void answer(struct pending *pending, struct http_request *request)
{
    char body[96];
    int length = snprintf(body, sizeof(body), "{\"id\":\"%032llx\",\"status\":\"accepted\"}", pending->next++);
    const struct http_header type = {"Content-Type", "application/json"};
    http_respond(request, 202, &type, 1, body, (size_t)length);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pending *pending = context;
    size_t count = pending->count;
    struct http_request *requests[MOST];
    memcpy(requests, pending->requests, count * sizeof(requests[0]));
    pending->count = 0;
    for (size_t i = 0; i < count; i++) {
        answer(pending, requests[i]);
    }
}

static void on_request(void *context, struct http_request *request)
{
    (void)context;
    struct pending *pending = http_loop_data(http_request_loop(request));
    json_t *message = json_loadb(http_body(request), http_body_length(request), JSON_REJECT_DUPLICATES, NULL);
    if (message == NULL || pending->count == MOST) {
        struct problem problem = {.status = message == NULL ? 400 : 503};
        json_decref(message);
        http_respond_problem(request, &problem, NULL, 0);
        return;
    }
    json_decref(message);
    pending->requests[pending->count++] = request;
    if (pending->count == 1) {
        event_active(pending->event, EV_TIMEOUT, 0);
    }
}

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    event_base_loopbreak(context);
}

int main(int argc, char **argv)
{
    char address[32], error[200];
    const char *const listen = address;
    snprintf(address, sizeof(address), "127.0.0.1:%s", argc > 1 ? argv[1] : "0");
    struct event_base *base = event_base_new();
    struct http_server_config config = {.listen = &listen, .listen_count = 1, .base = base, .on_request = on_request};
    config.loops = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    http_limits_default(&config.limits);
    struct http_server *server;
    if (http_server_create(&config, &server, error, sizeof(error)) != HTTP_SERVER_OK) {
        fprintf(stderr, "%s\n", error);
        return EXIT_FAILURE;
    }
    static struct pending pendings[HTTP_LOOPS_MAX];
    size_t loops = http_server_loop_count(server);
    for (size_t i = 0; i < loops; i++) {
        struct http_loop *loop = http_server_loop(server, i);
        pendings[i].event = event_new(http_loop_base(loop), -1, 0, on_turn, &pendings[i]);
        http_loop_set_data(loop, &pendings[i]);
    }
    struct event *end = evsignal_new(base, SIGTERM, on_signal, base);
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
    evsignal_add(end, NULL);
    evsignal_add(interrupt, NULL);
    if (http_server_start(server, error, sizeof(error)) == HTTP_SERVER_OK) {
        printf("listening on %s\n", http_server_address(server, 0));
        fflush(stdout);
        event_base_dispatch(base);
    }
    http_server_stop(server);
    for (size_t i = 0; i < loops; i++) {
        event_free(pendings[i].event);
    }
    http_server_destroy(&server);
    event_free(end);
    event_free(interrupt);
    event_base_free(base);
    return EXIT_SUCCESS;
}
