// SPDX-License-Identifier: Apache-2.0
//
// See receive.h. Everything that happens (a call comes, a poll ends, a renewal ends, a pause ends) asks for a turn; the turn
// serves the calls that wait from the kept jobs, in the order of their coming, and then starts the polls that are due.
#include "plugins/queue-sqs/receive.h"

#include "plugins/queue-sqs/receipt.h"
#include "plugins/queue-sqs/receive_private.h"
#include "plugins/queue-sqs/request.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

// The first poll of an instance is short: one that is stopped again at once (a check, a swap that is rolled back) leaves
// no long poll behind, which could take jobs for a receiver that has gone.
#define FIRST_WAIT_S 1u
#define STOP_PATIENCE_MS 1500 // a stop waits for polls that should end within it
#define STOP_LIMIT_MS 2500

static void set_timer(struct event *event, int64_t milliseconds)
{
    const struct timeval after = {.tv_sec = milliseconds / 1000, .tv_usec = (suseconds_t)(milliseconds % 1000) * 1000};
    event_add(event, &after);
}

static void turn_later(struct receiver *receiver)
{
    event_active(receiver->turn, EV_TIMEOUT, 0);
}

// --- Calls that wait ---------------------------------------------------------------------------------------

static void waiter_end(struct waiter *waiter, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    struct receiver *receiver = waiter->receiver;
    struct ph_call *call = waiter->call;
    struct poll *poll;
    TAILQ_FOREACH(poll, &receiver->polls, polls)
    {
        if (poll->looker == waiter) {
            poll->looker = NULL;
        }
    }
    TAILQ_REMOVE(&receiver->waiters, waiter, waiters);
    if (waiter->timer != NULL) {
        event_free(waiter->timer);
    }
    free(waiter);
    call->host->set(call, 0, outcome, delay_ms, text != NULL ? "%s" : NULL, text);
    call->host->complete(call);
}

static void on_waited(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    waiter_end(context, PH_OK, 0, NULL);
}

// Gives the call a kept job, which is freed. False: its arena is full.
static bool give_job(struct sqs *sqs, struct ph_call *call, struct kept_job *job, int64_t now,
                     struct ph_received **received_r)
{
    const int64_t end = job->since + (int64_t)job->lease_s * 1000;
    struct ph_received *received = call->host->make(call, PH_MAKE_RECEIVED);
    char *trace = call->host->alloc(call, job->job.trace.length + 1);
    if (received != NULL && trace != NULL) {
        const struct lease_reference reference = leases_note(sqs->leases, job->job.name, now, end);
        memcpy(trace, job->job.trace.bytes, job->job.trace.length);
        received->id = job->job.id;
        received->trace = (struct ph_text){trace, job->job.trace.length};
        received->receives = job->job.receives;
        received->receipt = receipt_make(call, reference, job->job.handle);
    }
    free(job);
    *received_r = received;
    return received != NULL && trace != NULL && received->receipt.bytes != NULL;
}

// Ends the waiter when there is a job for it.
static bool waiter_serve(struct waiter *waiter)
{
    struct receiver *receiver = waiter->receiver;
    struct ph_call *call = waiter->call;
    struct ph_received_jobs *answer = call->outputs[0];
    const size_t most = receiver->kept.count < waiter->limit ? receiver->kept.count : waiter->limit;
    struct ph_received **jobs = most > 0 ? call->host->alloc(call, most * sizeof(struct ph_received *)) : NULL;
    const int64_t now = sqs_now(receiver->sqs);
    struct kept_job *job;
    size_t count = 0;
    bool full = jobs == NULL;
    while (!full && count < most && (job = kept_take(&receiver->kept, waiter->lease_s, now)) != NULL) {
        full = !give_job(receiver->sqs, call, job, now, &jobs[count]);
        count += full ? 0 : 1;
    }
    if (most > 0 && full && count == 0) {
        waiter_end(waiter, PH_INTERNAL, 0, "the call is too small for a job");
        return true;
    }
    if (count > 0) {
        answer->jobs = jobs;
        answer->count = count;
        waiter_end(waiter, PH_OK, 0, NULL);
    }
    return count > 0;
}

