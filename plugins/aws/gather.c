// SPDX-License-Identifier: Apache-2.0
//
// See gather.h. What a call needs here lies in its own arena: one block with an item for each entry. An item is either in
// the line of those that wait, or in a batch, or settled; a batch's place is emptied when its item is settled, so that a
// call that is completed is in nobody's hands.
//
// Requests are formed at the end of a turn of the loop, so that calls that were started together go out together.
//
// How many may be under way is found out as TCP finds out: a window that grows with each success, halves when a request brings
// no answer in time or is refused as too fast, and grows slowly from then on. A service that is slow is so not buried under
// repeats. A request of which some entries were refused as too fast was answered all the same: it lets the window be, and where
// these are more than half it counts as refused.
#include "plugins/aws/gather.h"

#include "core/list.h"
#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

#define GATHER_MAGIC 0x67617468u
#define BATCH_MAGIC 0x67627468u
#define FIRST_WINDOW 4u
#define KEY_BUCKETS 4096u

struct gather_item {
    TAILQ_ENTRY(gather_item) waiting;
    struct gather_guest *guest;
    struct gather_batch *batch; // NULL: it waits, or is settled
    size_t index;               // in the call
    size_t place;               // in the batch
    struct gather_measure measure;
    bool waits;
    bool alone; // in a request of its own
};

// A call under way.
struct gather_guest {
    TAILQ_ENTRY(gather_guest) guests;
    struct gather *gather;
    struct ph_call *call;
    size_t left;  // entries that are not settled
    size_t count; // items
    struct gather_item items[];
};

struct gather_batch {
    uint32_t magic;
    struct gather *gather;
    TAILQ_ENTRY(gather_batch) batches;
    void *data;
    size_t live; // items that are not gone
    size_t count;
    size_t throttled; // items that were refused as too fast
    bool answered;    // some item's outcome came from the service
    uint64_t keys[GATHER_ENTRIES_MAX];
    struct gather_item *items[GATHER_ENTRIES_MAX];
};

struct gather {
    uint32_t magic;
    const struct ph_host *host;
    struct gather_settings settings;
    TAILQ_HEAD(, gather_item) line;
    TAILQ_HEAD(, gather_guest) guests;
    TAILQ_HEAD(, gather_batch) batches;
    size_t under_way;
    size_t window;                     // requests that may be under way now
    size_t successes;                  // since the window last grew
    bool strained;                     // a request has failed: the window grows slowly
    struct event *turn;                // forms requests at the turn's end
    struct event *patience;            // ends the wait of the line's first item
    const struct gather_item *patient; // the item for which `patience` is set
    bool overdue;                      // what waits goes out although it fills no request
    int64_t short_at;                  // when an eager one last sent what fills no request
    bool forming;
    uint16_t
        keys[KEY_BUCKETS]; // how many of those under way fall there: most have no company, and no batch is searched
};

static void form(struct gather *gather);

static void form_later(struct gather *gather)
{
    event_active(gather->turn, EV_TIMEOUT, 0);
}

static void on_turn(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    form(context);
}

static void on_patience(evutil_socket_t descriptor, short events, void *context)
{
    struct gather *gather = context;
    (void)descriptor;
    (void)events;
    gather->overdue = true;
    form(gather);
}

struct gather *gather_new(const struct ph_host *host, const struct gather_settings *settings)
{
    struct gather *gather = calloc(1, sizeof *gather);
    assert(settings->entries >= 1 && settings->entries <= GATHER_ENTRIES_MAX && settings->requests >= 1);
    if (gather == NULL) {
        return NULL;
    }
    gather->magic = GATHER_MAGIC;
    gather->host = host;
    gather->settings = *settings;
    gather->short_at = INT64_MIN / 2;
    gather->window = settings->requests < FIRST_WINDOW ? settings->requests : FIRST_WINDOW;
    TAILQ_INIT(&gather->line);
    TAILQ_INIT(&gather->guests);
    TAILQ_INIT(&gather->batches);
    gather->turn = event_new(host->base, -1, 0, on_turn, gather);
    gather->patience = event_new(host->base, -1, 0, on_patience, gather);
    if (gather->turn == NULL || gather->patience == NULL) {
        gather_free(gather);
        return NULL;
    }
    return gather;
}

void gather_free(struct gather *gather)
{
    if (gather == NULL) {
        return;
    }
    assert(gather->magic == GATHER_MAGIC && TAILQ_EMPTY(&gather->guests) && gather->under_way == 0);
    if (gather->turn != NULL) {
        event_free(gather->turn);
    }
    if (gather->patience != NULL) {
        event_free(gather->patience);
    }
    gather->magic = 0;
    free(gather);
}

size_t gather_under_way(const struct gather *gather)
{
    return gather->under_way;
}

// --- The window --------------------------------------------------------------------------------------------

static void window_grow(struct gather *gather)
{
    gather->successes++;
    if (gather->window < gather->settings.requests && (!gather->strained || gather->successes >= gather->window)) {
        gather->window++;
        gather->successes = 0;
    }
}

