// SPDX-License-Identifier: Apache-2.0
//
// core/backend.h: what the wrapper makes of calls to a plugin that misbehaves as scripted, on a clock that
// stands still until the test moves it.
#include "tests/unit/unit.h"

#include "core/backend.h"
#include "core/faults.h"
#include "core/host.h"
#include "tests/unit/rig.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct scene {
    struct rig *rig;
    struct backend *backend;
    struct backend_settings settings;
    size_t opened;
    struct ph_result open_result;
    size_t closed;
    bool quarantined;
    size_t done;
    size_t told; // entries by on_entry
    size_t told_order[64];
    size_t released;
    size_t states;
    bool inside;
    struct backend_call *last;
    // The script: outcomes of the coming sends, one a plugin call, for each of its entries; then PH_OK.
    uint32_t outcomes[64];
    size_t outcome_count;
    size_t next_outcome;
    uint32_t fail_entry_plus_one; // only this entry of a call gets the outcome
    uint32_t delay_ms;
    bool keep; // sends stay under way
    bool health_fails;
    size_t biggest;
};

static bool script(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)instance;
    struct scene *scene = rig->own;
    if (call->operation == PH_HEALTH && scene->health_fails) {
        rig_end(call, PH_UNAVAILABLE);
        return true;
    }
    bool scripted = call->operation == PH_QUEUE_SEND || call->operation == PH_QUEUE_STATS ||
                    call->operation == PH_QUEUE_RECEIVE || call->operation == PH_OPEN;
    if (!scripted) {
        return false;
    }
    scene->biggest = call->count > scene->biggest ? call->count : scene->biggest;
    if (scene->keep && call->operation != PH_OPEN) {
        return rig_keep(rig, call);
    }
    if (scene->next_outcome == scene->outcome_count) {
        return false;
    }
    uint32_t outcome = scene->outcomes[scene->next_outcome++];
    for (size_t i = 0; i < call->count; i++) {
        bool fails = scene->fail_entry_plus_one == 0 || scene->fail_entry_plus_one == i + 1;
        call->host->set(call, i, fails ? (enum ph_outcome)outcome : PH_OK, fails ? scene->delay_ms : 0, "scripted");
    }
    call->host->complete(call);
    return true;
}

static void on_state(struct backend *backend, void *context)
{
    (void)backend;
    struct scene *scene = context;
    assert_false(scene->inside);
    scene->states++;
}

static void opened(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    struct scene *scene = context;
    scene->opened++;
    scene->open_result = *result;
}

static void closed(struct backend *backend, bool quarantined, void *context)
{
    struct scene *scene = context;
    scene->closed++;
    scene->quarantined = quarantined;
    backend_free(backend);
    scene->backend = NULL;
}

static struct scene *scene_new(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->rig = rig_new(true);
    scene->rig->own = scene;
    scene->rig->script = script;
    scene->settings = (struct backend_settings){
        .host = scene->rig->host,
        .plugin = scene->rig->plugin,
        .config = &scene->rig->config,
        .section = "queue",
        .on_state = on_state,
        .on_state_context = scene,
    };
    backend_policy_defaults(&scene->settings.policy);
    return scene;
}

static void open_scene(struct scene *scene)
{
    scene->backend = backend_new(&scene->settings);
    scene->inside = true;
    backend_open(scene->backend, opened, scene);
    scene->inside = false;
    assert_int_equal(scene->opened, 0);
    rig_advance(scene->rig, 1);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->open_result.outcome, PH_OK);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
}

static struct scene *open_new(void)
{
    struct scene *scene = scene_new();
    open_scene(scene);
    return scene;
}

static void scene_free(struct scene *scene)
{
    backend_call_free(scene->last);
    if (scene->backend != NULL) {
        backend_close(scene->backend, 100, closed, scene);
        rig_advance(scene->rig, 5000);
        assert_int_equal(scene->closed, 1);
    }
    rig_free(scene->rig);
    free(scene);
}

static void done(struct backend_call *call, void *context)
{
    struct scene *scene = context;
    assert_false(scene->inside);
    scene->done++;
    backend_call_free(scene->last);
    scene->last = call;
}

static void on_entry(struct backend_call *call, size_t index, void *context)
{
    struct scene *scene = context;
    (void)backend_call_result(call, index);
    scene->told_order[scene->told++] = index;
}

