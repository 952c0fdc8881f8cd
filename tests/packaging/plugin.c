// SPDX-License-Identifier: Apache-2.0
//
// A plugin as its author writes it, outside this tree: one file, one header, found by pkg-config. It is an alert
// backend that takes every alert and publishes it to nobody.

#include <posthouse/plugin.h>

struct silent_config {
    int64_t patience;
    bool polite;
};

static const struct ph_option silent_options[] = {
    PH_DURATION(struct silent_config, patience, PH_OPTION_RELOADABLE, "5s", 0, 60000, "How long to be silent."),
    PH_BOOLEAN(struct silent_config, polite, 0, "yes", "Whether to be silent politely."),
};

static void silent_answer(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

static const struct ph_common_operations silent_common = {
    .open = silent_answer,
    .close = silent_answer,
    .health = silent_answer,
};

static const struct ph_alert_operations silent_operations = {
    .publish = silent_answer,
};

PH_PLUGIN(struct ph_alert_operations, .kind = PH_KIND_ALERT, .name = "silent", .version = "1.0.0",
          .summary = "Publishes alerts to nobody.", .config_size = sizeof(struct silent_config),
          PH_OPTIONS(silent_options), .common = &silent_common, .operations = &silent_operations);
