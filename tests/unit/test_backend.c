// SPDX-License-Identifier: Apache-2.0
//
// core/backend.h: what the wrapper makes of calls to a plugin that misbehaves as scripted.
#include "tests/unit/unit.h"

#include "tests/unit/scene.h"
#include <pthread.h>
#include <string.h>

// --- Good calls --------------------------------------------------------------------------------------------

static void test_good_calls(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene_submit(scene, 5, NULL);
    assert_int_equal(scene->done, 0);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(scene_outcome(scene, i), PH_OK);
        assert_int_equal(((const struct ph_job *)backend_call_entry(scene->last, i))->delay_ms, i);
        assert_false(backend_call_was_uncertain(scene->last, i));
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    scene_submit(scene, 0, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 2);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    scene_free(scene);
}

static void test_large_calls_are_split(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene_submit(scene, 50, NULL); // batch_limit 8, concurrency 2
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 7);
    assert_int_equal(scene->biggest, 8);
    assert_int_equal(scene_outcome(scene, 49), PH_OK);
    scene_submit_of(scene, PH_QUEUE_STATS, 3, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_QUEUE_STATS], 3);
    scene_free(scene);
}

static void test_concurrency_and_overload(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.waiting = 3;
    scene_open(scene);
    scene->keep = true;
    for (size_t i = 0; i < 5; i++) {
        scene_submit(scene, 1, NULL);
    }
    rig_settle(scene->rig);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 2);
    assert_int_equal(scene->done, 0);
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_UNAVAILABLE);
    assert_non_null(strstr(backend_call_result(scene->last, 0)->text, "overloaded"));
    for (size_t i = 0; i < 5; i++) {
        rig_end_kept(scene->rig, i, PH_OK);
        rig_settle(scene->rig);
        assert_int_equal(scene->done, i + 2);
        assert_int_equal(scene_outcome(scene, 0), PH_OK);
    }
    scene_free(scene);
}

// --- Repeats -----------------------------------------------------------------------------------------------

static void test_repeats_what_may_pass(void **state)
{
    (void)state;
    static const uint32_t passing[] = {PH_TRANSIENT, PH_UNAVAILABLE, PH_UNCERTAIN, PH_THROTTLED};
    for (size_t i = 0; i < 4; i++) {
        struct scene *scene = scene_opened();
        scene_script(scene, 2, passing[i]);
        scene_submit(scene, 3, NULL);
        rig_advance(scene->rig, 1000);
        assert_int_equal(scene->done, 1);
        assert_int_equal(scene_outcome(scene, 2), PH_OK);
        assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 3);
        assert_int_equal(backend_call_was_uncertain(scene->last, 0), passing[i] == PH_UNCERTAIN);
        scene_free(scene);
    }
}

static void test_does_not_repeat_answers(void **state)
{
    (void)state;
    static const uint32_t final[] = {PH_DUPLICATE, PH_CONFLICT, PH_NOT_FOUND, PH_INVALID, PH_DENIED, PH_INTERNAL};
    struct scene *scene = scene_opened();
    for (size_t i = 0; i < 6; i++) {
        scene_script(scene, 1, final[i]);
        scene_submit(scene, 1, NULL);
        rig_settle(scene->rig);
        assert_int_equal(scene->done, i + 1);
        assert_int_equal(scene_outcome(scene, 0), final[i]);
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 6);
    scene_free(scene);
}

static void test_retries_end(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene_script(scene, 60, PH_TRANSIENT);
    scene_submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_TRANSIENT);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 4); // 1 + call.retries
    const struct backend_options options = {.until_deadline = true, .deadline_ms = 3000};
    scene_submit(scene, 1, &options);
    rig_advance(scene->rig, 3001);
    assert_int_equal(scene->done, 2);
    assert_int_equal(scene_outcome(scene, 0), PH_TRANSIENT);
    assert_true(scene->rig->started[PH_QUEUE_SEND] > 4 + 4);
    scene_free(scene);
}

static void test_uncertain_stays_uncertain_without_an_answer(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene_script(scene, 1, PH_UNCERTAIN);
    scene_script(scene, 3, PH_TRANSIENT);
    scene_submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(scene_outcome(scene, 0), PH_UNCERTAIN);
    assert_true(backend_call_was_uncertain(scene->last, 0));
    scene_script(scene, 1, PH_UNCERTAIN);
    scene_script(scene, 1, PH_DUPLICATE);
    scene_submit(scene, 1, NULL);
    rig_advance(scene->rig, 1000);
    assert_int_equal(scene_outcome(scene, 0), PH_DUPLICATE);
    scene_free(scene);
}

