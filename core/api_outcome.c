// SPDX-License-Identifier: Apache-2.0
//
// See api_outcome.h.
#include "core/api_outcome.h"

#include "core/exchange.h"

struct api_outcome api_outcome_of(const struct exchange_call *call)
{
    const uint32_t seconds = call->delay_ms / 1000 + 1;
    switch (call->outcome) {
    case PH_UNCERTAIN:
        return (struct api_outcome){503, "outcome-unknown",
                                    "the answer of the storage was lost, so it may still have been done. Repeat the "
                                    "request with the same Idempotency-Key to find out safely.",
                                    seconds};
    case PH_THROTTLED:
    case PH_TRANSIENT:
    case PH_UNAVAILABLE:
        return (struct api_outcome){503, "unavailable",
                                    "the backend cannot work just now. Nothing was changed; repeat the request later.",
                                    seconds};
    case PH_DENIED:
        return (struct api_outcome){
            503, "unavailable", "the backend refuses the daemon. Nothing was changed; an operator must mend it.", 30};
    case PH_NOT_FOUND:
        return (struct api_outcome){404, "not-found", "there is no such thing.", 0};
    case PH_CONFLICT:
        return (struct api_outcome){409, "conflict", "it is in use for something else.", 0};
    case PH_INVALID:
        return (struct api_outcome){422, "invalid", "the storage cannot take these values.", 0};
    default:
        return (struct api_outcome){500, "internal", "a fault of the daemon or a plugin; its log says more.", 0};
    }
}
