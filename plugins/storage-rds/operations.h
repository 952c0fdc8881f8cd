// SPDX-License-Identifier: Apache-2.0
//
// The slots of storage that are statements: each makes a job (job.h) of its call, or waves of jobs (wave.h), and submits
// it. What they do and answer is said at their slots in posthouse/plugin.h.
#ifndef PLUGINS_STORAGE_RDS_OPERATIONS_H
#define PLUGINS_STORAGE_RDS_OPERATIONS_H

#include "posthouse/plugin.h"

// append.c
ph_start_f rds_append;

// deliver.c
ph_start_f rds_deliver;

// endings.c
ph_start_f rds_fail;
ph_start_f rds_expire;
ph_start_f rds_redrive;

// marks.c
ph_start_f rds_postpone;
ph_start_f rds_settle;
ph_start_f rds_mark;

// lease.c
ph_start_f rds_lease;

// lists.c
ph_start_f rds_inbox_read;
ph_start_f rds_inbox_head;
ph_start_f rds_sent_read;
ph_start_f rds_dead_read;
ph_start_f rds_message_get;

// inbox.c
ph_start_f rds_inbox_ack;
ph_start_f rds_inbox_remove;

// users.c
ph_start_f rds_user_add;
ph_start_f rds_user_get;
ph_start_f rds_user_list;
ph_start_f rds_user_password;
ph_start_f rds_user_remove;

// sessions.c
ph_start_f rds_session_add;
ph_start_f rds_session_get;
ph_start_f rds_session_remove;

// purge.c
ph_start_f rds_purge;
ph_start_f rds_stats;

#endif
