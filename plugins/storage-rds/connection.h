// SPDX-License-Identifier: Apache-2.0
//
// One connection in pipeline mode, on the exchange loop: jobs go out back to back, results come home in order.
//
// It connects again by itself, with growing pauses. A connection that is lost ends every job that was sent on it:
// uncertain where it changes something.
#ifndef PLUGINS_STORAGE_RDS_CONNECTION_H
#define PLUGINS_STORAGE_RDS_CONNECTION_H

#include "plugins/storage-rds/rds.h"

/// In the order in which it comes to be of use.
enum connection_state {
    CONNECTION_AWAY,  ///< pausing before the next attempt
    CONNECTION_TRIED, ///< an attempt is under way
    CONNECTION_READY
};

/// Makes one and starts its first attempt; NULL without memory.
struct connection *connection_new(struct rds *rds, enum rds_lane lane);

enum rds_lane connection_lane(const struct connection *connection);
enum connection_state connection_state(const struct connection *connection);

#define CONNECTION_HANGS_MS 50
/// Whether the server has been at one job for so long that something holds it up, such as a lock.
bool connection_hangs(const struct connection *connection);

/// Takes jobs from its lane's line while it has room and not `most` of them under way, and flushes.
void connection_fill(struct connection *connection, size_t most);

/// Tries at once if it pauses.
void connection_hurry(struct connection *connection);

/// Asks the server to cancel what it works on, if the call's job is the first in line there; in any case a job that is not
/// over soon ends with its connection. False: no job of that call is here.
bool connection_cancel(struct connection *connection, const struct ph_call *call);

/// Ends it: jobs under way fail. True when nothing of it is on a helper thread any more, and it may be freed.
bool connection_end(struct connection *connection);
void connection_free(struct connection *connection);

/// The work after connecting that every working connection needs: prepares all statements.
bool connection_prepare(struct connect_request *request);

#endif
