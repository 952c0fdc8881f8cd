// SPDX-License-Identifier: Apache-2.0
//
// queue-sqlite: jobs, leases and receipts; and receives that wait, on one instance and on two.
#include "tests/unit/loop_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct test_host *host;
static struct test_plugin queue;
static char *folder;
static char *path;

static const struct ph_queue_operations *slots(void)
{
    return queue.descriptor->operations;
}

static struct test_call *send_call(struct test_plugin *to, unsigned number, uint32_t delay_ms)
{
    struct ph_job entry = {.id = id_from(number), .trace = text_from("trace"), .delay_ms = delay_ms};
    return test_call_start(to, PH_QUEUE_SEND, slots()->send, 1, &entry, sizeof(entry), 0);
}

static void send(unsigned number, uint32_t delay_ms)
{
    struct test_call *call = send_call(&queue, number, delay_ms);
    test_call_wait(call);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
}

static struct test_call *receive_start(uint32_t limit, uint32_t wait_ms, uint32_t lease_ms)
{
    struct ph_receive entry = {.limit = limit, .wait_ms = wait_ms, .lease_ms = lease_ms};
    return test_call_start(&queue, PH_QUEUE_RECEIVE, slots()->receive, 1, &entry, sizeof(entry),
                           sizeof(struct ph_received_jobs));
}

static struct test_call *receive(uint32_t limit, uint32_t wait_ms)
{
    struct test_call *call = receive_start(limit, wait_ms, 10000);
    test_call_wait(call);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    return call;
}

static const struct ph_received_jobs *jobs_of(const struct test_call *call)
{
    return call->call.outputs[0];
}

static size_t receive_count(uint32_t limit)
{
    struct test_call *call = receive(limit, 0);
    size_t count = jobs_of(call)->count;
    test_call_free(call);
    return count;
}

static enum ph_outcome with_receipt(enum ph_operation operation, ph_start_f *slot, struct ph_text receipt,
                                    uint32_t lease_ms)
{
    struct ph_receipt entry = {.id = id_from(1), .receipt = receipt, .lease_ms = lease_ms};
    struct test_call *call = test_call_run(&queue, operation, slot, 1, &entry, sizeof(entry), 0);
    enum ph_outcome outcome = test_outcome(call, 0);
    test_call_free(call);
    return outcome;
}

static enum ph_outcome remove_job(struct ph_text receipt)
{
    return with_receipt(PH_QUEUE_REMOVE, slots()->remove, receipt, 0);
}

static enum ph_outcome extend(struct ph_text receipt, uint32_t lease_ms)
{
    return with_receipt(PH_QUEUE_EXTEND, slots()->extend, receipt, lease_ms);
}

static struct ph_queue_stats stats(void)
{
    struct test_call *call =
        test_call_run(&queue, PH_QUEUE_STATS, slots()->stats, 1, NULL, 0, sizeof(struct ph_queue_stats));
    struct ph_queue_stats result = *(struct ph_queue_stats *)call->call.outputs[0];
    test_call_free(call);
    return result;
}