static void serve(struct receiver *receiver)
{
    struct waiter *waiter;
    struct waiter *next;
    TAILQ_FOREACH_SAFE(waiter, &receiver->waiters, waiters, next)
    {
        if (!waiter_serve(waiter) && waiter->timer == NULL && waiter->look == LOOK_OVER) {
            waiter_end(waiter, PH_OK, 0, NULL);
        }
    }
}

// --- Polls -------------------------------------------------------------------------------------------------

// How many more jobs may be asked for, so that all that are under way can be kept when they come in one turn: what is not kept
// is hidden until its lease ends.
static size_t room(const struct receiver *receiver)
{
    const struct poll *poll;
    size_t held = receiver->kept.count + (receiver->renewal != NULL ? receiver->renewal->count : 0);
    TAILQ_FOREACH(poll, &receiver->polls, polls)
    {
        held += poll->limit;
    }
    return held < KEPT_MAX ? KEPT_MAX - held : 0;
}

// A waiter that does not wait has a look of its own.
static void start_looks(struct receiver *receiver)
{
    struct waiter *waiter;
    struct waiter *next;
    TAILQ_FOREACH_SAFE(waiter, &receiver->waiters, waiters, next)
    {
        if (waiter->timer != NULL || waiter->look != LOOK_WANTED) {
            continue;
        }
        const uint32_t limit = waiter->limit < SQS_BATCH ? waiter->limit : SQS_BATCH;
        waiter->look = LOOK_UNDER_WAY;
        if (receiver->poll_count >= (size_t)receiver->sqs->config->receives || room(receiver) < limit ||
            !poll_start(receiver, limit, 0, waiter->lease_s, waiter)) {
            waiter_end(waiter, PH_OK, 0, NULL);
        }
    }
}

// How many jobs the waiters would take beyond those that are kept or asked for, and how long they wait at most.
static size_t demand(const struct receiver *receiver, int64_t *until_r)
{
    const struct waiter *waiter;
    const struct poll *poll;
    size_t wanted = 0;
    size_t coming = receiver->kept.count + (receiver->renewal != NULL ? receiver->renewal->count : 0);
    *until_r = 0;
    TAILQ_FOREACH(waiter, &receiver->waiters, waiters)
    {
        if (waiter->timer != NULL) {
            wanted += waiter->limit;
            *until_r = waiter->until > *until_r ? waiter->until : *until_r;
        }
    }
    TAILQ_FOREACH(poll, &receiver->polls, polls)
    {
        coming += poll->looker == NULL ? poll->limit : 0;
    }
    return wanted > coming ? wanted - coming : 0;
}

static uint32_t wait_seconds(const struct receiver *receiver, int64_t until)
{
    const int64_t left = until - sqs_now(receiver->sqs);
    const uint32_t longest = receiver->polled ? SQS_WAIT_MAX_S : FIRST_WAIT_S;
    if (left <= 1000) {
        return 1;
    }
    return request_seconds(left < UINT32_MAX ? (uint32_t)left : UINT32_MAX, longest);
}

static void start_polls(struct receiver *receiver)
{
    int64_t until;
    size_t wanted;
    if (event_pending(receiver->pause, EV_TIMEOUT, NULL)) {
        return;
    }
    while (receiver->poll_count < receiver->wanted && (wanted = demand(receiver, &until)) > 0) {
        const struct waiter *waiter = TAILQ_FIRST(&receiver->waiters);
        const uint32_t limit = wanted < SQS_BATCH ? (uint32_t)wanted : SQS_BATCH;
        if (room(receiver) < limit) {
            return; // the next turn sees what was taken
        }
        if (!poll_start(receiver, limit, wait_seconds(receiver, until), waiter->lease_s, NULL)) {
            return; // the next turn tries again
        }
    }
}

