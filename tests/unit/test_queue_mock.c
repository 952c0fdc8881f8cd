// SPDX-License-Identifier: Apache-2.0
//
// The mock queue: leases, receipts, delays, waiting. The host's clock is the test's; the waits' timer is real, so a
// test that needs it turns the host until the call has completed.
#include "plugins/queue-mock/queue.h"
#include "tests/unit/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

static const struct ph_queue_operations *slots(const struct fake_host *fake)
{
    return fake->plugin->operations;
}

static struct fake_host *queue_with(int64_t limit)
{
    struct queue_config config = {.limit = limit};
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, "plugins/queue-mock/.libs/queue-mock.so", &config), PH_OK);
    return fake;
}

static int setup(void **state)
{
    *state = queue_with(1000);
    return 0;
}

static int teardown(void **state)
{
    fake_host_free(*state);
    return 0;
}

static enum ph_outcome send_job(struct fake_host *fake, uint64_t number, uint32_t delay_ms)
{
    struct ph_job job = {.id = id_of(number), .trace = text_of("00-trace"), .delay_ms = delay_ms};
    return fake_one(fake, slots(fake)->send, &job, NULL, 0);
}

static struct ph_received_jobs receive(struct fake_host *fake, uint32_t limit)
{
    struct ph_receive entry = {.limit = limit, .lease_ms = 1000};
    struct ph_received_jobs jobs;
    assert_int_equal(fake_one(fake, slots(fake)->receive, &entry, &jobs, sizeof(jobs)), PH_OK);
    return jobs;
}

static enum ph_outcome remove_job(struct fake_host *fake, const struct ph_received *job)
{
    struct ph_receipt entry = {.id = job->id, .receipt = job->receipt};
    return fake_one(fake, slots(fake)->remove, &entry, NULL, 0);
}

static enum ph_outcome extend_job(struct fake_host *fake, const struct ph_received *job, uint32_t lease_ms)
{
    struct ph_receipt entry = {.id = job->id, .receipt = job->receipt, .lease_ms = lease_ms};
    return fake_one(fake, slots(fake)->extend, &entry, NULL, 0);
}

static struct ph_queue_stats stats(struct fake_host *fake)
{
    struct ph_queue_stats counts;
    assert_int_equal(fake_one(fake, slots(fake)->stats, NULL, &counts, sizeof(counts)), PH_OK);
    return counts;
}

static void test_jobs_come_in_order(void **state)
{
    struct fake_host *fake = *state;
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(send_job(fake, i, 0), PH_OK);
    struct ph_received_jobs jobs = receive(fake, 3);
    assert_int_equal(jobs.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(&jobs.jobs[i]->id, &(struct ph_id[]){id_of(i + 1)}[0], sizeof(struct ph_id));
        assert_int_equal(jobs.jobs[i]->receives, 1);
        assert_string_equal(jobs.jobs[i]->trace.bytes, "00-trace");
        assert_int_equal(remove_job(fake, jobs.jobs[i]), PH_OK);
        assert_int_equal(remove_job(fake, jobs.jobs[i]), PH_OK);
    }
    assert_int_equal(receive(fake, 10).count, 2);
    assert_int_equal(receive(fake, 10).count, 0);
}

static void test_leases_end(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    struct ph_received_jobs first = receive(fake, 1);
    fake->now += 999;
    assert_int_equal(receive(fake, 1).count, 0);
    fake->now += 1;
    assert_int_equal(extend_job(fake, first.jobs[0], 1000), PH_NOT_FOUND);
    assert_int_equal(send_job(fake, 2, 0), PH_OK);
    struct ph_received_jobs second = receive(fake, 10);
    assert_int_equal(second.count, 2);
    assert_int_equal(second.jobs[0]->receives, 2);            // the older one first
    assert_int_equal(remove_job(fake, first.jobs[0]), PH_OK); // an old receipt does nothing
    assert_int_equal(extend_job(fake, first.jobs[0], 0), PH_NOT_FOUND);
    assert_int_equal(stats(fake).in_flight, 2);
    assert_int_equal(remove_job(fake, second.jobs[0]), PH_OK);
    assert_int_equal(stats(fake).in_flight, 1);
}

