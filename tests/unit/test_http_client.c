// SPDX-License-Identifier: Apache-2.0
//
// core/http_client.h against a server on the same loop that answers by the path of the request.
#include "tests/unit/unit.h"

#include "core/deferred.h"
#include "core/http_client.h"
#include "core/http_request_check.h"
#include "core/http_sockets.h"
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct site {
    struct event_base *base;
    struct deferred_queue *deferred;
    struct http_client *client;
    struct evconnlistener *listener;
    struct bufferevent *connections[16];
    size_t accepted;
    unsigned port;
    char request[4096]; // the last head
    size_t body_length;
    // What the last exchange ended with.
    size_t done;
    uint32_t outcome;
    int status;
    char body[256];
    size_t response_length;
    char error[256];
    char header[128]; // the value of x-test
    size_t header_count;
    int64_t date;
};

// --- The server --------------------------------------------------------------------------------------------

static void answer(struct bufferevent *connection, const char *text)
{
    bufferevent_write(connection, text, strlen(text));
}

static void answer_path(struct bufferevent *connection, const char *head)
{
    if (strstr(head, " /plain ") != NULL || strstr(head, " /post ") != NULL) {
        answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test:  a b \r\nDate: Thu, 01 Jan 1970 00:16:40 "
                           "GMT\r\n\r\nhello");
    } else if (strstr(head, " /interim ") != NULL) {
        answer(connection, "HTTP/1.1 103 Early Hints\r\nX-Test: early\r\n\r\nHTTP/1.1 201 Made\r\nX-Test: "
                           "late\r\nContent-Length: 0\r\n\r\n");
    } else if (strstr(head, " /redirect ") != NULL) {
        answer(connection, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
    } else if (strstr(head, " /large ") != NULL) {
        answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n12345678901234567890");
    } else if (strstr(head, " /cut ") != NULL) {
        static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        send(bufferevent_getfd(connection), half, sizeof half - 1, MSG_NOSIGNAL);
        shutdown(bufferevent_getfd(connection), SHUT_WR);
    } else if (strstr(head, " /date-old ") != NULL) {
        answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: Thu Jan  1 00:16:40 1970\r\n\r\n");
    } else if (strstr(head, " /date-none ") != NULL) {
        answer(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: soon\r\n\r\n");
    } else if (strstr(head, " /headers ") != NULL) {
        answer(connection, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < HTTP_CLIENT_HEADERS_MAX + 1; i++) {
            answer(connection, "X-Many: 1\r\n");
        }
        answer(connection, "Content-Length: 0\r\n\r\n");
    }
    // Anything else gets no answer.
}

static size_t declared_length(const char *head)
{
    const char *at = strcasestr(head, "content-length:");
    return at != NULL ? (size_t)strtoul(at + strlen("content-length:"), NULL, 10) : 0;
}

static void on_read(struct bufferevent *connection, void *context)
{
    struct site *site = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    if (end.pos < 0 || (size_t)end.pos + 4 >= sizeof site->request) {
        return;
    }
    size_t head = (size_t)end.pos + 4;
    evbuffer_copyout(input, site->request, head);
    site->request[head] = '\0';
    size_t body = declared_length(site->request);
    if (evbuffer_get_length(input) < head + body) {
        return;
    }
    site->body_length = body;
    evbuffer_drain(input, head + body);
    answer_path(connection, site->request);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor, struct sockaddr *address, int length,
                      void *context)
{
    (void)listener;
    (void)address;
    (void)length;
    struct site *site = context;
    assert_true(site->accepted < 16);
    struct bufferevent *connection = bufferevent_socket_new(site->base, descriptor, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, on_read, NULL, NULL, site);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
    site->connections[site->accepted++] = connection;
}

static struct site *site_new(void)
{
    struct site *site = calloc(1, sizeof *site);
    site->base = event_base_new();
    site->deferred = deferred_new(site->base);
    site->client = http_client_new(site->base, site->deferred);
    assert_non_null(site->client);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    site->listener = evconnlistener_new_bind(site->base, on_accept, site, LEV_OPT_CLOSE_ON_FREE, 16,
                                             (struct sockaddr *)&address, sizeof address);
    assert_non_null(site->listener);
    socklen_t length = sizeof address;
    getsockname(evconnlistener_get_fd(site->listener), (struct sockaddr *)&address, &length);
    site->port = ntohs(address.sin_port);
    return site;
}

static void site_free(struct site *site)
{
    http_client_free(site->client);
    for (size_t i = 0; i < site->accepted; i++) {
        bufferevent_free(site->connections[i]);
    }
    evconnlistener_free(site->listener);
    deferred_free(site->deferred);
    event_base_free(site->base);
    free(site);
}

// --- The client --------------------------------------------------------------------------------------------

static void on_done(void *context, const struct ph_http_response *response)
{
    struct site *site = context;
    site->done++;
    site->outcome = response->outcome;
    site->status = response->status;
    site->date = response->date;
    site->response_length = response->body.length;
    snprintf(site->body, sizeof site->body, "%s", response->body.bytes);
    snprintf(site->error, sizeof site->error, "%s", response->error != NULL ? response->error : "");
    site->header_count = response->header_count;
    site->header[0] = '\0';
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->header_names[i]->bytes, "x-test") == 0) {
            snprintf(site->header, sizeof site->header, "%s", response->header_values[i]->bytes);
        }
    }
}

