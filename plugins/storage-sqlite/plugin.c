// SPDX-License-Identifier: Apache-2.0
//
// storage-sqlite: the durable truth in one SQLite file. The descriptor and its tables.
#include "config.h"
#include "plugins/sqlite/engine.h"
#include "plugins/sqlite/options.h"
#include "plugins/storage-sqlite/memo.h"
#include "plugins/storage-sqlite/operations.h"
#include "plugins/storage-sqlite/statements.h"

static const struct operation operations[] = {
    {PH_STORAGE_APPEND, true, sizeof(struct ph_accepted), storage_append, false},
    {PH_STORAGE_DELIVER, true, sizeof(struct ph_delivery), storage_deliver, false},
    {PH_STORAGE_FAIL, true, sizeof(struct ph_failed), storage_fail, false},
    {PH_STORAGE_POSTPONE, true, 0, storage_postpone, true},
    {PH_STORAGE_LEASE, true, sizeof(struct ph_leased), storage_lease, true},
    {PH_STORAGE_SETTLE, true, 0, storage_settle, false},
    {PH_STORAGE_MARK, true, 0, storage_mark, false},
    {PH_STORAGE_EXPIRE, true, sizeof(struct ph_swept), storage_expire, false},
    {PH_STORAGE_INBOX_READ, false, sizeof(struct ph_page), storage_inbox_read, false},
    {PH_STORAGE_INBOX_HEAD, false, sizeof(struct ph_head_position), storage_inbox_head, false},
    {PH_STORAGE_INBOX_ACK, true, sizeof(struct ph_acked), storage_inbox_ack, false},
    {PH_STORAGE_INBOX_REMOVE, true, 0, storage_inbox_remove, false},
    {PH_STORAGE_MESSAGE_GET, false, sizeof(struct ph_found), storage_message_get, false},
    {PH_STORAGE_SENT_READ, false, sizeof(struct ph_page), storage_sent_read, false},
    {PH_STORAGE_DEAD_READ, false, sizeof(struct ph_page), storage_dead_read, false},
    {PH_STORAGE_REDRIVE, true, 0, storage_redrive, false},
    {PH_STORAGE_USER_ADD, true, 0, storage_user_add, false},
    {PH_STORAGE_USER_GET, false, sizeof(struct ph_user), storage_user_get, false},
    {PH_STORAGE_USER_LIST, false, sizeof(struct ph_users), storage_user_list, false},
    {PH_STORAGE_USER_PASSWORD, true, 0, storage_user_password, false},
    {PH_STORAGE_USER_REMOVE, true, 0, storage_user_remove, false},
    {PH_STORAGE_SESSION_ADD, true, sizeof(struct ph_session), storage_session_add, false},
    {PH_STORAGE_SESSION_GET, false, sizeof(struct ph_session), storage_session_get, false},
    {PH_STORAGE_SESSION_REMOVE, true, 0, storage_session_remove, false},
    {PH_STORAGE_PURGE, true, sizeof(struct ph_swept), storage_purge, false},
    {PH_STORAGE_STATS, false, sizeof(struct ph_storage_stats), storage_stats, false},
};

static const struct engine_kind kind = {
    .schema = {.kind = "storage",
               .steps = storage_schema,
               .version = STORAGE_SCHEMA_VERSION,
               .oldest_program = "0.1.0"},
    .statements = {.sql = storage_statements, .count = STORAGE_STATEMENT_COUNT},
    .operations = operations,
    .operation_count = sizeof(operations) / sizeof(operations[0]),
    .memo_size = sizeof(struct storage_memo),
    .state_size = sizeof(struct storage_state),
    .flush = memo_flush,
};

static void storage_open(void *instance, struct ph_call *call)
{
    (void)instance;
    engine_open(&kind, call);
}

static const struct ph_common_operations common = {
    .open = storage_open,
    .close = engine_close,
    .health = engine_health,
    .reload = engine_reload,
    .cancel = engine_cancel,
};

static const struct ph_storage_operations slots = {
    .append = engine_start,
    .deliver = engine_start,
    .fail = engine_start,
    .postpone = engine_start,
    .lease = engine_start,
    .settle = engine_start,
    .mark = engine_start,
    .expire = engine_start,
    .inbox_read = engine_start,
    .inbox_head = engine_start,
    .inbox_ack = engine_start,
    .inbox_remove = engine_start,
    .message_get = engine_start,
    .sent_read = engine_start,
    .dead_read = engine_start,
    .redrive = engine_start,
    .user_add = engine_start,
    .user_get = engine_start,
    .user_list = engine_start,
    .user_password = engine_start,
    .user_remove = engine_start,
    .session_add = engine_start,
    .session_get = engine_start,
    .session_remove = engine_start,
    .purge = engine_start,
    .stats = engine_start,
    // Readers in other processes have their poll: a file has no way to call them.
    .notify = NULL,
};

PH_PLUGIN(struct ph_storage_operations, .kind = PH_KIND_STORAGE, .name = "sqlite", .version = PACKAGE_VERSION,
          .summary = "Messages, inboxes, users and sessions in one SQLite file.",
          .config_size = sizeof(struct sqlite_config), .options = sqlite_options,
          .option_count = SQLITE_STORAGE_OPTION_COUNT, .batch_limit = 1024, .concurrency = 64, .common = &common,
          .operations = &slots);
