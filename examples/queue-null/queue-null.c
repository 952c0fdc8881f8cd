// SPDX-License-Identifier: Apache-2.0
//
// queue-null: the smallest plugin. A queue that takes every job and gives none back.
//
// It shows what a plugin is at least: operations that end each entry and complete the call, and the descriptor. The
// one operation that may not answer at once is receive: a host that got nothing at once would ask again at once. So it
// waits as long as it was told, on a timer of the host's loop.

#include <event2/event.h>
#include <posthouse/plugin.h>

// Ends every entry well. It serves open too: an instance that keeps nothing is NULL, which the output already is.
static void null_ok(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static void null_waited(evutil_socket_t socket, short events, void *call)
{
    (void)socket;
    (void)events;
    null_ok(NULL, call);
}

static void null_receive(void *instance, struct ph_call *call)
{
    const struct ph_receive *entry = call->count ? call->entries[0] : NULL;
    uint32_t wait_ms = entry ? entry->wait_ms : 0;
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    if (!entry || event_base_once(call->host->base, -1, EV_TIMEOUT, null_waited, call, &wait) != 0)
        null_ok(instance, call);
}

// No receipt of ours exists, so nothing can be extended.
static void null_extend(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_NOT_FOUND;
    call->host->complete(call);
}

static const struct ph_common_operations null_common = {.open = null_ok, .close = null_ok, .health = null_ok};

// The counts of stats are zero, which its output already is.
static const struct ph_queue_operations null_operations = {
    .send = null_ok, .receive = null_receive, .remove = null_ok, .extend = null_extend, .stats = null_ok};

PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .flags = PH_PLUGIN_VOLATILE, .name = "null",
          .version = "1.0.0", .summary = "Takes every job and gives none back.", .common = &null_common,
          .operations = &null_operations);