static int64_t timeval_ms(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_usec / 1000;
}

static void turn_until(struct site *site, const size_t *counter, size_t wanted)
{
    time_t start = time(NULL);
    while (*counter < wanted) {
        if (time(NULL) - start > 20) {
            fail_msg("waited in vain");
        }
        const struct timeval moment = {0, 50000};
        event_base_loopexit(site->base, &moment);
        event_base_loop(site->base, EVLOOP_ONCE);
    }
}

static void ask(struct site *site, struct ph_http_request *request, const char *path)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", site->port, path);
    if (request->url == NULL) {
        request->url = url;
    }
    if (request->method == NULL) {
        request->method = "GET";
    }
    size_t before = site->done;
    assert_non_null(http_client_start(site->client, request, on_done, site));
    assert_int_equal(site->done, before);
    turn_until(site, &site->done, before + 1);
    if (request->url == url) {
        request->url = NULL;
    }
}

static void test_answers_come_whole_over_kept_connections(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1); // must not be used
    struct site *site = site_new();
    struct ph_http_request request = {0};
    for (size_t i = 0; i < 3; i++) {
        ask(site, &request, "/plain");
        assert_int_equal(site->outcome, PH_OK);
        assert_int_equal(site->status, 200);
        assert_string_equal(site->body, "hello");
        assert_string_equal(site->header, "a b");
        assert_int_equal(site->date, 1000000);
    }
    assert_int_equal(site->accepted, 1);
    ask(site, &request, "/interim");
    assert_int_equal(site->status, 201);
    assert_string_equal(site->header, "late");
    assert_int_equal(site->header_count, 2);
    ask(site, &request, "/redirect");
    assert_int_equal(site->status, 302);
    unsetenv("http_proxy");
    site_free(site);
}

// The event of a socket stays where it is while its connection rests; what happens there meanwhile wakes nobody for long.
static void test_a_connection_that_is_closed_while_it_rests(void **state)
{
    (void)state;
    struct site *site = site_new();
    struct ph_http_request request = {.method = "GET"};
    struct rusage before, after;
    for (size_t i = 0; i < 3; i++) {
        ask(site, &request, "/plain");
        assert_string_equal(site->body, "hello");
        assert_int_equal(site->accepted, i + 1);
        shutdown(bufferevent_getfd(site->connections[i]), SHUT_RDWR);
        getrusage(RUSAGE_SELF, &before);
        const struct timeval moment = {0, 200000};
        event_base_loopexit(site->base, &moment);
        event_base_dispatch(site->base);
        getrusage(RUSAGE_SELF, &after);
        assert_true(timeval_ms(&after.ru_utime) + timeval_ms(&after.ru_stime) <
                    timeval_ms(&before.ru_utime) + timeval_ms(&before.ru_stime) + 100);
    }
    site_free(site);
}

static void test_dates(void **state)
{
    (void)state;
    struct site *site = site_new();
    struct ph_http_request request = {.method = "GET"};
    ask(site, &request, "/plain");
    assert_int_equal(site->date, 1000000);
    ask(site, &request, "/date-old");
    assert_int_equal(site->date, 1000000);
    ask(site, &request, "/date-none");
    assert_int_equal(site->date, 0);
    site_free(site);
}

static void test_sends_what_it_is_told_and_no_more(void **state)
{
    (void)state;
    struct site *site = site_new();
    char *body = malloc(2000000);
    memset(body, 'x', 2000000);
    const char *headers[] = {"X-One: 1", "X-Empty:", NULL};
    struct ph_http_request request = {.method = "POST", .headers = headers, .body = {body, 2000000}};
    ask(site, &request, "/post");
    assert_int_equal(site->outcome, PH_OK);
    assert_int_equal(site->body_length, 2000000);
    assert_non_null(strstr(site->request, "X-One: 1\r\n"));
    assert_non_null(strstr(site->request, "X-Empty:\r\n"));
    assert_null(strcasestr(site->request, "expect"));
    assert_null(strcasestr(site->request, "content-type"));
    free(body);
    request = (struct ph_http_request){.method = "POST"};
    ask(site, &request, "/post");
    assert_non_null(strstr(site->request, "Content-Length: 0\r\n"));
    request = (struct ph_http_request){.method = "DELETE"};
    ask(site, &request, "/plain");
    assert_true(strncmp(site->request, "DELETE /plain ", 14) == 0);
    site_free(site);
}

