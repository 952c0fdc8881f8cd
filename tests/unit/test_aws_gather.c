// SPDX-License-Identifier: Apache-2.0
//
// How many requests plugins/aws/gather.h has under way, by what the service says of their entries.
#include "tests/unit/unit.h"

#include "plugins/aws/gather.h"
#include "tests/unit/fake_host.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 4, REQUESTS = 16, CALLS = 8 };

struct scene {
    struct fake_host *fake;
    struct gather *gather;
    struct gather_batch *batches[REQUESTS]; // under way
    size_t count;
    struct fake_call calls[CALLS];
};

static void on_send(void *owner, struct gather_batch *batch)
{
    struct scene *scene = owner;
    assert_true(scene->count < REQUESTS);
    scene->batches[scene->count++] = batch;
}

static void on_cancel(void *owner, struct gather_batch *batch)
{
    (void)owner;
    (void)batch;
}

// More waits than the test asks for.
static int setup(void **state)
{
    static const char entry;
    const void *entries[FAKE_BATCH];
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->fake = fake_host_new();
    const struct gather_settings settings = {
        .entries = ENTRIES, .requests = REQUESTS, .owner = scene, .send = on_send, .cancel = on_cancel};
    scene->gather = gather_new(&scene->fake->host, &settings);
    assert_non_null(scene->gather);
    for (size_t i = 0; i < FAKE_BATCH; i++) {
        entries[i] = &entry;
    }
    for (size_t i = 0; i < CALLS; i++) {
        fake_call_init(&scene->calls[i], scene->fake, entries, FAKE_BATCH);
        gather_add(scene->gather, &scene->calls[i].call);
    }
    fake_turn(scene->fake);
    *state = scene;
    return 0;
}

// Ends all that is under way: of each request the first entries have these outcomes, the others `rest`. Gives how many are
// under way then.
static size_t answer(struct scene *scene, const enum ph_outcome *first, size_t count, enum ph_outcome rest)
{
    struct gather_batch *batches[REQUESTS];
    const size_t ended = scene->count;
    memcpy(batches, scene->batches, sizeof batches);
    scene->count = 0;
    for (size_t i = 0; i < ended; i++) {
        for (size_t k = 0; k < count; k++) {
            gather_settle(batches[i], k, first[k], 0, NULL);
        }
        gather_finish(batches[i], rest, 0, NULL);
    }
    fake_turn(scene->fake);
    return scene->count;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    while (answer(scene, NULL, 0, PH_OK) > 0) {
    }
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(scene->calls[i].completed, 1);
    }
    gather_free(scene->gather);
    fake_host_free(scene->fake);
    free(scene);
    return 0;
}

static void test_answers_open_the_window(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(scene->count, 4);
    assert_int_equal(answer(scene, NULL, 0, PH_OK), 8);
    assert_int_equal(answer(scene, NULL, 0, PH_DENIED), 16);
    assert_int_equal(answer(scene, NULL, 0, PH_OK), 16);
    assert_int_equal(answer(scene, NULL, 0, PH_UNCERTAIN), 1);
}

// The service refuses single entries as too fast.
static void test_throttled_entries(void **state)
{
    struct scene *scene = *state;
    const enum ph_outcome throttled[] = {PH_THROTTLED, PH_THROTTLED, PH_THROTTLED};
    const enum ph_outcome written[] = {PH_OK, PH_OK};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(answer(scene, throttled, 1, PH_OK), 4);
        assert_int_equal(answer(scene, throttled, 2, PH_OK), 4);
        assert_int_equal(answer(scene, written, 2, PH_THROTTLED), 4); // what is settled already is not counted
    }
    assert_int_equal(answer(scene, throttled, 3, PH_OK), 1);
    assert_int_equal(answer(scene, throttled, 1, PH_OK), 1);
    assert_int_equal(answer(scene, NULL, 0, PH_OK), 2);
    assert_int_equal(answer(scene, written, 1, PH_THROTTLED), 1);
}

// Other faults of single entries say nothing of how fast is too fast.
static void test_other_faults_of_entries(void **state)
{
    struct scene *scene = *state;
    const enum ph_outcome faults[] = {PH_UNAVAILABLE, PH_TRANSIENT, PH_UNCERTAIN};
    assert_int_equal(answer(scene, faults, 3, PH_OK), 8);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_open_the_window),
        TEST(test_throttled_entries),
        TEST(test_other_faults_of_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
