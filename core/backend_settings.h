// SPDX-License-Identifier: Apache-2.0
//
// How the wrapper treats a backend: the keys with a dot that every backend's section may hold, as an options
// table of the same form as a plugin's, so that the same code parses, checks and documents them. Keys that
// begin with `fault.` are not in the table: see core/faults.h.
#ifndef CORE_BACKEND_SETTINGS_H
#define CORE_BACKEND_SETTINGS_H

#include <posthouse/plugin.h>
#include <stddef.h>
#include <stdint.h>

/// Durations in milliseconds.
struct backend_policy {
    int64_t deadline;    ///< call.deadline: of a call, all its attempts together
    int64_t attempt;     ///< call.attempt: of one attempt, before it is given up and made again
    int64_t retries;     ///< call.retries: how often an entry is repeated
    int64_t concurrency; ///< call.concurrency: plugin calls under way at once; 0: what the plugin says
    int64_t waiting;     ///< call.waiting: plugin calls that may wait for a place
    int64_t opening;     ///< call.opening: how long one open may take
    int64_t failures;    ///< breaker.failures: this many in a row open the breaker
    int64_t cooldown;    ///< breaker.cooldown: how long it stays open at first; doubles up to 30 s
};

/// The table; every option may be reloaded. Names hold a dot.
extern const struct ph_option backend_policy_options[];
extern const size_t backend_policy_option_count;

/// The prefix of the keys that core/faults.h reads.
#define BACKEND_FAULT_PREFIX "fault."

/// The defaults of the table.
void backend_policy_defaults(struct backend_policy *policy);

#endif
