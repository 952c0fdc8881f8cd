// SPDX-License-Identifier: Apache-2.0
//
// Draining: nobody new, everybody who is being served, and word when the last one has gone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/http_harness.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct client one, two, three;
static struct harness harness;

static void on_drained(void *context)
{
    struct harness *drained = context;
    assert_false(drained->drained);
    drained->drained = true;
}

static int set_up(void **state)
{
    (void)state;
    harness_init(&harness);
    harness_start(&harness);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_stop(&harness);
    return 0;
}

static void expect_last(struct client *client)
{
    struct response response = {.status = 0};
    char connection[32] = "";
    client_take(client, &response);
    assert_int_equal(response.status, 200);
    assert_non_null(response_header(&response, "Connection", connection, sizeof(connection)));
    assert_string_equal(connection, "close");
    client_expect_closed(client);
    client_close(client);
}

static void test_nothing_to_wait_for(void **state)
{
    (void)state;
    http_server_drain(harness.server, on_drained, &harness);
    assert_false(harness.drained);
    harness_wait(&harness, harness.drained);
}

static void test_idle_are_closed(void **state)
{
    (void)state;
    client_open(&one, &harness);
    client_text(&one, GET);
    client_expect(&one, 200);
    client_open(&two, &harness);
    harness_pump(&harness);
    http_server_drain(harness.server, on_drained, &harness);
    client_expect_closed(&one);
    client_expect_closed(&two);
    harness_wait(&harness, harness.drained);
    client_close(&one);
    client_close(&two);
}

// What has begun is finished: a request in the handler's hands, one in its head, one in its body.
static void test_begun_is_answered(void **state)
{
    (void)state;
    harness.answer = ANSWER_NEVER;
    client_open(&one, &harness);
    client_text(&one, GET);
    harness_wait(&harness, harness.pending_count == 1);
    client_open(&two, &harness);
    client_text(&two, "GET / HTTP/1.1\r\n");
    client_open(&three, &harness);
    client_text(&three, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhe");
    http_server_drain(harness.server, on_drained, &harness);
    harness_pump(&harness);
    harness_pump(&harness);
    harness_echo(harness.pending[0]);
    expect_last(&one);
    harness.answer = ANSWER_AT_ONCE;
    client_text(&two, HOST "\r\n");
    expect_last(&two);
    assert_false(harness.drained);
    client_text(&three, "llo");
    expect_last(&three);
    harness_wait(&harness, harness.drained);
    harness.pending_count = 0;
}

// A request that was sent before anybody could know, on a new connection and on an idle one.
static void test_sent_just_before(void **state)
{
    (void)state;
    client_open(&one, &harness);
    client_text(&one, GET);
    client_expect(&one, 200);
    // The loop finds the word to drain before the new connection, which it must look for then.
    http_server_drain(harness.server, on_drained, &harness);
    client_open(&two, &harness);
    assert_int_equal(send(one.fd, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    assert_int_equal(send(two.fd, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    expect_last(&one);
    expect_last(&two);
    harness_wait(&harness, harness.drained);
}

// A client that has gone leaves a request that must be answered before the drain is over.
static void test_lost_request(void **state)
{
    (void)state;
    harness.answer = ANSWER_NEVER;
    client_open(&one, &harness);
    client_text(&one, GET);
    harness_wait(&harness, harness.pending_count == 1);
    http_server_drain(harness.server, on_drained, &harness);
    client_close(&one);
    struct http_counters counters;
    harness_wait(&harness, (http_server_counters(harness.server, &counters), counters.lost == 1));
    harness_pump(&harness);
    assert_false(harness.drained);
    harness_echo(harness.pending[0]);
    harness_wait(&harness, harness.drained);
}

struct late {
    struct mailbox_item item;
    struct http_request *request;
};

static void answer_late(struct mailbox_item *item)
{
    harness_echo(((struct late *)item)->request);
}

static void on_gone(void *context, struct http_request *request, enum http_gone gone)
{
    (void)request;
    (void)gone;
    *(int *)context += 1;
}

// Whoever waits no longer may destroy the server with requests unanswered.
static void test_destroyed_while_busy(void **state)
{
    (void)state;
    harness.answer = ANSWER_NEVER;
    client_open(&one, &harness);
    client_text(&one, GET);
    client_open(&two, &harness);
    client_text(&two, GET);
    harness_wait(&harness, harness.pending_count == 2);
    http_server_drain(harness.server, on_drained, &harness);
    harness_pump(&harness);
    int gone = 0;
    http_on_gone(harness.pending[0], on_gone, &gone);
    http_server_stop(harness.server);
    client_expect_closed(&one);
    client_close(&one);
    client_close(&two);
    // One is answered after the end, by a late letter; the other one never.
    struct late late = {.item.run = answer_late, .request = harness.pending[0]};
    mailbox_push(http_loop_mailbox(http_server_loop(harness.server, 0)), &late.item);
    size_t answers = harness.answers;
    http_server_destroy(&harness.server);
    assert_int_equal(harness.answers, answers + 1);
    assert_true(harness.last.lost);
    assert_int_equal(gone, 0);
    assert_false(harness.drained);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_wait_for), TEST(test_idle_are_closed), TEST(test_begun_is_answered),
        TEST(test_sent_just_before),    TEST(test_lost_request),    TEST(test_destroyed_while_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