static struct backend_call *submit_of(struct scene *scene, enum ph_operation operation, size_t count,
                                      const struct backend_options *options)
{
    struct backend_call *call = backend_call_new(scene->backend, operation, count);
    for (size_t i = 0; i < count; i++) {
        void *entry = NULL;
        if (operation == PH_QUEUE_SEND) {
            struct ph_job *job = backend_call_alloc(call, sizeof *job);
            job->delay_ms = (uint32_t)i;
            entry = job;
        }
        assert_int_equal(backend_call_add(call, entry), i);
    }
    scene->inside = true;
    backend_submit(call, options, done, scene);
    scene->inside = false;
    return call;
}

static struct backend_call *submit(struct scene *scene, size_t count, const struct backend_options *options)
{
    return submit_of(scene, PH_QUEUE_SEND, count, options);
}

static void script_outcomes(struct scene *scene, size_t count, uint32_t outcome)
{
    for (size_t i = 0; i < count; i++) {
        scene->outcomes[scene->outcome_count++] = outcome;
    }
}

static uint32_t outcome(const struct scene *scene, size_t index)
{
    return backend_call_result(scene->last, index)->outcome;
}

// --- Good calls --------------------------------------------------------------------------------------------

static void test_good_calls(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    submit(scene, 5, NULL);
    assert_int_equal(scene->done, 0);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(outcome(scene, i), PH_OK);
        assert_int_equal(((const struct ph_job *)backend_call_entry(scene->last, i))->delay_ms, i);
        assert_false(backend_call_was_uncertain(scene->last, i));
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    submit(scene, 0, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 2);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    scene_free(scene);
}

static void test_large_calls_are_split(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    submit(scene, 50, NULL); // batch_limit 8, concurrency 2
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 7);
    assert_int_equal(scene->biggest, 8);
    assert_int_equal(outcome(scene, 49), PH_OK);
    submit_of(scene, PH_QUEUE_STATS, 3, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_QUEUE_STATS], 3);
    scene_free(scene);
}

static void test_concurrency_and_overload(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.waiting = 3;
    open_scene(scene);
    scene->keep = true;
    for (size_t i = 0; i < 5; i++) {
        submit(scene, 1, NULL);
    }
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 2);
    assert_int_equal(scene->done, 0);
    submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_UNAVAILABLE);
    assert_non_null(strstr(backend_call_result(scene->last, 0)->text, "overloaded"));
    for (size_t i = 0; i < 5; i++) {
        rig_end_kept(scene->rig, i, PH_OK);
        rig_settle(scene->rig);
        assert_int_equal(scene->done, i + 2);
        assert_int_equal(outcome(scene, 0), PH_OK);
    }
    scene_free(scene);
}

// --- Repeats -----------------------------------------------------------------------------------------------

static void test_repeats_what_may_pass(void **state)
{
    (void)state;
    static const uint32_t passing[] = {PH_TRANSIENT, PH_UNAVAILABLE, PH_UNCERTAIN, PH_THROTTLED};
    for (size_t i = 0; i < 4; i++) {
        struct scene *scene = open_new();
        script_outcomes(scene, 2, passing[i]);
        submit(scene, 3, NULL);
        rig_advance(scene->rig, 1000);
        assert_int_equal(scene->done, 1);
        assert_int_equal(outcome(scene, 2), PH_OK);
        assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 3);
        assert_int_equal(backend_call_was_uncertain(scene->last, 0), passing[i] == PH_UNCERTAIN);
        scene_free(scene);
    }
}

static void test_does_not_repeat_answers(void **state)
{
    (void)state;
    static const uint32_t final[] = {PH_DUPLICATE, PH_CONFLICT, PH_NOT_FOUND, PH_INVALID, PH_DENIED, PH_INTERNAL};
    struct scene *scene = open_new();
    for (size_t i = 0; i < 6; i++) {
        script_outcomes(scene, 1, final[i]);
        submit(scene, 1, NULL);
        rig_settle(scene->rig);
        assert_int_equal(scene->done, i + 1);
        assert_int_equal(outcome(scene, 0), final[i]);
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 6);
    scene_free(scene);
}

static void test_retries_end(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    script_outcomes(scene, 60, PH_TRANSIENT);
    submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_TRANSIENT);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 4); // 1 + call.retries
    const struct backend_options options = {.until_deadline = true, .deadline_ms = 3000};
    submit(scene, 1, &options);
    rig_advance(scene->rig, 3001);
    assert_int_equal(scene->done, 2);
    assert_int_equal(outcome(scene, 0), PH_TRANSIENT);
    assert_true(scene->rig->started[PH_QUEUE_SEND] > 4 + 4);
    scene_free(scene);
}

