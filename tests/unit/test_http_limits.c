// SPDX-License-Identifier: Apache-2.0
//
// What a client may take: time in each phase, connections, bytes of bodies, output that it does not read. While one client is
// slow or greedy, another one is served.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/http_harness.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
// Long enough to be in the phase, short enough for a test.
#define SHORT_MS 60
// A deadline that a busy machine keeps, too: for what must not pass it.
#define PATIENT_MS 1500
#define LONG_MS 60000

static struct client slow, other, third;
static struct harness harness;

static int set_up(void **state)
{
    (void)state;
    harness_init(&harness);
    struct http_limits *limits = &harness.config.limits;
    limits->header_timeout = limits->body_timeout = limits->idle_timeout = limits->write_timeout = LONG_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stop(&harness);
    return 0;
}

static struct http_counters counters(void)
{
    struct http_counters result;
    http_server_counters(harness.server, &result);
    return result;
}

static void serve_other(void)
{
    client_text(&other, GET);
    client_expect(&other, 200);
}

// Sends one byte after the other until the answer comes; each of them would have re-armed a simple timer.
static void drip_until_answered(struct client *client, char byte)
{
    for (int i = 0; client->length == 0 && !client->closed; i++) {
        assert_true(i < 10000);
        client_send(client, &byte, 1);
        serve_other();
        poll(NULL, 0, 1); // the pace of a slow client
        client_read(client);
    }
}

static void test_slow_head(void **state)
{
    (void)state;
    harness.config.limits.header_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&other, &harness);
    serve_other();
    client_open(&slow, &harness);
    client_text(&slow, "GET / HTTP/1.1\r\nX: ");
    drip_until_answered(&slow, 'a');
    client_expect(&slow, 408);
    client_expect_closed(&slow);
    assert_int_equal(counters().timed_out, 1);
    client_close(&slow);
    client_close(&other);
}

// A later request's time runs from its first byte.
static void test_slow_second_head(void **state)
{
    (void)state;
    harness.config.limits.header_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&other, &harness);
    serve_other(); // at once: its own first head has a deadline, too
    client_open(&slow, &harness);
    client_text(&slow, GET);
    client_expect(&slow, 200);
    client_text(&slow, "G");
    serve_other();
    client_expect(&slow, 408);
    client_expect_closed(&slow);
    client_close(&slow);
    client_close(&other);
}

// Who never says a word is closed without one.
static void test_silent(void **state)
{
    (void)state;
    harness.config.limits.header_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_expect_closed(&slow);
    assert_int_equal(counters().timed_out, 1);
    client_close(&slow);
}

static void test_slow_body(void **state)
{
    (void)state;
    harness.config.limits.body_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&other, &harness);
    client_open(&slow, &harness);
    client_text(&slow, POST "Content-Length: 100000\r\n\r\n");
    drip_until_answered(&slow, 'a');
    client_expect(&slow, 408);
    client_expect_closed(&slow);
    assert_int_equal(counters().intake_bytes, 0);
    client_close(&slow);
    client_close(&other);
}

static void test_slow_chunks(void **state)
{
    (void)state;
    harness.config.limits.body_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&other, &harness);
    client_open(&slow, &harness);
    client_text(&slow, POST "Transfer-Encoding: chunked\r\n\r\nfffff;");
    drip_until_answered(&slow, 'a');
    client_expect(&slow, 408);
    client_expect_closed(&slow);
    client_close(&slow);
    client_close(&other);
}

static void test_idle(void **state)
{
    (void)state;
    harness.config.limits.idle_timeout = SHORT_MS;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, GET);
    client_expect(&slow, 200);
    client_expect_closed(&slow);
    assert_int_equal(counters().timed_out, 0);
    client_close(&slow);
}

// A handler may take longer than any of the client's deadlines.
static void test_busy_has_no_deadline(void **state)
{
    (void)state;
    struct http_limits *limits = &harness.config.limits;
    limits->header_timeout = limits->body_timeout = limits->idle_timeout = limits->write_timeout = SHORT_MS;
    harness.answer = ANSWER_NEVER;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, GET);
    harness_wait(&harness, harness.pending_count == 1);
    client_open(&other, &harness);
    client_expect_closed(&other); // its time, as long as any, has passed
    client_close(&other);
    harness_echo(harness.pending[0]);
    client_expect(&slow, 200);
    client_close(&slow);
}

