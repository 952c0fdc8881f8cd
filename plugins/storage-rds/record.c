// SPDX-License-Identifier: Apache-2.0
//
// Records: columns to members, and the rule by which what is stored makes states.
//
// While a mark exists every recipient is open. Without one, those with a delivery got it; the others are failed if anybody
// got it (they were gone at that moment), else what the message's trouble says: expired, dead or failed.
#include "plugins/storage-rds/record.h"

#include <string.h>

#include "plugins/storage-rds/names.h"

#define RECIPIENTS_MOST 4096

void record_conclude(struct ph_record *record, bool marked)
{
    static const uint32_t order[] = {PH_STATE_DELIVERED, PH_STATE_DEAD, PH_STATE_EXPIRED, PH_STATE_FAILED};
    size_t counts[PH_STATE_FAILED + 1] = {0};
    record->finished_at = 0;
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        counts[recipient->state]++;
        if (!marked && recipient->at > record->finished_at)
            record->finished_at = recipient->at;
    }
    record->status = PH_STATE_ACCEPTED;
    for (size_t i = 0; counts[PH_STATE_ACCEPTED] == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
        if (counts[order[i]] > 0) {
            record->status = order[i];
            return;
        }
    }
}

void record_hide_states(struct ph_record *record)
{
    for (size_t i = 0; i < record->recipient_count; i++) {
        struct ph_recipient *recipient = record->recipients[i];
        recipient->state = PH_STATE_ACCEPTED;
        recipient->at = 0;
        recipient->read_at = 0;
    }
}

