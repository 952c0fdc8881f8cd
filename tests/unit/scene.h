// SPDX-License-Identifier: Apache-2.0
//
// A backend around the scripted plugin, on a clock that stands still until the test moves it, and calls to it.
#ifndef TESTS_UNIT_SCENE_H
#define TESTS_UNIT_SCENE_H

#include "core/backend.h"
#include "tests/unit/rig.h"

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
    bool keep;       // sends stay under way
    bool keep_setup; // likewise
    bool health_fails;
    const char *health_says; // of itself, well or not
    size_t biggest;
};

struct scene *scene_new(void);
// Opens the backend and expects that to work.
void scene_open(struct scene *scene);
struct scene *scene_opened(void);
// Closes and frees all.
void scene_free(struct scene *scene);

// Callbacks that count.
void scene_open_done(struct backend *backend, const struct ph_result *result, void *context);
void scene_closed(struct backend *backend, bool quarantined, void *context);
void scene_done(struct backend_call *call, void *context);
void scene_on_entry(struct backend_call *call, size_t index, void *context);

// Submits a call of `count` entries; the last one that was received stays in scene->last.
struct backend_call *scene_submit_of(struct scene *scene, enum ph_operation operation, size_t count,
                                     const struct backend_options *options);
struct backend_call *scene_submit(struct scene *scene, size_t count, const struct backend_options *options);
// The next `count` plugin calls get this outcome.
void scene_script(struct scene *scene, size_t count, uint32_t outcome);
// The outcome of an entry of scene->last.
uint32_t scene_outcome(const struct scene *scene, size_t index);

#endif
