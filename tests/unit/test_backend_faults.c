// SPDX-License-Identifier: Apache-2.0
//
// core/backend.h with core/faults.h: injected faults around a plugin that does nothing wrong.
#include "tests/unit/unit.h"

#include "core/faults.h"
#include "tests/unit/scene.h"

static struct scene *faulty(const char *key, const char *value)
{
    struct scene *scene = scene_new();
    static struct fault_settings faults;
    faults = (struct fault_settings){.seed = 7};
    char error[256];
    if (!faults_parse(&faults, PH_KIND_QUEUE, key, value, error, sizeof error)) {
        fail_msg("%s", error);
    }
    scene->settings.faults = &faults;
    scene->settings.policy.retries = 0;
    scene_open(scene);
    return scene;
}

static void expect_fault(const char *value, uint32_t wanted, size_t sent, int64_t time)
{
    struct scene *scene = faulty("fault.send", value);
    scene_submit(scene, 4, NULL);
    rig_advance(scene->rig, time);
    assert_int_equal(scene->done, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(scene_outcome(scene, i), wanted);
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent);
    scene_free(scene);
}

static void test_injected_faults(void **state)
{
    (void)state;
    expect_fault("transient 100%", PH_TRANSIENT, 0, 0);
    expect_fault("throttled 100% 10ms", PH_THROTTLED, 0, 0);
    expect_fault("unavailable 100%", PH_UNAVAILABLE, 0, 0);
    expect_fault("uncertain 100%", PH_UNCERTAIN, 1, 0);
    expect_fault("duplicate 100%", PH_OK, 2, 0);
    expect_fault("partial 100%", PH_TRANSIENT, 0, 0);
    expect_fault("hang 100%", PH_UNCERTAIN, 0, 2001);
    expect_fault("latency 300ms", PH_OK, 1, 301);
    expect_fault("down 0s..10s", PH_UNAVAILABLE, 0, 0);
    expect_fault("down 1h..2h", PH_OK, 1, 0);
}

static void test_partial_leaves_some_out(void **state)
{
    (void)state;
    struct scene *scene = faulty("fault.all", "partial 50%, duplicate 50%, latency 1ms..5ms");
    scene_submit(scene, 64, NULL);
    rig_advance(scene->rig, 100);
    assert_int_equal(scene->done, 1);
    size_t out = 0;
    for (size_t i = 0; i < 64; i++) {
        assert_true(scene_outcome(scene, i) == PH_OK || scene_outcome(scene, i) == PH_TRANSIENT);
        out += scene_outcome(scene, i) == PH_TRANSIENT;
    }
    assert_true(out > 10 && out < 54);
    scene_free(scene);
}

static void test_faults_of_every_sort_settle(void **state)
{
    (void)state;
    struct scene *scene = faulty("fault.send", "latency 0ms..20ms, transient 10%, uncertain 10%, throttled 5% 5ms, "
                                               "hang 2%, unavailable 5%, duplicate 10%, partial 10%");
    scene->settings.policy.retries = 3;
    scene->settings.policy.failures = 1000;
    backend_set_policy(scene->backend, &scene->settings.policy);
    const struct backend_options options = {.until_deadline = true, .deadline_ms = 60000};
    for (size_t i = 0; i < 100; i++) {
        scene_submit(scene, 20, &options);
        rig_advance(scene->rig, 7);
    }
    rig_advance(scene->rig, 60000);
    assert_int_equal(scene->done, 100);
    struct backend_status status;
    backend_status(scene->backend, &status);
    assert_int_equal(status.under_way, 0);
    assert_int_equal(status.waiting, 0);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_injected_faults),
        cmocka_unit_test(test_partial_leaves_some_out),
        cmocka_unit_test(test_faults_of_every_sort_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
