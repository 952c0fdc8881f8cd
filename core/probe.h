// SPDX-License-Identifier: Apache-2.0
//
// Probes a backend for the deep check: opens it, asks what changes nothing, and has its plugin try the rights that it
// needs, so that a missing thing or right shows.
#ifndef CORE_PROBE_H
#define CORE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rights.h"
#include "core/runtime.h"

struct probe {
    uint32_t operation; ///< enum ph_operation: the one that failed; PH_OPEN: it did not open
    uint32_t outcome;   ///< enum ph_outcome; PH_OK: all is well
    char text[512];     ///< the plugin's reason; "" when all is well
    size_t asked_count;
    uint32_t asked[4]; ///< what was asked, the one that failed included
};

/// Probes the backend of a kind whose section is there; opens it unless that is done. True when all is well. Runs the
/// loop until there is an answer, at most about a minute. It asks for health and counts, and reads a document that does not
/// exist. What has an effect (writing, sending, receiving, publishing) is left to probe_rights().
bool probe_run(struct runtime *runtime, enum ph_kind kind, struct probe *probe_r);

/// How a right stands.
struct probe_right {
    const struct rights_need *need;
    uint32_t outcome; ///< enum ph_outcome; PH_OK: it is there; PH_DENIED: it is missing; else it is not known
    char text[512];   ///< why it is not there, or not known
};

/// Has an open backend's plugin try, without an effect, the rights of its section that `probe` (what probe_run() found) has
/// not used: each action on a resource once, in the order of `rights`, which must outlive the answer. Returns their
/// number; free *rights_r with free(). Left out are rights that a service itself uses (those on a key), since the daemon
/// cannot try them, and those to fetch secrets, which were used when the configuration was read.
size_t probe_rights(struct runtime *runtime, enum ph_kind kind, const struct probe *probe, const struct rights *rights,
                    struct probe_right **rights_r);

#endif
