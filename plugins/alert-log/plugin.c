// SPDX-License-Identifier: Apache-2.0
//
// alert-log: publishes alerts to the daemon's log, or to a file, a line of JSON each.
//
// An instance is only a pointer to its config, which outlives it. What touches a file runs on helper threads, keyed by
// the path; the call itself carries the instance there.
#include "plugins/alert-log/file.h"
#include "plugins/alert-log/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALERT_LOG_MAGIC 0x616c6f67u

struct alert_log_config {
    const char *path;    // NULL: the daemon's log
    uint32_t level;      // of log lines, an index in levels
    uint64_t body_limit; // bytes
};

struct alert_log {
    uint32_t magic;
    const struct alert_log_config *config;
};

static const char *const level_names[] = {"info", "warn", "error", NULL};
static const enum ph_log_level levels[] = {PH_LOG_INFO, PH_LOG_WARN, PH_LOG_ERROR};

static const struct ph_option options[] = {
    PH_TEXT(struct alert_log_config, path, PH_OPTION_PATH, NULL,
            "The file to append to, a line of JSON for each alert; without it alerts go to the log."),
    PH_CHOICE(struct alert_log_config, level, 0, "warn", level_names, "The level of the log lines."),
    PH_SIZE(struct alert_log_config, body_limit, 0, "4KiB", 0, 1 << 18, "How much of a body is shown, in bytes."),
};

static struct alert_log *alert_log_from(void *instance)
{
    struct alert_log *alerts = instance;
    assert(alerts && alerts->magic == ALERT_LOG_MAGIC);
    return alerts;
}

static void done(void *context)
{
    struct ph_call *call = context;
    call->host->complete(call);
}

// Hands a call to a helper thread, or ends it at once when none will take it.
static void blocking(struct ph_call *call, struct alert_log *alerts, void (*work)(void *context))
{
    const char *path = alerts->config->path;
    struct ph_text key = {.bytes = path, .length = strlen(path)};
    call->data = alerts;
    if (call->host->offload(call->host, key, work, done, call))
        return;
    for (size_t i = 0; i < call->count; i++) {
        call->results[i]->outcome = PH_UNAVAILABLE;
        call->results[i]->text = "the helper threads are busy";
    }
    call->host->complete(call);
}

static void open_work(void *context)
{
    struct ph_call *call = context;
    file_try(call, alert_log_from(call->data)->config->path);
}

// A failed open leaves nothing behind: so the instance is given out only here.
static void open_done(void *context)
{
    struct ph_call *call = context;
    struct ph_opened *opened = call->outputs[0];
    if (call->results[0]->outcome == PH_OK)
        opened->instance = call->data;
    else
        free(call->data);
    call->host->complete(call);
}

static void alerts_open(void *instance, struct ph_call *call)
{
    (void)instance;
    if (call->count == 0) {
        call->host->complete(call);
        return;
    }
    const struct ph_open *entry = call->entries[0];
    struct alert_log *alerts = calloc(1, sizeof(*alerts));
    call->data = alerts;
    if (!alerts) {
        call->results[0]->outcome = PH_UNAVAILABLE;
        open_done(call);
        return;
    }
    alerts->magic = ALERT_LOG_MAGIC;
    alerts->config = entry->config;
    const char *path = alerts->config->path;
    struct ph_text key = {.bytes = path, .length = path ? strlen(path) : 0};
    if (path && call->host->offload(call->host, key, open_work, open_done, call))
        return;
    call->results[0]->outcome = path ? PH_UNAVAILABLE : PH_OK;
    open_done(call);
}

static void alerts_close(void *instance, struct ph_call *call)
{
    struct alert_log *alerts = alert_log_from(instance);
    alerts->magic = 0;
    free(alerts);
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static void health_work(void *context)
{
    struct ph_call *call = context;
    file_look(call, alert_log_from(call->data)->config->path);
}

static void alerts_health(void *instance, struct ph_call *call)
{
    struct alert_log *alerts = alert_log_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        health->detail = alerts->config->path ? "appends to a file" : "writes to the log";
        call->results[i]->outcome = PH_OK;
    }
    if (alerts->config->path && call->count)
        blocking(call, alerts, health_work);
    else
        call->host->complete(call);
}

static void publish_work(void *context)
{
    struct ph_call *call = context;
    const struct alert_log_config *config = alert_log_from(call->data)->config;
    file_append(call, config->path, config->body_limit);
}

static void publish_to_log(const struct alert_log_config *config, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_alert *alert = call->entries[i];
        struct ph_text body = line_shorten(alert->body, config->body_limit);
        char id[LINE_ID_SIZE];
        line_id(&alert->id, id);
        call->host->log(call->host, levels[config->level], call, "alert %s from %s: %s: %.*s%s", id,
                        alert->sender.bytes, alert->subject.bytes, (int)body.length, body.bytes,
                        body.length < alert->body.length ? "…" : "");
        call->results[i]->outcome = PH_OK;
    }
    call->host->complete(call);
}

static void alerts_publish(void *instance, struct ph_call *call)
{
    struct alert_log *alerts = alert_log_from(instance);
    if (alerts->config->path && call->count)
        blocking(call, alerts, publish_work);
    else
        publish_to_log(alerts->config, call);
}

static const struct ph_common_operations common = {.open = alerts_open, .close = alerts_close, .health = alerts_health};

static const struct ph_alert_operations operations = {.publish = alerts_publish};

PH_PLUGIN(struct ph_alert_operations, .kind = PH_KIND_ALERT, .name = "log", .version = "1.0.0",
          .summary = "Publishes alerts to the daemon's log, or to a file, a line of JSON each.",
          .config_size = sizeof(struct alert_log_config), PH_OPTIONS(options), .common = &common,
          .operations = &operations);
