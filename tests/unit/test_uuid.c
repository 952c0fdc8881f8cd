// SPDX-License-Identifier: Apache-2.0
//
// core/uuid: form, order within and across threads, reading and writing.
#include "tests/unit/unit.h"

#include "core/uuid.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS ((size_t)4)
#define PER_THREAD ((size_t)20000)

static void test_form(void **state)
{
    (void)state;
    struct uuid uuid;
    uuid_make(INT64_C(0x0123456789ab), &uuid);
    assert_int_equal(uuid_time_ms(&uuid), INT64_C(0x0123456789ab));
    assert_true(uuid_is_v7(&uuid));
    char text[UUID_TEXT_SIZE];
    uuid_format(&uuid, text);
    assert_int_equal(strlen(text), UUID_TEXT_LENGTH);
    assert_memory_equal(text, "01234567-89ab-7", 15);
    assert_true(strchr("89ab", text[19]) != NULL);
}

static void test_order_whatever_the_clock_does(void **state)
{
    (void)state;
    struct uuid last;
    struct uuid next;
    int64_t start = INT64_C(0x0200000000aa);
    uuid_make(start, &last);
    static const int64_t steps[] = {0, 0, 1, -5000, 0, 3, -1, 10000};
    for (int i = 0; i < 50000; i++) {
        uuid_make(start + steps[i % 8], &next);
        assert_true(uuid_compare(&last, &next) < 0);
        assert_true(uuid_is_v7(&next));
        last = next;
    }
    // A counter that is used up moves the time on a little, never far.
    assert_true(uuid_time_ms(&last) < start + 10000 + 50000 / 1024);
    uuid_make(-5, &next);
    assert_true(uuid_compare(&last, &next) < 0);
}

static void *make_many(void *context)
{
    struct uuid *uuids = context;
    for (size_t i = 0; i < PER_THREAD; i++) {
        uuid_make(INT64_C(0x030000000000) + (int64_t)(i / 1000), &uuids[i]);
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    return uuid_compare(left, right);
}

static void test_threads(void **state)
{
    (void)state;
    struct uuid *uuids = calloc(THREADS * PER_THREAD, sizeof *uuids);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, uuids + i * PER_THREAD), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < THREADS * PER_THREAD; i++) {
        assert_true(i % PER_THREAD == 0 || uuid_compare(&uuids[i - 1], &uuids[i]) < 0);
    }
    // No time and counter is given twice, though the random bits would hide it.
    for (size_t i = 0; i < THREADS * PER_THREAD; i++) {
        memset(uuids[i].bytes + 8, 0, 8);
    }
    qsort(uuids, THREADS * PER_THREAD, sizeof *uuids, compare);
    for (size_t i = 1; i < THREADS * PER_THREAD; i++) {
        assert_false(uuid_equal(&uuids[i - 1], &uuids[i]));
    }
    free(uuids);
}

static void test_parse(void **state)
{
    (void)state;
    const char *text = "0190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5b";
    struct uuid uuid;
    char back[UUID_TEXT_SIZE];
    assert_true(uuid_parse(text, 36, &uuid));
    uuid_format(&uuid, back);
    assert_string_equal(back, text);
    static const char *const bad[] = {
        "",
        "0190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5",
        "0190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5bb",
        "0190A5B2-1c3d-7e4f-8a9b-0c1d2e3f4a5b",
        "0190a5b21c3d-7e4f-8a9b-0c1d2e3f4a5b-",
        "0190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5g",
        "0190a5b2-1c3d-7e4f-8a9b_0c1d2e3f4a5b",
        "{190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a5}",
        "0190a5b2-1c3d-7e4f-8a9b-0c1d2e3f4a-b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(uuid_parse(bad[i], strlen(bad[i]), &uuid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_order_whatever_the_clock_does),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
