// SPDX-License-Identifier: Apache-2.0
//
// See meters.h: one table says name, help, type and where each series goes.
#include "core/meters.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/xalloc.h"

struct meter {
    struct metrics_family family;
    size_t offset;
};

#define COUNTER(member, suffix, text)                                                                                  \
    {                                                                                                                  \
        {.name = "posthouse_" suffix "_total", .help = text, .type = METRICS_COUNTER}, offsetof(struct meters, member) \
    }
#define GAUGE(member, suffix, unit_, text)                                                   \
    {                                                                                        \
        {.name = "posthouse_" suffix, .help = text, .type = METRICS_GAUGE, .unit = (unit_)}, \
            offsetof(struct meters, member)                                                  \
    }
#define TIMES(member, suffix, text)                                                                                 \
    {                                                                                                               \
        {.name = "posthouse_" suffix "_seconds", .help = text, .type = METRICS_HISTOGRAM, .unit = METRICS_SECONDS}, \
            offsetof(struct meters, member)                                                                         \
    }

static const struct meter table[] = {
    COUNTER(accepted, "messages_accepted", "Messages that storage has committed."),
    COUNTER(delivered, "messages_delivered", "Messages whose inbox rows this process has written."),
    COUNTER(rows, "inbox_rows", "Inbox rows that this process has written, one a recipient."),
    COUNTER(duplicates, "jobs_duplicate", "Jobs whose message was settled before."),
    COUNTER(given_back, "jobs_given_back", "Jobs given back to the queue because their outcome was not known."),
    COUNTER(failures, "delivery_failures", "Failed delivery attempts that were recorded."),
    COUNTER(dead, "messages_dead", "Messages that died in this process."),
    COUNTER(expired, "messages_expired", "Messages that this process has ended as expired before a delivery."),
    COUNTER(swept, "outbox_swept", "Outbox marks that were due and sent again."),
    COUNTER(published, "alerts_published", "Alerts that the alert backend has taken."),
    GAUGE(outbox_waiting, "outbox_waiting", METRICS_PLAIN, "Messages accepted and not yet settled, delayed ones too."),
    GAUGE(outbox_oldest, "outbox_oldest_seconds", METRICS_SECONDS,
          "How long the oldest message that could be delivered has waited."),
    GAUGE(dead_letters, "dead_letters", METRICS_PLAIN, "Dead messages."),
    GAUGE(alerts_waiting, "alerts_waiting", METRICS_PLAIN, "Alerts that are still to be published."),
    GAUGE(documents_waiting, "documents_waiting", METRICS_PLAIN, "Metadata documents that are still to be put."),
    GAUGE(queue_waiting, "queue_waiting", METRICS_PLAIN, "Jobs that could be received now."),
    GAUGE(queue_in_flight, "queue_in_flight", METRICS_PLAIN, "Jobs received and neither removed nor given back."),
    GAUGE(queue_delayed, "queue_delayed", METRICS_PLAIN, "Jobs that are hidden for a while."),
    GAUGE(queue_oldest, "queue_oldest_seconds", METRICS_SECONDS, "The age of the oldest waiting job."),
    GAUGE(readers_waiting, "readers_waiting", METRICS_PLAIN, "Long polls that wait in this process."),
    GAUGE(jobs, "jobs_under_way", METRICS_PLAIN, "Jobs that this process works on."),
    GAUGE(appends_waiting, "appends_waiting", METRICS_PLAIN, "Messages that wait for the next commit."),
    TIMES(delivery, "delivery", "From a message's acceptance, or its deliver_at, to its delivery, by storage's clock."),
    TIMES(lag, "loop_lag", "How late the exchange loop runs its timers."),
};

struct meters *meters_new(struct metrics *metrics)
{
    struct meters *meters = xcalloc(1, sizeof *meters);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct metrics_series **member = (struct metrics_series **)(void *)((char *)meters + table[i].offset);
        *member = metrics_register(metrics, &table[i].family, NULL, 0);
    }
    return meters;
}

void meters_free(struct meters *meters)
{
    free(meters);
}

#define PREFIX_LENGTH (sizeof "posthouse_" - 1)
#define COUNT (sizeof table / sizeof table[0])

static struct metrics_series *series_of(const struct meters *meters, const struct meter *meter)
{
    return *(struct metrics_series *const *)(const void *)((const char *)meters + meter->offset);
}

const struct metrics_family *meters_family(size_t index)
{
    return index < COUNT ? &table[index].family : NULL;
}

const char *meters_gauge_name(size_t index)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i].family.type == METRICS_GAUGE && index-- == 0) {
            return table[i].family.name + PREFIX_LENGTH;
        }
    }
    return NULL;
}

int64_t meters_gauge(const struct meters *meters, const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i].family.type == METRICS_GAUGE && strcmp(table[i].family.name + PREFIX_LENGTH, name) == 0) {
            const int64_t value = metrics_get(series_of(meters, &table[i]));
            return table[i].family.unit == METRICS_SECONDS ? value / 1000000000 : value;
        }
    }
    return 0;
}