static void test_send_receive_remove(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        send(i, 0);
    struct test_call *call = receive(2, 0);
    assert_int_equal(jobs_of(call)->count, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct ph_id id = id_from(i + 1);
        assert_memory_equal(&jobs_of(call)->jobs[i]->id, &id, sizeof(id));
        assert_int_equal(jobs_of(call)->jobs[i]->receives, 1);
        assert_string_equal(jobs_of(call)->jobs[i]->trace.bytes, "trace");
    }
    assert_int_equal(stats().waiting, 1);
    assert_int_equal(stats().in_flight, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(remove_job(jobs_of(call)->jobs[0]->receipt), PH_OK);
    assert_int_equal(stats().in_flight, 1);
    assert_int_equal(extend(jobs_of(call)->jobs[0]->receipt, 1000), PH_NOT_FOUND);
    test_call_free(call);
    // Kept over a restart, the lease too.
    test_plugin_close(&queue);
    assert_true(test_plugin_open(&queue));
    assert_int_equal(receive_count(10), 1);
}

static void test_lease_ends(void **state)
{
    (void)state;
    send(1, 0);
    struct test_call *first = receive(10, 0);
    struct ph_text receipt = jobs_of(first)->jobs[0]->receipt;
    assert_int_equal(receive_count(10), 0);
    host->clock_offset += 9000;
    assert_int_equal(extend(receipt, 10000), PH_OK);
    host->clock_offset += 9000;
    assert_int_equal(receive_count(10), 0);
    host->clock_offset += 2000;
    assert_int_equal(stats().waiting, 1);
    assert_int_equal(extend(receipt, 10000), PH_NOT_FOUND);
    struct test_call *second = receive(10, 0);
    assert_int_equal(jobs_of(second)->jobs[0]->receives, 2);
    // The old receipt is worth nothing now.
    assert_int_equal(remove_job(receipt), PH_OK);
    assert_int_equal(extend(receipt, 0), PH_NOT_FOUND);
    assert_int_equal(stats().in_flight, 1);
    assert_int_equal(extend(jobs_of(second)->jobs[0]->receipt, 0), PH_OK);
    assert_int_equal(stats().waiting, 1);
    assert_int_equal(receive_count(10), 1);
    test_call_free(first);
    test_call_free(second);
}

static void test_odd_receipts(void **state)
{
    (void)state;
    static const char *const receipts[] = {"", "x", "0000000000000001000000000000000g",
                                           "00000000000000010000000000000000", "00000000000000010000000000000001"};
    send(1, 0);
    for (size_t i = 0; i < sizeof(receipts) / sizeof(receipts[0]); i++) {
        assert_int_equal(remove_job(text_from(receipts[i])), PH_OK);
        assert_int_equal(extend(text_from(receipts[i]), 1000), PH_NOT_FOUND);
    }
    assert_int_equal(stats().waiting, 1);
}

static void test_delay(void **state)
{
    (void)state;
    send(1, 5000);
    assert_int_equal(receive_count(10), 0);
    assert_int_equal(stats().delayed, 1);
    host->clock_offset += 5001;
    assert_int_equal(stats().waiting, 1);
    assert_int_equal(receive_count(10), 1);
}

static void test_wait_ends_with_nothing(void **state)
{
    (void)state;
    struct test_call *call = receive(10, 250);
    assert_int_equal(jobs_of(call)->count, 0);
    test_call_free(call);
}

// The wait is far longer than the test may last: what ends it is the job.
static void test_wait_is_woken(void **state)
{
    (void)state;
    struct test_call *waits[3];
    for (size_t i = 0; i < 3; i++)
        waits[i] = receive_start(1, 3600000, 10000);
    for (unsigned i = 0; i < 3; i++) {
        send(i, 0);
        test_call_wait(waits[i]);
        assert_int_equal(jobs_of(waits[i])->count, 1);
        test_call_free(waits[i]);
    }
}

static void test_wait_sees_another_instance(void **state)
{
    (void)state;
    struct test_plugin other;
    test_plugin_load(&other, host, "queue", path);
    assert_true(test_plugin_open(&other));
    struct test_call *wait = receive_start(1, 3600000, 10000);
    struct test_call *sent = send_call(&other, 7, 50);
    test_call_wait(sent);
    test_call_free(sent);
    test_call_wait(wait);
    assert_int_equal(jobs_of(wait)->count, 1);
    test_call_free(wait);
    test_plugin_close(&other);
}

static void test_cancelled_wait(void **state)
{
    (void)state;
    struct test_call *wait = receive_start(1, 3600000, 10000);
    struct test_call *pause = receive(1, 150);
    test_call_free(pause);
    struct ph_cancel entry = {.call = &wait->call};
    struct test_call *cancel =
        test_call_run(&queue, PH_CANCEL, queue.descriptor->common->cancel, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(cancel, 0), PH_OK);
    test_call_wait(wait);
    assert_int_equal(jobs_of(wait)->count, 0);
    test_call_free(cancel);
    cancel = test_call_run(&queue, PH_CANCEL, queue.descriptor->common->cancel, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(cancel, 0), PH_NOT_FOUND);
    test_call_free(cancel);
    test_call_free(wait);
}

// A helper thread may still come back for a call that was cancelled: the file is closed after it. ThreadSanitizer sees
// when it is not.
static void test_close_behind_a_cancelled_call(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct test_plugin other;
        test_plugin_load(&other, host, "queue", path);
        assert_true(test_plugin_open(&other));
        struct test_call *sent = send_call(&other, 1000 + round, 0);
        struct ph_cancel entry = {.call = &sent->call};
        test_call_free(test_call_run(&other, PH_CANCEL, other.descriptor->common->cancel, 1, &entry, sizeof(entry), 0));
        test_call_wait(sent);
        test_plugin_close(&other);
        test_call_free(sent);
    }
}

static void test_receives_get_each_job_once(void **state)
{
    (void)state;
    enum { JOBS = 200, RECEIVES = 8 };
    bool seen[JOBS] = {false};
    struct test_call *calls[RECEIVES];
    for (unsigned i = 0; i < JOBS; i++)
        send(i, 0);
    for (size_t i = 0; i < RECEIVES; i++)
        calls[i] = receive_start(JOBS / RECEIVES, 1000, 10000);
    for (size_t i = 0; i < RECEIVES; i++) {
        test_call_wait(calls[i]);
        for (size_t k = 0; k < jobs_of(calls[i])->count; k++) {
            unsigned number = jobs_of(calls[i])->jobs[k]->id.bytes[15];
            assert_false(seen[number]);
            seen[number] = true;
        }
        test_call_free(calls[i]);
    }
    for (size_t i = 0; i < JOBS; i++)
        assert_true(seen[i]);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new();
    folder = test_folder_make();
    path = test_path(folder, "test.db");
    test_plugin_load(&queue, host, "queue", path);
    if (!test_plugin_open(&queue))
        fail_msg("%s", queue.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_plugin_close(&queue);
    test_host_free(host);
    test_folder_remove(folder);
    free(path);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_send_receive_remove),
        TEST(test_lease_ends),
        TEST(test_odd_receipts),
        TEST(test_delay),
        TEST(test_wait_ends_with_nothing),
        TEST(test_wait_is_woken),
        TEST(test_wait_sees_another_instance),
        TEST(test_cancelled_wait),
        TEST(test_close_behind_a_cancelled_call),
        TEST(test_receives_get_each_job_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