static void test_one_bad_entry_does_not_hold_the_batch(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene->fail_entry_plus_one = 2;
    scene_script(scene, 1, PH_TRANSIENT);
    const struct backend_options options = {.on_entry = scene_on_entry};
    scene_submit(scene, 4, &options);
    rig_settle(scene->rig);
    assert_int_equal(scene->told, 3);
    assert_int_equal(scene->done, 0);
    rig_advance(scene->rig, 100);
    assert_int_equal(scene->told, 4);
    assert_int_equal(scene->told_order[3], 1);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 1), PH_OK);
    scene_free(scene);
}

static void test_throttled_waits_as_told(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene_script(scene, 1, PH_THROTTLED);
    scene->delay_ms = 400;
    scene_submit(scene, 1, NULL);
    rig_advance(scene->rig, 399);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], 1);
    rig_advance(scene->rig, 200);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_budget_bounds_repeats(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene->settings.policy.retries = 3;
    scene_open(scene);
    scene->outcome_count = 64;
    for (size_t i = 0; i < 64; i++) {
        scene->outcomes[i] = PH_TRANSIENT;
    }
    // Every call fails for ever: after the reserve only one repeat for each five new entries is left.
    size_t calls = 400;
    for (size_t i = 0; i < calls; i++) {
        scene->next_outcome = 0;
        scene_submit(scene, 1, NULL);
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
    struct scene *scene = scene_opened();
    scene->keep = true;
    scene_submit(scene, 2, NULL);
    rig_advance(scene->rig, 1999);
    assert_int_equal(scene->rig->started[PH_CANCEL], 0);
    scene->keep = false;
    rig_advance(scene->rig, 2);
    assert_int_equal(scene->rig->started[PH_CANCEL], 1);
    rig_advance(scene->rig, 300); // grace, then jitter below 20 ms
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
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
    struct scene *scene = scene_opened();
    scene->keep = true;
    struct backend_call *call = backend_call_new(scene->backend, PH_QUEUE_SEND, 1);
    backend_call_on_release(call, released, scene);
    struct ph_job *job = backend_call_alloc(call, sizeof *job);
    job->delay_ms = 77;
    backend_call_add(call, job);
    const struct backend_options options = {.deadline_ms = 1000};
    backend_submit(call, &options, scene_done, scene);
    rig_advance(scene->rig, 1001);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_UNCERTAIN);
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
    struct scene *scene = scene_opened();
    struct backend_call *call = scene_submit(scene, 3, NULL);
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
    struct scene *scene = scene_opened();
    scene->keep = true;
    const struct backend_options options = {.deadline_ms = 1000};
    scene_submit_of(scene, PH_QUEUE_STATS, 1, &options);
    rig_advance(scene->rig, 1001);
    assert_int_equal(scene_outcome(scene, 0), PH_TRANSIENT);
    assert_int_equal(((const struct ph_queue_stats *)backend_call_output(scene->last, 0))->waiting, 0);
    struct backend_call *call = backend_call_new(scene->backend, PH_QUEUE_RECEIVE, 1);
    struct ph_receive *receive = backend_call_alloc(call, sizeof *receive);
    receive->wait_ms = 20000;
    backend_call_add(call, receive);
    backend_submit(call, NULL, scene_done, scene);
    rig_advance(scene->rig, 21900);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene->rig->started[PH_QUEUE_RECEIVE], 1);
    rig_end_kept(scene->rig, 1, PH_OK);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 2);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_cancel_by_the_caller(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene->keep = true;
    struct backend_call *call = scene_submit(scene, 1, NULL);
    scene->inside = true;
    backend_call_cancel(call);
    backend_call_cancel(call);
    scene->inside = false;
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_UNCERTAIN);
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
    scene_script(scene, 5, PH_UNAVAILABLE);
    for (size_t i = 0; i < 5; i++) {
        scene_submit(scene, 1, NULL);
        rig_settle(scene->rig);
    }
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    assert_false(backend_usable(scene->backend));
}

static void test_breaker_opens_and_refuses(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    break_it(scene);
    size_t sent = scene->rig->started[PH_QUEUE_SEND];
    scene_submit(scene, 2, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene_outcome(scene, 1), PH_UNAVAILABLE);
    assert_true(backend_call_result(scene->last, 1)->delay_ms > 0);
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent);
    assert_true(scene->states > 0);
    scene_free(scene);
}

