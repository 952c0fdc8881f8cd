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

void storage_unwritten(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, PH_INTERNAL, 0, "not written");
    call->host->complete(call);
}

static const struct ph_storage_operations slots = {
    .append = storage_unwritten,
    .deliver = storage_unwritten,
    .fail = storage_unwritten,
    .postpone = storage_unwritten,
    .lease = storage_unwritten,
    .settle = storage_unwritten,
    .mark = storage_unwritten,
    .expire = storage_unwritten,
    .inbox_read = storage_unwritten,
    .inbox_head = storage_unwritten,
    .inbox_ack = storage_unwritten,
    .inbox_remove = storage_unwritten,
    .message_get = storage_unwritten,
    .sent_read = storage_unwritten,
    .dead_read = storage_unwritten,
    .redrive = storage_unwritten,
    .user_add = storage_unwritten,
    .user_get = storage_unwritten,
    .user_list = storage_unwritten,
    .user_password = storage_unwritten,
    .user_remove = storage_unwritten,
    .session_add = storage_unwritten,
    .session_get = storage_unwritten,
    .session_remove = storage_unwritten,
    .purge = storage_unwritten,
    .stats = storage_unwritten,
    .notify = rds_notify,
};

PH_PLUGIN(struct ph_storage_operations, .kind = PH_KIND_STORAGE, .name = "rds", .version = PACKAGE_VERSION,
          .summary = "Messages, inboxes, users and sessions in PostgreSQL.", .config_size = sizeof(struct rds_config),
          .options = rds_options, .option_count = RDS_OPTION_COUNT, .batch_limit = 1024, .concurrency = 64,
          .common = &common, .operations = &slots);
