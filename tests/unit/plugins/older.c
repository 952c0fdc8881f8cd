// SPDX-License-Identifier: Apache-2.0
//
// A plugin made for 1.0: its sizes end where 1.1 begins. What lies behind them is not for the host to read; here it
// would not survive a look.
#include <posthouse/plugin.h>
#include <stddef.h>
#include <stdlib.h>

static void older_answer(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

static void older_trap(void *instance, struct ph_call *call)
{
    (void)instance;
    (void)call;
    abort();
}

static const struct ph_common_operations common = {
    .open = older_answer,
    .close = older_answer,
    .health = older_answer,
    .setup = older_trap,
};
static const struct ph_queue_operations operations = {
    .send = older_answer,
    .receive = older_answer,
    .remove = older_answer,
    .extend = older_answer,
    .stats = older_answer,
};
static const struct ph_right trap[] = {{.action = "not an action"}};

extern PH_EXPORT const struct ph_plugin PH_DESCRIPTOR;
const struct ph_plugin PH_DESCRIPTOR = {
    .magic = PH_ABI_MAGIC,
    .abi_major = 1,
    .abi_minor = 0,
    .plugin_size = offsetof(struct ph_plugin, rights),
    .option_size = sizeof(struct ph_option),
    .operations_size = sizeof(struct ph_queue_operations),
    .common_size = offsetof(struct ph_common_operations, setup),
    .kind = PH_KIND_QUEUE,
    .name = "older",
    .version = "1.0",
    .summary = "Was made before rights and setup.",
    .common = &common,
    .operations = &operations,
    .rights = trap,
    .right_count = 1000000,
    .right_size = 1,
};
