// SPDX-License-Identifier: Apache-2.0
//
// See courier.h. What one receive brought is a haul; its jobs point into the receive's output, so the haul is counted and
// freed when nobody, also no late attempt, can read them. Every job passes these stations, each an entry of its own:
//
// While a job is on its way its lease is extended, so that the queue does not bring it twice.
//
//     deliver ──▶ settled (recorded) ──▶ remove
//        ├──────▶ not known (storage out of reach, answer lost) ──▶ extend: the queue brings it again
//        └──────▶ failed for good ──▶ fail (recorded under its number) ──▶ remove: the mark brings it again, or it is dead
#include "core/courier.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "core/alerts.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/dispatch.h"
#include "core/documents.h"
#include "core/exchange_parts.h"
#include "core/list.h"
#include "core/log.h"
#include "core/meters.h"
#include "core/outcome.h"
#include "core/random.h"
#include "core/tracing.h"
#include "core/uuid.h"
#include "core/waiters.h"
#include "core/xalloc.h"

#define RECEIVE_LIMIT 256
#define RECEIVE_WAIT_MS 20000
#define JOB_LEASE_MS 30000 // above the deadline of a delivery with its repeats
#define LEASE_OLD_MS 15000 // an older one is extended while work on its jobs goes on
#define LEASE_TICK_MS 2500
#define JOBS_UNDER_WAY 2048 // no further receive above it
#define RECEIVES_MAX 8      // at once, while the queue fills them
#define RETRY_FIRST_MS 1000
#define RETRY_LONGEST_MS 60000
#define FAILURE_FIRST_MS 10000
#define FAILURE_LONGEST_MS (15 * 60 * 1000)

struct courier {
    struct exchange *exchange;
    TAILQ_HEAD(, haul) receiving; // calls that have not ended
    TAILQ_HEAD(, haul) working;   // hauls whose jobs may be open
    struct event *lease_tick;
    size_t receives;
    size_t receives_wanted;
    size_t jobs; // received, and neither removed nor given back
};

// One delivery.
struct job {
    struct batcher_item item;
    struct haul *haul;
    const struct ph_received *received;
    struct ph_deliver deliver;
    struct span *span; // from the receiving to the end; NULL: not recorded
    bool open;         // work goes on: it is neither removed nor given back
};

struct haul {
    struct courier *courier;
    struct backend_call *call;
    struct job *jobs;
    size_t count;
    size_t holds;
    int64_t leased_at;    // when its jobs were received, or their leases extended
    uint64_t received_ns; // the same, where deliveries are traced
    bool traced;          // one of its jobs has a span
    TAILQ_ENTRY(haul) hauls;
};

// The end of a job: removed, or given back for a while. Or, while work goes on, more time for it.
struct ending {
    struct batcher_item item;
    struct haul *haul;
    struct ph_receipt receipt;
};

struct failing {
    struct batcher_item item;
    struct job *job;
    struct ph_failure failure;
    char reason[256];
};

static void haul_drop(struct haul *haul)
{
    if (--haul->holds == 0) {
        if (haul->count > 0) {
            TAILQ_REMOVE(&haul->courier->working, haul, hauls);
        }
        backend_call_free(haul->call);
        for (size_t i = 0; haul->traced && i < haul->count; i++) {
            free(haul->jobs[i].span);
        }
        free(haul->jobs);
        free(haul);
    }
}

static struct haul *haul_hold(struct haul *haul)
{
    haul->holds++;
    return haul;
}

static struct ph_text job_trace(const struct job *job)
{
    return job->span != NULL ? (struct ph_text){job->span->text, TRACEPARENT_LENGTH} : job->received->trace;
}

static void job_span_begin(struct job *job)
{
    struct span span;
    struct haul *haul = job->haul;
    if (tracing_follow(haul->courier->exchange->settings.tracing, job->received->trace, SPAN_CONSUMER, "deliver",
                       haul->received_ns, &span)) {
        span_text(&span, TRACING_SYSTEM);
        span_text(&span, TRACING_OPERATION_NAME, "deliver");
        span_text(&span, TRACING_OPERATION_TYPE, "process");
        span_message(&span, &job->received->id);
        job->span = xmemdup(&span, sizeof span);
        haul->traced = true;
    }
}

static void job_span_fail(struct job *job, uint32_t outcome)
{
    if (job->span != NULL) {
        span_fail(job->span, outcome_name(outcome));
    }
}

// The span stays, since its context may be in use; a job ends once.
static void job_span_end(struct job *job)
{
    if (job->span != NULL) {
        tracing_end(job->haul->courier->exchange->settings.tracing, job->span);
    }
}

