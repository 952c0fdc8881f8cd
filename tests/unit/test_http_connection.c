// SPDX-License-Identifier: Apache-2.0
//
// Requests over real sockets: each case is sent whole, byte by byte and cut at every position, and must get the same answers;
// afterwards the connection is closed or can be used on, as the case says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/http_harness.h"

static struct client client; // large: not for the stack

struct exchange {
    const char *bytes;
    size_t length;
    int statuses[4]; // of the answers, in order; 0 ends
    bool closes;
};

#define CASE(text, closes, ...)                       \
    {                                                 \
        text, sizeof(text) - 1, {__VA_ARGS__}, closes \
    }
#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST

static const struct exchange exchanges[] = {
    CASE(GET "\r\n", false, 200),
    CASE(GET "Connection: close\r\n\r\n", true, 200),
    CASE(GET "Connection: x, close\r\n\r\n", true, 200),
    CASE("GET / HTTP/1.0\r\n\r\n", true, 200),
    CASE("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, 200),
    CASE("GET http://a/b?c=d HTTP/1.1\r\n" HOST "\r\n", false, 200),
    CASE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", false, 200),
    CASE(POST "Content-Length: 5\r\n\r\nhello", false, 200),
    CASE(POST "Content-Length: 0\r\n\r\n", false, 200),
    CASE("GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", false, 200),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer-Of-Mine: x\r\n\r\n", false,
         200),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 200),
    // pipelining: answers in order, and the end of it
    CASE(GET "\r\n" POST "Content-Length: 5\r\n\r\nhello" GET "\r\n", false, 200, 200, 200),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" GET "\r\n", false, 200, 200),
    CASE(GET "\r\n\r\n" GET "\r\n", false, 200, 200),
    CASE(GET "Connection: close\r\n\r\n" GET "\r\n", true, 200),
    CASE(GET "\r\nGET / HTTP/1.1\r\n\r\n" GET "\r\n", true, 200, 400),
    CASE(GET "\r\n" POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", true, 200, 400),
    // one of each refusal; http_parse and http_chunks have the rest
    CASE("GET /\r\n", true, 505),
    CASE("GET / HTTP/3.0\r\n\r\n", true, 505),
    CASE("BREW / HTTP/1.1\r\n\r\n", true, 501),
    CASE("GET / HTTP/1.1\r\n\r\n", true, 400),
    CASE("GET /% HTTP/1.1\r\n" HOST "\r\n", true, 400),
    CASE("GET /?a=%00 HTTP/1.1\r\n" HOST "\r\n", true, 400),
    CASE("GET /a#b HTTP/1.1\r\n" HOST "\r\n", true, 400),
    CASE("GET * HTTP/1.1\r\n" HOST "\r\n", true, 400),
    CASE(POST "Content-Length: 5\0 99\r\n\r\nhello", true, 400),
    CASE(POST "Content-Length : 5\r\n\r\nhello", true, 400),
    CASE(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", true, 400),
    CASE(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", true, 400),
    CASE(POST "Transfer-Encoding: identity\r\n\r\n", true, 400),
    CASE(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, 400),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", true, 400),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n5 junk\r\nhello\r\n0\r\n\r\n", true, 400),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\na", true, 400),
    CASE(POST "Transfer-Encoding: chunked\r\n\r\n101\r\n", true, 413),
    CASE(POST "Content-Length: 257\r\n\r\n", true, 413),
    CASE(POST "Expect: a miracle\r\n\r\n", true, 417),
    CASE("\x16\x03\x01", true, 400),
};

static void expect_answers(const struct exchange *exchange)
{
    for (size_t i = 0; i < 4 && exchange->statuses[i] != 0; i++) {
        client_expect(&client, exchange->statuses[i]);
    }
    if (exchange->closes) {
        client_expect_closed(&client);
        assert_false(client.reset);
        return;
    }
    client_text(&client, GET "\r\n");
    client_expect(&client, 200);
    assert_false(client.closed);
    assert_int_equal(client.length, 0);
}

// Sends in two parts, or byte by byte with a cut of 0, pumping the server in between.
static void run(struct harness *harness, const struct exchange *exchange, size_t cut)
{
    client_open(&client, harness);
    if (cut == 0) {
        for (size_t at = 0; at < exchange->length; at++) {
            client_send(&client, exchange->bytes + at, 1);
        }
    } else {
        client_send(&client, exchange->bytes, cut);
        client_send(&client, exchange->bytes + cut, exchange->length - cut);
    }
    expect_answers(exchange);
    client_close(&client);
}

static void run_all(enum harness_answer answer)
{
    struct harness harness;
    harness_init(&harness);
    harness.answer = answer;
    harness.config.limits.body_max = 256;
    harness_start(&harness);
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        for (size_t cut = 0; cut <= exchanges[i].length; cut++) {
            run(&harness, &exchanges[i], cut);
        }
    }
    assert_int_equal(harness.pending_count, 0);
    struct http_counters counters;
    harness_wait(&harness, (http_server_counters(harness.server, &counters), counters.open == 0));
    assert_int_equal(counters.unanswered, 0);
    assert_int_equal(counters.intake_bytes, 0);
    assert_int_equal(counters.requests, harness.requests);
    harness_stop(&harness);
}

