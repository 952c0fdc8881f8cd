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
    {PH_STORAGE_APPEND, true, false, sizeof(struct ph_accepted), storage_append},
    {PH_STORAGE_DELIVER, true, false, sizeof(struct ph_delivery), storage_deliver},
    {PH_STORAGE_FAIL, true, false, sizeof(struct ph_failed), storage_fail},
    {PH_STORAGE_POSTPONE, true, true, 0, storage_postpone},
    {PH_STORAGE_LEASE, true, true, sizeof(struct ph_leased), storage_lease},
    {PH_STORAGE_SETTLE, true, false, 0, storage_settle},
    {PH_STORAGE_MARK, true, false, 0, storage_mark},
    {PH_STORAGE_EXPIRE, true, false, sizeof(struct ph_swept), storage_expire},
    {PH_STORAGE_INBOX_READ, false, false, sizeof(struct ph_page), storage_inbox_read},
    {PH_STORAGE_INBOX_HEAD, false, false, sizeof(struct ph_head_position), storage_inbox_head},
    {PH_STORAGE_INBOX_ACK, true, false, sizeof(struct ph_acked), storage_inbox_ack},
    {PH_STORAGE_INBOX_REMOVE, true, false, 0, storage_inbox_remove},
    {PH_STORAGE_MESSAGE_GET, false, false, sizeof(struct ph_found), storage_message_get},
    {PH_STORAGE_SENT_READ, false, false, sizeof(struct ph_page), storage_sent_read},
    {PH_STORAGE_DEAD_READ, false, false, sizeof(struct ph_page), storage_dead_read},
    {PH_STORAGE_REDRIVE, true, false, 0, storage_redrive},
    {PH_STORAGE_USER_ADD, true, false, 0, storage_user_add},
    {PH_STORAGE_USER_GET, false, false, sizeof(struct ph_user), storage_user_get},
    {PH_STORAGE_USER_LIST, false, false, sizeof(struct ph_users), storage_user_list},
    {PH_STORAGE_USER_PASSWORD, true, false, 0, storage_user_password},
    {PH_STORAGE_USER_REMOVE, true, false, 0, storage_user_remove},
    {PH_STORAGE_SESSION_ADD, true, false, sizeof(struct ph_session), storage_session_add},
    {PH_STORAGE_SESSION_GET, false, false, sizeof(struct ph_session), storage_session_get},
    {PH_STORAGE_SESSION_REMOVE, true, false, 0, storage_session_remove},
    {PH_STORAGE_PURGE, true, false, sizeof(struct ph_swept), storage_purge},
    {PH_STORAGE_STATS, false, false, sizeof(struct ph_storage_stats), storage_stats},
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
