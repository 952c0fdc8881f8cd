// SPDX-License-Identifier: Apache-2.0
//
// Compares records with the messages they came from (conformance/storage_kit.h).
#include "conformance/storage_kit.h"

static void want_head(struct test *test, const struct ph_record *record, const struct ph_message *message)
{
    want_id(test, "the record's id", &record->id, &message->id);
    want_text(test, "sender", record->sender, message->sender);
    want_text(test, "content_type", record->content_type, message->content_type);
    want_text(test, "attributes", record->attributes, message->attributes);
    want_text(test, "trace", record->trace, message->trace);
    want_number(test, "priority", record->priority, message->priority);
    want_number(test, "deliver_at", (uint64_t)record->deliver_at, (uint64_t)message->deliver_at);
    want_number(test, "expires_at", (uint64_t)record->expires_at, (uint64_t)message->expires_at);
    want_number(test, "body_length", record->body_length, message->body.length);
    want_true(test, record->accepted_at > 0, "accepted_at above 0");
}

// The rule at ph_record.status.
static uint32_t status_of(const struct ph_record *record)
{
    static const uint32_t order[] = {PH_STATE_ACCEPTED, PH_STATE_DELIVERED, PH_STATE_DEAD, PH_STATE_EXPIRED,
                                     PH_STATE_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (size_t j = 0; j < record->recipient_count; j++) {
            if (record->recipients[j]->state == order[i]) {
                return order[i];
            }
        }
    }
    return PH_STATE_ACCEPTED;
}

static void want_states(struct test *test, const struct ph_record *record)
{
    want_number(test, "status (derived from the recipients)", record->status, status_of(record));
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        want_true(test, recipient->state <= PH_STATE_FAILED, "a recipient's state of enum ph_state");
        if (recipient->state == PH_STATE_ACCEPTED) {
            want_number(test, "an open recipient's `at`", (uint64_t)recipient->at, (uint64_t)record->accepted_at);
        } else {
            want_true(test, recipient->at >= record->accepted_at, "a recipient's `at` after accepted_at");
        }
    }
    want_true(test, (record->finished_at == 0) == (record->status == PH_STATE_ACCEPTED),
              "finished_at 0 exactly while the message is open");
}

static void want_names(struct test *test, const struct ph_record *record, const struct ph_message *message)
{
    want_number(test, "recipient_count", record->recipient_count, message->recipient_count);
    for (size_t i = 0; i < record->recipient_count; i++) {
        want_text(test, "a recipient, in byte order,", record->recipients[i]->name, message->recipients[i]);
    }
}

void kit_want_record(struct test *test, const struct ph_record *record, const struct ph_message *message,
                     unsigned parts)
{
    if (record == NULL) {
        test_fail(test, "a record of the message", "none");
    }
    if ((parts & KIT_HEAD) != 0) {
        want_head(test, record, message);
    }
    if ((parts & KIT_TEXTS) != 0) {
        want_text(test, "subject", record->subject, message->subject);
        want_text(test, "body", record->body, message->body);
    }
    if ((parts & (KIT_STATES | KIT_NAMES)) != 0) {
        want_names(test, record, message);
    }
    if ((parts & KIT_STATES) != 0) {
        want_states(test, record);
    }
}

uint32_t kit_state(struct test *test, const struct ph_record *record, const char *name)
{
    struct ph_text full = kit_name(test, name);
    for (size_t i = 0; i < record->recipient_count; i++) {
        if (text_equal(record->recipients[i]->name, full)) {
            return record->recipients[i]->state;
        }
    }
    test_fail(test, "a record that names its recipients", "one without %s", name);
}

void kit_want_page(struct test *test, const struct ph_page *page, uint64_t after, const struct ph_id *ids, size_t count)
{
    want_number(test, "records in the page:", page->count, count);
    uint64_t last = after;
    for (size_t i = 0; i < count; i++) {
        want_id(test, "the next record is", &page->records[i]->id, &ids[i]);
        want_true(test, page->records[i]->position > last, "positions that grow");
        last = page->records[i]->position;
    }
}
