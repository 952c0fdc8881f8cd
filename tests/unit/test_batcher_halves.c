// SPDX-License-Identifier: Apache-2.0
//
// core/batcher, `halves`: two batches follow each other closely, each half of those who ask at once, over the scripted plugin
// that keeps what it is sent until the test ends it.
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "core/batcher.h"
#include "tests/unit/scene.h"

#define CROWD 8 // no more than the plugin takes at once

static struct scene *scene;
static struct batcher *batcher;
static size_t done;

struct owner {
    struct batcher_item item;
    struct ph_job job;
};

static void item_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    (void)item;
    assert_int_equal(batcher_result(batch, index)->outcome, PH_OK);
    done++;
}

static void item_released(struct batcher_item *item)
{
    free(item);
}

static void add(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct owner *owner = calloc(1, sizeof *owner);
        owner->item = (struct batcher_item){.entry = &owner->job, .done = item_done, .release = item_released};
        assert_true(batcher_add(batcher, &owner->item));
    }
    rig_settle(scene->rig);
}

static void end(size_t call)
{
    rig_end_kept(scene->rig, call, PH_OK);
    rig_settle(scene->rig);
}

static size_t sent(size_t call)
{
    assert_true(call < scene->rig->kept_count);
    return scene->rig->kept[call]->count;
}

static int set_up(void **state)
{
    const struct batcher_settings settings = {
        .operation = PH_QUEUE_SEND, .batches = 2, .entries = 100, .waiting = 1000, .halves = true};
    (void)state;
    scene = scene_opened();
    scene->keep = true;
    done = 0;
    batcher = batcher_new(scene->rig->base, &scene->backend, &settings);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    batcher_free(batcher);
    scene_free(scene);
    return 0;
}

// Those who were answered ask again: the halves go on taking turns, though the answers of one come all at once.
static void test_halves_take_turns(void **state)
{
    (void)state;
    add(1);
    add(CROWD - 1);
    end(0);
    add(1);
    for (size_t call = 1; call < 7; call++) {
        assert_int_equal(sent(call), CROWD / 2);
        end(call);
        add(CROWD / 2);
        assert_int_equal(scene->rig->kept_count, call + 3);
    }
    end(7);
    end(8);
    assert_int_equal(done, CROWD * 4 + 1);
}

// A few do not go behind a batch that is under way, but wait for its end, or for half of the crowd.
static void test_a_few_wait(void **state)
{
    (void)state;
    add(1);
    assert_int_equal(sent(0), 1);
    add(CROWD - 1);
    assert_int_equal(sent(1), CROWD / 2);
    end(0);
    assert_int_equal(scene->rig->kept_count, 2); // three wait
    add(1);
    assert_int_equal(sent(2), CROWD / 2);
    end(1);
    add(1);
    assert_int_equal(scene->rig->kept_count, 3);
    end(2);
    assert_int_equal(sent(3), 1);
    end(3);
    assert_int_equal(done, CROWD + 2);
}

// Who asks together is sent together where nothing is under way; and the crowd of a while ago does not count for ever: where one
// asks at a time, each is sent at once, and two go one behind the other.
static void test_a_crowd_is_forgotten(void **state)
{
    size_t call = 1;
    (void)state;
    add(CROWD);
    assert_int_equal(sent(0), CROWD);
    end(0);
    for (; call < 100; call++) {
        add(1);
        assert_int_equal(sent(call), 1);
        end(call);
    }
    add(1);
    add(1);
    assert_int_equal(sent(call), 1);
    assert_int_equal(sent(call + 1), 1);
    end(call);
    end(call + 1);
}

// What goes alone takes no share of the crowd: as many as wait go one by one.
static void test_all_go_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        struct owner *owner = calloc(1, sizeof *owner);
        owner->item =
            (struct batcher_item){.entry = &owner->job, .alone = true, .done = item_done, .release = item_released};
        assert_true(batcher_add(batcher, &owner->item));
    }
    rig_settle(scene->rig);
    for (size_t call = 0; call < 100; call++) {
        assert_int_equal(sent(call), 1);
        end(call);
    }
    assert_int_equal(done, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_halves_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_few_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crowd_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_go_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