static void job_over(struct courier *courier)
{
    courier->jobs--;
    courier_wake(courier);
}

static void ending_release(struct batcher_item *item)
{
    haul_drop(((struct ending *)item)->haul);
    free(item);
}

// Whatever the outcome, there is nothing more to do: a job that could not be removed comes again and changes nothing.
static void ending_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    (void)batch;
    (void)index;
    job_over(((struct ending *)item)->haul->courier);
}

// Asks the queue something about a job. False: too much waits there, `done` will not run.
static bool job_ask(const struct job *job, enum ph_operation operation, uint32_t lease_ms, batcher_done_f *done)
{
    const struct ph_received *received = job->received;
    struct ending *ending = xcalloc(1, sizeof *ending);
    ending->haul = haul_hold(job->haul);
    ending->receipt = (struct ph_receipt){.id = received->id, .receipt = received->receipt, .lease_ms = lease_ms};
    ending->item = (struct batcher_item){
        .entry = &ending->receipt, .trace = job_trace(job), .done = done, .release = ending_release};
    return exchange_add(job->haul->courier->exchange, operation, &ending->item);
}

static void job_end(struct job *job, enum ph_operation operation, uint32_t lease_ms)
{
    struct courier *courier = job->haul->courier;
    job->open = false;
    job_span_end(job);
    if (!job_ask(job, operation, lease_ms, ending_done)) {
        job_over(courier);
    }
}

static void job_remove(struct job *job)
{
    job_end(job, PH_QUEUE_REMOVE, 0);
}

static uint32_t doubled(uint32_t first_ms, uint32_t times, uint32_t longest_ms)
{
    while (times > 0 && first_ms < longest_ms) {
        first_ms *= 2;
        times--;
    }
    return first_ms < longest_ms ? first_ms : longest_ms;
}

// Gives a job back, for longer each time, and spread so that a crowd does not come back at once.
static void job_give_back(struct job *job)
{
    const uint32_t before = job->received->receives > 0 ? job->received->receives - 1 : 2;
    metrics_increment(job->haul->courier->exchange->meters->given_back);
    const uint32_t delay = doubled(RETRY_FIRST_MS, before, RETRY_LONGEST_MS);
    job_end(job, PH_QUEUE_EXTEND, delay / 2 + (uint32_t)random_below(delay / 2 + 1));
}

static void log_dead(const struct failing *failing, uint32_t failures)
{
    char id[UUID_TEXT_SIZE];
    struct uuid uuid;
    memcpy(uuid.bytes, failing->failure.id.bytes, sizeof uuid.bytes);
    uuid_format(&uuid, id);
    const struct log_context context = {.message_id = id, .section = "storage"};
    log_error(&context, "a message is dead: its delivery failed too often; see dead-letters and redrive",
              log_int("attempts", failures), log_text("reason", failing->reason));
}

static void failing_release(struct batcher_item *item)
{
    haul_drop(((struct failing *)item)->job->haul);
    free(item);
}

static void job_fail(struct job *job, const char *reason, uint32_t attempt);

static void failing_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct failing *failing = (struct failing *)item;
    const struct ph_result *result = batcher_result(batch, index);
    const struct ph_failed *failed = batcher_output(batch, index);
    struct exchange *exchange = failing->job->haul->courier->exchange;
    const bool own = result->outcome == PH_OK || batcher_was_uncertain(batch, index);
    if (result->outcome == PH_DUPLICATE && !own && !failed->dead) {
        // That number was recorded by an attempt before this one: this one is the next.
        job_fail(failing->job, failing->reason, failed->failures + 1);
        return;
    }
    if (result->outcome == PH_OK) {
        metrics_increment(exchange->meters->failures);
    }
    if (result->outcome == PH_OK && failed->dead) {
        metrics_increment(exchange->meters->dead);
        log_dead(failing, failed->failures);
        documents_sweep(exchange->documents);
    }
    if (result->outcome == PH_OK || result->outcome == PH_DUPLICATE || result->outcome == PH_NOT_FOUND) {
        dispatch_forget(exchange->dispatch, &failing->failure.id);
        job_remove(failing->job);
    } else {
        job_give_back(failing->job);
    }
}

