// SPDX-License-Identifier: Apache-2.0
//
// evhttp as fast as it goes: changelist on, no locks, answers in place.
#include "bench/bare.h"

#include <event2/buffer.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    event_base_loopbreak(context);
}

static void on_health(struct evhttp_request *request, void *context)
{
    (void)context;
    evhttp_send_reply(request, 200, "OK", NULL);
}

static void on_post(struct evhttp_request *request, void *context)
{
    struct bare *bare = context;
    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
        evhttp_send_error(request, 405, "Method Not Allowed");
        return;
    }
    bare->on_message(request, bare);
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static bool print_address(evutil_socket_t fd)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    printf("listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

bool bare_open(struct bare *bare, const char *port, void (*on_message)(struct evhttp_request *request, void *context))
{
    memset(bare, 0, sizeof(*bare));
    bare->on_message = on_message;
    bare->base = new_base();
    bare->http = evhttp_new(bare->base);
    evhttp_set_cb(bare->http, "/v1/messages", on_post, bare);
    evhttp_set_cb(bare->http, "/healthz", on_health, bare);
    evhttp_set_max_body_size(bare->http, 1048576);
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    struct evhttp_bound_socket *bound = NULL;
    if (*port != '\0' && *end == '\0' && number <= 65535) {
        bound = evhttp_bind_socket_with_handle(bare->http, "127.0.0.1", (uint16_t)number);
    }
    if (bound == NULL || !print_address(evhttp_bound_socket_get_fd(bound))) {
        fprintf(stderr, "cannot listen on 127.0.0.1:%s\n", port);
        return false;
    }
    bare->ends[0] = evsignal_new(bare->base, SIGTERM, on_signal, bare->base);
    bare->ends[1] = evsignal_new(bare->base, SIGINT, on_signal, bare->base);
    evsignal_add(bare->ends[0], NULL);
    evsignal_add(bare->ends[1], NULL);
    return true;
}

void bare_close(struct bare *bare)
{
    event_free(bare->ends[0]);
    event_free(bare->ends[1]);
    evhttp_free(bare->http);
    event_base_free(bare->base);
}

json_t *bare_parse(struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(input);
    const char *text = (const char *)evbuffer_pullup(input, -1);
    json_t *message = text == NULL ? NULL : json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_array(json_object_get(message, "to")) && json_is_string(json_object_get(message, "subject")) &&
                json_is_string(json_object_get(message, "body"));
    if (!good) {
        json_decref(message);
        return NULL;
    }
    return message;
}

void bare_new_id(struct bare *bare, char id_r[BARE_ID_SIZE])
{
    snprintf(id_r, BARE_ID_SIZE, "%032llx", (unsigned long long)bare->next++);
}

void bare_accept(struct evhttp_request *request, const char *id)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add_printf(body, "{\"id\":\"%s\",\"status\":\"accepted\"}", id);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
    evhttp_send_reply(request, 202, "Accepted", body);
    evbuffer_free(body);
}
