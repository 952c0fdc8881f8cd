// SPDX-License-Identifier: Apache-2.0
//
// What the tests of storage-sqlite share: an open instance with the users ann and ben, and short words for its calls.
#ifndef TESTS_UNIT_STORAGE_SQLITE_H
#define TESTS_UNIT_STORAGE_SQLITE_H

#include "tests/unit/loop_host.h"

extern struct test_host *host;
extern struct test_plugin storage;
extern const struct ph_text ann_ben[2];

#define RUN(operation, slot, entry, output_type) \
    test_call_run(&storage, operation, storage_slots()->slot, 1, &(entry), sizeof(entry), sizeof(output_type))
#define OUTPUT(call, type) ((type *)(call)->call.outputs[0])

enum ph_outcome storage_add_user(const char *name, unsigned request);
enum ph_outcome storage_append(struct ph_message entry, struct ph_accepted *accepted_r);
enum ph_outcome storage_deliver(unsigned number);
enum ph_outcome storage_pick(enum ph_operation operation, ph_start_f *slot, const char *user, unsigned number);
enum ph_outcome storage_remove_user(const char *name);
int storage_set_up(void **state);
int storage_tear_down(void **state);
size_t storage_inbox_count(const char *user);
size_t storage_lease(enum ph_mark_kind mark, uint32_t limit);
struct ph_message storage_message(unsigned number);
struct ph_storage_stats storage_stats(void);
struct test_call *storage_deliver_call(unsigned number);
struct test_call *storage_inbox(const char *user, uint64_t after, uint32_t limit);
struct test_call *storage_lease_call(enum ph_mark_kind mark, uint32_t limit);
struct test_call *storage_read_list(enum ph_operation operation, ph_start_f *slot, const char *user, uint64_t after,
                                    uint32_t limit);
const struct ph_storage_operations *storage_slots(void);
void storage_reopen(void);
const char *storage_folder(void);

#endif
