// SPDX-License-Identifier: Apache-2.0
//
// See alerts.h. What is published points into the lease's output, which is held until no attempt can read it any more.
// A lease may end while its alert still waits for a slow backend: what is being published is known by its id, and not
// published a second time beside it. So much is leased at once as is published within a lease.
#include "core/alerts.h"

#include <assert.h>
#include <stdlib.h>

#include "core/exchange_parts.h"
#include "core/map.h"
#include "core/meters.h"
#include "core/xalloc.h"

#define LEASE_MS 30000 // above the deadline of a publish with its repeats
#define LEASE_LIMIT 40
#define UNDER_WAY_MAX 80 // two rounds of what the batcher has under way

struct alerts {
    struct exchange *exchange;
    struct map *publishing; // by id
    bool leasing;
    bool again; // asked for while leasing or full
};

struct leasing {
    struct batcher_item item;
    struct alerts *alerts;
    struct ph_lease lease;
};

struct publishing {
    struct batcher_item item;
    struct alerts *alerts;
    struct batcher_batch *lease; // held
    struct ph_alert alert;
};

static void publishing_release(struct batcher_item *item)
{
    batcher_drop(((struct publishing *)item)->lease);
    free(item);
}

static void alert_published(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct publishing *publishing = (struct publishing *)item;
    struct exchange *exchange = publishing->alerts->exchange;
    struct alerts *alerts = publishing->alerts;
    map_remove(alerts->publishing, publishing->alert.id.bytes, sizeof publishing->alert.id.bytes);
    if (batcher_result(batch, index)->outcome == PH_OK) { // else the wrapper has logged why; the lease brings it again
        metrics_increment(exchange->meters->published);
        exchange_settle(exchange, PH_MARK_ALERT, &publishing->alert.id);
    }
    if (alerts->again && map_count(alerts->publishing) < UNDER_WAY_MAX / 2) {
        alerts_sweep(alerts);
    }
}

static void alert_publish(struct alerts *alerts, const struct ph_record *record, struct batcher_batch *lease)
{
    struct publishing *publishing = xcalloc(1, sizeof *publishing);
    if (!map_add(alerts->publishing, record->id.bytes, sizeof record->id.bytes, publishing)) {
        free(publishing); // under way already, from an earlier lease
        return;
    }
    publishing->alerts = alerts;
    publishing->lease = batcher_hold(lease);
    publishing->alert = (struct ph_alert){
        .id = record->id,
        .sender = record->sender,
        .subject = record->subject,
        .body = record->body,
        .attributes = record->attributes,
        .accepted_at = record->accepted_at,
    };
    publishing->item = (struct batcher_item){
        .entry = &publishing->alert, .trace = record->trace, .done = alert_published, .release = publishing_release};
    if (!exchange_add(alerts->exchange, PH_ALERT_PUBLISH, &publishing->item)) {
        map_remove(alerts->publishing, record->id.bytes, sizeof record->id.bytes);
    }
}

static void alerts_leased(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct alerts *alerts = ((struct leasing *)item)->alerts;
    const struct ph_leased *leased = batcher_output(batch, index);
    alerts->leasing = false;
    if (batcher_result(batch, index)->outcome != PH_OK) {
        return;
    }
    for (size_t i = 0; i < leased->count; i++) {
        if (leased->marks[i]->record != NULL) {
            alert_publish(alerts, leased->marks[i]->record, batch);
        }
    }
    alerts->again = alerts->again || leased->more;
    if (alerts->again) {
        alerts_sweep(alerts);
    }
}

void alerts_sweep(struct alerts *alerts)
{
    if (alerts->leasing || map_count(alerts->publishing) >= UNDER_WAY_MAX) {
        alerts->again = true;
        return;
    }
    if (alerts->exchange->draining || !exchange_usable(alerts->exchange, PH_KIND_ALERT)) {
        return;
    }
    struct leasing *leasing = xcalloc(1, sizeof *leasing);
    leasing->alerts = alerts;
    leasing->lease = (struct ph_lease){.mark = PH_MARK_ALERT, .limit = LEASE_LIMIT, .lease_ms = LEASE_MS};
    leasing->item = (struct batcher_item){.entry = &leasing->lease, .done = alerts_leased, .release = exchange_release};
    alerts->again = false;
    alerts->leasing = exchange_add(alerts->exchange, PH_STORAGE_LEASE, &leasing->item);
}

struct alerts *alerts_new(struct exchange *exchange)
{
    struct alerts *alerts = xcalloc(1, sizeof *alerts);
    alerts->exchange = exchange;
    alerts->publishing = map_new(UNDER_WAY_MAX + LEASE_LIMIT);
    return alerts;
}

void alerts_free(struct alerts *alerts)
{
    if (alerts != NULL) {
        map_free(alerts->publishing);
        free(alerts);
    }
}
