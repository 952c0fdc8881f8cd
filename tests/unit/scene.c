// SPDX-License-Identifier: Apache-2.0
//
// See scene.h.
#include "tests/unit/unit.h"

#include "core/host.h"
#include "tests/unit/scene.h"
#include <stdlib.h>

static bool script(struct rig *rig, void *instance, struct ph_call *call)
{
    (void)instance;
    struct scene *scene = rig->own;
    if (call->operation == PH_HEALTH) {
        ((struct ph_health *)call->outputs[0])->detail = scene->health_says;
    }
    if (call->operation == PH_HEALTH && scene->health_fails) {
        rig_end(call, PH_UNAVAILABLE);
        return true;
    }
    if (call->operation == PH_SETUP && scene->keep_setup) {
        return rig_keep(rig, call);
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

void scene_open_done(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    struct scene *scene = context;
    scene->opened++;
    scene->open_result = *result;
}

void scene_closed(struct backend *backend, bool quarantined, void *context)
{
    struct scene *scene = context;
    scene->closed++;
    scene->quarantined = quarantined;
    backend_free(backend);
    scene->backend = NULL;
}

struct scene *scene_new(void)
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

void scene_open(struct scene *scene)
{
    scene->backend = backend_new(&scene->settings);
    scene->inside = true;
    backend_open(scene->backend, scene_open_done, scene);
    scene->inside = false;
    assert_int_equal(scene->opened, 0);
    rig_advance(scene->rig, 1);
    assert_int_equal(scene->opened, 1);
    assert_int_equal(scene->open_result.outcome, PH_OK);
    assert_int_equal(backend_state(scene->backend), BACKEND_READY);
}

struct scene *scene_opened(void)
{
    struct scene *scene = scene_new();
    scene_open(scene);
    return scene;
}

void scene_free(struct scene *scene)
{
    if (scene->backend != NULL) {
        backend_close(scene->backend, 100, scene_closed, scene);
        rig_advance(scene->rig, 5000);
        assert_int_equal(scene->closed, 1);
    }
    backend_call_free(scene->last);
    rig_free(scene->rig);
    free(scene);
}

void scene_done(struct backend_call *call, void *context)
{
    struct scene *scene = context;
    assert_false(scene->inside);
    scene->done++;
    backend_call_free(scene->last);
    scene->last = call;
}

void scene_on_entry(struct backend_call *call, size_t index, void *context)
{
    struct scene *scene = context;
    (void)backend_call_result(call, index);
    scene->told_order[scene->told++] = index;
}

struct backend_call *scene_submit_of(struct scene *scene, enum ph_operation operation, size_t count,
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
    backend_submit(call, options, scene_done, scene);
    scene->inside = false;
    return call;
}

struct backend_call *scene_submit(struct scene *scene, size_t count, const struct backend_options *options)
{
    return scene_submit_of(scene, PH_QUEUE_SEND, count, options);
}

void scene_script(struct scene *scene, size_t count, uint32_t outcome)
{
    for (size_t i = 0; i < count; i++) {
        scene->outcomes[scene->outcome_count++] = outcome;
    }
}

uint32_t scene_outcome(const struct scene *scene, size_t index)
{
    return backend_call_result(scene->last, index)->outcome;
}
