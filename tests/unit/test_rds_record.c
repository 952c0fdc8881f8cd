// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/record.h: what is stored becomes states, and what no honest server would send becomes nothing.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/record.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/rds_result.h"
#include <stdio.h>
#include <string.h>

#define FIRST 1 // a statement gives what the record belongs to before it

static struct fake_host *fake;
static struct fake_call call;
static PGresult *result;

// An open message of ann to ben, cat and dan.
static int set_up(void **state)
{
    static const int numbers[] = {RECORD_DELIVER_AT, RECORD_EXPIRES_AT,      RECORD_PRIORITY,       RECORD_BODY_LENGTH,
                                  RECORD_FAILURES,   RECORD_FIRST_FAILED_AT, RECORD_LAST_FAILED_AT, RECORD_STATE,
                                  RECORD_ENDED_AT,   RECORD_POSITION,        RECORD_DELIVERED_AT,   RECORD_READ_AT};
    struct ph_id id = id_of(9);
    (void)state;
    fake = fake_host_new();
    fake_call_init(&call, fake, NULL, 0);
    result = result_new(FIRST + RECORD_WHOLE_COLUMNS);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        result_bigint(result, 0, FIRST + numbers[i], 0);
    result_bytes(result, 0, FIRST + RECORD_ID, id.bytes, sizeof(id.bytes));
    result_text(result, 0, FIRST + RECORD_SENDER, "ann");
    result_bigint(result, 0, FIRST + RECORD_ACCEPTED_AT, 1000);
    result_text(result, 0, FIRST + RECORD_RECIPIENTS, "ben cat dan");
    result_bigint(result, 0, FIRST + RECORD_DUE, 2000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQclear(result);
    fake_host_free(fake);
    return 0;
}

static struct ph_record *read_record(void)
{
    struct values values = values_row(&call.call, result, 0, FIRST + RECORD_WHOLE_COLUMNS);
    struct ph_record *record = record_read(&values, FIRST, RECORD_WHOLE_COLUMNS);
    assert_int_equal(values.wrong, record == NULL);
    return record;
}

static void expect_recipient(const struct ph_record *record, size_t index, const char *name, uint32_t state, int64_t at,
                             int64_t read_at)
{
    const struct ph_recipient *recipient = record->recipients[index];
    assert_string_equal(recipient->name.bytes, name);
    assert_int_equal(recipient->name.length, strlen(name));
    assert_int_equal(recipient->state, state);
    assert_int_equal(recipient->at, at);
    assert_int_equal(recipient->read_at, read_at);
}

static void test_all_members(void **state)
{
    (void)state;
    struct ph_id id = id_of(9);
    result_bigint(result, 0, FIRST + RECORD_DELIVER_AT, 1);
    result_bigint(result, 0, FIRST + RECORD_EXPIRES_AT, 2);
    result_bigint(result, 0, FIRST + RECORD_PRIORITY, 3);
    result_text(result, 0, FIRST + RECORD_TRACE, "trace");
    result_text(result, 0, FIRST + RECORD_CONTENT_TYPE, "text/plain");
    result_text(result, 0, FIRST + RECORD_ATTRIBUTES, "{}");
    result_bigint(result, 0, FIRST + RECORD_BODY_LENGTH, 4);
    result_bigint(result, 0, FIRST + RECORD_FAILURES, 5);
    result_bigint(result, 0, FIRST + RECORD_FIRST_FAILED_AT, 6);
    result_bigint(result, 0, FIRST + RECORD_LAST_FAILED_AT, 7);
    result_text(result, 0, FIRST + RECORD_REASON, "reason");
    result_bigint(result, 0, FIRST + RECORD_POSITION, 8);
    result_bigint(result, 0, FIRST + RECORD_DELIVERED_AT, 9);
    result_bigint(result, 0, FIRST + RECORD_READ_AT, 10);
    result_text(result, 0, FIRST + RECORD_SUBJECT, "subject");
    result_text(result, 0, FIRST + RECORD_BODY, "body");
    const struct ph_record *record = read_record();
    assert_non_null(record);
    assert_memory_equal(record->id.bytes, id.bytes, sizeof(id.bytes));
    assert_string_equal(record->sender.bytes, "ann");
    assert_int_equal(record->accepted_at, 1000);
    assert_int_equal(record->deliver_at, 1);
    assert_int_equal(record->expires_at, 2);
    assert_int_equal(record->priority, 3);
    assert_string_equal(record->trace.bytes, "trace");
    assert_string_equal(record->content_type.bytes, "text/plain");
    assert_string_equal(record->attributes.bytes, "{}");
    assert_int_equal(record->body_length, 4);
    assert_int_equal(record->failures, 5);
    assert_int_equal(record->first_failed_at, 6);
    assert_int_equal(record->last_failed_at, 7);
    assert_string_equal(record->reason.bytes, "reason");
    assert_int_equal(record->position, 8);
    assert_int_equal(record->delivered_at, 9);
    assert_int_equal(record->read_at, 10);
    assert_string_equal(record->subject.bytes, "subject");
    assert_string_equal(record->body.bytes, "body");
}

// A head has fewer columns, and neither subject nor body.
static void test_a_head(void **state)
{
    (void)state;
    PGresult *head = result_new(RECORD_HEAD_COLUMNS);
    for (int i = 0; i < RECORD_HEAD_COLUMNS; i++) {
        const char *bytes = PQgetvalue(result, 0, FIRST + i);
        if (!PQgetisnull(result, 0, FIRST + i))
            result_bytes(head, 0, i, bytes, (size_t)PQgetlength(result, 0, FIRST + i));
    }
    struct values values = values_row(&call.call, head, 0, RECORD_HEAD_COLUMNS);
    const struct ph_record *record = record_read(&values, 0, RECORD_HEAD_COLUMNS);
    assert_non_null(record);
    assert_int_equal(record->body.length, 0);
    assert_string_equal(record->subject.bytes, "");
    PQclear(head);
}

static void test_while_a_mark_exists_all_are_open(void **state)
{
    (void)state;
    result_bigint(result, 0, FIRST + RECORD_STATE, PH_STATE_DEAD);
    const struct ph_record *record = read_record();
    assert_non_null(record);
    assert_int_equal(record->recipient_count, 3);
    expect_recipient(record, 0, "ben", PH_STATE_ACCEPTED, 1000, 0);
    expect_recipient(record, 1, "cat", PH_STATE_ACCEPTED, 1000, 0);
    expect_recipient(record, 2, "dan", PH_STATE_ACCEPTED, 1000, 0);
    assert_int_equal(record->status, PH_STATE_ACCEPTED);
    assert_int_equal(record->finished_at, 0);
}

static void test_who_got_it_and_who_was_gone(void **state)
{
    (void)state;
    result_null(result, 0, FIRST + RECORD_DUE);
    result_text(result, 0, FIRST + RECORD_STATES, "dan 5000 0 0 ben 5000 9000 1");
    const struct ph_record *record = read_record();
    assert_non_null(record);
    expect_recipient(record, 0, "ben", PH_STATE_DELIVERED, 5000, 9000);
    expect_recipient(record, 1, "cat", PH_STATE_FAILED, 5000, 0);
    expect_recipient(record, 2, "dan", PH_STATE_DELIVERED, 5000, 0);
    assert_int_equal(record->status, PH_STATE_DELIVERED);
    assert_int_equal(record->finished_at, 5000);
}

static void test_nobody_got_it(void **state)
{
    (void)state;
    result_null(result, 0, FIRST + RECORD_DUE);
    result_bigint(result, 0, FIRST + RECORD_ENDED_AT, 7000);
    for (uint32_t end = PH_STATE_EXPIRED; end <= PH_STATE_FAILED; end++) {
        result_bigint(result, 0, FIRST + RECORD_STATE, end);
        const struct ph_record *record = read_record();
        assert_non_null(record);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(record->recipients[i]->state, end);
        expect_recipient(record, 0, "ben", end, 7000, 0);
        assert_int_equal(record->status, end);
        assert_int_equal(record->finished_at, 7000);
    }
}

// Numbers that are no end leave it open, rather than a state that nobody knows.
static void test_states_that_are_none(void **state)
{
    static const int64_t states[] = {-1, PH_STATE_DELIVERED, PH_STATE_FAILED + 1, INT64_MAX, INT64_C(1) << 32 | 2};
    (void)state;
    result_null(result, 0, FIRST + RECORD_DUE);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        result_bigint(result, 0, FIRST + RECORD_STATE, states[i]);
        const struct ph_record *record = read_record();
        assert_non_null(record);
        assert_int_equal(record->status, PH_STATE_ACCEPTED);
        assert_int_equal(record->recipients[0]->state, PH_STATE_ACCEPTED);
    }
}

