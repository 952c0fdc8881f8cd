// SPDX-License-Identifier: Apache-2.0
//
// alert-mock: publishes to nobody; keeps the last alerts, so that it can tell a repeat from a new one, and counts both.
#include "plugins/mock/answer.h"
#include "plugins/mock/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALERTS_MAGIC 0x616c7274u

struct alerts_config {
    int64_t limit; // alerts that are kept
};

struct kept_alert {
    struct ph_id id;
    int64_t accepted_at;
};

struct alerts {
    uint32_t magic;
    const struct ph_host *host;
    struct kept_alert *ring; // of `limit`; the next one goes to `published % limit`
    size_t limit;
    uint64_t published; // distinct ones, as far as is known
    uint64_t repeated;
    struct table known; // those in the ring, by id
    struct ph_metric *published_metric;
    struct ph_metric *repeated_metric;
};

static const struct ph_option options[] = {
    PH_INTEGER(struct alerts_config, limit, 0, "1000", 1, 1000000, "How many of the last alerts it keeps."),
};

static bool kept_equal(const void *item, const void *id, size_t length)
{
    const struct kept_alert *kept = item;
    return memcmp(kept->id.bytes, id, length) == 0;
}

static struct alerts *alerts_from(void *instance)
{
    struct alerts *alerts = instance;
    assert(alerts && alerts->magic == ALERTS_MAGIC);
    return alerts;
}

static void alerts_free(struct alerts *alerts)
{
    if (!alerts)
        return;
    table_free(&alerts->known);
    free(alerts->ring);
    alerts->magic = 0;
    free(alerts);
}

static struct alerts *alerts_new(const struct ph_host *host, const struct alerts_config *config)
{
    struct alerts *alerts = calloc(1, sizeof(*alerts));
    if (!alerts)
        return NULL;
    alerts->magic = ALERTS_MAGIC;
    alerts->host = host;
    alerts->limit = (size_t)config->limit;
    table_init(&alerts->known, host, kept_equal);
    alerts->ring = calloc(alerts->limit, sizeof(*alerts->ring));
    if (!alerts->ring || !table_reserve(&alerts->known, alerts->limit)) {
        alerts_free(alerts);
        return NULL;
    }
    alerts->published_metric =
        host->metric(host, PH_METRIC_COUNTER, "published_total", "Alerts published for the first time.", NULL);
    alerts->repeated_metric =
        host->metric(host, PH_METRIC_COUNTER, "repeated_total", "Alerts published again while still kept.", NULL);
    return alerts;
}

static void alerts_keep(struct alerts *alerts, const struct ph_alert *entry)
{
    struct kept_alert *kept = &alerts->ring[alerts->published % alerts->limit];
    if (alerts->published >= alerts->limit)
        table_remove(&alerts->known, kept->id.bytes, sizeof(kept->id.bytes));
    *kept = (struct kept_alert){.id = entry->id, .accepted_at = entry->accepted_at};
    table_add(&alerts->known, kept->id.bytes, sizeof(kept->id.bytes), kept);
    alerts->published++;
}

static enum ph_outcome publish_one(void *instance, struct ph_call *call, size_t index)
{
    struct alerts *alerts = alerts_from(instance);
    const struct ph_alert *entry = call->entries[index];
    bool again = table_find(&alerts->known, entry->id.bytes, sizeof(entry->id.bytes)) != NULL;
    if (again)
        alerts->repeated++;
    else
        alerts_keep(alerts, entry);
    call->host->measure(again ? alerts->repeated_metric : alerts->published_metric, 1);
    call->host->log(call->host, PH_LOG_DEBUG, call, "%s from %s: %s", again ? "alert again" : "alert",
                    entry->sender.bytes, entry->subject.bytes);
    return PH_OK;
}

static void alerts_publish(void *instance, struct ph_call *call)
{
    answer_each(instance, call, publish_one);
}

static void alerts_open(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        struct ph_opened *opened = call->outputs[i];
        opened->instance = alerts_new(call->host, entry->config);
        call->results[i]->outcome = opened->instance ? PH_OK : PH_UNAVAILABLE;
        call->results[i]->text = opened->instance ? NULL : "there is no memory for the alerts";
    }
    call->host->complete(call);
}

static void alerts_close(void *instance, struct ph_call *call)
{
    alerts_free(alerts_from(instance));
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static enum ph_outcome health_one(void *instance, struct ph_call *call, size_t index)
{
    const struct alerts *alerts = alerts_from(instance);
    struct ph_health *health = call->outputs[index];
    // The text is formatted into the arena by way of the result, and shown as the detail.
    call->host->set(call, index, PH_OK, 0, "publishes to nobody; %llu alerts so far, %llu repeats",
                    (unsigned long long)alerts->published, (unsigned long long)alerts->repeated);
    health->detail = call->results[index]->text;
    return PH_OK;
}

static void alerts_health(void *instance, struct ph_call *call)
{
    answer_each(instance, call, health_one);
}

static const struct ph_common_operations common = {.open = alerts_open, .close = alerts_close, .health = alerts_health};

static const struct ph_alert_operations operations = {.publish = alerts_publish};

PH_PLUGIN(struct ph_alert_operations, .kind = PH_KIND_ALERT, .flags = PH_PLUGIN_VOLATILE, .name = "mock",
          .version = "1.0.0", .summary = "Publishes to nobody and counts: for trying and for tests.",
          .config_size = sizeof(struct alerts_config), PH_OPTIONS(options), .common = &common,
          .operations = &operations);
