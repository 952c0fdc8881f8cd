// SPDX-License-Identifier: Apache-2.0
//
// A host on a loop of its own with the scripted plugin, for tests of what calls plugins.
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "core/clock.h"
#include "tests/unit/plugins/script.h"
#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct host;
struct loader;
struct metrics;
struct plugin;

#define RIG_CALLS_MAX 256

struct rig {
    struct event_base *base;
    struct clock_manual clock; // used when manual
    struct metrics *metrics;
    struct host *host;
    struct loader *loader;
    const struct plugin *plugin;
    struct script_config config;
    // What a test may set: true when it takes the call; else the call ends PH_OK at once.
    bool (*script)(struct rig *rig, void *instance, struct ph_call *call);
    void *own;                           // the test's
    size_t started[128];                 // calls by operation
    struct ph_call *kept[RIG_CALLS_MAX]; // put here by rig_keep()
    size_t kept_count;
    size_t misuses;
    char misuse[256]; // the last one
};

// A rig with the system's clock, or with one that stands still until rig_advance().
struct rig *rig_new(bool manual);
void rig_free(struct rig *rig);

// Keeps a call under way for the test to end; for use in a script. Always true.
bool rig_keep(struct rig *rig, struct ph_call *call);
// Ends a call with the same outcome for all entries.
void rig_end(struct ph_call *call, enum ph_outcome outcome);
// Ends the kept call of that number.
void rig_end_kept(struct rig *rig, size_t index, enum ph_outcome outcome);

// Turns the loop until *counter reaches `wanted`; fails the test after 20 s.
void rig_until(struct rig *rig, const size_t *counter, size_t wanted);
// Turns the loop until there is nothing to do at once.
void rig_settle(struct rig *rig);
// Moves the manual clock and runs what is due, step by step.
void rig_advance(struct rig *rig, int64_t milliseconds);

#endif