static void test_hostile_states(void **state)
{
    static const char *const texts[] = {
        "ben",
        "ben 5",
        "ben 5 0",
        "ben 5 0 1 cat",
        "eve 5 0 1",
        "be 5 0 1",
        "ben 5 0 1 eve 5 0 1",
        " ben 5 0 1",
        "ben  5 0 1",
        "ben 5  1",
        "ben x 0 1",
        "ben 5 0x1 1",
        "ben 5 0 1x",
        "ben -5 0 1",
        "ben +5 0 1",
        "ben \t5 0 1",
        "ben 9223372036854775808 0 1",
        "ben 99999999999999999999999999999999999999999999 0 1",
        " ",
        "   ",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        result_text(result, 0, FIRST + RECORD_STATES, texts[i]);
        if (read_record() != NULL)
            fail_msg("taken: \"%s\"", texts[i]);
    }
    result_bytes(result, 0, FIRST + RECORD_STATES, "ben 5\0 0 1", 10);
    assert_null(read_record());
    result_text(result, 0, FIRST + RECORD_STATES, "ben 9223372036854775807 0 1");
    assert_non_null(read_record());
}

static void test_hostile_recipients(void **state)
{
    static const char *const texts[] = {" ben", "ben ", "ben  cat", " ", "ben\tcat", "b\xc3\xa4n"};
    static char many[4097 * 2];
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        result_text(result, 0, FIRST + RECORD_RECIPIENTS, texts[i]);
        if (read_record() != NULL)
            fail_msg("taken: \"%s\"", texts[i]);
    }
    result_bytes(result, 0, FIRST + RECORD_RECIPIENTS, "be\0n", 4);
    assert_null(read_record());
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = i % 2 == 0 ? 'x' : ' ';
    result_bytes(result, 0, FIRST + RECORD_RECIPIENTS, many, sizeof(many) - 1);
    assert_null(read_record());
    result_bytes(result, 0, FIRST + RECORD_RECIPIENTS, many, sizeof(many) - 3);
    const struct ph_record *record = read_record();
    assert_non_null(record);
    assert_int_equal(record->recipient_count, 4096);
    result_text(result, 0, FIRST + RECORD_RECIPIENTS, "");
    record = read_record();
    assert_non_null(record);
    assert_int_equal(record->recipient_count, 0);
}

