// SPDX-License-Identifier: Apache-2.0
//
// The helpers of storage_mock.h.
#include "tests/unit/storage_mock.h"

#include "plugins/storage-mock/store.h"

#include <assert.h>
#include <string.h>

const struct ph_storage_operations *storage_slots(const struct fake_host *fake)
{
    return fake->plugin->operations;
}

struct fake_host *storage_with(int64_t limit, uint64_t memory)
{
    static const char *const names[] = {"alice", "bob", "carol"};
    struct store_config config = {.limit = limit, .memory = memory};
    struct fake_host *fake = fake_host_new();
    assert(fake_open(fake, STORAGE_MOCK_FILE, &config) == PH_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ph_user_add entry = {.id = id_of(900 + i), .name = text_of(names[i]), .password = text_of("hash")};
        assert(STORAGE_DO(fake, user_add, &entry) == PH_OK);
    }
    return fake;
}

int storage_setup(void **state)
{
    *state = storage_with(1000, 1 << 20);
    return 0;
}

int storage_teardown(void **state)
{
    fake_host_free(*state);
    return 0;
}

struct ph_message message_of(uint64_t number)
{
    static struct ph_text to_bob[1];
    to_bob[0] = text_of("bob");
    return (struct ph_message){.id = id_of(number),
                               .sender = text_of("alice"),
                               .recipients = to_bob,
                               .recipient_count = 1,
                               .subject = text_of("subject"),
                               .body = text_of("a body"),
                               .content_type = text_of("text/plain"),
                               .attributes = text_of("{\"a\":\"b\"}"),
                               .trace = text_of("00-trace")};
}

enum ph_outcome storage_append_one(struct fake_host *fake, const struct ph_message *message)
{
    return STORAGE_DO(fake, append, message);
}

enum ph_outcome storage_deliver_one(struct fake_host *fake, uint64_t number, struct ph_delivery *delivery_r)
{
    struct ph_deliver entry = {.id = id_of(number), .alert_lease_ms = 30000};
    struct ph_delivery ignored;
    return STORAGE(fake, deliver, &entry, delivery_r ? delivery_r : &ignored);
}

void storage_post(struct fake_host *fake, const struct ph_message *message)
{
    assert(storage_append_one(fake, message) == PH_OK);
    assert(storage_deliver_one(fake, number_of(message->id), NULL) == PH_OK);
}

struct ph_page storage_inbox(struct fake_host *fake, const char *user, uint64_t after)
{
    struct ph_read entry = {.user = text_of(user), .after = after, .limit = 100, .byte_limit = 1 << 20};
    struct ph_page page;
    assert(STORAGE(fake, inbox_read, &entry, &page) == PH_OK);
    return page;
}

struct ph_leased storage_lease_some(struct fake_host *fake, enum ph_mark_kind kind, uint32_t limit)
{
    struct ph_lease entry = {.mark = kind, .limit = limit, .lease_ms = 30000};
    struct ph_leased leased;
    assert(STORAGE(fake, lease, &entry, &leased) == PH_OK);
    return leased;
}

struct ph_storage_stats storage_counts(struct fake_host *fake)
{
    struct ph_storage_stats stats;
    assert(STORAGE(fake, stats, NULL, &stats) == PH_OK);
    return stats;
}

bool text_is(struct ph_text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.bytes, string, text.length + 1) == 0;
}

uint64_t number_of(struct ph_id id)
{
    uint64_t number = 0;
    for (int i = 8; i < 16; i++)
        number = number << 8 | id.bytes[i];
    return number;
}
