// SPDX-License-Identifier: Apache-2.0
//
// What the mocks stand on: the table, the heap and the sequence, each against a plain array, and the hash against the
// published numbers.
#include "plugins/mock/hash.h"
#include "plugins/mock/heap.h"
#include "plugins/mock/table.h"
#include "plugins/storage-mock/sequence.h"
#include "tests/unit/fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

enum { ITEMS = 500, ROUNDS = 20000 };

struct item {
    uint64_t number;
    bool in;
    int64_t time;
    uint64_t order;
    size_t index;
};

static struct item items[ITEMS];

// A plain generator: the same rounds in every run.
static uint64_t next_number(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int reset(void **state)
{
    (void)state;
    memset(items, 0, sizeof(items));
    for (size_t i = 0; i < ITEMS; i++)
        items[i].number = i;
    return 0;
}

// SipHash-1-3 of 00 01 02 … with the key 00 … 0f, as reference programs give it.
static void test_hash(void **state)
{
    (void)state;
    struct hash_key key;
    unsigned char bytes[16];
    for (unsigned char i = 0; i < sizeof(bytes); i++)
        bytes[i] = i;
    memcpy(&key, bytes, sizeof(key));
    assert_true(hash_bytes(&key, bytes, 0) == 0xabac0158050fc4dcu);
    assert_true(hash_bytes(&key, bytes, 1) == 0xc9f49bf37d57ca93u);
    assert_true(hash_bytes(&key, bytes, 8) == 0x369095118d299a8eu);
}

static bool item_equal(const void *item, const void *key, size_t length)
{
    return memcmp(&((const struct item *)item)->number, key, length) == 0;
}

static void test_table(void **state)
{
    (void)state;
    struct fake_host *fake = fake_host_new();
    struct table table;
    table_init(&table, &fake->host, item_equal);
    size_t count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct item *item = &items[next_number() % ITEMS];
        assert_ptr_equal(table_find(&table, &item->number, sizeof(item->number)), item->in ? item : NULL);
        if (item->in) {
            table_remove(&table, &item->number, sizeof(item->number));
            count--;
        } else {
            assert_true(table_reserve(&table, table.count + 1));
            table_add(&table, &item->number, sizeof(item->number), item);
            count++;
        }
        item->in = !item->in;
        assert_int_equal(table.count, count);
    }
    for (size_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(table_find(&table, &items[i].number, sizeof(uint64_t)), items[i].in ? &items[i] : NULL);
    table_free(&table);
    fake_host_free(fake);
}

static struct item *least_item(void)
{
    struct item *least = NULL;
    for (size_t i = 0; i < ITEMS; i++) {
        struct item *item = &items[i];
        if (item->in &&
            (!least || item->time < least->time || (item->time == least->time && item->order < least->order)))
            least = item;
    }
    return least;
}

static void test_heap(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap, offsetof(struct item, index));
    assert_true(heap_reserve(&heap, ITEMS));
    for (int round = 0; round < ROUNDS; round++) {
        struct item *item = &items[next_number() % ITEMS];
        if (item->in && next_number() % 2) {
            heap_remove(&heap, item);
            item->in = false;
        } else {
            item->time = (int64_t)(next_number() % 50);
            item->order = (uint64_t)round;
            item->in = true;
            heap_put(&heap, item, item->time);
        }
        assert_ptr_equal(heap_first(&heap), least_item());
    }
    struct item *least;
    while ((least = least_item())) {
        assert_ptr_equal(heap_due(&heap, least->time), least);
        assert_null(heap_due(&heap, least->time - 1));
        heap_remove(&heap, least);
        heap_remove(&heap, least);
        least->in = false;
    }
    assert_int_equal(heap.count, 0);
    heap_free(&heap);
}

static void test_sequence(void **state)
{
    (void)state;
    struct sequence sequence = {0};
    static struct item *at[ROUNDS + 1];
    for (int round = 0; round < ROUNDS; round++) {
        struct item *item = &items[next_number() % ITEMS];
        assert_true(sequence_reserve(&sequence));
        uint64_t position = sequence_add(&sequence, item);
        assert_int_equal(position, round + 1);
        at[position] = item;
        for (int i = 0; i < 2; i++) {
            uint64_t drop = next_number() % (position + 1);
            sequence_drop(&sequence, drop);
            at[drop] = NULL;
        }
    }
    size_t row = sequence_seek(&sequence, 0);
    for (uint64_t position = 1; position <= ROUNDS; position++) {
        if (!at[position])
            continue;
        while (!sequence.rows[row].item)
            row++;
        assert_int_equal(sequence.rows[row].position, position);
        assert_ptr_equal(sequence.rows[row].item, at[position]);
        row++;
    }
    assert_true(sequence.capacity <= 4 * (sequence.end - sequence.first - sequence.holes) + 16384);
    sequence_free(&sequence);
    assert_int_equal(sequence.head, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_hash, reset),
        cmocka_unit_test_setup(test_table, reset),
        cmocka_unit_test_setup(test_heap, reset),
        cmocka_unit_test_setup(test_sequence, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
