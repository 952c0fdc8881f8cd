// SPDX-License-Identifier: Apache-2.0
//
// A receive's way: taking (in the writer's lane) – idle – looking (in a reader's lane) or taking again – … – over.
#include "plugins/queue-sqlite/waiting.h"

#include "plugins/queue-sqlite/operations.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#define WAITING_MAGIC 0x71776169u

enum receive_state { RECEIVE_TAKING, RECEIVE_IDLE, RECEIVE_LOOKING };

/// A receive that is not over; it lives in its call's arena.
struct receive {
    TAILQ_ENTRY(receive) link;
    struct ph_call *call;
    const struct operation *take;
    enum receive_state state;
    bool missed;   // a job was sent while it was looking
    int64_t until; // host->monotonic()
};
TAILQ_HEAD(receive_list, receive);

struct waiting {
    uint32_t magic;
    struct engine *engine;
    struct event *timer;
    struct receive_list receives;
};

static const struct operation look_operation = {PH_QUEUE_RECEIVE, false, false, 0, queue_peek};

static struct waiting *waiting_of(const struct engine *engine)
{
    struct waiting *waiting = engine_owner(engine);
    assert(waiting != NULL && waiting->magic == WAITING_MAGIC);
    return waiting;
}

static int64_t now_of(const struct waiting *waiting)
{
    const struct ph_host *host = engine_host(waiting->engine);
    return host->monotonic(host);
}

static struct receive *find_receive(struct waiting *waiting, const struct ph_call *call)
{
    struct receive *receive;
    for (receive = TAILQ_FIRST(&waiting->receives); receive != NULL; receive = TAILQ_NEXT(receive, link)) {
        if (receive->call == call)
            break;
    }
    return receive;
}

static void take(struct waiting *waiting, struct receive *receive)
{
    receive->state = RECEIVE_TAKING;
    receive->missed = false;
    engine_start_as(waiting->engine, receive->call, receive->take);
}

static void end_idle(struct waiting *waiting, struct receive *receive)
{
    struct ph_call *call = receive->call;
    TAILQ_REMOVE(&waiting->receives, receive, link);
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

static struct receive *first_idle(const struct waiting *waiting)
{
    struct receive *receive;
    for (receive = TAILQ_FIRST(&waiting->receives); receive != NULL; receive = TAILQ_NEXT(receive, link)) {
        if (receive->state == RECEIVE_IDLE)
            break;
    }
    return receive;
}

// Lets all who wait try again, in their order. What starts may end at once and change the list: so from its head each
// time.
static void wake(struct waiting *waiting)
{
    struct receive *receive;
    for (receive = TAILQ_FIRST(&waiting->receives); receive != NULL; receive = TAILQ_NEXT(receive, link))
        receive->missed = receive->state != RECEIVE_IDLE;
    while ((receive = first_idle(waiting)) != NULL)
        take(waiting, receive);
}

static void arm(struct waiting *waiting)
{
    const struct timeval delay = {.tv_sec = 0, .tv_usec = WAITING_POLL_MS * 1000};
    if (event_pending(waiting->timer, EV_TIMEOUT, NULL) == 0)
        event_add(waiting->timer, &delay);
}

static void poll_now(evutil_socket_t socket, short events, void *context)
{
    struct waiting *waiting = context;
    int64_t now = now_of(waiting);
    bool looking = false;
    struct receive *idle = NULL;
    struct receive *receive = TAILQ_FIRST(&waiting->receives);
    (void)socket;
    (void)events;
    while (receive != NULL) {
        struct receive *next = TAILQ_NEXT(receive, link);
        looking = looking || receive->state == RECEIVE_LOOKING;
        if (receive->state == RECEIVE_IDLE && receive->until <= now)
            end_idle(waiting, receive);
        else if (receive->state == RECEIVE_IDLE && idle == NULL)
            idle = receive;
        receive = next;
    }
    if (idle == NULL)
        return;
    arm(waiting);
    if (looking)
        return;
    idle->state = RECEIVE_LOOKING;
    engine_start_as(waiting->engine, idle->call, &look_operation);
}

// ------------------------------------------------------------------------------------------ the engine's hooks

bool waiting_opened(struct engine *engine)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (waiting == NULL)
        return false;
    waiting->timer = event_new(engine_host(engine)->base, -1, 0, poll_now, waiting);
    if (waiting->timer == NULL) {
        free(waiting);
        return false;
    }
    waiting->magic = WAITING_MAGIC;
    waiting->engine = engine;
    TAILQ_INIT(&waiting->receives);
    engine_set_owner(engine, waiting);
    return true;
}

