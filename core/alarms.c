// SPDX-License-Identifier: Apache-2.0
//
// See alarms.h.
#include "core/alarms.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/exchange_parts.h"
#include "core/log.h"
#include "core/meters.h"
#include "core/uuid.h"
#include "core/xalloc.h"

#define SENDER "posthouse"

struct watched {
    uint64_t since_ns; // out of bounds since then; 0: within
    bool raised;
};

struct alarms {
    struct exchange *exchange;
    struct watched *watched; // one an alarm
};

struct announcement {
    struct batcher_item item;
    struct ph_alert alert;
    char subject[128];
    char body[256];
};

struct alarms *alarms_new(struct exchange *exchange)
{
    struct alarms *alarms = xcalloc(1, sizeof *alarms);
    alarms->exchange = exchange;
    alarms->watched = xcalloc(exchange->settings.alarm_count + 1, sizeof alarms->watched[0]);
    return alarms;
}

void alarms_free(struct alarms *alarms)
{
    if (alarms != NULL) {
        free(alarms->watched);
        free(alarms);
    }
}

static void announce(struct alarms *alarms, const struct exchange_alarm *alarm, int64_t value, bool raised)
{
    struct announcement *announcement = xcalloc(1, sizeof *announcement);
    struct uuid uuid;
    const char *state = raised ? "alarm" : "all clear";
    snprintf(announcement->subject, sizeof announcement->subject, "posthouse %s: %.64s", state, alarm->name);
    snprintf(announcement->body, sizeof announcement->body, "%s: %s is %lld", state, alarm->metric, (long long)value);
    log_warn(NULL, raised ? "an alarm is raised" : "an alarm is over", log_text("alarm", alarm->name),
             log_text("metric", alarm->metric), log_int("value", value));
    announcement->alert = (struct ph_alert){
        .sender = {SENDER, sizeof SENDER - 1},
        .subject = {announcement->subject, strlen(announcement->subject)},
        .body = {announcement->body, strlen(announcement->body)},
        .attributes = {"", 0},
        .accepted_at = exchange_now(alarms->exchange),
    };
    uuid_make(announcement->alert.accepted_at, &uuid);
    memcpy(announcement->alert.id.bytes, uuid.bytes, sizeof uuid.bytes);
    announcement->item =
        (struct batcher_item){.entry = &announcement->alert, .done = exchange_ignore, .release = exchange_release};
    exchange_add(alarms->exchange, PH_ALERT_PUBLISH, &announcement->item);
}

static void alarm_check(struct alarms *alarms, const struct exchange_alarm *alarm, struct watched *watched,
                        uint64_t now)
{
    const int64_t value = meters_gauge(alarms->exchange->meters, alarm->metric);
    const bool out = (alarm->has_above && value > alarm->above) || (alarm->has_below && value < alarm->below);
    if (!out) {
        watched->since_ns = 0;
        if (watched->raised) {
            watched->raised = false;
            announce(alarms, alarm, value, false);
        }
        return;
    }
    if (watched->since_ns == 0) {
        watched->since_ns = now;
    }
    if (!watched->raised && now - watched->since_ns >= (uint64_t)alarm->hold_ms * 1000000) {
        watched->raised = true;
        announce(alarms, alarm, value, true);
    }
}

void alarms_check(struct alarms *alarms)
{
    const struct exchange_settings *settings = &alarms->exchange->settings;
    const uint64_t now = clock_monotonic_ns(settings->clock);
    for (size_t i = 0; i < settings->alarm_count && !alarms->exchange->draining; i++) {
        alarm_check(alarms, &settings->alarms[i], &alarms->watched[i], now);
    }
}
