// SPDX-License-Identifier: Apache-2.0
//
// Several loops: clients on threads of their own, requests carried to the owner's thread and back as the exchange does it.
// Run under the thread sanitizer, this shows that nothing is shared that should not be.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "core/http_server.h"

#define LOOPS 3
#define CLIENTS 6
#define REQUESTS 200

struct work {
    struct mailbox_item item;
    struct http_request *request;
};

static struct {
    struct event_base *base;
    struct http_server *server;
    struct mailbox *exchange;
    struct mailbox_sender *to_exchange[LOOPS];
    struct mailbox_sender *to_loop[LOOPS];
    atomic_int answers;
    atomic_int clients_left;
    bool drained;
} fixture;

// ---- on the loops ----

static void on_request(void *context, struct http_request *request)
{
    (void)context;
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL || !http_loop_is_mine(http_request_loop(request))) {
        abort();
    }
    work->request = request;
    mailbox_sender_add(fixture.to_exchange[http_loop_index(http_request_loop(request))], &work->item);
}

static void finish(struct mailbox_item *item)
{
    struct work *work = (struct work *)item;
    http_respond(work->request, 200, NULL, 0, http_body(work->request), http_body_length(work->request));
    free(work);
}

static void on_answer(void *context, struct http_loop *loop, const struct http_answer *answer)
{
    (void)context;
    if (!http_loop_is_mine(loop) || answer->status != 200) {
        abort();
    }
    atomic_fetch_add(&fixture.answers, 1);
}

// ---- on the owner's thread ----

static void on_work(void *context, struct mailbox_item *first)
{
    (void)context;
    while (first != NULL) {
        struct work *work = (struct work *)first;
        first = first->next;
        work->item.run = finish;
        mailbox_sender_add(fixture.to_loop[http_loop_index(http_request_loop(work->request))], &work->item);
    }
}

static void on_drained(void *context)
{
    (void)context;
    fixture.drained = true;
    event_base_loopbreak(fixture.base);
}

// ---- clients ----

static int connect_client(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http_server_port(fixture.server, 0))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        abort();
    }
    return fd;
}

static void ask(int fd, int number)
{
    char text[160], body[32], answer[1024];
    int body_length = snprintf(body, sizeof(body), "number %d", number);
    int length =
        snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", body_length, body);
    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length) {
        abort();
    }
    size_t got = 0;
    do {
        ssize_t now = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
        if (now <= 0) {
            abort();
        }
        got += (size_t)now;
        answer[got] = '\0';
    } while (strstr(answer, "\r\n\r\n") == NULL || strcmp(strstr(answer, "\r\n\r\n") + 4, body) != 0);
}

static void *run_client(void *context)
{
    (void)context;
    int fd = connect_client();
    for (int i = 0; i < REQUESTS; i++) {
        ask(fd, i);
        struct http_counters counters;
        http_server_counters(fixture.server, &counters);
        if (i % 50 == 49) {
            close(fd);
            fd = connect_client();
        }
    }
    close(fd);
    atomic_fetch_sub(&fixture.clients_left, 1);
    return NULL;
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    if (atomic_load(&fixture.clients_left) == 0) {
        event_base_loopbreak(fixture.base);
    }
}

static void open_all(void)
{
    static const char *const listen[] = {"127.0.0.1:0"};
    struct http_server_config config = {
        .listen = listen, .listen_count = 1, .loops = LOOPS, .on_request = on_request, .on_answer = on_answer};
    char error[200];
    fixture.base = event_base_new();
    config.base = fixture.base;
    http_limits_default(&config.limits);
    assert_int_equal(http_server_create(&config, &fixture.server, error, sizeof(error)), HTTP_SERVER_OK);
    assert_int_equal(http_server_loop_count(fixture.server), LOOPS);
    fixture.exchange = mailbox_create(fixture.base, on_work, NULL);
    for (size_t i = 0; i < LOOPS; i++) {
        struct http_loop *loop = http_server_loop(fixture.server, i);
        assert_int_equal(http_loop_index(loop), i);
        fixture.to_exchange[i] = mailbox_sender_create(fixture.exchange, http_loop_base(loop));
        fixture.to_loop[i] = mailbox_sender_create(http_loop_mailbox(loop), fixture.base);
    }
    assert_int_equal(http_server_start(fixture.server, error, sizeof(error)), HTTP_SERVER_OK);
}

static void close_all(void)
{
    for (size_t i = 0; i < LOOPS; i++) {
        mailbox_sender_destroy(&fixture.to_loop[i]);
    }
    http_server_stop(fixture.server);
    for (size_t i = 0; i < LOOPS; i++) {
        mailbox_sender_destroy(&fixture.to_exchange[i]);
    }
    http_server_destroy(&fixture.server);
    mailbox_destroy(&fixture.exchange);
    event_base_free(fixture.base);
}

static void test_loops(void **state)
{
    (void)state;
    open_all();
    pthread_t threads[CLIENTS];
    atomic_store(&fixture.clients_left, CLIENTS);
    // The clients can't wake the owner's base: it looks after them itself.
    struct event *tick = event_new(fixture.base, -1, EV_PERSIST, on_tick, NULL);
    const struct timeval often = {0, 5000};
    event_add(tick, &often);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_client, NULL), 0);
    }
    event_base_dispatch(fixture.base);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    struct http_counters counters;
    // A client may be through before its last connection, on which it asks nothing, has been accepted.
    for (http_server_counters(fixture.server, &counters); counters.accepted < CLIENTS * (REQUESTS / 50 + 1);
         http_server_counters(fixture.server, &counters)) {
        event_base_loop(fixture.base, EVLOOP_ONCE);
    }
    event_free(tick);
    assert_int_equal(atomic_load(&fixture.answers), CLIENTS * REQUESTS);
    assert_int_equal(counters.requests, CLIENTS * REQUESTS);
    assert_int_equal(counters.accepted, CLIENTS * (REQUESTS / 50 + 1));
    http_server_drain(fixture.server, on_drained, NULL);
    event_base_dispatch(fixture.base);
    assert_true(fixture.drained);
    http_server_counters(fixture.server, &counters);
    assert_int_equal(counters.open, 0);
    assert_int_equal(counters.unanswered, 0);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
