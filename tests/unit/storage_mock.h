// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests of the mock storage share: a store with three users, and short ways to its slots.
#ifndef TESTS_UNIT_STORAGE_MOCK_H
#define TESTS_UNIT_STORAGE_MOCK_H

#include "tests/unit/fake_host.h"

#define STORAGE_MOCK_FILE "plugins/storage-mock/.libs/storage-mock.so"

/// Runs a slot of the opened storage with one entry and takes its output.
#define STORAGE(fake, slot, entry, output) fake_one(fake, storage_slots(fake)->slot, entry, output, sizeof(*(output)))

/// The same for a slot without output.
#define STORAGE_DO(fake, slot, entry) fake_one(fake, storage_slots(fake)->slot, entry, NULL, 0)

const struct ph_storage_operations *storage_slots(const struct fake_host *fake);

/// cmocka's setup and teardown: *state is a fake_host with alice, bob and carol.
int storage_setup(void **state);
int storage_teardown(void **state);

/// Opens a storage with these limits and the three users.
struct fake_host *storage_with(int64_t limit, uint64_t memory);

/// A message from alice to bob with this id, due at once; change what the test needs.
struct ph_message message_of(uint64_t number);

/// Appends a message; gives the outcome.
enum ph_outcome storage_append_one(struct fake_host *fake, const struct ph_message *message);

/// Delivers a message; the record may be NULL.
enum ph_outcome storage_deliver_one(struct fake_host *fake, uint64_t number, struct ph_delivery *delivery_r);

/// Appends and delivers a message, which must both be PH_OK.
void storage_post(struct fake_host *fake, const struct ph_message *message);

/// Reads an inbox from `after`, up to 100 records.
struct ph_page storage_inbox(struct fake_host *fake, const char *user, uint64_t after);

/// Leases up to `limit` marks for 30 s.
struct ph_leased storage_lease_some(struct fake_host *fake, enum ph_mark_kind kind, uint32_t limit);

/// The counts.
struct ph_storage_stats storage_counts(struct fake_host *fake);

/// Whether a text is this string.
bool text_is(struct ph_text text, const char *string);

/// The number of an id made by id_of.
uint64_t number_of(struct ph_id id);

#endif
