// SPDX-License-Identifier: Apache-2.0
//
// queue-sqlite: jobs in an SQLite file. The descriptor and its tables.
#include "config.h"
#include "plugins/queue-sqlite/operations.h"
#include "plugins/queue-sqlite/statements.h"
#include "plugins/queue-sqlite/waiting.h"
#include "plugins/sqlite/engine.h"
#include "plugins/sqlite/options.h"

static const struct operation operations[] = {
    {PH_QUEUE_SEND, true, false, 0, queue_send},
    {PH_QUEUE_RECEIVE, true, true, sizeof(struct ph_received_jobs), queue_receive},
    {PH_QUEUE_REMOVE, true, true, 0, queue_remove},
    {PH_QUEUE_EXTEND, true, true, 0, queue_extend},
    {PH_QUEUE_STATS, false, false, sizeof(struct ph_queue_stats), queue_stats},
};

static const struct engine_kind kind = {
    .schema = {.kind = "queue", .steps = queue_schema, .version = QUEUE_SCHEMA_VERSION, .oldest_program = "0.1.0"},
    .statements = {.sql = queue_statements, .count = QUEUE_STATEMENT_COUNT},
    .operations = operations,
    .operation_count = sizeof(operations) / sizeof(operations[0]),
    .opened = waiting_opened,
    .closing = waiting_closing,
    .finished = waiting_finished,
    .cancelled = waiting_cancelled,
};

static void queue_open(void *instance, struct ph_call *call)
{
    (void)instance;
    engine_open(&kind, call);
}

static void queue_start_receive(void *instance, struct ph_call *call)
{
    waiting_start(instance, call, &operations[1]);
}

static const struct ph_common_operations common = {
    .open = queue_open,
    .close = engine_close,
    .health = engine_health,
    .reload = engine_reload,
    .cancel = engine_cancel,
};

static const struct ph_queue_operations slots = {
    .send = engine_start,
    .receive = queue_start_receive,
    .remove = engine_start,
    .extend = engine_start,
    .stats = engine_start,
};

PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .name = "sqlite", .version = PACKAGE_VERSION,
          .summary = "Jobs in an SQLite file.", .config_size = sizeof(struct sqlite_config), .options = sqlite_options,
          .option_count = SQLITE_OPTION_COUNT, .batch_limit = 1024, .concurrency = 64, .common = &common,
          .operations = &slots);
