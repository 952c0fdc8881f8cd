// SPDX-License-Identifier: Apache-2.0
//
// The operations of the queue, as the engine runs them; see their slots in posthouse/plugin.h.
#ifndef PLUGINS_QUEUE_SQLITE_OPERATIONS_H
#define PLUGINS_QUEUE_SQLITE_OPERATIONS_H

#include "plugins/sqlite/engine.h"

operation_run_f queue_send;
/// Takes what there is; waiting.h sees to the waiting.
operation_run_f queue_receive;
operation_run_f queue_remove;
operation_run_f queue_extend;
operation_run_f queue_stats;

/// Looks, on behalf of a receive that waits, whether a job can be received: PH_OK if so, else the result stays pending.
operation_run_f queue_peek;

#endif