static int released;

static void on_release(void *context, const void *body, size_t length)
{
    (void)context;
    (void)length;
    free((void *)(uintptr_t)body);
    released++;
}

// An answer larger than any socket buffer, to a client that does not read it.
#define LARGE ((size_t)48 << 20)
static void answer_large(struct http_request *request)
{
    char *body = malloc(LARGE);
    assert_non_null(body);
    memset(body, 'b', LARGE);
    released = 0;
    http_respond_taking(request, 200, NULL, 0, body, LARGE, on_release, NULL);
    assert_int_equal(released, 0);
}

static void test_write_stall(void **state)
{
    (void)state;
    harness.config.limits.write_timeout = SHORT_MS;
    harness.answer = ANSWER_NEVER;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, GET);
    harness_wait(&harness, harness.pending_count == 1);
    answer_large(harness.pending[0]);
    harness.answer = ANSWER_AT_ONCE;
    client_open(&other, &harness);
    serve_other();
    harness_wait(&harness, counters().timed_out == 1);
    assert_int_equal(released, 1);
    assert_int_equal(counters().open, 1);
    client_close(&slow);
    client_close(&other);
}

// Slow is not stalled: who takes some of it in each deadline gets all of it, however long that lasts.
static void test_slow_reader(void **state)
{
    (void)state;
    harness.config.limits.write_timeout = PATIENT_MS;
    harness.answer = ANSWER_NEVER;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, GET);
    harness_wait(&harness, harness.pending_count == 1);
    answer_large(harness.pending[0]);
    static char buffer[1 << 18];
    size_t got = 0;
    while (got < LARGE) {
        ssize_t now = recv(slow.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(now > 0 || (now < 0 && errno == EAGAIN));
        got += now > 0 ? (size_t)now : 0;
        harness_pump(&harness);
        poll(NULL, 0, 10); // so often that all of it lasts longer than the deadline
    }
    assert_int_equal(counters().timed_out, 0);
    client_close(&slow);
}

// The same answer to a client that reads arrives whole, and the connection goes on.
static void test_large_answer(void **state)
{
    (void)state;
    harness.answer = ANSWER_NEVER;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, GET);
    harness_wait(&harness, harness.pending_count == 1);
    answer_large(harness.pending[0]);
    harness.answer = ANSWER_AT_ONCE;
    client_text(&slow, GET); // sent ahead, while the answer is on its way
    size_t got = slow.length;
    static char buffer[1 << 20];
    while (got < LARGE) {
        ssize_t now = recv(slow.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        assert_true(now > 0 || (now < 0 && errno == EAGAIN));
        got += now > 0 ? (size_t)now : 0;
        harness_pump(&harness);
    }
    assert_int_equal(released, 1);
    harness_wait(&harness, harness.requests == 2);
    client_close(&slow);
}

static void test_cap_pushes_out_the_longest_in_its_head(void **state)
{
    (void)state;
    harness.config.limits.connections_max = 2;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, "GET / HT");
    client_open(&other, &harness);
    serve_other();
    client_open(&third, &harness);
    client_text(&third, GET);
    client_expect(&third, 200);
    client_expect_closed(&slow);
    assert_int_equal(counters().refused, 1);
    assert_int_equal(counters().open, 2);
    client_close(&slow);
    client_close(&other);
    client_close(&third);
}

static void test_cap_refuses(void **state)
{
    (void)state;
    harness.config.limits.connections_max = 1;
    harness_start(&harness);
    client_open(&other, &harness);
    serve_other();
    client_open(&third, &harness);
    struct response response = {.status = 0};
    char after[8];
    client_take(&third, &response);
    assert_int_equal(response.status, 503);
    assert_non_null(response_header(&response, "Retry-After", after, sizeof(after)));
    client_expect_closed(&third);
    serve_other();
    assert_int_equal(counters().refused, 1);
    client_close(&other);
    client_close(&third);
}