static void test_uncertain_stays_uncertain_without_an_answer(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    script_outcomes(scene, 1, PH_UNCERTAIN);
    script_outcomes(scene, 3, PH_TRANSIENT);
    submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(outcome(scene, 0), PH_UNCERTAIN);
    assert_true(backend_call_was_uncertain(scene->last, 0));
    script_outcomes(scene, 1, PH_UNCERTAIN);
    script_outcomes(scene, 1, PH_DUPLICATE);
    submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(outcome(scene, 0), PH_DUPLICATE);
    scene_free(scene);
}

static void test_one_bad_entry_does_not_hold_the_batch(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->fail_entry_plus_one = 2;
    script_outcomes(scene, 1, PH_TRANSIENT);
    const struct backend_options options = {.on_entry = on_entry};
    submit(scene, 4, &options);
    rig_settle(scene->rig);
    assert_int_equal(scene->told, 3);
    assert_int_equal(scene->done, 0);
    rig_advance(scene->rig, 100);
    assert_int_equal(scene->told, 4);
    assert_int_equal(scene->told_order[3], 1);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 1), PH_OK);
    scene_free(scene);
}

static void test_throttled_waits_as_told(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    script_outcomes(scene, 1, PH_THROTTLED);
    scene->delay_ms = 400;
    submit(scene, 1, NULL);
    rig_advance(scene->rig, 399);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    rig_advance(scene->rig, 200);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_budget_bounds_repeats(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.retries = 3;
    open_scene(scene);
    scene->outcome_count = 64;
    for (size_t i = 0; i < 64; i++) {
        scene->outcomes[i] = PH_TRANSIENT;
    }
    // Every call fails for ever: after the reserve only one repeat for each five new entries is left.
    size_t calls = 400;
    for (size_t i = 0; i < calls; i++) {
        scene->next_outcome = 0;
        submit(scene, 1, NULL);
        rig_advance(scene->rig, 200);
    }
    assert_int_equal(scene->done, calls);
    size_t repeats = scene->rig->started[PH_QUEUE_SEND] - calls;
    assert_true(repeats >= 100 && repeats <= 100 + calls / 5 + 1);
    scene_free(scene);
}

// --- Time --------------------------------------------------------------------------------------------------

static void test_hanging_attempt_is_cancelled_and_repeated(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    submit(scene, 2, NULL);
    rig_advance(scene->rig, 1999);
    assert_int_equal(scene->rig->started[PH_CANCEL], 0);
    scene->keep = false;
    rig_advance(scene->rig, 2);
    assert_int_equal(scene->rig->started[PH_CANCEL], 1);
    rig_advance(scene->rig, 300); // grace, then jitter below 20 ms
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_OK);
    assert_true(backend_call_was_uncertain(scene->last, 0));
    struct backend_status status;
    backend_status(scene->backend, &status);
    assert_int_equal(status.under_way, 1); // the first attempt keeps its place
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    backend_status(scene->backend, &status);
    assert_int_equal(status.under_way, 0);
    scene_free(scene);
}

static void released(void *context)
{
    ((struct scene *)context)->released++;
}

static void test_deadline_answers_while_entries_stay(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    struct backend_call *call = backend_call_new(scene->backend, PH_QUEUE_SEND, 1);
    backend_call_on_release(call, released, scene);
    struct ph_job *job = backend_call_alloc(call, sizeof *job);
    job->delay_ms = 77;
    backend_call_add(call, job);
    const struct backend_options options = {.deadline_ms = 1000};
    backend_submit(call, &options, done, scene);
    rig_advance(scene->rig, 1001);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_UNCERTAIN);
    backend_call_free(scene->last);
    scene->last = NULL;
    assert_int_equal(scene->released, 0);
    assert_int_equal(((const struct ph_job *)scene->rig->kept[0]->entries[0])->delay_ms, 77);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->released, 1);
    scene_free(scene);
}

static void *free_call(void *call)
{
    backend_call_free(call);
    return NULL;
}

static void test_frees_on_any_thread(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    struct backend_call *call = submit(scene, 3, NULL);
    backend_call_on_release(call, released, scene);
    rig_settle(scene->rig);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, free_call, scene->last), 0);
    pthread_join(thread, NULL);
    scene->last = NULL;
    assert_int_equal(scene->released, 1);
    scene_free(scene);
}

