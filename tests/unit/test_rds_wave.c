// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/wave.h: entries of one call act one after the other, in as few jobs as that allows.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/wave.h"
#include "tests/unit/fake_host.h"
#include <stdio.h>
#include <string.h>

#define ENTRIES 12
#define MEGABYTE ((size_t)1 << 20)

/// An entry that names its id, and something else when `other` is not 0.
struct entry {
    struct ph_id id;
    uint64_t other;
    size_t bytes;
};

static struct fake_host *fake;
static struct fake_call call;
static struct rds rds;
static struct entry entries[ENTRIES];
static struct wave *wave; // the one that was started last
static char story[256];   // the entries of each wave in turn, as letters; '|' between them

static int set_up(void **state)
{
    (void)state;
    fake = fake_host_new();
    rds = (struct rds){.host = &fake->host, .seed = 99};
    memset(entries, 0, sizeof(entries));
    for (size_t i = 0; i < ENTRIES; i++)
        entries[i].id = id_of(i + 1);
    story[0] = '\0';
    wave = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_host_free(fake);
    return 0;
}

static size_t two_names(const void *data, uint64_t seed, uint64_t names_r[WAVE_NAMES])
{
    const struct entry *entry = data;
    names_r[1] = entry->other;
    return wave_names_id(entry, seed, names_r) + (entry->other != 0);
}

static size_t entry_bytes(const void *data)
{
    const struct entry *entry = data;
    return entry->bytes;
}

static void note(struct wave *started)
{
    size_t length = strlen(story);
    wave = started;
    for (size_t i = 0; i < started->count; i++)
        length += (size_t)snprintf(story + length, sizeof(story) - length, "%c", (char)('a' + started->indexes[i]));
    snprintf(story + length, sizeof(story) - length, "|");
}

static void begin(size_t count)
{
    const void *pointers[ENTRIES] = {NULL};
    for (size_t i = 0; i < count; i++)
        pointers[i] = &entries[i];
    fake_call_init(&call, fake, pointers, count);
    wave_begin(&rds, &call.call, two_names, entry_bytes, note, &rds);
}

static void end(enum ph_outcome outcome, const char *text)
{
    struct rds_failure failure = {.outcome = outcome};
    snprintf(failure.text, sizeof(failure.text), "%s", text);
    wave_end(wave, &failure);
}

static void end_all(void)
{
    for (size_t i = 0; i < ENTRIES && !call.completed; i++)
        end(PH_OK, "");
    assert_int_equal(call.completed, 1);
}

static void expect(size_t index, enum ph_outcome outcome, const char *text)
{
    assert_int_equal(call.results[index].outcome, outcome);
    if (text == NULL)
        assert_null(call.results[index].text);
    else
        assert_string_equal(call.results[index].text, text);
}

static void test_without_twins_there_is_one_wave(void **state)
{
    (void)state;
    begin(4);
    assert_ptr_equal(wave->data, &rds);
    assert_int_equal(call.completed, 0);
    end_all();
    assert_string_equal(story, "abcd|");
    for (size_t i = 0; i < 4; i++)
        expect(i, PH_OK, NULL);
}

static void test_twins(void **state)
{
    (void)state;
    entries[2].id = entries[0].id;
    entries[3].id = entries[0].id;
    begin(5);
    end_all();
    assert_string_equal(story, "abe|c|d|");
}

// c shares a name with a, and d another one with c: d must not overtake c.
static void test_a_chain_of_twins(void **state)
{
    (void)state;
    entries[2].id = entries[0].id;
    entries[2].other = 7;
    entries[3].other = 7;
    entries[4].other = 7;
    begin(6);
    end_all();
    assert_string_equal(story, "abf|c|d|e|");
}

static void test_names_of_both_kinds_meet(void **state)
{
    (void)state;
    entries[0].other = 5;
    entries[1].other = 5;
    entries[2].other = 6;
    entries[3].id = entries[1].id;
    begin(5);
    end_all();
    assert_string_equal(story, "ace|b|d|");
}

static void test_all_alike(void **state)
{
    (void)state;
    for (size_t i = 1; i < ENTRIES; i++)
        entries[i].id = entries[0].id;
    begin(ENTRIES);
    end_all();
    assert_string_equal(story, "a|b|c|d|e|f|g|h|i|j|k|l|");
}

// An entry that is larger than a wave has one; a twin of one that waits for room waits behind it.
static void test_the_limit_of_bytes(void **state)
{
    (void)state;
    entries[0].bytes = 300 * 1024;
    entries[1].bytes = 300 * 1024;
    entries[2].bytes = 200 * 1024;
    entries[3].bytes = 3 * MEGABYTE;
    entries[4].id = entries[1].id;
    entries[5].bytes = 12 * 1024;
    entries[6].bytes = 1;
    begin(7);
    end_all();
    assert_string_equal(story, "acf|bg|d|e|");
}

static void test_no_entries(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(call.completed, 1);
    assert_string_equal(story, "");
}

