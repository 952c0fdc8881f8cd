// SPDX-License-Identifier: Apache-2.0
//
// core/batcher: what is added goes out at the turn's end and never inside the addition, its bound holds, and outputs live as
// long as they are held. With no backend every entry is answered all the same. Batches over real backends: test_exchange.
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>

#include "core/batcher.h"
#include "core/clock.h"

#define ITEMS 10

struct owner {
    struct batcher_item item;
    struct batcher_batch *held;
    size_t done;
    size_t released;
    bool hold;
};

static struct backend *const nobody = NULL;

static void item_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct owner *owner = (struct owner *)item;
    owner->done++;
    assert_int_equal(owner->released, 0);
    assert_int_equal(batcher_result(batch, index)->outcome, PH_UNAVAILABLE);
    assert_null(batcher_output(batch, index));
    assert_false(batcher_was_uncertain(batch, index));
    if (owner->hold) {
        owner->held = batcher_hold(batch);
    }
}

static void item_released(struct batcher_item *item)
{
    ((struct owner *)item)->released++;
}

static struct owner owner_of(bool hold)
{
    return (struct owner){.item = {.done = item_done, .release = item_released}, .hold = hold};
}

static struct batcher *batcher_of(struct event_base *base, size_t waiting)
{
    const struct batcher_settings settings = {
        .operation = PH_STORAGE_STATS, .batches = 1, .entries = 4, .waiting = waiting};
    return batcher_new(base, &nobody, &settings);
}

static void test_answered_at_the_end_of_the_turn(void **state)
{
    struct event_base *base = event_base_new();
    struct batcher *batcher = batcher_of(base, 100);
    struct owner owners[ITEMS];
    (void)state;
    for (size_t i = 0; i < ITEMS; i++) {
        owners[i] = owner_of(false);
        assert_true(batcher_add(batcher, &owners[i].item));
    }
    assert_int_equal(batcher_waiting(batcher), ITEMS);
    assert_int_equal(owners[0].done, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(owners[i].done, 1);
        assert_int_equal(owners[i].released, 1);
    }
    assert_int_equal(batcher_waiting(batcher) + batcher_under_way(batcher), 0);
    batcher_free(batcher);
    event_base_free(base);
}

static void test_its_bound_holds(void **state)
{
    struct event_base *base = event_base_new();
    struct batcher *batcher = batcher_of(base, 2);
    struct owner owners[3] = {owner_of(false), owner_of(false), owner_of(false)};
    (void)state;
    assert_true(batcher_add(batcher, &owners[0].item));
    assert_true(batcher_add(batcher, &owners[1].item));
    assert_false(batcher_add(batcher, &owners[2].item));
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(owners[1].done, 1);
    assert_int_equal(owners[2].done + owners[2].released, 0);
    batcher_free(batcher);
    event_base_free(base);
}

static void test_a_held_batch_is_released_by_the_last_drop(void **state)
{
    struct event_base *base = event_base_new();
    struct batcher *batcher = batcher_of(base, 100);
    struct owner owners[2] = {owner_of(true), owner_of(true)}; // invariant 11
    (void)state;
    assert_true(batcher_add(batcher, &owners[0].item));
    assert_true(batcher_add(batcher, &owners[1].item));
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_ptr_equal(owners[0].held, owners[1].held);
    assert_int_equal(owners[0].done, 1);
    batcher_drop(owners[0].held);
    assert_int_equal(owners[0].released, 0);
    batcher_drop(owners[1].held);
    assert_int_equal(owners[0].released, 1);
    assert_int_equal(owners[1].released, 1);
    batcher_free(batcher);
    event_base_free(base);
}

// A deadline of 10 s: what waited for more than half of it is refused, with a text of its own, before anything is sent.
static void test_what_waited_for_long_is_refused(void **state)
{
    struct event_base *base = event_base_new();
    struct clock_manual manual;
    clock_manual_init(&manual, 1, 0);
    const struct batcher_settings settings = {.operation = PH_STORAGE_STATS,
                                              .batches = 1,
                                              .entries = 4,
                                              .waiting = 9,
                                              .deadline_ms = 10000,
                                              .until_deadline = true,
                                              .clock = &manual.clock};
    struct batcher *batcher = batcher_new(base, &nobody, &settings);
    struct owner owners[3] = {owner_of(true), owner_of(true), owner_of(true)};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(batcher_add(batcher, &owners[i].item));
        clock_manual_advance(&manual, 3000000000);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    const char *late = batcher_result(owners[0].held, 0)->text;
    const char *sent = batcher_result(owners[2].held, 0)->text;
    assert_ptr_equal(owners[0].held, owners[1].held);
    assert_non_null(strstr(late, "waited"));
    assert_null(strstr(sent, "waited"));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(owners[i].done, 1);
        batcher_drop(owners[i].held);
    }
    batcher_free(batcher);
    event_base_free(base);
}

// Batches a minute apart: the first begins at once, the next waits unless it is half full or the minute has passed.
static void test_small_batches_are_kept_apart(void **state)
{
    struct event_base *base = event_base_new();
    struct clock_manual manual;
    clock_manual_init(&manual, 1, 0);
    const struct batcher_settings settings = {.operation = PH_STORAGE_STATS,
                                              .batches = 1,
                                              .entries = 4,
                                              .waiting = 9,
                                              .apart_ms = 60000,
                                              .clock = &manual.clock};
    struct batcher *batcher = batcher_new(base, &nobody, &settings);
    struct owner owners[6];
    const size_t done_after[] = {1, 1, 3, 3, 5, 6};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        owners[i] = owner_of(false);
        if (i == 5) {
            clock_manual_advance(&manual, 60000000000);
        }
        assert_true(batcher_add(batcher, &owners[i].item));
        event_base_loop(base, EVLOOP_NONBLOCK);
        assert_int_equal(batcher_waiting(batcher), i + 1 - done_after[i]);
    }
    batcher_free(batcher);
    event_base_free(base);
}

// The pause ends by the loop's time, whatever the clock says.
static void test_a_pause_ends(void **state)
{
    struct event_base *base = event_base_new();
    struct clock_manual manual;
    clock_manual_init(&manual, 1, 0);
    const struct batcher_settings settings = {.operation = PH_STORAGE_STATS,
                                              .batches = 1,
                                              .entries = 4,
                                              .waiting = 9,
                                              .apart_ms = 20,
                                              .clock = &manual.clock};
    struct batcher *batcher = batcher_new(base, &nobody, &settings);
    struct owner owners[2] = {owner_of(false), owner_of(false)};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(batcher_add(batcher, &owners[i].item));
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    event_base_dispatch(base);
    assert_int_equal(owners[1].done, 1);
    batcher_free(batcher);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_at_the_end_of_the_turn),
        cmocka_unit_test(test_its_bound_holds),
        cmocka_unit_test(test_a_held_batch_is_released_by_the_last_drop),
        cmocka_unit_test(test_what_waited_for_long_is_refused),
        cmocka_unit_test(test_small_batches_are_kept_apart),
        cmocka_unit_test(test_a_pause_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