static void test_health_brings_it_back(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    break_it(scene);
    rig_advance(scene->rig, 10000);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene->health_fails = false;
    rig_advance(scene->rig, 600); // it is asked every half second
    assert_true(backend_usable(scene->backend));
    rig_advance(scene->rig, 1100);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    scene_free(scene);
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    break_it(scene);
    size_t sent = scene->rig->started[PH_QUEUE_SEND];
    rig_advance(scene->rig, 1300); // past the cooldown and its jitter
    scene->keep = true;
    scene_submit(scene, 1, NULL);
    scene_submit(scene, 1, NULL);
    scene_submit(scene, 1, NULL);
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
    scene_submit(scene, 1, NULL);
    scene_submit(scene, 1, NULL);
    before = scene->done;
    rig_end_kept(scene->rig, 1, PH_UNAVAILABLE);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, before + 2); // the one that waited is refused at once
    assert_int_equal(scene->rig->started[PH_QUEUE_SEND], sent + 1);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    scene_free(scene);
}

static void test_a_long_receive_is_no_probe(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    break_it(scene);
    rig_advance(scene->rig, 1300);
    scene->keep = true;
    for (size_t i = 0; i < 2; i++) {
        struct backend_call *call = backend_call_new(scene->backend, PH_QUEUE_RECEIVE, 1);
        struct ph_receive *receive = backend_call_alloc(call, sizeof *receive);
        receive->wait_ms = 20000;
        backend_call_add(call, receive);
        backend_submit(call, NULL, scene_done, scene);
        if (i == 0) {
            scene->keep = false;
            size_t before = scene->done;
            scene_submit(scene, 1, NULL);
            rig_settle(scene->rig);
            assert_int_equal(scene->done, before + 1);
            assert_int_equal(scene_outcome(scene, 0), PH_OK);
            scene->keep = true;
        }
    }
    assert_int_equal(scene->rig->started[PH_QUEUE_RECEIVE], 2);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_end_kept(scene->rig, 1, PH_OK);
    scene_free(scene);
}

static void test_failing_health_alone_is_seen(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
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

// What a backend says of itself stands beside what is wrong, also while its health calls fail.
static void test_it_says_how_it_is(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    struct backend_status status;
    scene->health_says = "keys from a role";
    rig_advance(scene->rig, 5100);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "keys from a role");
    scene->health_fails = true;
    rig_advance(scene->rig, 5100);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "health ended unavailable: scripted; keys from a role");
    scene->health_fails = false;
    scene->health_says = NULL;
    rig_advance(scene->rig, 5100);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "");
    scene_free(scene);
}

static void test_uncertain_waits_for_the_breaker_until_the_deadline(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene->health_fails = true;
    scene_script(scene, 6, PH_UNCERTAIN);
    const struct backend_options options = {.until_deadline = true};
    scene_submit(scene, 1, &options);
    rig_advance(scene->rig, 700);
    assert_int_equal(backend_state(scene->backend), BACKEND_UNAVAILABLE);
    assert_int_equal(scene->done, 0);
    scene->health_fails = false;
    rig_advance(scene->rig, 4000);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    scene_free(scene);
}

// --- Life --------------------------------------------------------------------------------------------------

static void test_open_is_tried_again_until_it_works_or_is_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    scene_script(scene, 3, PH_UNAVAILABLE);
    scene->backend = backend_new(&scene->settings);
    backend_open_until(scene->backend, scene_open_done, scene);
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene_outcome(scene, 0), PH_UNAVAILABLE);
    assert_int_equal(backend_state(scene->backend), BACKEND_OPENING);
    rig_advance(scene->rig, 5000);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->rig->started[PH_OPEN], 4);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    scene_free(scene);

    scene = scene_new();
    scene_script(scene, 1, PH_UNAVAILABLE);
    scene_script(scene, 1, PH_DENIED);
    scene->backend = backend_new(&scene->settings);
    backend_open_until(scene->backend, scene_open_done, scene);
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
    struct scene *scene = scene_opened();
    scene->keep = true;
    scene_submit(scene, 1, NULL);
    backend_close(scene->backend, 1000, scene_closed, scene);
    rig_advance(scene->rig, 500);
    assert_int_equal(scene->closed, 0);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    assert_int_equal(scene->closed, 1);
    assert_false(scene->quarantined);
    assert_int_equal(scene->rig->started[PH_CLOSE], 1);
    scene_free(scene);
}

