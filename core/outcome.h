// SPDX-License-Identifier: Apache-2.0
//
// The outcome classes: their names, and what each means to the wrapper.
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <posthouse/plugin.h>
#include <stdbool.h>

/// Outcomes are below this number.
#define OUTCOME_COUNT 12

/// "ok", "duplicate", "conflict", "not_found", "invalid", "transient", "throttled", "unavailable", "denied",
/// "uncertain", "internal", "pending"; "unknown" for any other number.
const char *outcome_name(uint32_t outcome);

/// The backend has answered, and a repeat would answer the same: ok, duplicate, conflict, not found, invalid.
bool outcome_is_answer(uint32_t outcome);

/// A repeat may help: transient, throttled, unavailable, uncertain.
bool outcome_is_retryable(uint32_t outcome);

/// The backend did not work at all, as far as one can tell: unavailable, uncertain. Counts for the breaker.
bool outcome_is_outage(uint32_t outcome);

#endif
