// SPDX-License-Identifier: Apache-2.0
//
// See dispatch.h. An entry stands in the table from dispatch_send() until nobody needs it: first it belongs to a job that
// is being sent, then it is in the list of marks to move, oldest first. A delivery seen meanwhile takes it out, and the
// mark is not moved at all. Jobs and moves are freed by their own releases, which a hanging backend may delay for ever:
// therefore nothing that decides about a later send depends on them.
#include "core/dispatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/exchange_parts.h"
#include "core/list.h"
#include "core/map.h"
#include "core/xalloc.h"

#define ENTRIES_MAX 65536
#define MOVE_AFTER_MS 5000 // half of the 10 s after which a fresh mark is due
#define MOVE_TICK_MS 500

struct job;

// What the table knows of a message.
struct entry {
    struct ph_id id;
    struct job *job; // being sent; NULL: in `moves`
    uint32_t sends;
    int64_t sent_at;
    TAILQ_ENTRY(entry) moves;
};

struct job {
    struct batcher_item item;
    struct dispatch *dispatch;
    struct entry *entry; // NULL: nobody needs it any more
    struct ph_job job;
    char trace[];
};

struct move {
    struct batcher_item item;
    struct ph_postpone postpone;
};

struct dispatch {
    struct exchange *exchange;
    struct map *entries; // by id
    TAILQ_HEAD(, entry) moves;
    struct event *tick;
    size_t sending;
};

uint32_t dispatch_due_in(uint32_t sends)
{
    const uint32_t first_ms = 30000, longest_ms = 15 * 60 * 1000;
    return sends >= 5 ? longest_ms : first_ms << sends;
}

static void entry_remove(struct dispatch *dispatch, struct entry *entry)
{
    map_remove(dispatch->entries, entry->id.bytes, sizeof entry->id.bytes);
    if (entry->job != NULL) {
        entry->job->entry = NULL;
    } else {
        TAILQ_REMOVE(&dispatch->moves, entry, moves);
    }
    free(entry);
}

static void job_sent(struct batcher_item *item, struct batcher_batch *batch, size_t index)
{
    struct job *job = (struct job *)item;
    struct entry *entry = job->entry;
    job->dispatch->sending--;
    if (entry == NULL) {
        return;
    }
    if (batcher_result(batch, index)->outcome != PH_OK) {
        entry_remove(job->dispatch, entry); // the mark brings it again
        return;
    }
    job->entry = NULL;
    entry->job = NULL;
    entry->sent_at = exchange_now(job->dispatch->exchange);
    TAILQ_INSERT_TAIL(&job->dispatch->moves, entry, moves);
}

// A mark that could not be moved is due sooner: one more send, which deliver bears.
static void entry_move(struct dispatch *dispatch, struct entry *entry)
{
    struct move *move = xcalloc(1, sizeof *move);
    move->postpone = (struct ph_postpone){.id = entry->id, .due_in_ms = dispatch_due_in(entry->sends)};
    move->item = (struct batcher_item){.entry = &move->postpone, .done = exchange_ignore, .release = exchange_release};
    entry_remove(dispatch, entry);
    exchange_add(dispatch->exchange, PH_STORAGE_POSTPONE, &move->item);
}

static void dispatch_tick(evutil_socket_t fd, short events, void *context)
{
    struct dispatch *dispatch = context;
    const int64_t now = exchange_now(dispatch->exchange);
    struct entry *entry;
    (void)fd;
    (void)events;
    if (dispatch->exchange->draining) {
        return; // what is drained must stay idle; the next sweeper sends once more, which deliver bears
    }
    while ((entry = TAILQ_FIRST(&dispatch->moves)) != NULL && now - entry->sent_at >= MOVE_AFTER_MS) {
        entry_move(dispatch, entry);
    }
}

struct dispatch *dispatch_new(struct exchange *exchange)
{
    struct dispatch *dispatch = xcalloc(1, sizeof *dispatch);
    dispatch->exchange = exchange;
    dispatch->entries = map_new(ENTRIES_MAX);
    TAILQ_INIT(&dispatch->moves);
    dispatch->tick = exchange_timer(exchange, dispatch_tick, dispatch, MOVE_TICK_MS);
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    struct map_cursor cursor = {0};
    if (dispatch == NULL) {
        return;
    }
    while (map_next(dispatch->entries, &cursor)) {
        entry_remove(dispatch, cursor.value);
    }
    event_free(dispatch->tick);
    map_free(dispatch->entries);
    free(dispatch);
}

static struct job *job_new(struct dispatch *dispatch, struct entry *entry, struct ph_text trace)
{
    struct job *job = xmalloc(sizeof *job + trace.length + 1);
    if (trace.length > 0) {
        memcpy(job->trace, trace.bytes, trace.length);
    }
    job->trace[trace.length] = '\0';
    job->dispatch = dispatch;
    job->entry = entry;
    job->job = (struct ph_job){.id = entry->id, .trace = {job->trace, trace.length}};
    job->item = (struct batcher_item){
        .entry = &job->job, .trace = job->job.trace, .done = job_sent, .release = exchange_release};
    entry->job = job;
    return job;
}

void dispatch_send(struct dispatch *dispatch, const struct ph_id *id, struct ph_text trace, uint32_t sends)
{
    struct entry *entry = xcalloc(1, sizeof *entry);
    entry->id = *id;
    entry->sends = sends;
    if (!map_add(dispatch->entries, id->bytes, sizeof id->bytes, entry)) {
        free(entry); // on its way already, or no room: the mark stays
        return;
    }
    struct job *job = job_new(dispatch, entry, trace);
    dispatch->sending++;
    if (!batcher_add(dispatch->exchange->batchers[PH_QUEUE_SEND], &job->item)) {
        dispatch->sending--;
        entry_remove(dispatch, entry);
        free(job);
    }
}

void dispatch_forget(struct dispatch *dispatch, const struct ph_id *id)
{
    struct entry *entry = map_get(dispatch->entries, id->bytes, sizeof id->bytes);
    if (entry != NULL) {
        entry_remove(dispatch, entry);
    }
}

size_t dispatch_sending(const struct dispatch *dispatch)
{
    return dispatch->sending;
}

bool dispatch_has_room(const struct dispatch *dispatch)
{
    return map_count(dispatch->entries) < ENTRIES_MAX / 2 && dispatch->sending < ENTRIES_MAX / 4;
}