static void test_extend(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    struct ph_received_jobs jobs = receive(fake, 1);
    assert_int_equal(extend_job(fake, jobs.jobs[0], 5000), PH_OK);
    fake->now += 4999;
    assert_int_equal(receive(fake, 1).count, 0);
    assert_int_equal(extend_job(fake, jobs.jobs[0], 0), PH_OK); // given back
    assert_int_equal(extend_job(fake, jobs.jobs[0], 0), PH_NOT_FOUND);
    assert_int_equal(receive(fake, 1).count, 1);
}

static void test_delays(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(send_job(fake, 1, 2000), PH_OK);
    assert_int_equal(send_job(fake, 2, 1000), PH_OK);
    assert_int_equal(stats(fake).delayed, 2);
    fake->now += 1000;
    struct ph_received_jobs jobs = receive(fake, 10);
    assert_int_equal(jobs.count, 1);
    assert_int_equal(jobs.jobs[0]->id.bytes[15], 2);
    fake->now += 1000;
    assert_int_equal(stats(fake).waiting, 2);
    assert_int_equal(stats(fake).oldest_ms, 1000);
}

static void test_bad_receipts(void **state)
{
    struct fake_host *fake = *state;
    static const char *const receipts[] = {"", "x", "000000000000000100000001", "00000000000000010000000g"};
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    for (size_t i = 0; i < sizeof(receipts) / sizeof(receipts[0]); i++) {
        struct ph_received job = {.id = id_of(1), .receipt = text_of(receipts[i])};
        assert_int_equal(remove_job(fake, &job), PH_OK);
        assert_int_equal(extend_job(fake, &job, 0), PH_NOT_FOUND);
    }
    assert_int_equal(stats(fake).waiting, 1);
}

static void test_send_is_bounded(void **state)
{
    (void)state;
    struct fake_host *fake = queue_with(2);
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    assert_int_equal(send_job(fake, 2, 5), PH_OK);
    assert_int_equal(send_job(fake, 3, 0), PH_UNAVAILABLE);
    struct ph_received_jobs jobs = receive(fake, 1);
    assert_int_equal(send_job(fake, 3, 0), PH_UNAVAILABLE);
    assert_int_equal(remove_job(fake, jobs.jobs[0]), PH_OK);
    assert_int_equal(send_job(fake, 3, 0), PH_OK);
    fake_host_free(fake);
}

static void test_no_arena_no_receive(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    struct ph_receive entry = {.limit = 1, .lease_ms = 1000};
    fake->arena_left = 16;
    assert_int_equal(fake_one(fake, slots(fake)->receive, &entry, NULL, 0), PH_INTERNAL);
    fake->arena_left = SIZE_MAX;
    assert_int_equal(receive(fake, 1).jobs[0]->receives, 1);
}

static void start_waiting(struct fake_call *call, struct fake_host *fake, const struct ph_receive *entry)
{
    fake_call_init(call, fake, (const void *const *)&entry, 1);
    fake_start(call, slots(fake)->receive);
    assert_int_equal(call->completed, 0);
}

static size_t received_count(const struct fake_call *call)
{
    return ((const struct ph_received_jobs *)(const void *)&call->outputs[0])->count;
}

static void test_a_send_ends_the_first_wait(void **state)
{
    struct fake_host *fake = *state;
    struct ph_receive entry = {.limit = 10, .wait_ms = 20000, .lease_ms = 1000};
    struct fake_call first;
    struct fake_call second;
    start_waiting(&first, fake, &entry);
    start_waiting(&second, fake, &entry);
    assert_int_equal(send_job(fake, 1, 0), PH_OK);
    assert_int_equal(first.completed, 1);
    assert_int_equal(received_count(&first), 1);
    assert_int_equal(second.completed, 0);
    assert_int_equal(send_job(fake, 2, 0), PH_OK);
    assert_int_equal(received_count(&second), 1);
}

