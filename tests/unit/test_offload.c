// SPDX-License-Identifier: Apache-2.0
//
// core/offload: order by key, side by side without one, the limit, taking back, stopping.
//
// Work that must not end yet waits on a gate that the test opens; nothing here depends on how long anything takes.
#include "tests/unit/unit.h"

#include "core/offload.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int inside;
    bool open;
};

#define GATE_INIT                                                               \
    {                                                                           \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

struct job {
    int number;
    struct gate *gate;
    _Atomic int *running; ///< jobs of one key at work now
    int *order;           ///< where `work` notes its number
    int *order_count;
    bool worked;
    int done;
    struct offload *pool;
};

static struct event_base *base;
static int done_count;
static int done_order[100000];
static pthread_t loop_thread;

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    done_count = 0;
    loop_thread = pthread_self();
    return base == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    return 0;
}

static void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->inside++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_wait_for(struct gate *gate, int inside)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->inside < inside) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void work(void *context)
{
    struct job *job = context;
    if (pthread_equal(pthread_self(), loop_thread)) {
        abort();
    }
    if (job->running != NULL && atomic_fetch_add(job->running, 1) != 0) {
        abort(); // another job of the key is at work
    }
    if (job->gate != NULL) {
        gate_pass(job->gate);
    }
    if (job->order != NULL) {
        job->order[(*job->order_count)++] = job->number; // no lock: the key is the lock
    }
    if (job->running != NULL) {
        atomic_fetch_sub(job->running, 1);
    }
}

static void done(void *context, bool worked)
{
    struct job *job = context;
    assert_true(pthread_equal(pthread_self(), loop_thread));
    job->worked = worked;
    job->done++;
    done_order[done_count++] = job->number;
}

static void run_until_done(int count)
{
    while (done_count < count) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static void test_done_is_never_inside_the_call(void **state)
{
    (void)state;
    struct offload *pool = offload_new(base, 2, 10);
    struct job job = {.number = 5};
    assert_non_null(offload_run(pool, NULL, 0, work, done, &job));
    assert_int_equal(job.done, 0);
    assert_int_equal(offload_pending(pool), 1);
    run_until_done(1);
    assert_true(job.worked);
    assert_int_equal(job.done, 1);
    assert_int_equal(offload_pending(pool), 0);
    offload_free(pool);
    offload_free(NULL);
}

#define KEYS 5
#define PER_KEY 400

static void test_order_by_key(void **state)
{
    (void)state;
    static struct job jobs[KEYS][PER_KEY];
    static int orders[KEYS][PER_KEY];
    int counts[KEYS] = {0};
    _Atomic int running[KEYS] = {0};
    int next[KEYS] = {0};
    struct offload *pool = offload_new(base, 4, (size_t)KEYS * PER_KEY);
    for (int i = 0; i < PER_KEY; i++) {
        for (int key = 0; key < KEYS; key++) {
            char name[2] = {'k', (char)('0' + key)};
            jobs[key][i] = (struct job){.number = key * PER_KEY + i,
                                        .running = &running[key],
                                        .order = orders[key],
                                        .order_count = &counts[key]};
            assert_non_null(offload_run(pool, name, 2, work, done, &jobs[key][i]));
        }
    }
    run_until_done(KEYS * PER_KEY);
    for (int i = 0; i < KEYS * PER_KEY; i++) {
        int key = done_order[i] / PER_KEY;
        assert_int_equal(done_order[i] % PER_KEY, next[key]++);
    }
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(counts[key], PER_KEY);
        for (int i = 0; i < PER_KEY; i++) {
            assert_int_equal(orders[key][i], key * PER_KEY + i);
            assert_true(jobs[key][i].worked);
        }
    }
    offload_free(pool);
}

static void test_side_by_side_without_key(void **state)
{
    (void)state;
    struct gate gate = GATE_INIT;
    struct job jobs[4];
    struct offload *pool = offload_new(base, 4, 10);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){.number = i, .gate = &gate};
        assert_non_null(offload_run(pool, i < 2 ? NULL : i == 2 ? "a" : "b", i < 2 ? 0 : 1, work, done, &jobs[i]));
    }
    gate_wait_for(&gate, 4); // all four at once, or the test hangs
    gate_open(&gate);
    run_until_done(4);
    offload_free(pool);
}

static void test_limit(void **state)
{
    (void)state;
    struct gate gate = GATE_INIT;
    struct job jobs[4];
    struct offload *pool = offload_new(base, 1, 3);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){.number = i, .gate = &gate};
        assert_int_equal(offload_run(pool, "k", 1, work, done, &jobs[i]) != NULL, i < 3);
    }
    gate_open(&gate);
    run_until_done(3);
    assert_non_null(offload_run(pool, "k", 1, work, done, &jobs[3]));
    run_until_done(4);
    offload_free(pool);
}