// Records that attempt number `attempt` failed for good.
static void job_fail(struct job *job, const char *reason, uint32_t attempt)
{
    struct courier *courier = job->haul->courier;
    struct failing *failing = xcalloc(1, sizeof *failing);
    const size_t length = strnlen(reason, sizeof failing->reason - 1);
    failing->job = job;
    haul_hold(job->haul);
    memcpy(failing->reason, reason, length);
    failing->failure = (struct ph_failure){
        .id = job->received->id,
        .attempt = attempt,
        .limit = courier->exchange->settings.attempts,
        .retry_in_ms = doubled(FAILURE_FIRST_MS, attempt - 1, FAILURE_LONGEST_MS),
        .reason = {failing->reason, length},
    };
    failing->item = (struct batcher_item){
        .entry = &failing->failure, .trace = job_trace(job), .done = failing_done, .release = failing_release};
    if (!exchange_add(courier->exchange, PH_STORAGE_FAIL, &failing->item)) {
        job->open = false;
        job_over(courier); // the queue brings it again
    }
}

static void job_wake_readers(struct exchange *exchange, const struct ph_record *record)
{
    const int64_t from = record->deliver_at > record->accepted_at ? record->deliver_at : record->accepted_at;
    const int64_t took_ms = record->finished_at > from ? record->finished_at - from : 0;
    metrics_increment(exchange->meters->delivered);
    metrics_observe(exchange->meters->delivery, (uint64_t)took_ms * 1000000);
    for (size_t i = 0; i < record->recipient_count; i++) {
        if (record->recipients[i]->state == PH_STATE_DELIVERED) {
            metrics_increment(exchange->meters->rows);
            waiters_wake(exchange->waiters, record->recipients[i]->name, true);
        }
    }
}

// What follows a recorded delivery, also when it was recorded before: the repeat finishes what a crash left undone. `again`:
// an attempt of this same call got no answer, so most likely it is that one which wrote what is found now.
static void job_finish(struct job *job, const struct ph_delivery *delivery, bool again)
{
    struct exchange *exchange = job->haul->courier->exchange;
    const struct ph_record *record = delivery->record;
    if (record == NULL || record->status == PH_STATE_ACCEPTED) {
        return; // too early: its mark is due when it may be delivered
    }
    dispatch_forget(exchange->dispatch, &record->id);
    if (delivery->delivered || (again && record->status == PH_STATE_DELIVERED)) {
        job_wake_readers(exchange, record);
    }
    documents_put(exchange->documents, record);
    if (record->priority == PH_PRIORITY_ALERT) {
        alerts_sweep(exchange->alerts);
    }
}

// A permanent failure counts only when nothing but this message can be meant: in a batch another's fault may have ended it.
static void job_again_alone(struct job *job)
{
    job->item.alone = true;
    haul_hold(job->haul); // for the second release
    if (!exchange_add(job->haul->courier->exchange, PH_STORAGE_DELIVER, &job->item)) {
        haul_drop(job->haul);
        job_give_back(job);
    }
}

static void job_delivered(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct job *job = (struct job *)item;
    const struct ph_result *result = batcher_result(batch, index);
    const struct ph_delivery *delivery = batcher_output(batch, index);
    switch (result->outcome) {
    case PH_DUPLICATE:
        metrics_increment(job->haul->courier->exchange->meters->duplicates);
        job_finish(job, delivery, batcher_was_uncertain(batch, index));
        job_remove(job);
        break;
    case PH_OK:
        job_finish(job, delivery, false);
        job_remove(job);
        break;
    case PH_NOT_FOUND: // purged, or never ours
        job_remove(job);
        break;
    case PH_INVALID:
    case PH_CONFLICT:
    case PH_INTERNAL:
        if (batcher_count(batch) > 1) {
            job_again_alone(job);
            break;
        }
        job_span_fail(job, result->outcome);
        job_fail(job, result->text != NULL ? result->text : "storage gave no reason",
                 delivery->record != NULL ? delivery->record->failures + 1 : 1);
        break;
    default:
        job_span_fail(job, result->outcome);
        job_give_back(job);
    }
}

static void job_release(struct batcher_item *item)
{
    haul_drop(((struct job *)item)->haul);
}

static void job_deliver(struct job *job, struct haul *haul, const struct ph_received *received)
{
    struct courier *courier = haul->courier;
    job->haul = haul_hold(haul);
    job->received = received;
    job->open = true;
    job->deliver = (struct ph_deliver){.id = received->id, .alert_lease_ms = 0};
    if (tracing_follows(courier->exchange->settings.tracing, received->trace)) {
        job_span_begin(job);
    }
    job->item = (struct batcher_item){
        .entry = &job->deliver, .trace = job_trace(job), .done = job_delivered, .release = job_release};
    if (!exchange_add(courier->exchange, PH_STORAGE_DELIVER, &job->item)) {
        job->open = false;
        courier->jobs--; // the queue brings it again
    }
}

