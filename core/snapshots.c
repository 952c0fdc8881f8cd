// SPDX-License-Identifier: Apache-2.0
//
// See snapshots.h. Only storage decides whether messages can be accepted; any other backend that is not well makes the
// daemon degraded.
#include "core/snapshots.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/backend.h"
#include "core/exchange_parts.h"
#include "core/xalloc.h"

struct snapshots {
    pthread_mutex_t lock;
    struct exchange_snapshot last;
};

struct snapshots *snapshots_new(void)
{
    struct snapshots *snapshots = xcalloc(1, sizeof *snapshots);
    pthread_mutex_init(&snapshots->lock, NULL);
    snapshots->last.state = EXCHANGE_UNAVAILABLE;
    return snapshots;
}

void snapshots_free(struct snapshots *snapshots)
{
    if (snapshots != NULL) {
        pthread_mutex_destroy(&snapshots->lock);
        free(snapshots);
    }
}

static void backend_copy(struct exchange_backend *copy_r, const struct backend *backend)
{
    static const char *const kinds[] = {"", "storage", "meta", "queue", "alert", "secret"};
    struct backend_status status;
    backend_status(backend, &status);
    snprintf(copy_r->kind, sizeof copy_r->kind, "%s", kinds[status.kind]);
    snprintf(copy_r->plugin, sizeof copy_r->plugin, "%s", status.plugin);
    snprintf(copy_r->version, sizeof copy_r->version, "%s", status.plugin_version);
    snprintf(copy_r->state, sizeof copy_r->state, "%s", backend_state_name(status.state));
    snprintf(copy_r->detail, sizeof copy_r->detail, "%s", status.detail);
    snprintf(copy_r->backend_version, sizeof copy_r->backend_version, "%s", status.backend_version);
    copy_r->since_ms = status.since_ms;
    copy_r->under_way = status.under_way;
    copy_r->usable = backend_usable(backend);
    copy_r->faults = status.faults;
}

void snapshots_refresh(struct snapshots *snapshots, const struct exchange *exchange)
{
    struct exchange_snapshot snapshot = {.state = EXCHANGE_READY};
    for (int kind = PH_KIND_STORAGE; kind <= PH_KIND_SECRET; kind++) {
        const struct backend *backend = exchange->backends[kind];
        if (backend == NULL) {
            continue;
        }
        backend_copy(&snapshot.backends[snapshot.count++], backend);
        if (backend_state(backend) != BACKEND_READY && snapshot.state == EXCHANGE_READY) {
            snapshot.state = EXCHANGE_DEGRADED;
        }
    }
    if (!exchange_usable(exchange, PH_KIND_STORAGE)) {
        snapshot.state = EXCHANGE_UNAVAILABLE;
    }
    if (exchange->draining) {
        snapshot.state = EXCHANGE_DRAINING;
    }
    pthread_mutex_lock(&snapshots->lock);
    snapshots->last = snapshot;
    pthread_mutex_unlock(&snapshots->lock);
}

void snapshots_copy(struct snapshots *snapshots, struct exchange_snapshot *snapshot_r)
{
    pthread_mutex_lock(&snapshots->lock);
    *snapshot_r = snapshots->last;
    pthread_mutex_unlock(&snapshots->lock);
}
