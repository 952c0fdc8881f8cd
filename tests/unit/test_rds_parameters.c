// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/parameters.h: the binary format, byte by byte as PostgreSQL 15's array_recv reads it.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "tests/unit/fake_host.h"
#include <limits.h>
#include <string.h>

struct fixture {
    struct fake_host *fake;
    struct fake_call call;
    struct rds rds;
    struct rds_job job;
    struct rds_step step;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_host_new()};
    fake_call_init(&fixture.call, fixture.fake, NULL, 0);
    fixture.rds.host = &fixture.fake->host;
    fixture.job = (struct rds_job){.rds = &fixture.rds, .call = &fixture.call.call};
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fake_host_free(fixture->fake);
    return 0;
}

static void expect(const struct fixture *fixture, const void *bytes, size_t length)
{
    assert_int_equal(fixture->step.count, 1);
    assert_int_equal(fixture->step.lengths[0], length);
    assert_memory_equal(fixture->step.values[0], bytes, length);
}

static void test_an_array_of_numbers(void **state)
{
    static const unsigned char wanted[] = {
        0, 0, 0, 1,                                                  // dimensions
        0, 0, 0, 0,                                                  // no NULLs
        0, 0, 0, 20,                                                 // int8
        0, 0, 0, 4,                                                  // items
        0, 0, 0, 1,                                                  // the lower bound
        0, 0, 0, 8,  0,    0,    0,    0,    0,    0,    0,    0,    // 0
        0, 0, 0, 8,  0,    0,    0,    0,    0x12, 0x34, 0x56, 0x78, // 0x12345678
        0, 0, 0, 8,  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, // -2
        0, 0, 0, 8,  0x80, 0,    0,    0,    0,    0,    0,    0,    // the least
    };
    struct fixture *fixture = *state;
    struct array array = array_begin(&fixture->call.call, PARAMETER_BIGINT, 4, 32);
    array_bigint(&array, 0);
    array_bigint(&array, 0x12345678);
    array_bigint(&array, -2);
    array_bigint(&array, INT64_MIN);
    assert_true(step_array(&fixture->step, &array));
    expect(fixture, wanted, sizeof(wanted));
}

static void test_an_array_of_texts(void **state)
{
    static const unsigned char wanted[] = {
        0, 0, 0, 1, 0,   0,   0,   0, 0, 0, 0, 25, 0, 0, 0, 3, 0,    0, 0, 1, // text
        0, 0, 0, 3, 'a', 'n', 'n', 0, 0, 0, 0, 0,  0, 0, 2, 0, 0xff,
    };
    struct fixture *fixture = *state;
    struct array array = array_begin(&fixture->call.call, PARAMETER_TEXT, 3, 0);
    array_bytes(&array, "ann", 3);
    array_bytes(&array, NULL, 0);
    array_bytes(&array, "\0\xff", 2);
    assert_true(step_array(&fixture->step, &array));
    expect(fixture, wanted, sizeof(wanted));
}

static void test_the_types_are_the_servers(void **state)
{
    static const struct {
        enum parameter_type type;
        unsigned char bytes[2];
    } types[] = {{PARAMETER_BYTEA, {0, 17}}, {PARAMETER_UUID, {0x0b, 0x86}}};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct array array = array_begin(&fixture->call.call, types[i].type, 1, 16);
        assert_memory_equal(array.bytes + 10, types[i].bytes, 2);
    }
}

static void test_an_empty_array_has_no_dimension(void **state)
{
    static const unsigned char wanted[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17};
    struct fixture *fixture = *state;
    struct array array = array_begin(&fixture->call.call, PARAMETER_BYTEA, 0, 0);
    assert_true(step_array(&fixture->step, &array));
    expect(fixture, wanted, sizeof(wanted));
}

// From no room at all to a hundred thousand bytes: what was written before is still there.
static struct array texts(struct fixture *fixture, size_t count, const char *const items[], const size_t lengths[])
{
    struct array array = array_begin(&fixture->call.call, PARAMETER_BYTEA, count, 0);
    for (size_t i = 0; i < count; i++)
        array_bytes(&array, items[i], lengths[i]);
    return array;
}

static void expect_items(struct fixture *fixture, struct array array, size_t count, size_t length)
{
    fixture->step.count = 0;
    assert_true(step_column(&fixture->step, &array));
    assert_int_equal((unsigned char)fixture->step.values[0][15], count);
    assert_int_equal(fixture->step.lengths[0], length);
}

static void test_a_column_of_one_value(void **state)
{
    static const char *const alike[] = {"ann", "ann", "ann"};
    static const char *const other[] = {"ann", "ann", "anm"};
    static const char *const empty[] = {"", "", ""};
    static const size_t three[] = {3, 3, 3}, none[] = {0, 0, 0}, mixed[] = {3, 3, 2};
    struct fixture *fixture = *state;
    expect_items(fixture, texts(fixture, 3, alike, three), 1, 20 + 7);
    expect_items(fixture, texts(fixture, 3, empty, none), 1, 20 + 4);
    expect_items(fixture, texts(fixture, 1, alike, three), 1, 20 + 7);
    expect_items(fixture, texts(fixture, 3, other, three), 3, 20 + 3 * 7);
    expect_items(fixture, texts(fixture, 3, alike, mixed), 3, 20 + 2 * 7 + 6);
    expect_items(fixture, texts(fixture, 0, NULL, NULL), 0, 12);
}

