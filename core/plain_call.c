// SPDX-License-Identifier: Apache-2.0
//
// See core/plain_call.h.
#include "core/plain_call.h"
#include "core/host.h"
#include "core/instance.h"
#include "core/operation.h"
#include "core/timers.h"
#include "core/xalloc.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct plain_call {
    struct plain_call **slot;
    struct instance *instance;
    struct host *host;
    struct instance_call *call;
    const void *entries[1];
    struct timer limit;
    plain_call_done_f *done; // NULL once told, or forgotten
    void *context;
    _Alignas(max_align_t) unsigned char entry[]; // a copy
};

static void tell(struct plain_call *plain, const struct ph_result *result, const void *output)
{
    plain_call_done_f *done = plain->done;
    plain->done = NULL;
    if (done != NULL) {
        done(plain->context, result, output);
    }
}

static void completed(struct instance_call *call, void *context)
{
    struct plain_call *plain = context;
    struct ph_call *raw = instance_call_raw(call);
    timers_clear(host_timers(plain->host), &plain->limit);
    if (plain->slot != NULL) {
        *plain->slot = NULL;
    }
    tell(plain, raw->results[0], raw->outputs[0]);
    instance_call_free(call);
    free(plain);
}

static void limit_passed(struct timer *timer)
{
    struct plain_call *plain = (struct plain_call *)((char *)timer - offsetof(struct plain_call, limit));
    const struct ph_call *raw = instance_call_raw(plain->call);
    const struct operation *operation = operation_find(raw->operation);
    bool changes = (operation->flags & OPERATION_CHANGES) != 0;
    const struct ph_result result = {.outcome = changes ? PH_UNCERTAIN : PH_UNAVAILABLE, .text = "no answer in time"};
    instance_call_cancel(plain->call);
    tell(plain, &result, NULL);
}

void plain_call_start(struct plain_call **slot, struct instance *instance, uint32_t operation, const void *entry,
                      int64_t limit_ms, plain_call_done_f *done, void *context)
{
    size_t size = entry != NULL ? operation_find(operation)->entry_size : 0;
    struct plain_call *plain = xcalloc(1, sizeof *plain + size);
    plain->slot = slot;
    plain->instance = instance;
    plain->host = instance_host(instance);
    if (size > 0) {
        memcpy(plain->entry, entry, size);
        plain->entries[0] = plain->entry;
    }
    plain->limit.expired = limit_passed;
    plain->done = done;
    plain->context = context;
    plain->call = instance_call_new(instance, operation, 1, plain->entries);
    *slot = plain;
    uint64_t limit = host_now_ns(plain->host) + (uint64_t)limit_ms * 1000000;
    instance_call_raw(plain->call)->deadline = (int64_t)limit;
    timers_set(host_timers(plain->host), &plain->limit, limit);
    instance_call_start(plain->call, completed, plain);
}

void plain_call_forget(struct plain_call **slot)
{
    struct plain_call *plain = *slot;
    if (plain == NULL) {
        return;
    }
    timers_clear(host_timers(plain->host), &plain->limit);
    plain->done = NULL;
    plain->slot = NULL;
    *slot = NULL;
}
