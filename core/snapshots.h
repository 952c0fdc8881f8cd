// SPDX-License-Identifier: Apache-2.0
//
// Snapshots: what readiness and operators see of the backends, refreshed on the exchange loop and copied by any thread.
#ifndef CORE_SNAPSHOTS_H
#define CORE_SNAPSHOTS_H

struct exchange;
struct exchange_snapshot;
struct snapshots;

struct snapshots *snapshots_new(void);
void snapshots_free(struct snapshots *snapshots);

/// Takes the state of the exchange's backends. On the loop.
void snapshots_refresh(struct snapshots *snapshots, const struct exchange *exchange);

/// Copies the last one. Any thread.
void snapshots_copy(struct snapshots *snapshots, struct exchange_snapshot *snapshot_r);

#endif