// The second item goes on as if the first had eight bytes with its length: 0 0 0 0 0 0 0 8, twice.
static void test_a_column_that_looks_like_one_value(void **state)
{
    static const char *const items[] = {"", "\0\0\0\0\0\0\0\x08"};
    static const size_t lengths[] = {0, 8};
    struct fixture *fixture = *state;
    expect_items(fixture, texts(fixture, 2, items, lengths), 2, 20 + 4 + 12);
}

static void test_an_array_grows(void **state)
{
    struct fixture *fixture = *state;
    static char big[50000];
    memset(big, 'x', sizeof(big));
    struct array array = array_begin(&fixture->call.call, PARAMETER_BYTEA, 0, 0);
    size_t length = 20;
    for (size_t i = 0; i < 300; i++) {
        array_bytes(&array, big, i);
        length += 4 + i;
    }
    array_bytes(&array, big, sizeof(big));
    length += 4 + sizeof(big);
    assert_true(step_array(&fixture->step, &array));
    assert_int_equal(fixture->step.lengths[0], length);
    const char *at = fixture->step.values[0] + 20;
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal((unsigned char)at[2] << 8 | (unsigned char)at[3], i);
        assert_memory_equal(at + 4, big, i);
        at += 4 + i;
    }
    assert_memory_equal(at, "\0\0\xc3\x50", 4);
}

static void test_an_array_never_passes_what_libpq_can_say(void **state)
{
    struct fixture *fixture = *state;
    struct array array = array_begin(&fixture->call.call, PARAMETER_BYTEA, 1, 10);
    array_bytes(&array, "kept", 4);
    assert_null(array_reserve(&array, SIZE_MAX));
    assert_true(array.failed);
    assert_null(array_reserve(&array, 1)); // it stays so
    array_bigint(&array, 1);
    assert_false(step_array(&fixture->step, &array));
    assert_int_equal(fixture->step.count, 0);
    struct array other = array_begin(&fixture->call.call, PARAMETER_BYTEA, 1, 10);
    assert_null(array_reserve(&other, (size_t)INT_MAX - 4));
    assert_true(other.failed);
}

static void test_a_used_up_arena(void **state)
{
    struct fixture *fixture = *state;
    fixture->fake->arena_left = 10;
    struct array none = array_begin(&fixture->call.call, PARAMETER_BYTEA, 1, 10);
    array_bytes(&none, "text", 4);
    assert_false(step_array(&fixture->step, &none));
    assert_true(step_bigint(&fixture->job, &fixture->step, 1));
    assert_false(step_bigint(&fixture->job, &fixture->step, 2));
    assert_int_equal(fixture->step.count, 1);
    fixture->fake->arena_left = 34;
    struct array grown = array_begin(&fixture->call.call, PARAMETER_BYTEA, 1, 10);
    array_bytes(&grown, "0123456789", 10);
    array_bytes(&grown, "more", 4);
    assert_true(grown.failed);
    assert_false(step_array(&fixture->step, &grown));
}

static void test_single_values(void **state)
{
    static const unsigned char number[] = {0, 0, 0, 0, 0, 0, 1, 0};
    struct fixture *fixture = *state;
    struct rds_step *step = &fixture->step;
    struct ph_id id = id_of(7);
    assert_true(step_bigint(&fixture->job, step, 256));
    assert_true(step_text(step, text_of("ann")));
    assert_true(step_id(step, &id));
    assert_true(step_bytes(step, NULL, 0));
    assert_memory_equal(step->values[0], number, 8);
    assert_int_equal(step->lengths[1], 3);
    assert_memory_equal(step->values[1], "ann", 3);
    assert_int_equal(step->lengths[2], 16);
    assert_memory_equal(step->values[2], id.bytes, 16);
    // A value that is NULL in C is an empty one, not SQL's NULL.
    assert_int_equal(step->lengths[3], 0);
    assert_non_null(step->values[3]);
    assert_false(step_bytes(step, "", (size_t)INT_MAX + 1));
    while (step->count < RDS_PARAMETERS)
        assert_true(step_bytes(step, "x", 1));
    assert_false(step_bytes(step, "x", 1));
    assert_int_equal(step->count, RDS_PARAMETERS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_array_of_numbers),
        TEST(test_an_array_of_texts),
        TEST(test_the_types_are_the_servers),
        TEST(test_an_empty_array_has_no_dimension),
        TEST(test_a_column_of_one_value),
        TEST(test_a_column_that_looks_like_one_value),
        TEST(test_an_array_grows),
        TEST(test_an_array_never_passes_what_libpq_can_say),
        TEST(test_a_used_up_arena),
        TEST(test_single_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