static void test_answered_later(void **state)
{
    (void)state;
    run_all(ANSWER_LATER);
}

static void test_answered_at_once(void **state)
{
    (void)state;
    run_all(ANSWER_AT_ONCE);
}

static int set_up(void **state)
{
    static struct harness harness;
    harness_init(&harness);
    harness_start(&harness);
    *state = &harness;
    client_open(&client, &harness);
    return 0;
}

static int tear_down(void **state)
{
    client_close(&client);
    harness_stop(*state);
    return 0;
}

static void test_bodies(void **state)
{
    (void)state;
    struct response response;
    client_text(&client, "PUT /a%20b?x=y HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    client_take(&client, &response);
    assert_string_equal(response.body, "PUT /a%20b hello");
    client_text(&client, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    client_take(&client, &response);
    assert_string_equal(response.body, "POST / hello");
    client_text(&client, "GET http://other:80?q HTTP/1.1\r\n" HOST "\r\n");
    client_take(&client, &response);
    assert_string_equal(response.body, "GET / ");
}

static void test_head_has_no_body(void **state)
{
    (void)state;
    struct response response;
    char length[16];
    client.no_body = true;
    client_text(&client, "HEAD /a HTTP/1.1\r\n" HOST "\r\n");
    client_take(&client, &response);
    assert_string_equal(response_header(&response, "Content-Length", length, sizeof(length)), "8");
    // A body that HEAD brought is read as its body, and not as the next request.
    client_text(&client, "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    client_expect(&client, 200);
    client_text(&client, "HEAD /% HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&client, 400);
    client_expect_closed(&client);
}

static void test_no_content(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 1);
    http_respond(harness->pending[0], 204, NULL, 0, "not sent", 8);
    client_expect(&client, 204);
    assert_int_equal(client.length, 0);
    harness->pending_count = 0;
}

static void test_continue(void **state)
{
    struct harness *harness = *state;
    struct response response;
    client_text(&client, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client_take(&client, &response);
    assert_int_equal(response.status, 100);
    client_text(&client, "hello");
    client_expect(&client, 200);
    // Not asked for: the body came with the head, or there is none, or it is too large.
    client_text(&client, POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    client_expect(&client, 200);
    client_text(&client, GET "Expect: 100-continue\r\n\r\n");
    client_expect(&client, 200);
    client_text(&client, POST "Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n");
    client_expect(&client, 413);
    client_expect_closed(&client);
    assert_int_equal(harness->requests, 3);
}

static void test_request_id(void **state)
{
    (void)state;
    struct response response;
    char id[128];
    client_text(&client, GET "X-Request-Id: a.B-c_9\r\n\r\n");
    client_take(&client, &response);
    assert_string_equal(response_header(&response, "X-Request-Id", id, sizeof(id)), "a.B-c_9");
    client_text(&client, GET "X-Request-Id: a b\r\n\r\n");
    client_take(&client, &response);
    assert_int_equal(strlen(response_header(&response, "X-Request-Id", id, sizeof(id))), 32);
    client_text(&client, GET "X-Request-Id: a\r\nX-Request-Id: b\r\n\r\n");
    client_take(&client, &response);
    assert_int_equal(strlen(response_header(&response, "X-Request-Id", id, sizeof(id))), 32);
}

// A FIN behind requests that are complete is half of a close: all of them are answered, then the server closes.
static void test_half_close(void **state)
{
    (void)state;
    client_text(&client, GET "\r\n" GET "\r\n");
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    client_expect(&client, 200);
    client_expect(&client, 200);
    client_expect_closed(&client);
}

// The same while the first is still being answered: the rest is read from what was sent ahead, and what was cut off is refused.
static void test_half_close_behind_more(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    client_text(&client, GET "\r\n" GET "\r\nGE");
    harness_wait(harness, harness->pending_count == 1);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    harness_pump(harness);
    harness->answer = ANSWER_AT_ONCE;
    harness_echo(harness->pending[0]);
    client_expect(&client, 200);
    client_expect(&client, 200);
    client_expect(&client, 400);
    client_expect_closed(&client);
    harness->pending_count = 0;
}

static void on_gone(void *context, struct http_request *request, enum http_gone gone)
{
    (void)request;
    *(int *)context += gone == HTTP_GONE_HALF_CLOSED ? 1 : 100;
}

static void test_half_close_while_busy(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    int gone = 0;
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 1);
    http_on_gone(harness->pending[0], on_gone, &gone);
    assert_int_equal(shutdown(client.fd, SHUT_WR), 0);
    harness_wait(harness, gone > 0);
    assert_int_equal(gone, 1);
    harness_echo(harness->pending[0]);
    client_expect(&client, 200);
    client_expect_closed(&client);
    harness->pending_count = 0;
}

// A request that its client cut off is answered with 400: a client that closed only half is told.
static void test_cut_off(void **state)
{
    struct harness *harness = *state;
    client_text(&client, "GET / HT");
    shutdown(client.fd, SHUT_WR);
    client_expect(&client, 400);
    client_expect_closed(&client);
    client_close(&client);
    client_open(&client, harness);
    client_text(&client, POST "Content-Length: 5\r\n\r\nhell");
    shutdown(client.fd, SHUT_WR);
    client_expect(&client, 400);
    client_expect_closed(&client);
    client_close(&client);
    client_open(&client, harness);
    shutdown(client.fd, SHUT_WR);
    client_expect_closed(&client);
    assert_int_equal(harness->requests, 0);
}

// The request outlives its client, is told that it has gone, and its answer goes nowhere.
static void test_lost_client(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    int gone = 0;
    client_text(&client, POST "Content-Length: 5\r\n\r\nhello");
    harness_wait(harness, harness->pending_count == 1);
    struct http_request *request = harness->pending[0];
    http_on_gone(request, on_gone, &gone);
    client_close(&client);
    harness_wait(harness, gone > 0);
    assert_int_equal(gone, 100);
    uint64_t handle = http_request_handle(request);
    struct http_loop *loop = http_request_loop(request);
    assert_ptr_equal(http_loop_find(loop, handle), request);
    assert_string_equal(http_body(request), "hello");
    harness_echo(request);
    assert_null(http_loop_find(loop, handle));
    assert_true(harness->last.lost);
    struct http_counters counters;
    http_server_counters(harness->server, &counters);
    assert_int_equal(counters.lost, 1);
    assert_int_equal(counters.open, 0);
    assert_int_equal(counters.intake_bytes, 0);
    harness->pending_count = 0;
    client_open(&client, harness);
}

// A handle names one request: not the next one on the same connection, nor one that never was.
static void test_handles(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    struct http_loop *loop = http_server_loop(harness->server, 0);
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 1);
    uint64_t first = http_request_handle(harness->pending[0]);
    harness_echo(harness->pending[0]);
    client_expect(&client, 200);
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 2);
    uint64_t second = http_request_handle(harness->pending[1]);
    assert_true(first != 0 && second != 0 && first != second);
    assert_null(http_loop_find(loop, first));
    assert_ptr_equal(http_loop_find(loop, second), harness->pending[1]);
    assert_null(http_loop_find(loop, 0));
    assert_null(http_loop_find(loop, second + 1));
    harness_echo(harness->pending[1]);
    client_expect(&client, 200);
    harness->pending_count = 0;
}

// What is sent ahead is bounded: a client that pipelines without end is not read while its request is answered.
static void test_read_ahead_is_bounded(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 1);
    static char many[32768];
    size_t length = 0, sent = 0;
    while (length + sizeof(GET "\r\n") < sizeof(many)) {
        memcpy(many + length, GET "\r\n", sizeof(GET "\r\n") - 1);
        length += sizeof(GET "\r\n") - 1;
    }
    // Until the socket is full and stays so: nobody reads.
    for (int quiet = 0; quiet < 20;) {
        ssize_t now = send(client.fd, many, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += now > 0 ? (size_t)now : 0;
        quiet = now > 0 ? 0 : quiet + 1;
        harness_pump(harness);
        assert_true(sent < 100000000);
    }
    assert_int_equal(harness->requests, 1);
    harness->answer = ANSWER_AT_ONCE;
    harness_echo(harness->pending[0]);
    harness->pending_count = 0;
    // All of it was kept, here or in the socket: every request gets its answer.
    harness_wait(harness, (client.length = 0, client_read(&client), harness->requests == 1 + sent / (sizeof(GET) + 1)));
    assert_false(client.closed);
}

// A header that would split the answer is a fault of the handler, and the client is not to suffer more than a 500.
static void test_bad_headers_of_the_handler(void **state)
{
    struct harness *harness = *state;
    static const struct http_header bad[] = {{"X", "a\r\nY: b"},
                                             {"X", "a\nb"},
                                             {"X", "\x01"},
                                             {"X Y", "a"},
                                             {"", "a"},
                                             {"X:", "a"},
                                             {"Content-Length", "1"},
                                             {"date", "a"},
                                             {"Connection", "close"},
                                             {"Transfer-Encoding", "chunked"},
                                             {"X-Request-ID", "a"}};
    harness->answer = ANSWER_NEVER;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        client_text(&client, GET "\r\n");
        harness_wait(harness, harness->pending_count == 1);
        http_respond(harness->pending[0], 200, &bad[i], 1, "x", 1);
        client_expect(&client, 500);
        harness->pending_count = 0;
    }
}

static void on_release(void *context, const void *body, size_t length)
{
    assert_string_equal(body, "hello");
    assert_int_equal(length, 5);
    *(int *)context += 1;
}

static void test_body_taken(void **state)
{
    struct harness *harness = *state;
    harness->answer = ANSWER_NEVER;
    int released = 0;
    struct response response;
    client_text(&client, GET "\r\n");
    harness_wait(harness, harness->pending_count == 1);
    http_respond_taking(harness->pending[0], 200, NULL, 0, "hello", 5, on_release, &released);
    assert_int_equal(released, 1);
    client_take(&client, &response);
    assert_string_equal(response.body, "hello");
    client.no_body = true;
    client_text(&client, "HEAD / HTTP/1.1\r\n" HOST "\r\n");
    harness_wait(harness, harness->pending_count == 2);
    http_respond_taking(harness->pending[1], 200, NULL, 0, "hello", 5, on_release, &released);
    assert_int_equal(released, 2);
    client_expect(&client, 200);
    harness->pending_count = 0;
}

static void test_observer(void **state)
{
    struct harness *harness = *state;
    client_text(&client, POST "Content-Length: 5\r\n\r\nhello");
    client_expect(&client, 200);
    assert_int_equal(harness->answers, 1);
    assert_string_equal(harness->last.route, "a route");
    assert_int_equal(harness->last.status, 200);
    assert_int_equal(harness->last.bytes_in, 5);
    assert_int_equal(harness->last.bytes_out, strlen("POST / hello"));
    assert_false(harness->last.lost);
    client_text(&client, "GET / HTTP/1.1\r\n\r\n");
    client_expect(&client, 400);
    assert_int_equal(harness->answers, 2);
    assert_null(harness->last.route);
    assert_int_equal(harness->last.status, 400);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_later),
        cmocka_unit_test(test_answered_at_once),
        TEST(test_bodies),
        TEST(test_head_has_no_body),
        TEST(test_no_content),
        TEST(test_continue),
        TEST(test_request_id),
        TEST(test_half_close),
        TEST(test_half_close_behind_more),
        TEST(test_half_close_while_busy),
        TEST(test_cut_off),
        TEST(test_lost_client),
        TEST(test_handles),
        TEST(test_read_ahead_is_bounded),
        TEST(test_bad_headers_of_the_handler),
        TEST(test_body_taken),
        TEST(test_observer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