// Handles are used again: nothing of the request before is left, whatever it was.
static void test_requests_leave_nothing_behind(void **state)
{
    (void)state;
    struct site *site = site_new();
    const char *headers[] = {"X-Of-The-First: 1", "Content-Type: text/plain", NULL};
    const struct ph_http_request requests[] = {
        {.method = "POST", .headers = headers, .body = {"hello", 5}},
        {.method = "POST"},
        {.method = "POST", .body = {"abc", 3}},
        {.method = "GET"},
        {.method = "POST", .body = {"ab", 2}, .ca_file = "/nowhere"}, // of no matter for http
        {.method = "DELETE"},
        {.method = "POST", .body = {"a", 1}},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct ph_http_request request = requests[i];
        ask(site, &request, "/plain");
        assert_int_equal(site->outcome, PH_OK);
        assert_int_equal(site->body_length, request.body.length);
        assert_memory_equal(site->request, request.method, strlen(request.method));
        assert_int_equal(strstr(site->request, "X-Of-The-First") != NULL, i == 0);
    }
    assert_int_equal(site->accepted, 1);
    site_free(site);
}

static void test_bounds_of_answers(void **state)
{
    (void)state;
    struct site *site = site_new();
    struct ph_http_request request = {.response_limit = 20};
    ask(site, &request, "/large");
    assert_int_equal(site->outcome, PH_OK);
    assert_int_equal(site->response_length, 20);
    request.response_limit = 19;
    ask(site, &request, "/large");
    assert_int_equal(site->outcome, PH_UNCERTAIN);
    assert_string_equal(site->error, "the answer's body is larger than allowed");
    request.response_limit = 0;
    ask(site, &request, "/headers");
    assert_int_equal(site->outcome, PH_UNCERTAIN);
    assert_string_equal(site->error, "the answer's headers are malformed or too many");
    site_free(site);
}

static void test_lost_answers_are_uncertain(void **state)
{
    (void)state;
    struct site *site = site_new();
    struct ph_http_request request = {.timeout_ms = 5000};
    ask(site, &request, "/cut");
    assert_int_equal(site->outcome, PH_UNCERTAIN);
    assert_string_not_equal(site->error, "");
    request.timeout_ms = 50;
    ask(site, &request, "/silence");
    assert_int_equal(site->outcome, PH_UNCERTAIN);
    site_free(site);
}

static void test_what_did_not_go_out_is_transient(void **state)
{
    (void)state;
    struct site *site = site_new();
    struct site *gone = site_new();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", gone->port);
    site_free(gone);
    struct ph_http_request request = {.url = url};
    ask(site, &request, "");
    assert_int_equal(site->outcome, PH_TRANSIENT);
    site_free(site);
}

static void test_cancel(void **state)
{
    (void)state;
    struct site *site = site_new();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/silence", site->port);
    const struct ph_http_request request = {.method = "GET", .url = url};
    struct ph_http_exchange *exchange = http_client_start(site->client, &request, on_done, site);
    http_client_cancel(exchange);
    http_client_cancel(exchange);
    assert_int_equal(site->done, 0);
    turn_until(site, &site->done, 1);
    assert_int_equal(site->outcome, PH_TRANSIENT);
    exchange = http_client_start(site->client, &request, on_done, site);
    turn_until(site, &site->accepted, 1);
    while (site->request[0] == '\0') {
        event_base_loop(site->base, EVLOOP_ONCE);
    }
    http_client_cancel(exchange);
    turn_until(site, &site->done, 2);
    assert_int_equal(site->outcome, PH_UNCERTAIN);
    // A handle that was used tells nothing of a request that did not go out.
    struct ph_http_request post = {.method = "POST"};
    ask(site, &post, "/plain");
    assert_int_equal(site->outcome, PH_OK);
    post.url = url;
    exchange = http_client_start(site->client, &post, on_done, site);
    http_client_cancel(exchange);
    turn_until(site, &site->done, 4);
    assert_int_equal(site->outcome, PH_TRANSIENT);
    // One that is under way when the client goes is dropped.
    http_client_start(site->client, &request, on_done, site);
    site_free(site);
}