static void test_reads_end_transient_and_receives_wait_longer(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    const struct backend_options options = {.deadline_ms = 1000};
    submit_of(scene, PH_QUEUE_STATS, 1, &options);
    rig_advance(scene->rig, 1001);
    assert_int_equal(outcome(scene, 0), PH_TRANSIENT);
    assert_int_equal(((const struct ph_queue_stats *)backend_call_output(scene->last, 0))->waiting, 0);
    struct backend_call *call = backend_call_new(scene->backend, PH_QUEUE_RECEIVE, 1);
    struct ph_receive *receive = backend_call_alloc(call, sizeof *receive);
    receive->wait_ms = 20000;
    backend_call_add(call, receive);
    backend_submit(call, NULL, done, scene);
    rig_advance(scene->rig, 21900);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene->rig->started[PH_QUEUE_RECEIVE], 1);
    rig_end_kept(scene->rig, 1, PH_OK);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 2);
    assert_int_equal(outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_cancel_by_the_caller(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    struct backend_call *call = submit(scene, 1, NULL);
    scene->inside = true;
    backend_call_cancel(call);
    backend_call_cancel(call);
    scene->inside = false;
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_UNCERTAIN);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    scene_free(scene);
}

// --- The breaker and health --------------------------------------------------------------------------------

static void break_it(struct scene *scene)
{
    scene->health_fails = true;
    scene->settings.policy.retries = 0;
    backend_set_policy(scene->backend, &scene->settings.policy);
    scene->outcome_count = scene->next_outcome = 0;
    script_outcomes(scene, 5, PH_UNAVAILABLE);
    for (size_t i = 0; i < 5; i++) {
        submit(scene, 1, NULL);
        rig_settle(scene->rig);
    }
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    assert_false(backend_usable(scene->backend));
}

static void test_breaker_opens_and_refuses(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    break_it(scene);
    size_t sent = scene->rig->started[PH_QUEUE_SEND];
    submit(scene, 2, NULL);
    rig_settle(scene->rig);
    assert_int_equal(outcome(scene, 1), PH_UNAVAILABLE);
    assert_true(backend_call_result(scene->last, 1)->delay_ms > 0);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent);
    assert_true(scene->states > 0);
    scene_free(scene);
}

static void test_health_brings_it_back(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    break_it(scene);
    rig_advance(scene->rig, 10000);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene->health_fails = false;
    rig_advance(scene->rig, 1100);
    assert_true(backend_usable(scene->backend));
    rig_advance(scene->rig, 1100);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    break_it(scene);
    size_t sent = scene->rig->started[PH_QUEUE_SEND];
    rig_advance(scene->rig, 1300); // past the cooldown and its jitter
    scene->keep = true;
    submit(scene, 1, NULL);
    submit(scene, 1, NULL);
    submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent + 1);
    assert_int_equal(backend_state(scene->backend), BACKEND_DEGRADED);
    scene->keep = false;
    size_t before = scene->done;
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, before + 3);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent + 3);
    break_it(scene);
    rig_advance(scene->rig, 1300);
    scene->keep = true;
    sent = scene->rig->started[PH_QUEUE_SEND];
    submit(scene, 1, NULL);
    submit(scene, 1, NULL);
    before = scene->done;
    rig_end_kept(scene->rig, 1, PH_UNAVAILABLE);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, before + 2); // the one that waited is refused at once
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent + 1);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene_free(scene);
}

static void test_failing_health_alone_is_seen(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->health_fails = true;
    rig_advance(scene->rig, 5100);
    assert_int_equal(backend_state(scene->backend), BACKEND_DEGRADED);
    rig_advance(scene->rig, 1100);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    struct backend_status status;
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "health ended unavailable: scripted");
    scene_free(scene);
}

static void test_uncertain_waits_for_the_breaker_until_the_deadline(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->health_fails = true;
    script_outcomes(scene, 6, PH_UNCERTAIN);
    const struct backend_options options = {.until_deadline = true};
    submit(scene, 1, &options);
    rig_advance(scene->rig, 700);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    assert_int_equal(scene->done, 0);
    scene->health_fails = false;
    rig_advance(scene->rig, 4000);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_OK);
    scene_free(scene);
}

// --- Life --------------------------------------------------------------------------------------------------

static void test_open_is_tried_again_until_it_works_or_is_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    script_outcomes(scene, 3, PH_UNAVAILABLE);
    scene->backend = backend_new(&scene->settings);
    backend_open_until(scene->backend, opened, scene);
    submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(outcome(scene, 0), PH_UNAVAILABLE);
    assert_int_equal(backend_state(scene->backend), BACKEND_OPENING);
    rig_advance(scene->rig, 5000);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->rig->started[PH_OPEN], 4);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    scene_free(scene);

    scene = scene_new();
    script_outcomes(scene, 1, PH_UNAVAILABLE);
    script_outcomes(scene, 1, PH_DENIED);
    scene->backend = backend_new(&scene->settings);
    backend_open_until(scene->backend, opened, scene);
    rig_advance(scene->rig, 5000);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->open_result.outcome, PH_DENIED);
    assert_int_equal(backend_state(scene->backend), BACKEND_FAILED);
    assert_int_equal(scene->rig->started[PH_OPEN], 2);
    backend_free(scene->backend);
    scene->backend = NULL;
    scene_free(scene);
}