static void test_a_wait_ends_by_itself(void **state)
{
    struct fake_host *fake = *state;
    struct ph_receive entry = {.limit = 10, .wait_ms = 5, .lease_ms = 1000};
    struct fake_call call;
    start_waiting(&call, fake, &entry);
    fake->now += 4;
    for (int i = 0; i < 3; i++)
        fake_turn(fake);
    assert_int_equal(call.completed, 0);
    fake->now += 1;
    while (!call.completed)
        fake_turn(fake);
    assert_int_equal(call.results[0].outcome, PH_OK);
    assert_int_equal(received_count(&call), 0);
}

static void test_a_wait_sees_what_comes_due(void **state)
{
    struct fake_host *fake = *state;
    struct ph_receive entry = {.limit = 10, .wait_ms = 20000, .lease_ms = 1000};
    struct fake_call call;
    assert_int_equal(send_job(fake, 1, 5), PH_OK);
    start_waiting(&call, fake, &entry);
    fake->now += 5;
    while (!call.completed)
        fake_turn(fake);
    assert_int_equal(received_count(&call), 1);
    start_waiting(&call, fake, &entry); // and a job given back
    struct ph_received_jobs *jobs = (struct ph_received_jobs *)(void *)&call.outputs[0];
    assert_int_equal(jobs->count, 0);
    fake->now += 1000;
    while (!call.completed)
        fake_turn(fake);
    assert_int_equal(jobs->count, 1);
    assert_int_equal(jobs->jobs[0]->receives, 2);
}

static enum ph_outcome cancel(struct fake_host *fake, struct fake_call *victim)
{
    struct ph_cancel entry = {.call = &victim->call};
    return fake_one(fake, fake->plugin->common->cancel, &entry, NULL, 0);
}

static void test_cancel(void **state)
{
    struct fake_host *fake = *state;
    struct ph_receive entry = {.limit = 10, .wait_ms = 20000, .lease_ms = 1000};
    struct fake_call first;
    struct fake_call second;
    start_waiting(&first, fake, &entry);
    start_waiting(&second, fake, &entry);
    assert_int_equal(cancel(fake, &second), PH_OK);
    assert_int_equal(second.completed, 1);
    assert_int_equal(second.results[0].outcome, PH_OK);
    assert_int_equal(cancel(fake, &second), PH_NOT_FOUND);
    assert_int_equal(first.completed, 0);
    assert_int_equal(cancel(fake, &first), PH_OK);
}

static void test_receive_is_alone(void **state)
{
    struct fake_host *fake = *state;
    struct ph_receive entry = {.limit = 10};
    const void *entries[] = {&entry, &entry};
    struct fake_call call;
    fake_call_init(&call, fake, entries, 2);
    fake_start(&call, slots(fake)->receive);
    assert_int_equal(call.results[1].outcome, PH_INVALID);
    fake_call_init(&call, fake, NULL, 0);
    fake_start(&call, slots(fake)->receive);
    assert_int_equal(call.completed, 1);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_jobs_come_in_order),
        QUEUE_TEST(test_leases_end),
        QUEUE_TEST(test_extend),
        QUEUE_TEST(test_delays),
        QUEUE_TEST(test_bad_receipts),
        cmocka_unit_test(test_send_is_bounded),
        QUEUE_TEST(test_no_arena_no_receive),
        QUEUE_TEST(test_a_send_ends_the_first_wait),
        QUEUE_TEST(test_a_wait_ends_by_itself),
        QUEUE_TEST(test_a_wait_sees_what_comes_due),
        QUEUE_TEST(test_cancel),
        QUEUE_TEST(test_receive_is_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
