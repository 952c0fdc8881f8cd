// SPDX-License-Identifier: Apache-2.0
//
// How the outcome of a backend's operation becomes an HTTP answer, in one place. A backend's own text never reaches a
// client: it may name hosts and files.
#ifndef CORE_API_OUTCOME_H
#define CORE_API_OUTCOME_H

#include <stdint.h>

struct exchange_call;

struct api_outcome {
    int status;
    const char *type;       ///< of the problem
    const char *advice;     ///< a sentence: what happened and what to do
    uint32_t retry_after_s; ///< 0: no Retry-After
};

/// For every outcome but PH_OK and those that the handler answers itself.
struct api_outcome api_outcome_of(const struct exchange_call *call);

#endif
