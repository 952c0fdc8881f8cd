// SPDX-License-Identifier: Apache-2.0
//
// core/backend.h: calls that wait in a plugin's own line are no failures while the backend answers others, and are where it
// answers nobody.
#include "tests/unit/unit.h"

#include "tests/unit/scene.h"

// The attempts under way are cancelled when their time is over; the plugin says what became of them.
static void end_late(struct scene *scene, size_t count, enum ph_outcome outcome)
{
    const size_t asked = scene->rig->started[PH_CANCEL];
    const size_t first = scene->rig->kept_count - count;
    rig_advance(scene->rig, 2001);
    assert_int_equal(scene->rig->started[PH_CANCEL], asked + count);
    for (size_t i = 0; i < count; i++) {
        rig_end_kept(scene->rig, first + i, outcome);
    }
    rig_settle(scene->rig);
}

// Something else is answered, as by a backend that is slow, not dead.
static void be_answered(struct scene *scene)
{
    const size_t done = scene->done;
    const bool keep = scene->keep;
    scene->keep = false;
    scene_submit_of(scene, PH_QUEUE_STATS, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, done + 1);
    scene->keep = keep;
}

static void test_what_never_went_out_is_no_attempt(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.concurrency = 3;
    scene_open(scene);
    scene->keep = true;
    const struct backend_options options = {.deadline_ms = 30000};
    scene_submit(scene, 16, &options); // two attempts
    rig_settle(scene->rig);
    for (size_t i = 0; i < 8; i++) { // more than retries, and than the breaker bears
        be_answered(scene);
        end_late(scene, 2, PH_TRANSIENT);
        assert_int_equal(backend_state(scene->backend), BACKEND_READY);
        assert_int_equal(scene->done, i + 1);
        rig_advance(scene->rig, 21); // jitter
        assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 2 * (i + 2));
    }
    scene->keep = false;
    be_answered(scene);
    end_late(scene, 2, PH_TRANSIENT);
    rig_advance(scene->rig, 21);
    assert_int_equal(scene->done, 10);
    assert_int_equal(scene_outcome(scene, 15), PH_OK);
    assert_false(backend_call_was_uncertain(scene->last, 15));
    scene_free(scene);
}

// A scene whose breaker opens at the first failure.
static struct scene *scene_wary(void)
{
    struct scene *scene = scene_new();
    scene->settings.policy.failures = 1;
    scene_open(scene);
    scene->keep = true;
    return scene;
}

static void test_only_what_went_out_tells_the_breaker(void **state)
{
    (void)state;
    struct scene *scene = scene_wary();
    const struct backend_options options = {.deadline_ms = 3000};
    scene_submit(scene, 1, &options);
    rig_settle(scene->rig);
    be_answered(scene);
    end_late(scene, 1, PH_TRANSIENT);
    rig_advance(scene->rig, 21);
    be_answered(scene);
    rig_advance(scene->rig, 979); // the deadline, while it is in the line again
    assert_int_equal(scene->done, 3);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    rig_end_kept(scene->rig, scene->rig->kept_count - 1, PH_TRANSIENT);
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    be_answered(scene);
    end_late(scene, 1, PH_UNCERTAIN);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene_free(scene);
}

// What waits in the line of a plugin that hangs tells as much as what hangs.
static void test_a_line_that_stands_still_opens_the_breaker(void **state)
{
    (void)state;
    struct scene *scene = scene_wary();
    be_answered(scene);
    rig_advance(scene->rig, 1);
    const struct backend_options options = {.deadline_ms = 30000};
    scene_submit(scene, 1, &options);
    rig_settle(scene->rig);
    end_late(scene, 1, PH_TRANSIENT);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene_free(scene);
}

static void test_a_probe_in_a_line_that_stands_still_closes_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_wary();
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    end_late(scene, 1, PH_UNCERTAIN);
    scene->health_fails = true;
    const struct backend_options options = {.deadline_ms = 60000};
    for (size_t i = 0; i < 3; i++) {
        const size_t kept = scene->rig->kept_count;
        for (int tries = 0; scene->rig->kept_count == kept; tries++) { // until the breaker lets one try
            assert_true(tries < 100);
            rig_advance(scene->rig, 1000);
            scene_submit(scene, 1, &options);
            rig_settle(scene->rig);
        }
        assert_int_equal(backend_state(scene->backend), BACKEND_DEGRADED);
        end_late(scene, 1, PH_TRANSIENT);
        assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    }
    scene_free(scene);
}

// It was let in once: the limit of those that wait is for new ones.
static void test_what_never_went_out_is_let_in_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.waiting = 1;
    scene_open(scene);
    scene->keep = true;
    const struct backend_options options = {.deadline_ms = 60000};
    be_answered(scene);
    for (size_t i = 0; i < 3; i++) // two in the plugin, one waits
        scene_submit(scene, 1, &options);
    rig_settle(scene->rig);
    rig_advance(scene->rig, 2001);
    rig_end_kept(scene->rig, 1, PH_OK);
    rig_settle(scene->rig);
    rig_end_kept(scene->rig, 0, PH_TRANSIENT);
    rig_settle(scene->rig);
    scene_submit(scene, 1, &options);
    scene_submit(scene, 1, &options);
    rig_settle(scene->rig);
    const size_t done = scene->done;
    rig_advance(scene->rig, 21);
    assert_int_equal(scene->done, done);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_never_went_out_is_no_attempt),
        cmocka_unit_test(test_only_what_went_out_tells_the_breaker),
        cmocka_unit_test(test_a_line_that_stands_still_opens_the_breaker),
        cmocka_unit_test(test_a_probe_in_a_line_that_stands_still_closes_nothing),
        cmocka_unit_test(test_what_never_went_out_is_let_in_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