static void test_what_was_refused_before_is_left_out(void **state)
{
    const void *pointers[] = {&entries[0], &entries[1], &entries[2]};
    (void)state;
    entries[2].id = entries[1].id;
    fake_call_init(&call, fake, pointers, 3);
    fake->host.set(&call.call, 1, PH_INVALID, 0, "no");
    wave_begin(&rds, &call.call, two_names, NULL, note, NULL);
    end_all();
    assert_string_equal(story, "ac|");
    expect(1, PH_INVALID, "no");
    fake_call_init(&call, fake, pointers, 1);
    fake->host.set(&call.call, 0, PH_INVALID, 0, "no");
    wave_begin(&rds, &call.call, two_names, NULL, note, NULL);
    assert_int_equal(call.completed, 1);
    expect(0, PH_INVALID, "no");
}

static void test_outcomes_that_were_set_stay(void **state)
{
    (void)state;
    begin(2);
    fake->host.set(&call.call, 1, PH_NOT_FOUND, 0, NULL);
    end_all();
    expect(0, PH_OK, NULL);
    expect(1, PH_NOT_FOUND, NULL);
}

// A failed wave takes back what its rows had said: the transaction is gone.
static void test_the_first_wave_fails(void **state)
{
    (void)state;
    entries[2].id = entries[0].id;
    begin(3);
    fake->host.set(&call.call, 1, PH_OK, 0, NULL);
    end(PH_UNCERTAIN, "the server is away");
    assert_int_equal(call.completed, 1);
    assert_string_equal(story, "ab|");
    expect(0, PH_UNCERTAIN, "the server is away");
    expect(1, PH_UNCERTAIN, NULL);
    // It was never sent.
    expect(2, PH_UNAVAILABLE, "the server is away");
}

static void test_the_second_wave_fails(void **state)
{
    (void)state;
    entries[2].id = entries[0].id;
    entries[3].id = entries[0].id;
    begin(4);
    end(PH_OK, "");
    assert_int_equal(call.completed, 0);
    end(PH_TRANSIENT, "a lock");
    assert_int_equal(call.completed, 1);
    assert_string_equal(story, "ab|c|");
    expect(0, PH_OK, NULL);
    expect(1, PH_OK, NULL);
    expect(2, PH_TRANSIENT, "a lock");
    expect(3, PH_TRANSIENT, "a lock");
}

// The second job of a wave fails: what the first one committed, and what was settled before, is none of its business.
static void test_the_second_job_fails(void **state)
{
    (void)state;
    entries[4].id = entries[0].id;
    begin(5);
    fake->host.set(&call.call, 0, PH_OK, 0, NULL);
    fake->host.set(&call.call, 2, PH_DUPLICATE, 0, NULL);
    assert_int_equal(wave_keep_pending(wave), 2);
    assert_int_equal(wave->indexes[0], 1);
    assert_int_equal(wave->indexes[1], 3);
    end(PH_TRANSIENT, "a lock");
    assert_int_equal(call.completed, 1);
    expect(0, PH_OK, NULL);
    expect(1, PH_TRANSIENT, "a lock");
    expect(2, PH_DUPLICATE, NULL);
    expect(3, PH_TRANSIENT, NULL);
    expect(4, PH_TRANSIENT, "a lock");
}

// Nor is it when there is no memory for a second job.
static void test_no_memory_for_the_second_job(void **state)
{
    (void)state;
    begin(2);
    fake->host.set(&call.call, 0, PH_OK, 0, NULL);
    assert_int_equal(wave_keep_pending(wave), 1);
    fake->arena_left = 0;
    assert_null(rds_job(&rds, &call.call, RDS_COURIER, true, 2, NULL));
    assert_int_equal(call.completed, 1);
    expect(0, PH_OK, NULL);
    expect(1, PH_INTERNAL, NULL);
}

static void test_the_job_ends_its_wave(void **state)
{
    (void)state;
    begin(1);
    struct rds_job job = {.rds = &rds, .call = &call.call, .data = wave};
    struct rds_failure none = {.outcome = PH_OK};
    wave_job_done(&job, &none);
    assert_int_equal(call.completed, 1);
    expect(0, PH_OK, NULL);
}

static void test_a_used_up_arena(void **state)
{
    (void)state;
    for (size_t room = 0; room < sizeof(struct wave) + 100; room += 40) {
        fake->arena_left = room;
        begin(2);
        assert_int_equal(call.completed, 1);
        expect(0, PH_INTERNAL, NULL);
        expect(1, PH_INTERNAL, NULL);
    }
    assert_string_equal(story, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_without_twins_there_is_one_wave),
        TEST(test_twins),
        TEST(test_a_chain_of_twins),
        TEST(test_names_of_both_kinds_meet),
        TEST(test_all_alike),
        TEST(test_the_limit_of_bytes),
        TEST(test_no_entries),
        TEST(test_what_was_refused_before_is_left_out),
        TEST(test_outcomes_that_were_set_stay),
        TEST(test_the_first_wave_fails),
        TEST(test_the_second_wave_fails),
        TEST(test_the_second_job_fails),
        TEST(test_no_memory_for_the_second_job),
        TEST(test_the_job_ends_its_wave),
        TEST(test_a_used_up_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
