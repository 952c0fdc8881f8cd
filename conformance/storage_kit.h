// SPDX-License-Identifier: Apache-2.0
//
// What the storage checks share: one call each for the operations, with the outcome that is wanted, and the
// comparison of records with the messages they came from.
//
// Names are short in checks ("alice") and unique in the backend (kit_name puts the test's tag before them).
#ifndef CONFORMANCE_STORAGE_KIT_H
#define CONFORMANCE_STORAGE_KIT_H

#include "conformance/stand.h"

/// Far enough away for nothing to happen in a test, in milliseconds.
#define KIT_LONG_MS 600000

/// What of a record is compared.
enum kit_part {
    KIT_HEAD = 1,   ///< the HEAD
    KIT_TEXTS = 2,  ///< subject and body
    KIT_STATES = 4, ///< recipients with states; the status is checked against them
    KIT_NAMES = 8   ///< recipients by name only
};

struct ph_text kit_name(struct test *test, const char *name);
/// Adds users, names apart by spaces.
void kit_users(struct subject *subject, const char *names);
void kit_remove_user(struct subject *subject, const char *name);
/// A message with an id of its own, an outbox mark that is due after KIT_LONG_MS, and texts that differ.
struct ph_message *kit_message(struct test *test, const char *sender, const char *recipients);
void kit_key(struct test *test, struct ph_message *message, const char *key, uint8_t hash);

struct ph_accepted *kit_append(struct subject *subject, const struct ph_message *message, enum ph_outcome outcome);
/// Makes a message, stores it and returns it.
struct ph_message *kit_sent(struct subject *subject, const char *sender, const char *recipients);
/// The same, and delivers it.
struct ph_message *kit_delivered(struct subject *subject, const char *sender, const char *recipients);
struct ph_delivery *kit_deliver(struct subject *subject, struct ph_id id, enum ph_outcome outcome);
struct ph_failed *kit_fail(struct subject *subject, struct ph_id id, uint32_t attempt, uint32_t limit,
                           enum ph_outcome outcome);
/// Makes it dead in one attempt.
void kit_kill(struct subject *subject, struct ph_id id);
void kit_postpone(struct subject *subject, struct ph_id id, uint32_t due_in_ms, enum ph_outcome outcome);
void kit_settle(struct subject *subject, struct ph_id id, enum ph_mark_kind mark, enum ph_outcome outcome);
void kit_mark(struct subject *subject, struct ph_id id, uint32_t due_in_ms, enum ph_outcome outcome);
void kit_redrive(struct subject *subject, struct ph_id id, enum ph_outcome outcome);
void kit_expire_all(struct subject *subject);

/// Leases up to `limit` due marks.
struct ph_leased *kit_lease(struct subject *subject, enum ph_mark_kind mark, uint32_t limit, uint32_t lease_ms);
/// Leases everything that is due for KIT_LONG_MS; the mark of that message among it, or NULL.
struct ph_mark *kit_lease_find(struct subject *subject, enum ph_mark_kind mark, struct ph_id id);
/// Leases until the mark of that message comes; fails after 5 s.
struct ph_mark *kit_lease_wait(struct subject *subject, enum ph_mark_kind mark, struct ph_id id);
struct ph_mark *kit_leased_find(const struct ph_leased *leased, struct ph_id id);

struct ph_page *kit_read(struct subject *subject, uint32_t operation, const char *user, uint64_t after, uint32_t limit);
struct ph_page *kit_inbox(struct subject *subject, const char *user);
/// The record of that message in a page, or NULL.
struct ph_record *kit_find(const struct ph_page *page, struct ph_id id);
/// The dead letter of that message, over all pages, or NULL.
struct ph_record *kit_dead(struct subject *subject, struct ph_id id);
struct ph_record *kit_get(struct subject *subject, const char *user, struct ph_id id, enum ph_outcome outcome);
uint64_t kit_ack(struct subject *subject, const char *user, const struct ph_id *ids, size_t count);
void kit_remove(struct subject *subject, const char *user, struct ph_id id, enum ph_outcome outcome);
uint64_t kit_head(struct subject *subject, const char *user);
struct ph_storage_stats kit_stats(struct subject *subject);

struct ph_session *kit_session(struct subject *subject, const char *user, uint8_t number, int64_t lifetime_ms,
                               enum ph_outcome outcome);
struct ph_session *kit_session_get(struct subject *subject, uint8_t number, enum ph_outcome outcome);
void kit_token(struct test *test, uint8_t number, uint8_t hash[32]);

/// Compares a record with its message; `parts` of enum kit_part.
void kit_want_record(struct test *test, const struct ph_record *record, const struct ph_message *message,
                     unsigned parts);
/// The state of a recipient in a record.
uint32_t kit_state(struct test *test, const struct ph_record *record, const char *name);
/// Positions above `after`, rising; ids in the order of `ids`.
void kit_want_page(struct test *test, const struct ph_page *page, uint64_t after, const struct ph_id *ids,
                   size_t count);

#endif