static void receive_done(struct backend_call *call, void *context)
{
    struct haul *haul = context;
    struct courier *courier = haul->courier;
    const struct ph_received_jobs *received = backend_call_output(call, 0);
    const bool got = backend_call_result(call, 0)->outcome == PH_OK;
    const size_t count = got ? received->count : 0;
    TAILQ_REMOVE(&courier->receiving, haul, hauls);
    courier->receives--;
    courier->jobs += count;
    haul->count = count;
    if (count > 0) {
        haul->jobs = xcalloc(count, sizeof *haul->jobs);
        haul->leased_at = exchange_now(courier->exchange);
        if (courier->exchange->settings.tracing != NULL) {
            haul->received_ns = clock_monotonic_ns(courier->exchange->settings.clock);
        }
        TAILQ_INSERT_TAIL(&courier->working, haul, hauls);
    }
    for (size_t i = 0; i < count; i++) {
        job_deliver(&haul->jobs[i], haul, received->jobs[i]);
    }
    haul_drop(haul);
    if (count == 0) {
        courier->receives_wanted = 1;
    } else if (courier->receives_wanted < RECEIVES_MAX) {
        courier->receives_wanted++;
    }
    if (got) {
        courier_wake(courier); // after a failure the sweeper's tick does, so that a broken queue is not asked in a loop
    }
}

static void courier_receive(struct courier *courier)
{
    struct backend *queue = courier->exchange->backends[PH_KIND_QUEUE];
    struct haul *haul = xcalloc(1, sizeof *haul);
    haul->courier = courier;
    haul->holds = 1;
    haul->call = backend_call_new(queue, PH_QUEUE_RECEIVE, 1);
    struct ph_receive *entry = backend_call_alloc(haul->call, sizeof *entry);
    *entry = (struct ph_receive){.limit = RECEIVE_LIMIT, .wait_ms = RECEIVE_WAIT_MS, .lease_ms = JOB_LEASE_MS};
    backend_call_add(haul->call, entry);
    TAILQ_INSERT_TAIL(&courier->receiving, haul, hauls);
    courier->receives++;
    backend_submit(haul->call, NULL, receive_done, haul);
}

// More time for what a haul still has open; a lease that has ended meanwhile is no harm: the job comes again.
static void haul_extend(struct haul *haul)
{
    for (size_t i = 0; i < haul->count; i++) {
        if (haul->jobs[i].open && !job_ask(&haul->jobs[i], PH_QUEUE_EXTEND, JOB_LEASE_MS, exchange_ignore)) {
            return;
        }
    }
}

static void courier_tick(evutil_socket_t fd, short events, void *context)
{
    struct courier *courier = context;
    const int64_t now = exchange_now(courier->exchange);
    struct haul *haul;
    struct haul *next;
    (void)fd;
    (void)events;
    if (!exchange_usable(courier->exchange, PH_KIND_QUEUE)) {
        return;
    }
    TAILQ_FOREACH_SAFE(haul, &courier->working, hauls, next)
    {
        if (now - haul->leased_at >= LEASE_OLD_MS) {
            haul->leased_at = now;
            haul_extend(haul);
        }
    }
}

void courier_wake(struct courier *courier)
{
    struct exchange *exchange = courier->exchange;
    if (exchange->draining || (exchange->settings.roles & EXCHANGE_ROLE_COURIER) == 0 ||
        !exchange_usable(exchange, PH_KIND_STORAGE) || !exchange_usable(exchange, PH_KIND_QUEUE)) {
        return;
    }
    while (courier->receives < courier->receives_wanted && courier->jobs < JOBS_UNDER_WAY) {
        courier_receive(courier);
    }
}

void courier_stop(struct courier *courier)
{
    struct haul *haul;
    TAILQ_FOREACH(haul, &courier->receiving, hauls)
    {
        backend_call_cancel(haul->call);
    }
}

size_t courier_under_way(const struct courier *courier)
{
    return courier->receives + courier->jobs;
}

struct courier *courier_new(struct exchange *exchange)
{
    struct courier *courier = xcalloc(1, sizeof *courier);
    courier->exchange = exchange;
    courier->receives_wanted = 1;
    TAILQ_INIT(&courier->receiving);
    TAILQ_INIT(&courier->working);
    courier->lease_tick = exchange_timer(exchange, courier_tick, courier, LEASE_TICK_MS);
    return courier;
}

void courier_free(struct courier *courier)
{
    if (courier == NULL) {
        return;
    }
    struct haul *haul;
    while ((haul = TAILQ_FIRST(&courier->working)) != NULL) { // attempts that come late still hold it
        TAILQ_REMOVE(&courier->working, haul, hauls);
        haul->count = 0;
    }
    event_free(courier->lease_tick);
    free(courier);
}