static void test_close_drains(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    submit(scene, 1, NULL);
    backend_close(scene->backend, 1000, closed, scene);
    rig_advance(scene->rig, 500);
    assert_int_equal(scene->closed, 0);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_OK);
    assert_int_equal(scene->closed, 1);
    assert_false(scene->quarantined);
    assert_int_equal(scene->rig->started[PH_CLOSE], 1);
    scene_free(scene);
}

static void test_close_leaves_a_hanging_instance_alone(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    scene->keep = true;
    submit(scene, 1, NULL);
    backend_close(scene->backend, 1000, closed, scene);
    rig_advance(scene->rig, 1001);
    assert_int_equal(scene->done, 1);
    assert_int_equal(outcome(scene, 0), PH_UNCERTAIN);
    assert_int_equal(scene->closed, 1);
    assert_true(scene->quarantined);
    assert_int_equal(scene->rig->started[PH_CLOSE], 0);
    rig_end_kept(scene->rig, 0, PH_OK); // the backend is freed by now
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_CLOSE], 1);
    scene_free(scene);
}

static void test_reload(void **state)
{
    (void)state;
    struct scene *scene = open_new();
    struct script_config other = scene->rig->config;
    scene->opened = 0;
    backend_reload(scene->backend, &other, opened, scene);
    rig_settle(scene->rig);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->open_result.outcome, PH_OK);
    assert_int_equal(scene->rig->started[PH_RELOAD], 1);
    scene_free(scene);
}

// --- Injected faults ---------------------------------------------------------------------------------------

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
    open_scene(scene);
    return scene;
}

static void expect_fault(const char *value, uint32_t wanted, size_t sent, int64_t time)
{
    struct scene *scene = faulty("fault.send", value);
    submit(scene, 4, NULL);
    rig_advance(scene->rig, time);
    assert_int_equal(scene->done, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(outcome(scene, i), wanted);
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
    submit(scene, 64, NULL);
    rig_advance(scene->rig, 100);
    assert_int_equal(scene->done, 1);
    size_t out = 0;
    for (size_t i = 0; i < 64; i++) {
        assert_true(outcome(scene, i) == PH_OK || outcome(scene, i) == PH_TRANSIENT);
        out += outcome(scene, i) == PH_TRANSIENT;
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
        submit(scene, 20, &options);
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
        cmocka_unit_test(test_good_calls),
        cmocka_unit_test(test_large_calls_are_split),
        cmocka_unit_test(test_concurrency_and_overload),
        cmocka_unit_test(test_repeats_what_may_pass),
        cmocka_unit_test(test_does_not_repeat_answers),
        cmocka_unit_test(test_retries_end),
        cmocka_unit_test(test_uncertain_stays_uncertain_without_an_answer),
        cmocka_unit_test(test_one_bad_entry_does_not_hold_the_batch),
        cmocka_unit_test(test_throttled_waits_as_told),
        cmocka_unit_test(test_budget_bounds_repeats),
        cmocka_unit_test(test_hanging_attempt_is_cancelled_and_repeated),
        cmocka_unit_test(test_deadline_answers_while_entries_stay),
        cmocka_unit_test(test_frees_on_any_thread),
        cmocka_unit_test(test_reads_end_transient_and_receives_wait_longer),
        cmocka_unit_test(test_cancel_by_the_caller),
        cmocka_unit_test(test_breaker_opens_and_refuses),
        cmocka_unit_test(test_health_brings_it_back),
        cmocka_unit_test(test_one_probe_at_a_time),
        cmocka_unit_test(test_failing_health_alone_is_seen),
        cmocka_unit_test(test_uncertain_waits_for_the_breaker_until_the_deadline),
        cmocka_unit_test(test_open_is_tried_again_until_it_works_or_is_refused),
        cmocka_unit_test(test_close_drains),
        cmocka_unit_test(test_close_leaves_a_hanging_instance_alone),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_injected_faults),
        cmocka_unit_test(test_partial_leaves_some_out),
        cmocka_unit_test(test_faults_of_every_sort_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