static void test_intake(void **state)
{
    (void)state;
    harness.config.limits.body_max = 100000;
    harness.config.limits.intake_max = 100000;
    harness.answer = ANSWER_NEVER;
    harness_start(&harness);
    static char body[60000];
    memset(body, 'a', sizeof(body));
    client_open(&slow, &harness);
    client_text(&slow, POST "Content-Length: 60000\r\n\r\n");
    client_send(&slow, body, sizeof(body));
    harness_wait(&harness, harness.pending_count == 1);
    assert_int_equal(counters().intake_bytes, 60000);
    // What is announced and would not fit is refused at once; so is what grows beyond it unannounced.
    client_open(&other, &harness);
    client_text(&other, POST "Content-Length: 60000\r\n\r\n");
    client_expect(&other, 503);
    client_expect_closed(&other);
    client_open(&third, &harness);
    client_text(&third, POST "Transfer-Encoding: chunked\r\n\r\nea60\r\n");
    client_send(&third, body, sizeof(body));
    client_expect(&third, 503);
    client_expect_closed(&third);
    // What is answered makes room.
    harness_echo(harness.pending[0]);
    client_expect(&slow, 200);
    assert_int_equal(counters().intake_bytes, 0);
    client_text(&slow, POST "Content-Length: 60000\r\n\r\n");
    client_send(&slow, body, sizeof(body));
    harness_wait(&harness, harness.pending_count == 2);
    assert_int_equal(http_body_length(harness.pending[1]), sizeof(body));
    assert_memory_equal(http_body(harness.pending[1]), body, sizeof(body));
    harness_echo(harness.pending[1]);
    client_close(&slow);
    client_close(&other);
    client_close(&third);
}

// What is only announced costs nothing.
static void test_announced_is_not_held(void **state)
{
    (void)state;
    harness_start(&harness);
    client_open(&slow, &harness);
    client_text(&slow, POST "Content-Length: 1000000\r\n\r\nabc");
    harness_pump(&harness);
    assert_true(counters().intake_bytes < 20000);
    client_close(&slow);
    harness_wait(&harness, counters().open == 0);
    assert_int_equal(counters().intake_bytes, 0);
}

// The answer to a request that was not read to its end arrives, though the client reads it only after it has sent a lot more:
// a socket closed with unread bytes would have reset the connection, and the answer with it.
static void test_early_answer_arrives(void **state)
{
    (void)state;
    harness_start(&harness);
    static char body[1 << 20];
    client_open(&slow, &harness);
    client_text(&slow, POST "Content-Length: 20000000\r\n");
    static const char end[] = "\r\n";
    assert_int_equal(send(slow.fd, end, 2, MSG_NOSIGNAL), 2);
    for (int i = 0; i < 40; i++) {
        ssize_t sent = send(slow.fd, body, sizeof(body), MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(sent > 0 || errno == EAGAIN);
        harness_pump(&harness);
    }
    client_expect(&slow, 413);
    client_expect_closed(&slow);
    assert_false(slow.reset);
    client_close(&slow);
}

static void test_head_limits(void **state)
{
    (void)state;
    harness_start(&harness);
    static char text[20000];
    memset(text, 'a', sizeof(text));
    client_open(&slow, &harness);
    client_text(&slow, "GET /");
    client_send(&slow, text, 8193);
    client_text(&slow, " HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&slow, 414);
    client_expect_closed(&slow);
    client_close(&slow);
    client_open(&slow, &harness);
    client_text(&slow, "GET / HTTP/1.1\r\n" HOST "X: ");
    client_send(&slow, text, 17000);
    client_expect(&slow, 431);
    client_expect_closed(&slow);
    client_close(&slow);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_slow_head),
        TEST(test_slow_second_head),
        TEST(test_silent),
        TEST(test_slow_body),
        TEST(test_slow_chunks),
        TEST(test_idle),
        TEST(test_busy_has_no_deadline),
        TEST(test_write_stall),
        TEST(test_slow_reader),
        TEST(test_large_answer),
        TEST(test_cap_pushes_out_the_longest_in_its_head),
        TEST(test_cap_refuses),
        TEST(test_intake),
        TEST(test_announced_is_not_held),
        TEST(test_early_answer_arrives),
        TEST(test_head_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