// Every column in turn: NULL where none may be, and one byte too few.
static void test_hostile_columns(void **state)
{
    static const bool null_allowed[RECORD_WHOLE_COLUMNS] = {
        [RECORD_SENDER] = true, [RECORD_RECIPIENTS] = true, [RECORD_TRACE] = true,   [RECORD_CONTENT_TYPE] = true,
        [RECORD_DUE] = true,    [RECORD_ATTRIBUTES] = true, [RECORD_REASON] = true,  [RECORD_STATES] = true,
        [RECORD_BODY] = true,   [RECORD_SUBJECT] = true,    [RECORD_FAILURES] = true};
    (void)state;
    for (int column = 0; column < RECORD_WHOLE_COLUMNS; column++) {
        PGresult *kept = result;
        result = PQcopyResult(kept, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
        result_null(result, 0, FIRST + column);
        assert_int_equal(read_record() != NULL, null_allowed[column]);
        if (!null_allowed[column] || column == RECORD_FAILURES) {
            result_bytes(result, 0, FIRST + column, "1234567", 7);
            assert_null(read_record());
        }
        PQclear(result);
        result = kept;
    }
}

static void test_wrong_column_counts(void **state)
{
    (void)state;
    struct values fewer = values_row(&call.call, result, 0, FIRST + RECORD_HEAD_COLUMNS);
    assert_null(record_read(&fewer, FIRST, RECORD_HEAD_COLUMNS));
    struct values behind = values_row(&call.call, result, 1, FIRST + RECORD_WHOLE_COLUMNS);
    assert_null(record_fresh(&behind, FIRST));
    struct values shifted = values_row(&call.call, result, 0, FIRST + RECORD_WHOLE_COLUMNS);
    assert_null(record_read(&shifted, FIRST + 1, RECORD_WHOLE_COLUMNS));
}

// Wherever the arena ends, there is no record, and nothing is written beyond it.
static void test_a_used_up_arena(void **state)
{
    size_t room = 0;
    (void)state;
    for (;; room += 8) {
        fake->arena_left = room;
        if (read_record() != NULL)
            break;
        assert_true(room < 4096);
    }
    assert_true(room > sizeof(struct ph_record) + 3 * sizeof(struct ph_recipient));
}

static void test_a_fresh_record_is_open(void **state)
{
    (void)state;
    result_null(result, 0, FIRST + RECORD_DUE);
    struct values values = values_row(&call.call, result, 0, FIRST + RECORD_WHOLE_COLUMNS);
    struct ph_record *record = record_fresh(&values, FIRST);
    assert_non_null(record);
    expect_recipient(record, 1, "cat", PH_STATE_ACCEPTED, 1000, 0);
    assert_ptr_equal(record_recipient(record, text_of("dan")), record->recipients[2]);
    assert_null(record_recipient(record, text_of("da")));
    assert_null(record_recipient(record, text_of("")));
    assert_null(record_recipient(record, text_of("zoe")));
}

static void test_the_status_of_mixed_ends(void **state)
{
    static const struct {
        uint32_t states[3];
        uint32_t status;
    } cases[] = {
        {{PH_STATE_FAILED, PH_STATE_DELIVERED, PH_STATE_FAILED}, PH_STATE_DELIVERED},
        {{PH_STATE_DELIVERED, PH_STATE_ACCEPTED, PH_STATE_DELIVERED}, PH_STATE_ACCEPTED},
        {{PH_STATE_EXPIRED, PH_STATE_DEAD, PH_STATE_FAILED}, PH_STATE_DEAD},
        {{PH_STATE_FAILED, PH_STATE_EXPIRED, PH_STATE_FAILED}, PH_STATE_EXPIRED},
        {{PH_STATE_FAILED, PH_STATE_FAILED, PH_STATE_FAILED}, PH_STATE_FAILED},
    };
    (void)state;
    struct ph_record *record = read_record();
    assert_non_null(record);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t r = 0; r < 3; r++) {
            record->recipients[r]->state = cases[i].states[r];
            record->recipients[r]->at = 2000 + (int64_t)r;
        }
        record_conclude(record, false);
        assert_int_equal(record->status, cases[i].status);
        assert_int_equal(record->finished_at, 2002);
        record_conclude(record, true);
        assert_int_equal(record->finished_at, 0);
    }
    record->recipients[0]->read_at = 5;
    record_hide_states(record);
    expect_recipient(record, 0, "ben", PH_STATE_ACCEPTED, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_all_members),
        TEST(test_a_head),
        TEST(test_while_a_mark_exists_all_are_open),
        TEST(test_who_got_it_and_who_was_gone),
        TEST(test_nobody_got_it),
        TEST(test_states_that_are_none),
        TEST(test_hostile_states),
        TEST(test_hostile_recipients),
        TEST(test_hostile_columns),
        TEST(test_wrong_column_counts),
        TEST(test_a_used_up_arena),
        TEST(test_a_fresh_record_is_open),
        TEST(test_the_status_of_mixed_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
