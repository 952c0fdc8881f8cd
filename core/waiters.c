// SPDX-License-Identifier: Apache-2.0
//
// See waiters.h. A waiter is registered before its first read, so that a delivery in between is not missed: one that comes
// while a read is under way makes the waiter read again. Each read has an item of its own, because a late attempt may
// still look at it when the waiter is gone; the waiter itself lives until its call is finished.
#include "core/waiters.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/exchange_parts.h"
#include "core/list.h"
#include "core/map.h"
#include "core/xalloc.h"

#define WAITERS_MAX 65536
#define HEADS_TICK_MS 1000
#define NOTIFY_AFTER_MS 10
#define NOTIFY_USERS_MAX 1000 // beyond it the poll of the others must do

// All who wait for one inbox.
struct crowd {
    TAILQ_HEAD(, waiter) waiters;
    bool asked; // its head is being read
    size_t length;
    char name[];
};

struct waiter {
    struct exchange_call *call;
    struct waiters *waiters;
    struct crowd *crowd;
    struct event *timeout;
    struct reading *reading; // under way, or NULL
    bool seen;               // a read has ended well, with nothing in it
    uint64_t head;           // as far as the inbox was seen
    bool again;              // woken while reading
    bool over;               // answer with what comes
    TAILQ_ENTRY(waiter) entries;
};

// One read of a waiter's inbox.
struct reading {
    struct batcher_item item;
    struct waiter *waiter; // NULL: gone
    struct ph_read read;
    char user[];
};

// One look at a crowd's head.
struct looking {
    struct batcher_item item;
    struct waiters *waiters;
    struct ph_head head;
    char user[];
};

struct telling {
    struct batcher_item item;
    struct ph_notify notify;
    struct ph_text users[];
};

struct waiters {
    struct exchange *exchange;
    struct map *crowds; // by name
    struct map *told;   // names to tell other processes of
    struct event *tick;
    struct event *tell;
    size_t count;
};

static void waiter_read(struct waiter *waiter);

static void waiter_free(struct waiter *waiter)
{
    struct crowd *crowd = waiter->crowd;
    waiter->waiters->count--;
    TAILQ_REMOVE(&crowd->waiters, waiter, entries);
    if (TAILQ_EMPTY(&crowd->waiters)) {
        map_remove(waiter->waiters->crowds, crowd->name, crowd->length);
        free(crowd);
    }
    if (waiter->reading != NULL) {
        waiter->reading->waiter = NULL;
    }
    if (waiter->timeout != NULL) {
        event_free(waiter->timeout);
    }
    free(waiter);
}

// Ends a waiter with the page at `index` of a batch, or with an empty one. The empty one is the call's own: to hold the
// batch it came with would keep the pages of others, for as long as somebody waits.
static void waiter_finish(struct waiter *waiter, struct batcher_batch *batch, size_t index)
{
    struct exchange_call *call = waiter->call;
    struct exchange *exchange = waiter->waiters->exchange;
    const bool seen = waiter->seen;
    call->nothing = (struct ph_page){.head = waiter->head};
    call->waiter = NULL;
    waiter_free(waiter);
    if (batch != NULL) {
        exchange_finish_batch(exchange, call, batch, index);
    } else {
        call->output = &call->nothing;
        exchange_finish(exchange, call, seen ? PH_OK : PH_UNAVAILABLE, "the wait was ended before the first read");
    }
}

static void reading_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct waiter *waiter = ((struct reading *)item)->waiter;
    if (waiter == NULL) {
        return;
    }
    const struct ph_page *page = batcher_output(batch, index);
    waiter->reading = NULL;
    if (batcher_result(batch, index)->outcome != PH_OK || page->count > 0) {
        waiter_finish(waiter, batch, index);
        return;
    }
    waiter->seen = true;
    waiter->head = page->head;
    if (waiter->over) {
        waiter_finish(waiter, NULL, 0);
    } else if (waiter->again) {
        waiter_read(waiter);
    }
}

