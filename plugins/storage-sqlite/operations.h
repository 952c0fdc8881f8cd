// SPDX-License-Identifier: Apache-2.0
//
// The operations of storage, as the engine runs them: each in a transaction, on a helper thread. What they do and
// answer is said at their slots in posthouse/plugin.h.
#ifndef PLUGINS_STORAGE_SQLITE_OPERATIONS_H
#define PLUGINS_STORAGE_SQLITE_OPERATIONS_H

#include "plugins/sqlite/engine.h"

/// What the writer of an instance keeps from call to call.
struct storage_state {
    int64_t purged_to; ///< the message at which the next purge goes on; 0: at the first
};

// append.c
operation_run_f storage_append;

// deliver.c
operation_run_f storage_deliver;
operation_run_f storage_fail;
operation_run_f storage_expire;
operation_run_f storage_redrive;

// marks.c
operation_run_f storage_postpone;
operation_run_f storage_lease;
operation_run_f storage_settle;
operation_run_f storage_mark;

// lists.c
operation_run_f storage_inbox_read;
operation_run_f storage_inbox_head;
operation_run_f storage_inbox_ack;
operation_run_f storage_inbox_remove;
operation_run_f storage_message_get;
operation_run_f storage_sent_read;
operation_run_f storage_dead_read;

// users.c
operation_run_f storage_user_add;
operation_run_f storage_user_get;
operation_run_f storage_user_list;
operation_run_f storage_user_password;
operation_run_f storage_user_remove;
operation_run_f storage_session_add;
operation_run_f storage_session_get;
operation_run_f storage_session_remove;

// purge.c
operation_run_f storage_purge;
operation_run_f storage_stats;

/// Runs `entry` for each entry of a call, up to the first error.
int storage_each(struct scope *scope, struct ph_call *call,
                 int (*entry)(struct scope *scope, struct ph_call *call, size_t index));

#endif
