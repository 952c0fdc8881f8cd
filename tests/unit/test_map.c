// SPDX-License-Identifier: Apache-2.0
//
// core/map: against a plain array, at its limit, and while it is changed under an iteration.
#include "tests/unit/unit.h"

#include "core/map.h"
#include "core/random.h"

#include <stdio.h>
#include <string.h>

#define KEYS 500

/// Keys of all lengths, short and long, one of them empty.
static size_t make_key(size_t number, char key[64])
{
    if (number == 0) {
        return 0;
    }
    return (size_t)snprintf(key, 64, "%zu%.*s", number, (int)(number % 45),
                            "............................................");
}

static void test_against_an_array(void **state)
{
    (void)state;
    struct map *map = map_new(KEYS);
    struct random_seeded random;
    int values[KEYS];
    bool there[KEYS] = {false};
    size_t count = 0;
    random_seeded_init(&random, 1);
    for (int i = 0; i < 200000; i++) {
        size_t number = random_seeded_below(&random, KEYS);
        char key[64];
        size_t length = make_key(number, key);
        void *expected = there[number] ? &values[number] : NULL;
        assert_ptr_equal(map_get(map, key, length), expected);
        if (random_seeded_below(&random, 2) == 0) {
            assert_int_equal(map_add(map, key, length, &values[number]), !there[number]);
            count += !there[number];
            there[number] = true;
        } else {
            assert_ptr_equal(map_remove(map, key, length), expected);
            count -= there[number];
            there[number] = false;
        }
        assert_int_equal(map_count(map), count);
    }
    map_free(map);
    map_free(NULL);
}

static void test_limit_and_replace(void **state)
{
    (void)state;
    struct map *map = map_new(2);
    int values[3];
    void *old = values;
    assert_true(map_put(map, "a", 1, &values[0], &old));
    assert_null(old);
    assert_true(map_add(map, "b", 1, &values[1]));
    assert_false(map_add(map, "b", 1, &values[2]));
    assert_false(map_add(map, "c", 1, &values[2]));
    assert_false(map_put(map, "c", 1, &values[2], NULL));
    assert_true(map_put(map, "b", 1, &values[2], &old));
    assert_ptr_equal(old, &values[1]);
    assert_ptr_equal(map_get(map, "b", 1), &values[2]);
    assert_ptr_equal(map_remove(map, "a", 1), &values[0]);
    assert_null(map_remove(map, "a", 1));
    assert_true(map_add(map, "c", 1, &values[0]));
    map_clear(map);
    assert_int_equal(map_count(map), 0);
    assert_null(map_get(map, "b", 1));
    assert_true(map_add(map, "b", 1, &values[1]));
    map_free(map);
    map = map_new(0);
    assert_false(map_add(map, "a", 1, &values[0]));
    map_free(map);
}

static void fill(struct map *map, int *values)
{
    char key[64];
    for (size_t i = 0; i < KEYS; i++) {
        size_t length = make_key(i, key);
        values[i] = 0;
        assert_true(map_add(map, key, length, &values[i]));
    }
}

static void test_iteration_meets_each_once(void **state)
{
    (void)state;
    struct map *map = map_new(KEYS);
    struct map_cursor cursor = {0};
    int values[KEYS];
    assert_false(map_next(map, &cursor));
    fill(map, values);
    cursor = (struct map_cursor){0};
    while (map_next(map, &cursor)) {
        int *value = cursor.value;
        char key[64];
        assert_int_equal(*value, 0);
        *value = 1;
        assert_int_equal(cursor.key_length, make_key((size_t)(value - values), key));
        assert_memory_equal(cursor.key, key, cursor.key_length);
    }
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(values[i], 1);
    }
    map_free(map);
}

static void test_removal_while_iterating(void **state)
{
    (void)state;
    struct map *map = map_new(KEYS);
    struct map_cursor cursor = {0};
    int values[KEYS];
    size_t met = 0;
    fill(map, values);
    while (map_next(map, &cursor)) {
        size_t number = (size_t)((int *)cursor.value - values);
        assert_int_equal(values[number], 0); // neither met nor removed before
        char key[64];
        size_t other = (number * 7 + 1) % KEYS;
        size_t length = make_key(other, key);
        map_remove(map, key, length);
        values[other] = 1;
        length = make_key(number, key);
        map_remove(map, key, length);
        values[number] = 1;
        met++;
    }
    assert_true(met >= KEYS / 2);
    assert_int_equal(map_count(map), 0);
    map_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_an_array),
        cmocka_unit_test(test_limit_and_replace),
        cmocka_unit_test(test_iteration_meets_each_once),
        cmocka_unit_test(test_removal_while_iterating),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