static void waiter_read(struct waiter *waiter)
{
    const struct exchange_poll *poll = waiter->call->entry;
    struct reading *reading = xmalloc(sizeof *reading + poll->read.user.length + 1);
    memcpy(reading->user, poll->read.user.bytes, poll->read.user.length);
    reading->user[poll->read.user.length] = '\0';
    reading->waiter = waiter;
    reading->read = poll->read;
    reading->read.user.bytes = reading->user;
    reading->item = (struct batcher_item){.entry = &reading->read,
                                          .deadline_ms = waiter->call->deadline_ms,
                                          .done = reading_done,
                                          .release = exchange_release};
    waiter->reading = reading;
    waiter->again = false;
    if (!exchange_add(waiter->waiters->exchange, PH_STORAGE_INBOX_READ, &reading->item)) {
        waiter->reading = NULL;
        waiter_finish(waiter, NULL, 0);
    }
}

// The waiting is over: at once, or when the read under way ends.
static void waiter_end(struct waiter *waiter)
{
    waiter->over = true;
    if (waiter->reading == NULL) {
        waiter_finish(waiter, NULL, 0);
    }
}

static void waiter_timeout(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    waiter_end(context);
}

static void waiter_wake(struct waiter *waiter)
{
    if (waiter->reading != NULL) {
        waiter->again = true;
    } else {
        waiter_read(waiter);
    }
}

static struct crowd *crowd_of(struct waiters *waiters, struct ph_text user)
{
    struct crowd *crowd = map_get(waiters->crowds, user.bytes, user.length);
    if (crowd == NULL) {
        crowd = xcalloc(1, sizeof *crowd + user.length + 1);
        crowd->length = user.length;
        memcpy(crowd->name, user.bytes, user.length);
        TAILQ_INIT(&crowd->waiters);
        map_add(waiters->crowds, user.bytes, user.length, crowd);
    }
    return crowd;
}

void waiters_add(struct waiters *waiters, struct exchange_call *call)
{
    const struct exchange_poll *poll = call->entry;
    if (waiters->count >= WAITERS_MAX) {
        exchange_finish(waiters->exchange, call, PH_UNAVAILABLE, "too many readers wait");
        return;
    }
    struct waiter *waiter = xcalloc(1, sizeof *waiter);
    waiter->call = call;
    waiter->waiters = waiters;
    waiter->crowd = crowd_of(waiters, poll->read.user);
    TAILQ_INSERT_TAIL(&waiter->crowd->waiters, waiter, entries);
    waiters->count++;
    call->waiter = waiter;
    waiter->over = waiters->exchange->draining;
    waiter->timeout = evtimer_new(waiters->exchange->base, waiter_timeout, waiter);
    const struct timeval wait = {.tv_sec = poll->wait_ms / 1000, .tv_usec = (suseconds_t)(poll->wait_ms % 1000) * 1000};
    if (waiter->timeout == NULL || evtimer_add(waiter->timeout, &wait) != 0) {
        waiter->over = true; // no timer to be had: a plain read
    }
    waiter_read(waiter);
}

void waiters_cancel(struct waiters *waiters, struct exchange_call *call)
{
    struct waiter *waiter = call->waiter;
    (void)waiters;
    if (waiter != NULL) {
        waiter_end(waiter);
    }
}

// A waiter that can be finished now, or NULL.
static struct waiter *waiters_idle(struct waiters *waiters)
{
    struct map_cursor cursor = {0};
    struct waiter *waiter;
    while (map_next(waiters->crowds, &cursor)) {
        struct crowd *crowd = cursor.value;
        TAILQ_FOREACH(waiter, &crowd->waiters, entries)
        {
            waiter->over = true;
            if (waiter->reading == NULL) {
                return waiter;
            }
        }
    }
    return NULL;
}

void waiters_cancel_all(struct waiters *waiters)
{
    struct waiter *waiter;
    while ((waiter = waiters_idle(waiters)) != NULL) { // begun anew each time: an answer may bring other polls
        waiter_finish(waiter, NULL, 0);
    }
}

static void crowd_wake(struct crowd *crowd, uint64_t head)
{
    struct waiter *waiter, *next;
    for (waiter = TAILQ_FIRST(&crowd->waiters); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, entries); // a wake may finish a waiter, and the last one frees the crowd
        if (head == UINT64_MAX || head > waiter->head) {
            waiter_wake(waiter);
        }
    }
}

