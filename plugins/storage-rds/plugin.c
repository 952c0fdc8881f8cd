// SPDX-License-Identifier: Apache-2.0
//
// storage-rds: the durable truth in PostgreSQL. The descriptor and its tables.
#include "config.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/options.h"
#include "plugins/storage-rds/rds.h"

static const struct ph_common_operations common = {
    .open = rds_open,
    .close = rds_close,
    .health = rds_health,
    .reload = rds_reload,
    .cancel = rds_cancel,
};

static const struct ph_storage_operations slots = {
    .append = rds_append,
    .deliver = rds_deliver,
    .fail = rds_fail,
    .postpone = rds_postpone,
    .lease = rds_lease,
    .settle = rds_settle,
    .mark = rds_mark,
    .expire = rds_expire,
    .inbox_read = rds_inbox_read,
    .inbox_head = rds_inbox_head,
    .inbox_ack = rds_inbox_ack,
    .inbox_remove = rds_inbox_remove,
    .message_get = rds_message_get,
    .sent_read = rds_sent_read,
    .dead_read = rds_dead_read,
    .redrive = rds_redrive,
    .user_add = rds_user_add,
    .user_get = rds_user_get,
    .user_list = rds_user_list,
    .user_password = rds_user_password,
    .user_remove = rds_user_remove,
    .session_add = rds_session_add,
    .session_get = rds_session_get,
    .session_remove = rds_session_remove,
    .purge = rds_purge,
    .stats = rds_stats,
    .notify = rds_notify,
};

PH_PLUGIN(struct ph_storage_operations, .kind = PH_KIND_STORAGE, .name = "rds", .version = PACKAGE_VERSION,
          .summary = "Messages, inboxes, users and sessions in PostgreSQL.", .config_size = sizeof(struct rds_config),
          .options = rds_options, .option_count = RDS_OPTION_COUNT, .batch_limit = 1024, .concurrency = 64,
          .common = &common, .operations = &slots);