static void test_unsound_requests_are_refused(void **state)
{
    (void)state;
    const char *const split[] = {"X-A: 1\r\nX-B: 2", NULL};
    const char *const nameless[] = {"no colon", NULL};
    const struct ph_http_request bad[] = {
        {.method = "GET", .url = "ftp://127.0.0.1/"},
        {.method = "GET", .url = "file:///etc/passwd"},
        {.method = "GET", .url = NULL},
        {.method = "GET", .url = "http://127.0.0.1/a b"},
        {.method = "GET", .url = "http://127.0.0.1/a\r\nX: y"},
        {.method = "GET /", .url = "http://127.0.0.1/"},
        {.method = "", .url = "http://127.0.0.1/"},
        {.method = "GET", .url = "http://127.0.0.1/", .headers = split},
        {.method = "GET", .url = "http://127.0.0.1/", .headers = nameless},
        {.method = "GET", .url = "http://127.0.0.1/", .timeout_ms = HTTP_CLIENT_TIMEOUT_MAX_MS + 1},
        {.method = "GET", .url = "http://127.0.0.1:99999999/"},
    };
    struct site *site = site_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t before = site->done;
        assert_non_null(http_client_start(site->client, &bad[i], on_done, site));
        assert_int_equal(site->done, before);
        turn_until(site, &site->done, before + 1);
        assert_string_not_equal(site->error, "");
        if (i + 1 < sizeof bad / sizeof bad[0]) { // curl itself refuses the last
            assert_int_equal(site->outcome, PH_INVALID);
            assert_non_null(http_request_check(&bad[i]));
        }
    }
    assert_int_equal(site->accepted, 0);
    site_free(site);
}

// --- Its sockets -------------------------------------------------------------------------------------------

static void on_socket(void *context, curl_socket_t socket, int action)
{
    (void)socket;
    *(int *)context |= action;
}

// Puts another socket, at which there is something to read, in the place of a descriptor. Gives its other end.
static int replace_socket(int descriptor)
{
    int pair[2];
    close(descriptor);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const int other = dup(pair[1]); // in case that pair[1] is the number
    close(pair[1]);
    if (pair[0] != descriptor) {
        assert_int_equal(dup2(pair[0], descriptor), descriptor);
        close(pair[0]);
    }
    assert_int_equal(write(other, "x", 1), 1);
    return other;
}

static void want_watched(struct event_base *base, struct http_sockets *sockets, int descriptor, int *seen)
{
    *seen = 0;
    assert_true(http_sockets_watch(sockets, descriptor, CURL_POLL_IN));
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_int_equal(*seen, CURL_CSELECT_IN);
}

// curl closes an attempt to connect that came to nothing by itself, and says afterwards that it does not wait for it: the
// sockets that have its number after it are watched each anew.
static void test_sockets_closed_elsewhere(void **state)
{
    (void)state;
    struct site *site = site_new();
    int seen = 0;
    struct http_sockets *sockets = http_sockets_new(site->base, on_socket, &seen);
    CURL *easy = curl_easy_init();
    char url[64];
    curl_socket_t attempt;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", site->port);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    assert_true(http_sockets_use(sockets, easy));
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    assert_int_equal(curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &attempt), CURLE_OK);
    assert_true(http_sockets_watch(sockets, attempt, CURL_POLL_OUT));
    for (size_t i = 0; i < 3; i++) {
        const int other = replace_socket(attempt);
        assert_true(http_sockets_watch(sockets, attempt, CURL_POLL_REMOVE));
        want_watched(site->base, sockets, attempt, &seen);
        close(other);
    }
    curl_easy_cleanup(easy); // closes the last one
    http_sockets_free(sockets);
    site_free(site);
}

static void test_a_socket_that_libevent_refuses(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    int seen = 0;
    struct http_sockets *sockets = http_sockets_new(base, on_socket, &seen);
    const int descriptor = dup(STDERR_FILENO);
    close(descriptor);
    assert_false(http_sockets_watch(sockets, descriptor, CURL_POLL_IN));
    const int other = replace_socket(dup(STDERR_FILENO));
    want_watched(base, sockets, descriptor, &seen);
    http_sockets_free(sockets);
    close(other);
    close(descriptor);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_come_whole_over_kept_connections),
        cmocka_unit_test(test_a_connection_that_is_closed_while_it_rests),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_sends_what_it_is_told_and_no_more),
        cmocka_unit_test(test_requests_leave_nothing_behind),
        cmocka_unit_test(test_bounds_of_answers),
        cmocka_unit_test(test_lost_answers_are_uncertain),
        cmocka_unit_test(test_what_did_not_go_out_is_transient),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_unsound_requests_are_refused),
        cmocka_unit_test(test_sockets_closed_elsewhere),
        cmocka_unit_test(test_a_socket_that_libevent_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