void waiting_closing(struct engine *engine)
{
    struct waiting *waiting = waiting_of(engine);
    assert(TAILQ_EMPTY(&waiting->receives));
    event_free(waiting->timer);
    waiting->magic = 0;
    free(waiting);
}

static bool has_jobs(const struct ph_call *call)
{
    const struct ph_received_jobs *output = call->outputs[0];
    return output->count > 0;
}

// A receive is back from a lane. True: it goes on.
static bool go_on(struct waiting *waiting, struct receive *receive)
{
    struct ph_call *call = receive->call;
    uint32_t outcome = call->results[0]->outcome;
    bool looked = receive->state == RECEIVE_LOOKING;
    bool over = receive->until <= now_of(waiting);
    if (!looked && outcome == PH_OK && !has_jobs(call) && !over) {
        // Asked before a send that has committed since, it would wait for nothing.
        if (receive->missed) {
            take(waiting, receive);
            return true;
        }
        receive->state = RECEIVE_IDLE;
        arm(waiting);
        return true;
    }
    if (!looked || (outcome != PH_OK && outcome != PH_PENDING))
        return false;
    receive->state = RECEIVE_IDLE;
    if (over) {
        end_idle(waiting, receive);
        return true;
    }
    if (outcome == PH_OK)
        wake(waiting);
    else if (receive->missed)
        take(waiting, receive);
    else
        arm(waiting);
    return true;
}

// Did this call make a job ready?
static bool made_ready(const struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_job *job = call->entries[i];
        const struct ph_receipt *receipt = call->entries[i];
        if (call->operation == PH_QUEUE_SEND && call->results[i]->outcome == PH_OK && job->delay_ms == 0)
            return true;
        if (call->operation == PH_QUEUE_EXTEND && call->results[i]->outcome == PH_OK && receipt->lease_ms == 0)
            return true;
    }
    return false;
}

bool waiting_finished(struct engine *engine, struct ph_call *call)
{
    struct waiting *waiting = waiting_of(engine);
    if (call->operation == PH_QUEUE_SEND || call->operation == PH_QUEUE_EXTEND) {
        if (made_ready(call))
            wake(waiting);
        return false;
    }
    struct receive *receive = call->operation == PH_QUEUE_RECEIVE ? find_receive(waiting, call) : NULL;
    if (receive == NULL)
        return false;
    if (go_on(waiting, receive))
        return true;
    TAILQ_REMOVE(&waiting->receives, receive, link);
    return false;
}

bool waiting_cancelled(struct engine *engine, struct ph_call *call)
{
    struct waiting *waiting = waiting_of(engine);
    struct receive *receive = find_receive(waiting, call);
    if (receive == NULL)
        return false;
    receive->until = 0;
    if (receive->state == RECEIVE_IDLE)
        end_idle(waiting, receive);
    return true;
}

void waiting_start(void *instance, struct ph_call *call, const struct operation *take_operation)
{
    struct engine *engine = instance;
    struct waiting *waiting = waiting_of(engine);
    struct receive *receive = call->count == 1 ? call->host->alloc(call, sizeof(*receive)) : NULL;
    if (receive == NULL) {
        for (size_t i = 0; i < call->count; i++)
            call->host->set(call, i, PH_INVALID, 0, "a receive is alone in its call");
        call->host->complete(call);
        return;
    }
    const struct ph_receive *entry = call->entries[0];
    uint32_t wait_ms = entry->limit > 0 ? entry->wait_ms : 0;
    receive->call = call;
    receive->take = take_operation;
    receive->until = now_of(waiting) + (int64_t)wait_ms * 1000000;
    TAILQ_INSERT_TAIL(&waiting->receives, receive, link);
    take(waiting, receive);
}
