// SPDX-License-Identifier: Apache-2.0
//
// When to repeat: growing delays with full jitter, and a budget that keeps repeats a small part of the load,
// so that a backend in trouble is not asked many times for each thing it is asked.
#ifndef CORE_RETRY_H
#define CORE_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETRY_BASE_MS 20
#define RETRY_CAP_MS 2000
/// Each entry that is asked for the first time allows this part of a repeat …
#define RETRY_PERCENT 20
/// … and so many repeats are in reserve at most, and at the start.
#define RETRY_RESERVE 100

/// In hundredths of a repeat.
struct retry_budget {
    int64_t hundredths;
};

void retry_budget_init(struct retry_budget *budget);

/// Entries are asked for the first time.
void retry_budget_earn(struct retry_budget *budget, size_t entries);

/// True when an entry may be repeated; it is paid then. With `forced` always, as far as the budget goes it pays.
bool retry_budget_spend(struct retry_budget *budget, bool forced);

/// The upper bound of the delay before attempt `attempt` + 1, in milliseconds: jitter draws below it.
uint32_t retry_bound_ms(uint32_t attempt);

#endif