static void window_shrink(struct gather *gather)
{
    gather->window = gather->window > 1 ? gather->window / 2 : 1;
    gather->successes = 0;
    gather->strained = true;
}

static bool is_answer(enum ph_outcome outcome)
{
    return outcome != PH_THROTTLED && outcome != PH_TRANSIENT && outcome != PH_UNAVAILABLE && outcome != PH_UNCERTAIN;
}

// --- Settling ----------------------------------------------------------------------------------------------

static void guest_leave(struct gather_guest *guest)
{
    struct ph_call *call = guest->call;
    TAILQ_REMOVE(&guest->gather->guests, guest, guests);
    call->data = NULL;
    call->host->complete(call);
}

static void line_leave(struct gather *gather, struct gather_item *item)
{
    TAILQ_REMOVE(&gather->line, item, waiting);
    item->waits = false;
    if (gather->patient == item) {
        gather->patient = NULL;
    }
}

static void item_leave(struct gather_item *item)
{
    struct gather *gather = item->guest->gather;
    if (item->waits) {
        line_leave(gather, item);
    }
    if (item->batch != NULL) {
        item->batch->items[item->place] = NULL;
        item->batch->live--;
        item->batch = NULL;
    }
    item->guest->left--;
}

void gather_settle(struct gather_batch *batch, size_t index, enum ph_outcome outcome, uint32_t delay_ms,
                   const char *text)
{
    assert(batch->magic == BATCH_MAGIC && index < batch->count && outcome != PH_PENDING);
    struct gather_item *item = batch->items[index];
    batch->answered = batch->answered || is_answer(outcome);
    if (item == NULL) {
        return;
    }
    batch->throttled += outcome == PH_THROTTLED ? 1 : 0;
    struct gather_guest *guest = item->guest;
    guest->call->host->set(guest->call, item->index, outcome, delay_ms, text != NULL ? "%s" : NULL, text);
    item_leave(item);
    if (guest->left == 0) {
        guest_leave(guest);
    }
}

static void batch_end(struct gather_batch *batch)
{
    struct gather *gather = batch->gather;
    if (!batch->answered || 2 * batch->throttled > batch->count) {
        window_shrink(gather);
    } else if (batch->throttled == 0) {
        window_grow(gather);
    }
    for (size_t i = 0; i < batch->count; i++) {
        gather->keys[batch->keys[i] % KEY_BUCKETS]--;
    }
    TAILQ_REMOVE(&gather->batches, batch, batches);
    gather->under_way--;
    batch->magic = 0;
    free(batch);
    form_later(gather);
}

void gather_finish(struct gather_batch *batch, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    for (size_t i = 0; i < batch->count; i++) {
        gather_settle(batch, i, outcome, delay_ms, text);
    }
    batch_end(batch);
}

bool gather_part(struct gather_batch *batch)
{
    struct gather *gather = batch->gather;
    if (batch->count == 1) {
        return false;
    }
    for (size_t i = batch->count; i-- > 0;) {
        struct gather_item *item = batch->items[i];
        if (item != NULL) {
            item->batch = NULL;
            item->alone = true;
            item->waits = true;
            TAILQ_INSERT_HEAD(&gather->line, item, waiting);
        }
    }
    batch->answered = true;
    batch_end(batch);
    return true;
}

bool gather_cancel(struct gather *gather, const struct ph_call *call)
{
    struct gather_guest *guest;
    assert(gather->magic == GATHER_MAGIC);
    TAILQ_FOREACH(guest, &gather->guests, guests)
    {
        if (guest->call == call) {
            break;
        }
    }
    if (guest == NULL) {
        return false;
    }
    for (size_t i = 0; i < guest->count; i++) {
        struct gather_item *item = &guest->items[i];
        struct gather_batch *batch = item->batch;
        if (!item->waits && batch == NULL) {
            continue;
        }
        guest->call->host->set(guest->call, item->index, batch != NULL ? PH_UNCERTAIN : PH_TRANSIENT, 0,
                               batch != NULL ? "cancelled while the request was under way"
                                             : "cancelled before it was sent");
        item_leave(item);
        if (batch != NULL && batch->live == 0) {
            gather->settings.cancel(gather->settings.owner, batch);
        }
    }
    guest_leave(guest);
    return true;
}

// --- Forming requests --------------------------------------------------------------------------------------

static bool key_under_way(const struct gather *gather, uint64_t key)
{
    const struct gather_batch *batch;
    if (key == 0 || gather->keys[key % KEY_BUCKETS] == 0) {
        return false;
    }
    TAILQ_FOREACH(batch, &gather->batches, batches)
    {
        for (size_t i = 0; i < batch->count; i++) {
            if (batch->keys[i] == key) {
                return true;
            }
        }
    }
    return false;
}

// Picks what would go out next. True when nothing that waits would fit in as well.
static bool pick(const struct gather *gather, struct gather_item **items, size_t *count_r)
{
    struct gather_item *item;
    size_t bytes = 0;
    *count_r = 0;
    TAILQ_FOREACH(item, &gather->line, waiting)
    {
        if (key_under_way(gather, item->measure.key)) {
            continue;
        }
        if (item->alone && *count_r > 0) {
            return true;
        }
        bytes += item->measure.size;
        if (*count_r > 0 && gather->settings.bytes > 0 && bytes > gather->settings.bytes) {
            return true;
        }
        items[(*count_r)++] = item;
        if (*count_r == gather->settings.entries || item->alone) {
            return true;
        }
    }
    return false;
}

