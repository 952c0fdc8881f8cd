// SPDX-License-Identifier: Apache-2.0
//
// See core/retry.h.
#include "core/retry.h"

void retry_budget_init(struct retry_budget *budget)
{
    budget->hundredths = RETRY_RESERVE * 100;
}

void retry_budget_earn(struct retry_budget *budget, size_t entries)
{
    budget->hundredths += (int64_t)entries * RETRY_PERCENT;
    if (budget->hundredths > RETRY_RESERVE * 100) {
        budget->hundredths = RETRY_RESERVE * 100;
    }
}

bool retry_budget_spend(struct retry_budget *budget, bool forced)
{
    if (budget->hundredths >= 100) {
        budget->hundredths -= 100;
        return true;
    }
    return forced;
}

uint32_t retry_bound_ms(uint32_t attempt)
{
    uint32_t doublings = attempt > 0 ? attempt - 1 : 0;
    uint32_t bound = doublings < 16 ? (uint32_t)RETRY_BASE_MS << doublings : RETRY_CAP_MS;
    return bound < RETRY_CAP_MS ? bound : RETRY_CAP_MS;
}