void waiters_wake(struct waiters *waiters, struct ph_text user, bool tell_others)
{
    struct crowd *crowd = map_get(waiters->crowds, user.bytes, user.length);
    if (crowd != NULL) {
        crowd_wake(crowd, UINT64_MAX);
    }
    struct backend *storage = waiters->exchange->backends[PH_KIND_STORAGE];
    if (tell_others && storage != NULL && backend_offers(storage, PH_STORAGE_NOTIFY)) {
        map_add(waiters->told, user.bytes, user.length, waiters); // the value does not matter
        if (!evtimer_pending(waiters->tell, NULL)) {
            const struct timeval soon = {.tv_usec = NOTIFY_AFTER_MS * 1000};
            evtimer_add(waiters->tell, &soon);
        }
    }
}

static void waiters_tell(evutil_socket_t fd, short events, void *context)
{
    struct waiters *waiters = context;
    struct map_cursor cursor = {0};
    size_t bytes = 0;
    (void)fd;
    (void)events;
    if (waiters->exchange->draining) {
        return; // what is drained must stay idle; the others find it by their poll
    }
    while (map_next(waiters->told, &cursor)) {
        bytes += cursor.key_length + 1;
    }
    const size_t count = map_count(waiters->told);
    struct telling *telling = xcalloc(1, sizeof *telling + count * sizeof telling->users[0] + bytes);
    char *names = (char *)&telling->users[count];
    cursor = (struct map_cursor){0};
    for (size_t i = 0; map_next(waiters->told, &cursor); i++) {
        memcpy(names, cursor.key, cursor.key_length);
        telling->users[i] = (struct ph_text){names, cursor.key_length};
        names += cursor.key_length + 1;
    }
    map_clear(waiters->told);
    telling->notify = (struct ph_notify){.users = telling->users, .user_count = count};
    telling->item =
        (struct batcher_item){.entry = &telling->notify, .done = exchange_ignore, .release = exchange_release};
    exchange_add(waiters->exchange, PH_STORAGE_NOTIFY, &telling->item);
}

static void looking_done(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct looking *looking = (struct looking *)item;
    const struct ph_head_position *position = batcher_output(batch, index);
    struct crowd *crowd = map_get(looking->waiters->crowds, looking->user, looking->head.user.length);
    if (crowd != NULL) {
        crowd->asked = false;
        if (batcher_result(batch, index)->outcome == PH_OK) {
            crowd_wake(crowd, position->head);
        }
    }
}

static void crowd_look(struct waiters *waiters, struct crowd *crowd)
{
    struct looking *looking = xcalloc(1, sizeof *looking + crowd->length + 1);
    memcpy(looking->user, crowd->name, crowd->length);
    looking->waiters = waiters;
    looking->head.user = (struct ph_text){looking->user, crowd->length};
    looking->item = (struct batcher_item){.entry = &looking->head, .done = looking_done, .release = exchange_release};
    crowd->asked = exchange_add(waiters->exchange, PH_STORAGE_INBOX_HEAD, &looking->item);
}

static void waiters_tick(evutil_socket_t fd, short events, void *context)
{
    struct waiters *waiters = context;
    struct map_cursor cursor = {0};
    (void)fd;
    (void)events;
    if (!exchange_usable(waiters->exchange, PH_KIND_STORAGE)) {
        return;
    }
    while (map_next(waiters->crowds, &cursor)) {
        struct crowd *crowd = cursor.value;
        if (!crowd->asked) {
            crowd_look(waiters, crowd);
        }
    }
}

struct waiters *waiters_new(struct exchange *exchange)
{
    struct waiters *waiters = xcalloc(1, sizeof *waiters);
    waiters->exchange = exchange;
    waiters->crowds = map_new(WAITERS_MAX);
    waiters->told = map_new(NOTIFY_USERS_MAX);
    waiters->tick = exchange_timer(exchange, waiters_tick, waiters, HEADS_TICK_MS);
    waiters->tell = evtimer_new(exchange->base, waiters_tell, waiters);
    if (waiters->tell == NULL) {
        abort();
    }
    return waiters;
}

void waiters_free(struct waiters *waiters)
{
    if (waiters == NULL) {
        return;
    }
    event_free(waiters->tick);
    event_free(waiters->tell);
    map_free(waiters->crowds);
    map_free(waiters->told);
    free(waiters);
}

size_t waiters_count(const struct waiters *waiters)
{
    return waiters->count;
}