static bool send_items(struct gather *gather, struct gather_item **items, size_t count)
{
    struct gather_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        return false;
    }
    batch->magic = BATCH_MAGIC;
    batch->gather = gather;
    batch->count = count;
    batch->live = count;
    for (size_t i = 0; i < count; i++) {
        line_leave(gather, items[i]);
        items[i]->batch = batch;
        items[i]->place = i;
        batch->items[i] = items[i];
        batch->keys[i] = items[i]->measure.key;
        gather->keys[batch->keys[i] % KEY_BUCKETS]++;
    }
    TAILQ_INSERT_TAIL(&gather->batches, batch, batches);
    gather->under_way++;
    gather->settings.send(gather->settings.owner, batch);
    return true;
}

static int64_t now_ms(const struct gather *gather)
{
    return gather->host->monotonic(gather->host) / 1000000;
}

// How long the first in the line is to wait from now.
static uint32_t wait_left(const struct gather *gather)
{
    const uint32_t wait = gather->settings.wait_ms;
    if (!gather->settings.eager) {
        return wait;
    }
    const int64_t passed = now_ms(gather) - gather->short_at;
    return passed >= 0 && passed < wait ? wait - (uint32_t)passed : 0;
}

// Sees to it that the first in the line does not wait too long.
static void set_patience(struct gather *gather)
{
    const struct gather_item *first = TAILQ_FIRST(&gather->line);
    if (first != NULL && first == gather->patient) {
        return;
    }
    gather->patient = first;
    gather->overdue = false;
    if (first == NULL) {
        event_del(gather->patience);
        return;
    }
    const uint32_t wait = wait_left(gather);
    const struct timeval after = {.tv_sec = wait / 1000, .tv_usec = (suseconds_t)(wait % 1000) * 1000};
    if (event_add(gather->patience, &after) != 0) {
        gather->overdue = true; // no timer: it does not wait
    }
}

static void form(struct gather *gather)
{
    struct gather_item *items[GATHER_ENTRIES_MAX];
    size_t count;
    assert(gather->magic == GATHER_MAGIC);
    if (gather->forming) {
        return; // a send that ended inside itself
    }
    gather->forming = true;
    while (gather->under_way < gather->window) {
        const bool full = pick(gather, items, &count);
        const bool waited = gather->overdue || wait_left(gather) == 0;
        if (count == 0 || (!full && !waited)) {
            break;
        }
        if (!send_items(gather, items, count)) {
            gather->patient = NULL; // tried again when the first has waited once more
            break;
        }
        if (!full) {
            gather->short_at = now_ms(gather);
        }
    }
    set_patience(gather);
    gather->forming = false;
}

void gather_add(struct gather *gather, struct ph_call *call)
{
    assert(gather->magic == GATHER_MAGIC);
    struct gather_guest *guest = call->host->alloc(call, sizeof *guest + call->count * sizeof guest->items[0]);
    if (guest == NULL) {
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_INTERNAL, 0, "the call is too large");
        }
        call->host->complete(call);
        return;
    }
    guest->gather = gather;
    guest->call = call;
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome != PH_PENDING) {
            continue;
        }
        struct gather_item *item = &guest->items[guest->count++];
        item->guest = guest;
        item->index = i;
        item->waits = true;
        if (gather->settings.measure != NULL) {
            item->measure = gather->settings.measure(gather->settings.owner, call, i);
        }
        TAILQ_INSERT_TAIL(&gather->line, item, waiting);
    }
    guest->left = guest->count;
    TAILQ_INSERT_TAIL(&gather->guests, guest, guests);
    if (guest->left == 0) {
        guest_leave(guest);
        return;
    }
    call->data = guest;
    form_later(gather);
}

// --- A batch's entries -------------------------------------------------------------------------------------

size_t gather_count(const struct gather_batch *batch)
{
    assert(batch->magic == BATCH_MAGIC);
    return batch->count;
}

const void *gather_entry(const struct gather_batch *batch, size_t index)
{
    assert(batch->magic == BATCH_MAGIC && index < batch->count);
    const struct gather_item *item = batch->items[index];
    return item != NULL ? item->guest->call->entries[item->index] : NULL;
}

struct ph_call *gather_call(const struct gather_batch *batch, size_t index)
{
    assert(batch->magic == BATCH_MAGIC && index < batch->count && batch->items[index] != NULL);
    return batch->items[index]->guest->call;
}

void *gather_output(const struct gather_batch *batch, size_t index)
{
    assert(batch->magic == BATCH_MAGIC && index < batch->count && batch->items[index] != NULL);
    const struct gather_item *item = batch->items[index];
    return item->guest->call->outputs[item->index];
}

void *gather_data(const struct gather_batch *batch)
{
    return batch->data;
}

void gather_set_data(struct gather_batch *batch, void *data)
{
    batch->data = data;
}
