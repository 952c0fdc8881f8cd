// SPDX-License-Identifier: Apache-2.0
//
// The sweeper: does what is due by the storage's clock. It sends outbox marks that are due (again), ends what has expired,
// looks for alert and document marks, purges what is past its retention, and counts for the metrics. All of it is
// leased or idempotent, so any number of daemons sweep side by side.
#ifndef CORE_SWEEPER_H
#define CORE_SWEEPER_H

struct exchange;
struct sweeper;

struct sweeper *sweeper_new(struct exchange *exchange);
void sweeper_free(struct sweeper *sweeper);

/// Begins to sweep, once a second.
void sweeper_start(struct sweeper *sweeper);

#endif
