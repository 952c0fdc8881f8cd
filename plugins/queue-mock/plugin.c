// SPDX-License-Identifier: Apache-2.0
//
// queue-mock: a complete queue backend in memory. Here: its operations, receives that wait, its descriptor.
//
// A receive that finds nothing waits in a list. Whatever makes a job ready serves the list in its order: a send, a job
// given back, or the timer, which is set for the next hidden job or the end of a wait, whichever comes first.
#include "plugins/mock/answer.h"
#include "plugins/queue-mock/queue.h"

#include <event2/event.h>
#include <stdlib.h>

static const struct ph_option options[] = {
    PH_INTEGER(struct queue_config, limit, 0, "1000000", 1, 100000000, "How many jobs it holds."),
};

// Ends the first wait with this outcome.
static void waiter_end(struct waiter **link, enum ph_outcome outcome)
{
    struct waiter *waiter = *link;
    *link = waiter->next;
    waiter->call->results[0]->outcome = outcome;
    waiter->call->host->complete(waiter->call);
    free(waiter);
}

static void waiters_arm(struct queue *queue, int64_t now)
{
    if (!queue->waiters) {
        event_del(queue->timer);
        return;
    }
    int64_t next = queue->hidden.count ? heap_first_time(&queue->hidden) : INT64_MAX;
    for (const struct waiter *waiter = queue->waiters; waiter; waiter = waiter->next)
        next = waiter->until < next ? waiter->until : next;
    // The clock is cut to milliseconds: a timer of 0 would turn until the next one begins.
    int64_t delay = next > now ? next - now : 1;
    struct timeval timeout = {.tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000};
    event_add(queue->timer, &timeout);
}

// Gives the waiting receives what is ready, in their order, and ends those that have waited long enough.
static void waiters_serve(struct queue *queue)
{
    int64_t now = queue_now(queue);
    while (queue->waiters && queue->ready.count)
        waiter_end(&queue->waiters, queue_take(queue, queue->waiters->call));
    for (struct waiter **link = &queue->waiters; *link;) {
        if ((*link)->until <= now)
            waiter_end(link, PH_OK);
        else
            link = &(*link)->next;
    }
    waiters_arm(queue, now);
}

static void queue_timer(evutil_socket_t unused, short events, void *instance)
{
    (void)unused;
    (void)events;
    waiters_serve(queue_from(instance));
}

static void queue_open(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        struct ph_opened *opened = call->outputs[i];
        struct queue *queue = queue_new(call->host, entry->config);
        if (queue)
            queue->timer = event_new(call->host->base, -1, 0, queue_timer, queue);
        if (queue && !queue->timer) {
            queue_free(queue);
            queue = NULL;
        }
        opened->instance = queue;
        call->results[i]->outcome = queue ? PH_OK : PH_UNAVAILABLE;
        call->results[i]->text = queue ? NULL : "there is no memory for the queue";
    }
    call->host->complete(call);
}

static enum ph_outcome health_one(void *instance, struct ph_call *call, size_t index)
{
    const struct queue *queue = queue_from(instance);
    struct ph_health *health = call->outputs[index];
    health->detail = queue->jobs.count < queue->limit ? "in memory; nothing is kept over a restart"
                                                      : "full: no job is taken until others are done";
    return PH_OK;
}

static void queue_health(void *instance, struct ph_call *call)
{
    answer_each(instance, call, health_one);
}