static void adapt(struct receiver *receiver, size_t messages, size_t limit)
{
    const size_t most = (size_t)receiver->sqs->config->receives;
    if (messages >= limit) {
        receiver->wanted = receiver->wanted < most ? receiver->wanted + 1 : most;
        event_del(receiver->pause);
        return;
    }
    if (messages == 0) {
        receiver->wanted = 1;
        return;
    }
    receiver->wanted = 2 * messages >= limit ? receiver->wanted - 1 : receiver->wanted / 2;
    receiver->wanted = receiver->wanted > 0 ? receiver->wanted : 1;
    if (receiver->sqs->config->gather > 0 && !receiver->stopping) {
        set_timer(receiver->pause, receiver->sqs->config->gather);
    }
}

// One failed poll is one call's failure; the others get verdicts of their own.
static void fail_one(struct receiver *receiver, const struct poll *poll, const struct aws_answer *failure)
{
    struct waiter *waiter = poll->looker;
    if (waiter == NULL) {
        waiter = TAILQ_FIRST(&receiver->waiters);
        while (waiter != NULL && waiter->timer == NULL) {
            waiter = TAILQ_NEXT(waiter, waiters);
        }
    }
    if (waiter != NULL) {
        const enum ph_outcome outcome = sqs_outcome(failure->outcome);
        waiter_end(waiter, outcome == PH_UNCERTAIN ? PH_TRANSIENT : outcome, failure->delay_ms, failure->text);
    }
}

void receiver_polled(struct receiver *receiver, const struct poll *poll, size_t messages,
                     const struct aws_answer *failure)
{
    receiver->polled = true;
    if (failure != NULL) {
        receiver->wanted = 1;
        fail_one(receiver, poll, failure);
    } else if (poll->looker != NULL) {
        poll->looker->look = LOOK_OVER;
    } else {
        adapt(receiver, messages, poll->limit);
    }
    turn_later(receiver);
}

void receiver_renewed(struct receiver *receiver)
{
    turn_later(receiver);
}

// --- Turns and the end -------------------------------------------------------------------------------------

static void cut_polls(struct receiver *receiver, int64_t ends_after)
{
    struct poll *poll;
    TAILQ_FOREACH(poll, &receiver->polls, polls)
    {
        if (poll->ends > ends_after) {
            poll->ends = INT64_MIN;
            aws_cancel(poll->exchange);
        }
    }
}

static void stop_step(struct receiver *receiver)
{
    renewal_start(receiver, 0);
    if (receiver->poll_count > 0 || receiver->renewal != NULL || receiver->kept.count > 0) {
        return;
    }
    event_del(receiver->limit);
    if (receiver->stopped != NULL) {
        void (*stopped)(struct sqs * sqs) = receiver->stopped;
        receiver->stopped = NULL;
        stopped(receiver->sqs);
    }
}

static void on_turn(evutil_socket_t descriptor, short events, void *context)
{
    struct receiver *receiver = context;
    (void)descriptor;
    (void)events;
    assert(receiver->magic == RECEIVER_MAGIC);
    if (receiver->stopping) {
        stop_step(receiver);
        return;
    }
    serve(receiver);
    if (!TAILQ_EMPTY(&receiver->waiters)) {
        renewal_start(receiver, TAILQ_FIRST(&receiver->waiters)->lease_s);
    }
    start_looks(receiver);
    start_polls(receiver);
}

static void on_limit(evutil_socket_t descriptor, short events, void *context)
{
    struct receiver *receiver = context;
    (void)descriptor;
    (void)events;
    cut_polls(receiver, INT64_MIN);
    kept_clear(&receiver->kept);
    if (receiver->renewal != NULL) {
        aws_cancel(receiver->renewal->exchange);
    }
    turn_later(receiver);
}

