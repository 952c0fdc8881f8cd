// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/values.h: what comes from the server is checked, and the first thing that is wrong is remembered.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/values.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/rds_result.h"
#include <string.h>

#define COLUMNS 5

struct fixture {
    struct fake_host *fake;
    struct fake_call call;
    PGresult *result;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_host_new(), .result = result_new(COLUMNS)};
    fake_call_init(&fixture.call, fixture.fake, NULL, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    PQclear(fixture->result);
    fake_host_free(fixture->fake);
    return 0;
}

static struct values row(struct fixture *fixture, int number)
{
    return values_row(&fixture->call.call, fixture->result, number, COLUMNS);
}

static void test_right_values(void **state)
{
    struct fixture *fixture = *state;
    struct ph_id id = id_of(0x0102030405060708);
    result_bigint(fixture->result, 0, 0, -5);
    result_boolean(fixture->result, 0, 1, 1);
    result_bytes(fixture->result, 0, 2, id.bytes, sizeof(id.bytes));
    result_bytes(fixture->result, 0, 3, "a\0b", 3);
    struct values values = row(fixture, 0);
    assert_int_equal(values_bigint(&values, 0), -5);
    assert_true(values_boolean(&values, 1));
    struct ph_id got = values_id(&values, 2);
    assert_memory_equal(got.bytes, id.bytes, sizeof(id.bytes));
    struct ph_text text = values_text(&values, 3);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.bytes, "a\0b", 4); // a NUL follows
    assert_ptr_equal(values_peek(&values, 3).bytes, PQgetvalue(fixture->result, 0, 3));
    assert_true(values_null(&values, 4));
    assert_int_equal(values_text(&values, 4).length, 0);
    assert_string_equal(values_text(&values, 4).bytes, "");
    assert_false(values.wrong);
}

static void test_the_limits_of_a_number(void **state)
{
    static const int64_t numbers[] = {0, 1, INT64_MAX, INT64_MIN, -1};
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++)
        result_bigint(fixture->result, 0, i, numbers[i]);
    struct values values = row(fixture, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(values_bigint(&values, i), numbers[i]);
    assert_false(values.wrong);
}

static void test_wrong_lengths(void **state)
{
    static const size_t lengths[] = {0, 1, 4, 7, 9, 15, 17};
    struct fixture *fixture = *state;
    static const char bytes[32] = "a text that is long enough, yes";
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        result_bytes(fixture->result, 0, 0, bytes, lengths[i]);
        struct values number = row(fixture, 0), boolean = row(fixture, 0), id = row(fixture, 0);
        assert_int_equal(values_bigint(&number, 0), 0);
        assert_true(number.wrong);
        assert_int_equal(values_boolean(&boolean, 0), lengths[i] == 1);
        assert_int_equal(boolean.wrong, lengths[i] != 1);
        assert_int_equal(values_id(&id, 0).bytes[0], 0);
        assert_true(id.wrong);
    }
}

static void test_nulls_where_none_may_be(void **state)
{
    struct fixture *fixture = *state;
    result_null(fixture->result, 0, 0);
    struct values number = row(fixture, 0), boolean = row(fixture, 0), id = row(fixture, 0);
    assert_int_equal(values_bigint(&number, 0), 0);
    assert_false(values_boolean(&boolean, 0));
    values_id(&id, 0);
    assert_true(number.wrong && boolean.wrong && id.wrong);
}

static void test_what_was_wrong_stays_wrong(void **state)
{
    struct fixture *fixture = *state;
    result_text(fixture->result, 0, 0, "text");
    result_bigint(fixture->result, 0, 1, 1);
    struct values values = row(fixture, 0);
    values_bigint(&values, 0);
    assert_int_equal(values_bigint(&values, 1), 0);
    assert_int_equal(values_peek(&values, 0).length, 0);
    assert_int_equal(values_text(&values, 0).length, 0);
    assert_true(values.wrong);
}

static void test_wrong_counts(void **state)
{
    struct fixture *fixture = *state;
    result_bigint(fixture->result, 0, 0, 1);
    struct values fewer = values_row(&fixture->call.call, fixture->result, 0, COLUMNS - 1);
    struct values more = values_row(&fixture->call.call, fixture->result, 0, COLUMNS + 1);
    struct values behind = row(fixture, 1);
    struct values outside = row(fixture, 0);
    assert_true(fewer.wrong && more.wrong && behind.wrong);
    assert_int_equal(values_bigint(&behind, 0), 0);
    assert_int_equal(values_text(&more, COLUMNS).length, 0);
    assert_true(values_null(&behind, 0));
    assert_int_equal(values_bigint(&outside, COLUMNS), 0);
    assert_true(outside.wrong);
}

static void test_an_index(void **state)
{
    static const struct {
        int64_t number;
        size_t index;
        bool good;
    } cases[] = {{1, 0, true},   {3, 2, true},          {0, 0, false},         {4, 0, false},
                 {-1, 0, false}, {INT64_MAX, 0, false}, {INT64_MIN, 0, false}, {INT64_C(1) << 32 | 1, 0, false}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result_bigint(fixture->result, 0, 0, cases[i].number);
        struct values values = row(fixture, 0);
        assert_int_equal(values_index(&values, 0, 3), cases[i].index);
        assert_int_equal(values.wrong, !cases[i].good);
    }
    result_bigint(fixture->result, 0, 0, 1);
    struct values none = row(fixture, 0);
    values_index(&none, 0, 0);
    assert_true(none.wrong);
}

static void test_a_text_that_does_not_fit(void **state)
{
    struct fixture *fixture = *state;
    result_text(fixture->result, 0, 0, "0123456789");
    fixture->fake->arena_left = 10;
    struct values values = row(fixture, 0);
    assert_int_equal(values_text(&values, 0).length, 0);
    assert_true(values.wrong);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_right_values),
        TEST(test_the_limits_of_a_number),
        TEST(test_wrong_lengths),
        TEST(test_nulls_where_none_may_be),
        TEST(test_what_was_wrong_stays_wrong),
        TEST(test_wrong_counts),
        TEST(test_an_index),
        TEST(test_a_text_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