static void queue_close(void *instance, struct ph_call *call)
{
    queue_free(queue_from(instance));
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static enum ph_outcome cancel_one(void *instance, struct ph_call *call, size_t index)
{
    struct queue *queue = queue_from(instance);
    const struct ph_cancel *entry = call->entries[index];
    for (struct waiter **link = &queue->waiters; *link; link = &(*link)->next) {
        if ((*link)->call == entry->call) {
            waiter_end(link, PH_OK); // it has received nothing, which is true
            waiters_arm(queue, queue_now(queue));
            return PH_OK;
        }
    }
    return PH_NOT_FOUND;
}

static void queue_cancel(void *instance, struct ph_call *call)
{
    answer_each(instance, call, cancel_one);
}

static enum ph_outcome send_one(void *instance, struct ph_call *call, size_t index)
{
    if (!queue_add(queue_from(instance), call->entries[index]))
        return answer_text(call, index, PH_UNAVAILABLE, "the mock queue is full (option limit)");
    return PH_OK;
}

static void queue_send(void *instance, struct ph_call *call)
{
    answer_each(instance, call, send_one);
    if (queue_from(instance)->waiters)
        waiters_serve(instance);
}

static bool receive_wait(struct queue *queue, struct ph_call *call, uint32_t wait_ms)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    if (!waiter)
        return false;
    int64_t now = queue_now(queue);
    waiter->call = call;
    waiter->until = now + (int64_t)wait_ms;
    struct waiter **last = &queue->waiters;
    while (*last)
        last = &(*last)->next;
    *last = waiter;
    waiters_arm(queue, now);
    return true;
}

static enum ph_outcome receive_refuse(void *instance, struct ph_call *call, size_t index)
{
    (void)instance;
    return answer_text(call, index, PH_INVALID, "a receive must be alone in its call");
}

static void queue_receive(void *instance, struct ph_call *call)
{
    struct queue *queue = queue_from(instance);
    if (call->count != 1) {
        answer_each(instance, call, receive_refuse);
        return;
    }
    const struct ph_receive *entry = call->entries[0];
    queue_now(queue);
    if (queue->ready.count == 0 && entry->wait_ms && entry->limit && receive_wait(queue, call, entry->wait_ms))
        return;
    call->results[0]->outcome = (uint32_t)queue_take(queue, call);
    call->host->complete(call);
}

static enum ph_outcome remove_one(void *instance, struct ph_call *call, size_t index)
{
    struct queue *queue = queue_from(instance);
    const struct ph_receipt *entry = call->entries[index];
    struct job *job = queue_leased(queue, entry->receipt);
    if (job)
        queue_remove_job(queue, job);
    return PH_OK;
}

static void queue_remove(void *instance, struct ph_call *call)
{
    answer_each(instance, call, remove_one);
}

static enum ph_outcome extend_one(void *instance, struct ph_call *call, size_t index)
{
    struct queue *queue = queue_from(instance);
    const struct ph_receipt *entry = call->entries[index];
    struct job *job = queue_leased(queue, entry->receipt);
    if (!job)
        return answer_text(call, index, PH_NOT_FOUND, "the lease has ended");
    queue_hide(queue, job, queue_now(queue), entry->lease_ms);
    return PH_OK;
}

static void queue_extend(void *instance, struct ph_call *call)
{
    answer_each(instance, call, extend_one);
    if (queue_from(instance)->waiters)
        waiters_serve(instance);
}

static enum ph_outcome stats_one(void *instance, struct ph_call *call, size_t index)
{
    struct queue *queue = queue_from(instance);
    struct ph_queue_stats *stats = call->outputs[index];
    int64_t now = queue_now(queue);
    stats->waiting = (int64_t)queue->ready.count;
    stats->in_flight = (int64_t)queue->in_flight;
    stats->delayed = (int64_t)(queue->hidden.count - queue->in_flight);
    stats->oldest_ms = queue->ready.count ? now - heap_first_time(&queue->ready) : 0;
    return PH_OK;
}

static void queue_stats(void *instance, struct ph_call *call)
{
    answer_each(instance, call, stats_one);
}

static const struct ph_common_operations common = {
    .open = queue_open, .close = queue_close, .health = queue_health, .cancel = queue_cancel};

static const struct ph_queue_operations operations = {
    .send = queue_send, .receive = queue_receive, .remove = queue_remove, .extend = queue_extend, .stats = queue_stats};

PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .flags = PH_PLUGIN_VOLATILE, .name = "mock",
          .version = "1.0.0", .summary = "Jobs in memory: for trying, for tests, and to read how a queue behaves.",
          .config_size = sizeof(struct queue_config), PH_OPTIONS(options), .common = &common,
          .operations = &operations);