static void test_close_leaves_a_hanging_instance_alone(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    scene->keep = true;
    scene_submit(scene, 1, NULL);
    backend_close(scene->backend, 1000, scene_closed, scene);
    rig_advance(scene->rig, 1001);
    assert_int_equal(scene->done, 1);
    assert_int_equal(scene_outcome(scene, 0), PH_UNCERTAIN);
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
    struct scene *scene = scene_opened();
    struct script_config other = scene->rig->config;
    scene->opened = 0;
    backend_reload(scene->backend, &other, scene_open_done, scene);
    rig_settle(scene->rig);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->open_result.outcome, PH_OK);
    assert_int_equal(scene->rig->started[PH_RELOAD], 1);
    scene_free(scene);
}

// A right is missing: nothing that passes, so the breaker stays closed, but operators see it until the operation works.
static void test_a_denied_operation_degrades(void **state)
{
    (void)state;
    struct scene *scene = scene_opened();
    struct backend_status status;
    scene_script(scene, 1, PH_DENIED);
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene_outcome(scene, 0), PH_DENIED);
    assert_int_equal(backend_state(scene->backend), BACKEND_DEGRADED);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "send ended denied: scripted");
    scene_submit_of(scene, PH_QUEUE_STATS, 1, NULL); // another operation works
    rig_advance(scene->rig, 20000);                  // so does health
    assert_int_equal(backend_state(scene->backend), BACKEND_DEGRADED);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "send ended denied: scripted");
    scene_submit(scene, 1, NULL);
    rig_settle(scene->rig);
    assert_int_equal(scene_outcome(scene, 0), PH_OK);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
    backend_status(scene->backend, &status);
    assert_string_equal(status.detail, "");
    scene_free(scene);
}

struct set_up {
    size_t ended;
    uint32_t outcome;
    bool answered;
};

static void set_up_done(struct backend *backend, const struct ph_result *result, const struct ph_steps *steps,
                        void *context)
{
    (void)backend;
    struct set_up *set_up = context;
    set_up->ended++;
    set_up->outcome = result->outcome;
    set_up->answered = steps != NULL;
    if (steps != NULL && result->outcome == PH_OK) {
        assert_int_equal(steps->count, 1);
        assert_int_equal(steps->steps[0]->state, PH_STEP_MADE);
        assert_string_equal(steps->steps[0]->what.bytes, "stage");
    }
}

static void test_setup_comes_before_open(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct set_up set_up = {0};
    scene->backend = backend_new(&scene->settings);
    backend_setup(scene->backend, 1000, set_up_done, &set_up);
    assert_int_equal(set_up.ended, 0);
    rig_settle(scene->rig);
    assert_int_equal(set_up.ended, 1);
    assert_int_equal(set_up.outcome, PH_OK);
    assert_int_equal(scene->rig->started[PH_SETUP], 1);
    assert_int_equal(scene->rig->started[PH_OPEN], 0);
    assert_int_equal(backend_state(scene->backend), BACKEND_OPENING);
    backend_open(scene->backend, scene_open_done, scene);
    rig_advance(scene->rig, 1);
    assert_int_equal(scene->open_result.outcome, PH_OK);
    scene_free(scene);
}

static void test_setup_has_a_limit(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct set_up set_up = {0};
    scene->keep_setup = true;
    scene->backend = backend_new(&scene->settings);
    backend_setup(scene->backend, 1000, set_up_done, &set_up);
    rig_advance(scene->rig, 999);
    assert_int_equal(set_up.ended, 0);
    rig_advance(scene->rig, 1);
    assert_int_equal(set_up.ended, 1);
    assert_int_equal(set_up.outcome, PH_UNCERTAIN);
    assert_false(set_up.answered);
    rig_end_kept(scene->rig, 0, PH_OK);
    rig_settle(scene->rig);
    assert_int_equal(set_up.ended, 1);
    assert_int_equal(scene->rig->started[PH_CLOSE], 0); // it was never opened
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
        cmocka_unit_test(test_a_long_receive_is_no_probe),
        cmocka_unit_test(test_failing_health_alone_is_seen),
        cmocka_unit_test(test_it_says_how_it_is),
        cmocka_unit_test(test_uncertain_waits_for_the_breaker_until_the_deadline),
        cmocka_unit_test(test_open_is_tried_again_until_it_works_or_is_refused),
        cmocka_unit_test(test_close_drains),
        cmocka_unit_test(test_close_leaves_a_hanging_instance_alone),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_a_denied_operation_degrades),
        cmocka_unit_test(test_setup_comes_before_open),
        cmocka_unit_test(test_setup_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