void receiver_stop(struct receiver *receiver, void (*stopped)(struct sqs *sqs))
{
    assert(receiver->magic == RECEIVER_MAGIC && TAILQ_EMPTY(&receiver->waiters));
    receiver->stopping = true;
    receiver->stopped = stopped;
    event_del(receiver->pause);
    cut_polls(receiver, sqs_now(receiver->sqs) + STOP_PATIENCE_MS);
    set_timer(receiver->limit, STOP_LIMIT_MS);
    turn_later(receiver);
}

struct receiver *receiver_new(struct sqs *sqs)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL) {
        return NULL;
    }
    receiver->magic = RECEIVER_MAGIC;
    receiver->sqs = sqs;
    receiver->wanted = 1;
    TAILQ_INIT(&receiver->waiters);
    TAILQ_INIT(&receiver->polls);
    kept_init(&receiver->kept);
    receiver->turn = event_new(sqs->host->base, -1, 0, on_turn, receiver);
    receiver->pause = event_new(sqs->host->base, -1, 0, on_turn, receiver);
    receiver->limit = event_new(sqs->host->base, -1, 0, on_limit, receiver);
    if (receiver->turn == NULL || receiver->pause == NULL || receiver->limit == NULL) {
        receiver_free(receiver);
        return NULL;
    }
    return receiver;
}

void receiver_free(struct receiver *receiver)
{
    if (receiver == NULL) {
        return;
    }
    assert(receiver->magic == RECEIVER_MAGIC && TAILQ_EMPTY(&receiver->waiters) && receiver->poll_count == 0);
    struct event *const events[] = {receiver->turn, receiver->pause, receiver->limit};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    kept_clear(&receiver->kept);
    receiver->magic = 0;
    free(receiver);
}

// --- Calls -------------------------------------------------------------------------------------------------

static uint32_t lease_seconds(uint32_t lease_ms)
{
    return lease_ms > 0 ? request_seconds(lease_ms, SQS_LEASE_MAX_S) : 1;
}

static struct waiter *waiter_new(struct receiver *receiver, struct ph_call *call, const struct ph_receive *entry)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        return NULL;
    }
    waiter->receiver = receiver;
    waiter->call = call;
    waiter->limit = entry->limit;
    waiter->lease_s = lease_seconds(entry->lease_ms);
    waiter->until = sqs_now(receiver->sqs) + entry->wait_ms;
    if (entry->wait_ms > 0) {
        waiter->timer = event_new(receiver->sqs->host->base, -1, 0, on_waited, waiter);
        if (waiter->timer == NULL) {
            free(waiter);
            return NULL;
        }
        set_timer(waiter->timer, entry->wait_ms);
    }
    return waiter;
}

void receive_start(void *instance, struct ph_call *call)
{
    struct receiver *receiver = sqs_from(instance)->receiver;
    if (call->count != 1) {
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_INVALID, 0, "a receive must be alone in its call");
        }
        call->host->complete(call);
        return;
    }
    const struct ph_receive *entry = call->entries[0];
    struct waiter *waiter = entry->limit > 0 ? waiter_new(receiver, call, entry) : NULL;
    if (waiter == NULL) {
        call->host->set(call, 0, entry->limit > 0 ? PH_TRANSIENT : PH_OK, 0,
                        entry->limit > 0 ? "there is no memory for the call" : NULL);
        call->host->complete(call);
        return;
    }
    TAILQ_INSERT_TAIL(&receiver->waiters, waiter, waiters);
    turn_later(receiver);
}

bool receiver_cancel(struct receiver *receiver, const struct ph_call *call)
{
    struct waiter *waiter;
    TAILQ_FOREACH(waiter, &receiver->waiters, waiters)
    {
        if (waiter->call == call) {
            waiter_end(waiter, PH_OK, 0, NULL);
            return true;
        }
    }
    return false;
}
