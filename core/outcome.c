// SPDX-License-Identifier: Apache-2.0
//
// See core/outcome.h.
#include "core/outcome.h"

const char *outcome_name(uint32_t outcome)
{
    static const char *const names[OUTCOME_COUNT] = {
        [PH_PENDING] = "pending",     [PH_OK] = "ok",
        [PH_DUPLICATE] = "duplicate", [PH_CONFLICT] = "conflict",
        [PH_NOT_FOUND] = "not_found", [PH_INVALID] = "invalid",
        [PH_TRANSIENT] = "transient", [PH_THROTTLED] = "throttled",
        [PH_DENIED] = "denied",       [PH_UNAVAILABLE] = "unavailable",
        [PH_INTERNAL] = "internal",   [PH_UNCERTAIN] = "uncertain",
    };
    return outcome < OUTCOME_COUNT ? names[outcome] : "unknown";
}

bool outcome_is_answer(uint32_t outcome)
{
    return outcome >= PH_OK && outcome <= PH_INVALID;
}

bool outcome_is_retryable(uint32_t outcome)
{
    return outcome == PH_TRANSIENT || outcome == PH_THROTTLED || outcome == PH_UNAVAILABLE || outcome == PH_UNCERTAIN;
}

bool outcome_is_outage(uint32_t outcome)
{
    return outcome == PH_UNAVAILABLE || outcome == PH_UNCERTAIN;
}
