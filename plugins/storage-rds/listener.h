// SPDX-License-Identifier: Apache-2.0
//
// Waking the readers of other daemons: NOTIFY and LISTEN, on a connection of its own, outside of every transaction that
// delivers.
//
// Best effort: what is lost here is found by the readers' poll. Names that come while a NOTIFY is under way share the next.
#ifndef PLUGINS_STORAGE_RDS_LISTENER_H
#define PLUGINS_STORAGE_RDS_LISTENER_H

#include "plugins/storage-rds/rds.h"

/// Makes one and begins to connect; NULL without memory.
struct listener *listener_new(struct rds *rds);

/// Tells the other daemons, soon. Names that do not fit in the buffer are left out.
void listener_tell(struct listener *listener, const struct ph_notify *entry);

/// As connection_end() and connection_free().
bool listener_end(struct listener *listener);
void listener_free(struct listener *listener);

#endif