static void test_cancel(void **state)
{
    (void)state;
    struct gate gate = GATE_INIT;
    struct job jobs[6];
    struct offload_job *handles[6];
    struct offload *pool = offload_new(base, 1, 10);
    for (int i = 0; i < 6; i++) {
        jobs[i] = (struct job){.number = i, .gate = i == 0 ? &gate : NULL};
        handles[i] = offload_run(pool, i == 5 ? "other" : "k", i == 5 ? 5 : 1, work, done, &jobs[i]);
    }
    gate_wait_for(&gate, 1);
    assert_false(offload_cancel(handles[0])); // at work
    assert_true(offload_cancel(handles[1]));  // next in its lane
    assert_true(offload_cancel(handles[3]));  // within its lane
    assert_true(offload_cancel(handles[5]));  // ready, the only one of its lane
    assert_false(offload_cancel(handles[5])); // already taken back
    assert_int_equal(jobs[1].done, 0);
    gate_open(&gate);
    run_until_done(6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(jobs[i].worked, i == 0 || i == 2 || i == 4);
    }
    offload_free(pool);
}

/// A ready job of a lane is taken back: the next of the lane follows in its place.
static void test_cancel_ready_with_successor(void **state)
{
    (void)state;
    struct gate gate = GATE_INIT;
    struct job jobs[3];
    struct offload_job *handles[3];
    struct offload *pool = offload_new(base, 1, 10);
    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){.number = i, .gate = i == 0 ? &gate : NULL};
        handles[i] = offload_run(pool, i == 0 ? NULL : "k", i == 0 ? 0 : 1, work, done, &jobs[i]);
    }
    gate_wait_for(&gate, 1);
    assert_true(offload_cancel(handles[1]));
    gate_open(&gate);
    run_until_done(3);
    assert_false(jobs[1].worked);
    assert_true(jobs[2].worked);
    offload_free(pool);
}

static void note_stopped(void *context)
{
    (*(int *)context)++;
}

static void free_when_stopped(void *context)
{
    struct offload **pool = context;
    assert_int_equal(offload_pending(*pool), 0);
    offload_free(*pool);
    *pool = NULL;
}

static void run_stop(bool finish)
{
    struct gate gate = GATE_INIT;
    struct job jobs[10];
    int stopped = 0;
    done_count = 0;
    struct offload *pool = offload_new(base, 2, 20);
    for (int i = 0; i < 10; i++) {
        jobs[i] = (struct job){.number = i, .gate = i == 0 ? &gate : NULL};
        assert_non_null(offload_run(pool, "k", 1, work, done, &jobs[i]));
    }
    gate_wait_for(&gate, 1);
    offload_stop(pool, finish, note_stopped, &stopped);
    assert_null(offload_run(pool, NULL, 0, work, done, &jobs[0]));
    assert_int_equal(stopped, 0);
    gate_open(&gate);
    while (stopped == 0) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(stopped, 1);
    assert_int_equal(done_count, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(jobs[i].worked, finish || i == 0);
    }
    offload_free(pool);
}

static void test_stop(void **state)
{
    (void)state;
    run_stop(true);
    run_stop(false);
    struct offload *pool = offload_new(base, 2, 20);
    offload_stop(pool, true, free_when_stopped, &pool);
    assert_non_null(pool);
    while (pool != NULL) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static void test_free_owes_nothing(void **state)
{
    (void)state;
    struct job jobs[50];
    struct offload *pool = offload_new(base, 3, 100);
    for (int i = 0; i < 50; i++) {
        jobs[i] = (struct job){.number = i};
        assert_non_null(offload_run(pool, "k", (size_t)(i % 2), work, done, &jobs[i]));
    }
    offload_free(pool);
    assert_int_equal(done_count, 50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(jobs[i].done, 1);
    }
}

static void done_and_again(void *context, bool worked)
{
    struct job *job = context;
    done(context, worked);
    if (job->number > 0) {
        job->number--;
        assert_non_null(offload_run(job->pool, "k", 1, work, done_and_again, job));
    }
}

static void test_run_from_done(void **state)
{
    (void)state;
    struct offload *pool = offload_new(base, 2, 1 + 1);
    struct job job = {.number = 300, .pool = pool};
    assert_non_null(offload_run(pool, "k", 1, work, done_and_again, &job));
    run_until_done(301);
    assert_int_equal(offload_pending(pool), 0);
    offload_free(pool);
}

static void work_check_signals(void *context)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ((struct job *)context)->number = sigismember(&mask, SIGTERM);
}

static void test_helpers_block_signals(void **state)
{
    (void)state;
    struct offload *pool = offload_new(base, 1, 1);
    struct job job = {0};
    assert_non_null(offload_run(pool, NULL, 0, work_check_signals, done, &job));
    run_until_done(1);
    assert_int_equal(job.number, 1);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGTERM), 0);
    offload_free(pool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_done_is_never_inside_the_call),
        TEST(test_order_by_key),
        TEST(test_side_by_side_without_key),
        TEST(test_limit),
        TEST(test_cancel),
        TEST(test_cancel_ready_with_successor),
        TEST(test_stop),
        TEST(test_free_owes_nothing),
        TEST(test_run_from_done),
        TEST(test_helpers_block_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
