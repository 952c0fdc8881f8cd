// SPDX-License-Identifier: Apache-2.0
//
// How a message ends, and how a dead one begins again: deliver, fail, expire, redrive.
//
// All of them act only where an outbox mark exists (redrive: only on a dead letter), so a repeat finds nothing to do.
#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"

#include <stdlib.h>
#include <string.h>

static const char no_message[] = "there is no such message";
static const char no_memory[] = "there is no memory for it";

static bool deliver_reserve(struct message *message)
{
    for (size_t i = 0; i < message->recipient_count; i++) {
        struct recipient *recipient = &message->recipients[i];
        if (recipient->state == PH_STATE_ACCEPTED && !recipient->user->removed &&
            !sequence_reserve(&recipient->user->inbox))
            return false;
    }
    return true;
}

// Gives every open recipient its inbox row; tells whether there was one to give.
static bool deliver_rows(struct message *message, int64_t now)
{
    bool delivered = false;
    for (size_t i = 0; i < message->recipient_count; i++) {
        struct recipient *recipient = &message->recipients[i];
        if (recipient->state != PH_STATE_ACCEPTED || recipient->user->removed)
            continue;
        recipient->position = sequence_add(&recipient->user->inbox, message);
        recipient->state = PH_STATE_DELIVERED;
        recipient->at = now;
        delivered = true;
    }
    return delivered;
}

// Does what is to be done now; PH_OK unless there is no memory.
static enum ph_outcome deliver_act(struct store *store, struct message *message, const struct ph_deliver *entry,
                                   struct ph_delivery *delivery)
{
    int64_t now = store_now(store);
    if (message_expired(message, now)) {
        message_finish(store, message, PH_STATE_EXPIRED, now);
        return PH_OK;
    }
    if (message->deliver_at > now) {
        mark_write(store, message, PH_MARK_OUTBOX, message->deliver_at);
        delivery->due_at = message->deliver_at;
        return PH_OK;
    }
    if (!deliver_reserve(message))
        return PH_UNAVAILABLE;
    delivery->delivered = deliver_rows(message, now);
    if (message->priority == PH_PRIORITY_ALERT)
        mark_write(store, message, PH_MARK_ALERT, now + (int64_t)entry->alert_lease_ms);
    message_finish(store, message, PH_STATE_FAILED, now);
    return PH_OK;
}

static enum ph_outcome deliver_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_deliver *entry = call->entries[index];
    struct ph_delivery *delivery = call->outputs[index];
    struct message *message = message_find(store, &entry->id);
    if (!message)
        return answer_text(call, index, PH_NOT_FOUND, no_message);
    enum ph_outcome outcome = PH_DUPLICATE;
    if (mark_is(message, PH_MARK_OUTBOX))
        outcome = deliver_act(store, message, entry, delivery);
    if (outcome == PH_UNAVAILABLE)
        return answer_text(call, index, outcome, no_memory);
    delivery->record = record_make(call, message, RECORD_STATES);
    // What is done is done: without its record the answer is lost, and a repeat gets it.
    return delivery->record ? outcome : answer_text(call, index, PH_UNCERTAIN, "the call's arena is full");
}

void storage_deliver(void *instance, struct ph_call *call)
{
    answer_each(instance, call, deliver_one);
}

static bool fail_reason(struct message *message, struct ph_text reason)
{
    char *copy = malloc(reason.length + 1);
    if (!copy)
        return false;
    if (reason.length)
        memcpy(copy, reason.bytes, reason.length);
    copy[reason.length] = '\0';
    free((char *)(uintptr_t)message->reason.bytes);
    message->reason = (struct ph_text){.bytes = copy, .length = reason.length};
    return true;
}

static void fail_record(struct store *store, struct message *message, const struct ph_failure *entry)
{
    int64_t now = store_now(store);
    message->failures++;
    message->last_failed_at = now;
    if (!message->first_failed_at)
        message->first_failed_at = now;
    if (message->failures < entry->limit) {
        mark_write(store, message, PH_MARK_OUTBOX, now + (int64_t)entry->retry_in_ms);
        return;
    }
    message->dead_position = sequence_add(&store->dead, message);
    mark_write(store, message, PH_MARK_DOCUMENT, now);
    message_finish(store, message, PH_STATE_DEAD, now);
}

static enum ph_outcome fail_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_failure *entry = call->entries[index];
    struct ph_failed *failed = call->outputs[index];
    struct message *message = message_find(store, &entry->id);
    if (!message || !mark_is(message, PH_MARK_OUTBOX))
        return answer_text(call, index, PH_NOT_FOUND, "there is no outbox mark");
    if (entry->attempt > message->failures + 1)
        return answer_text(call, index, PH_INVALID, "an earlier attempt is not recorded");
    enum ph_outcome outcome = PH_DUPLICATE;
    if (entry->attempt == message->failures + 1) {
        if (!sequence_reserve(&store->dead) || !fail_reason(message, entry->reason))
            return answer_text(call, index, PH_UNAVAILABLE, no_memory);
        fail_record(store, message, entry);
        outcome = PH_OK;
    }
    failed->failures = message->failures;
    failed->dead = message->dead_position != 0;
    return outcome;
}

void storage_fail(void *instance, struct ph_call *call)
{
    answer_each(instance, call, fail_one);
}

static enum ph_outcome expire_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_expire *entry = call->entries[index];
    struct ph_swept *swept = call->outputs[index];
    int64_t now = store_now(store);
    struct message *message = message_from(heap_due(&store->expiring, now));
    for (; message && swept->count < entry->limit; message = message_from(heap_due(&store->expiring, now))) {
        mark_write(store, message, PH_MARK_DOCUMENT, now);
        message_finish(store, message, PH_STATE_EXPIRED, now);
        swept->count++;
    }
    swept->more = message != NULL;
    return PH_OK;
}

void storage_expire(void *instance, struct ph_call *call)
{
    answer_each(instance, call, expire_one);
}

static enum ph_outcome redrive_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_pick *entry = call->entries[index];
    struct message *message = message_find(store, &entry->id);
    if (!message || !message->dead_position)
        return answer_text(call, index, PH_NOT_FOUND, "it is not a dead letter");
    for (size_t i = 0; i < message->recipient_count; i++) {
        struct recipient *recipient = &message->recipients[i];
        if (recipient->state == PH_STATE_DEAD) {
            recipient->state = PH_STATE_ACCEPTED;
            recipient->at = message->accepted_at;
        }
    }
    sequence_drop(&store->dead, message->dead_position);
    free((char *)(uintptr_t)message->reason.bytes);
    message->reason = (struct ph_text){0};
    message->dead_position = 0;
    message->failures = 0;
    message->first_failed_at = 0;
    message->last_failed_at = 0;
    message_open(store, message, store_now(store));
    return PH_OK;
}

void storage_redrive(void *instance, struct ph_call *call)
{
    answer_each(instance, call, redrive_one);
}
