// SPDX-License-Identifier: Apache-2.0
//
// Probes a backend for the deep check: opens it, and asks what changes nothing, so that a missing thing or right shows.
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/runtime.h"

struct probe {
    uint32_t operation; ///< enum ph_operation: the one that failed; PH_OPEN: it did not open
    uint32_t outcome;   ///< enum ph_outcome; PH_OK: all is well
    char text[512];     ///< the plugin's reason; "" when all is well
};

/// Probes the backend of a kind whose section is there; opens it unless that is done. True when all is well. Runs the
/// loop until there is an answer, at most about a minute. It asks for health and counts, and reads a document that does not
/// exist. What cannot be tried without an effect (writing, sending, receiving, publishing) is not tried.
bool probe_run(struct runtime *runtime, enum ph_kind kind, struct probe *probe_r);

#endif