struct ph_recipient *record_recipient(const struct ph_record *record, struct ph_text name)
{
    size_t low = 0;
    size_t high = record->recipient_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(record->recipients[middle]->name, name);
        if (order == 0)
            return record->recipients[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// The next word of a text with spaces between them; empty at the end.
static struct ph_text next_word(struct ph_text *text)
{
    size_t length = 0;
    while (length < text->length && text->bytes[length] != ' ')
        length++;
    struct ph_text word = {.bytes = text->bytes, .length = length};
    size_t step = length < text->length ? length + 1 : length;
    text->bytes += step;
    text->length -= step;
    return word;
}

// Makes the recipients, all open. The names are cut out of the copy that is given, so that each is followed by a NUL.
static bool make_recipients(struct ph_call *call, struct ph_record *record, struct ph_text names)
{
    const struct ph_host *host = call->host;
    size_t count = names.length > 0;
    for (size_t i = 0; i < names.length; i++)
        count += names.bytes[i] == ' ';
    struct ph_recipient **recipients = host->alloc(call, (count + 1) * sizeof(struct ph_recipient *));
    if (recipients == NULL || count > RECIPIENTS_MOST)
        return false;
    record->recipients = recipients;
    for (char *at = (char *)(uintptr_t)names.bytes; record->recipient_count < count;) {
        struct ph_recipient *recipient = host->make(call, PH_MAKE_RECIPIENT);
        struct ph_text word = next_word(&names);
        if (recipient == NULL || !names_plain(word))
            return false;
        at[word.length] = '\0';
        at += word.length + 1;
        recipient->name = word;
        recipient->state = PH_STATE_ACCEPTED;
        recipient->at = record->accepted_at;
        recipients[record->recipient_count++] = recipient;
    }
    return true;
}

// Digits only: what is stored is never below 0.
static bool next_number(struct ph_text *text, int64_t *number_r)
{
    struct ph_text word = next_word(text);
    int64_t number = 0;
    for (size_t i = 0; i < word.length; i++) {
        int digit = word.bytes[i] - '0';
        if (digit < 0 || digit > 9 || number > (INT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *number_r = number;
    return word.length > 0;
}

// Reads who got it, four words each: name, at, read_at, listed. Gives the number of those, and when it was.
static bool read_deliveries(struct ph_record *record, struct ph_text states, size_t *count_r, int64_t *at_r)
{
    *count_r = 0;
    *at_r = 0;
    while (states.length > 0) {
        int64_t listed;
        struct ph_recipient *recipient = record_recipient(record, next_word(&states));
        if (recipient == NULL || !next_number(&states, &recipient->at) || !next_number(&states, &recipient->read_at) ||
            !next_number(&states, &listed))
            return false;
        recipient->state = PH_STATE_DELIVERED;
        *at_r = recipient->at;
        ++*count_r;
    }
    return true;
}

static void end_open(struct ph_record *record, uint32_t state, int64_t at)
{
    for (size_t i = 0; i < record->recipient_count; i++) {
        struct ph_recipient *recipient = record->recipients[i];
        if (recipient->state == PH_STATE_ACCEPTED) {
            recipient->state = state;
            recipient->at = at;
        }
    }
}

static bool read_states(struct values *values, int first, struct ph_record *record)
{
    size_t delivered;
    int64_t delivered_at;
    bool marked = !values_null(values, first + RECORD_DUE);
    int64_t state = values_bigint(values, first + RECORD_STATE);
    int64_t ended_at = values_bigint(values, first + RECORD_ENDED_AT);
    if (!read_deliveries(record, values_peek(values, first + RECORD_STATES), &delivered, &delivered_at))
        return false;
    if (!marked && delivered > 0)
        end_open(record, PH_STATE_FAILED, delivered_at);
    else if (!marked && state > PH_STATE_DELIVERED && state <= PH_STATE_FAILED)
        end_open(record, (uint32_t)state, ended_at);
    record_conclude(record, marked);
    return true;
}

static void read_failures(struct values *values, int first, struct ph_record *record)
{
    record->failures = (uint32_t)values_bigint(values, first + RECORD_FAILURES);
    record->first_failed_at = values_bigint(values, first + RECORD_FIRST_FAILED_AT);
    record->last_failed_at = values_bigint(values, first + RECORD_LAST_FAILED_AT);
    record->reason = values_text(values, first + RECORD_REASON);
}

struct ph_record *record_fresh(struct values *values, int first)
{
    struct ph_record *record = values->call->host->make(values->call, PH_MAKE_RECORD);
    if (record == NULL) {
        values->wrong = true;
        return NULL;
    }
    record->id = values_id(values, first + RECORD_ID);
    record->sender = values_text(values, first + RECORD_SENDER);
    record->accepted_at = values_bigint(values, first + RECORD_ACCEPTED_AT);
    record->deliver_at = values_bigint(values, first + RECORD_DELIVER_AT);
    record->expires_at = values_bigint(values, first + RECORD_EXPIRES_AT);
    record->priority = (uint32_t)values_bigint(values, first + RECORD_PRIORITY);
    record->trace = values_text(values, first + RECORD_TRACE);
    record->content_type = values_text(values, first + RECORD_CONTENT_TYPE);
    record->attributes = values_text(values, first + RECORD_ATTRIBUTES);
    record->body_length = (uint64_t)values_bigint(values, first + RECORD_BODY_LENGTH);
    record->reason = record->subject = record->body = (struct ph_text){.bytes = "", .length = 0};
    if (!values_null(values, first + RECORD_FAILURES))
        read_failures(values, first, record);
    const struct ph_text names = values_text(values, first + RECORD_RECIPIENTS);
    if (!values->wrong && !make_recipients(values->call, record, names))
        values->wrong = true;
    return values->wrong ? NULL : record;
}

// The texts of a kept message, each copied into the call's arena and followed by a NUL.
static bool copy_texts(struct ph_call *call, const struct recent_message *message, struct ph_record *record,
                       struct ph_text *recipients_r)
{
    const struct {
        struct ph_text from;
        struct ph_text *to;
    } texts[] = {
        {message->sender, &record->sender},
        {message->trace, &record->trace},
        {message->content_type, &record->content_type},
        {message->attributes, &record->attributes},
        {message->recipients, recipients_r},
    };
    size_t length = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        length += texts[i].from.length + 1;
    char *at = call->host->alloc(call, length);
    for (size_t i = 0; at != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        memcpy(at, texts[i].from.bytes, texts[i].from.length);
        at[texts[i].from.length] = '\0';
        *texts[i].to = (struct ph_text){.bytes = at, .length = texts[i].from.length};
        at += texts[i].from.length + 1;
    }
    return at != NULL;
}

struct ph_record *record_known(struct ph_call *call, const struct recent_message *message)
{
    struct ph_record *record = call->host->make(call, PH_MAKE_RECORD);
    struct ph_text recipients;
    if (record == NULL || !copy_texts(call, message, record, &recipients))
        return NULL;
    record->id = message->id;
    record->accepted_at = message->accepted_at;
    record->deliver_at = message->deliver_at;
    record->expires_at = message->expires_at;
    record->priority = message->priority;
    record->body_length = message->body_length;
    record->reason = record->subject = record->body = (struct ph_text){.bytes = "", .length = 0};
    return make_recipients(call, record, recipients) ? record : NULL;
}

struct ph_record *record_read(struct values *values, int first, enum record_column columns)
{
    struct ph_record *record = record_fresh(values, first);
    if (record == NULL)
        return NULL;
    record->position = (uint64_t)values_bigint(values, first + RECORD_POSITION);
    record->delivered_at = values_bigint(values, first + RECORD_DELIVERED_AT);
    record->read_at = values_bigint(values, first + RECORD_READ_AT);
    if (columns == RECORD_WHOLE_COLUMNS) {
        record->subject = values_text(values, first + RECORD_SUBJECT);
        record->body = values_text(values, first + RECORD_BODY);
    }
    if (!values->wrong && !read_states(values, first, record))
        values->wrong = true;
    return values->wrong ? NULL : record;
}
