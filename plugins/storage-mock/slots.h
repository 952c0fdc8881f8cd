// SPDX-License-Identifier: Apache-2.0
//
// The operations of the mock storage, one function a slot; posthouse/plugin.h says what each must do.
#ifndef PLUGINS_STORAGE_MOCK_SLOTS_H
#define PLUGINS_STORAGE_MOCK_SLOTS_H

#include <posthouse/plugin.h>

ph_start_f storage_append; // append.c

ph_start_f storage_deliver; // deliver.c
ph_start_f storage_fail;
ph_start_f storage_expire;
ph_start_f storage_redrive;

ph_start_f storage_postpone; // marks.c
ph_start_f storage_lease;
ph_start_f storage_settle;
ph_start_f storage_mark;

ph_start_f storage_inbox_read; // inbox.c
ph_start_f storage_inbox_head;
ph_start_f storage_inbox_ack;
ph_start_f storage_inbox_remove;
ph_start_f storage_message_get;
ph_start_f storage_sent_read;
ph_start_f storage_dead_read;

ph_start_f storage_user_add; // user.c
ph_start_f storage_user_get;
ph_start_f storage_user_list;
ph_start_f storage_user_password;
ph_start_f storage_user_remove;

ph_start_f storage_session_add; // session.c
ph_start_f storage_session_get;
ph_start_f storage_session_remove;

ph_start_f storage_purge; // purge.c
ph_start_f storage_stats;

#endif
