// SPDX-License-Identifier: Apache-2.0
//
// See rig.h.
#include "tests/unit/unit.h"

#include "core/deferred.h"
#include "core/host.h"
#include "core/loader.h"
#include "core/metrics.h"
#include "core/timers.h"
#include "core/xalloc.h"
#include "tests/unit/rig.h"
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_S 20
#define STEP_MS 1

static bool rig_start(void *context, void *instance, struct ph_call *call)
{
    struct rig *rig = context;
    rig->started[call->operation]++;
    return rig->script != NULL && rig->script(rig, instance, call);
}

static void rig_misuse(void *context, const char *text)
{
    struct rig *rig = context;
    rig->misuses++;
    snprintf(rig->misuse, sizeof rig->misuse, "%s", text);
}

struct rig *rig_new(bool manual)
{
    struct rig *rig = xcalloc(1, sizeof *rig);
    rig->base = event_base_new();
    clock_manual_init(&rig->clock, 1000000000, 1700000000000);
    rig->metrics = metrics_new(1000);
    const struct host_settings settings = {
        .base = rig->base,
        .clock = manual ? &rig->clock.clock : NULL,
        .metrics = rig->metrics,
        .seed = 1,
        .misuse = rig_misuse,
        .misuse_context = rig,
    };
    rig->host = host_new(&settings);
    assert_non_null(rig->host);
    const char *folder = SCRIPT_FOLDER;
    rig->loader = loader_new(&folder, 1);
    char *errors;
    rig->plugin = loader_open(rig->loader, PH_KIND_QUEUE, "script", &errors);
    if (rig->plugin == NULL) {
        fail_msg("%s", errors);
    }
    rig->config = (struct script_config){.greeting = "hello", .patience = 5000, .start = rig_start, .context = rig};
    return rig;
}

void rig_free(struct rig *rig)
{
    host_free(rig->host);
    loader_free(rig->loader);
    metrics_free(rig->metrics);
    event_base_free(rig->base);
    free(rig);
}

bool rig_keep(struct rig *rig, struct ph_call *call)
{
    assert_true(rig->kept_count < RIG_CALLS_MAX);
    rig->kept[rig->kept_count++] = call;
    return true;
}

void rig_end(struct ph_call *call, enum ph_outcome outcome)
{
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, outcome, 0, "scripted");
    }
    call->host->complete(call);
}

void rig_end_kept(struct rig *rig, size_t index, enum ph_outcome outcome)
{
    assert_true(index < rig->kept_count && rig->kept[index] != NULL);
    struct ph_call *call = rig->kept[index];
    rig->kept[index] = NULL;
    rig_end(call, outcome);
}

void rig_until(struct rig *rig, const size_t *counter, size_t wanted)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (*counter < wanted) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > PATIENCE_S) {
            fail_msg("waited in vain for a count of %zu, it is %zu", wanted, *counter);
        }
        const struct timeval moment = {0, 100000};
        event_base_loopexit(rig->base, &moment);
        event_base_loop(rig->base, EVLOOP_ONCE);
    }
}

void rig_settle(struct rig *rig)
{
    do {
        event_base_loop(rig->base, EVLOOP_NONBLOCK);
    } while (!deferred_idle(host_deferred(rig->host)));
}

void rig_advance(struct rig *rig, int64_t milliseconds)
{
    rig_settle(rig);
    for (int64_t step = 0; step < milliseconds; step += STEP_MS) {
        clock_manual_advance(&rig->clock, STEP_MS * UINT64_C(1000000));
        timers_run(host_timers(rig->host));
        if (!deferred_idle(host_deferred(rig->host))) {
            rig_settle(rig);
        }
    }
}
